"""What five folds cost beside one: side by side with a thread each, and one after the other with all threads.

Run: python benchmarks/bench_folds.py [--patients 150] [--side 128] [--epochs 2] [--backbone resnet18]

Every line is a process of its own on a cold cache: its start, the films, the training and the predictions
count. The promise is against the faster of the two ways to train one fold: five cost less than 5.2 times it.
A busy machine slows a training of several threads most, for each of its steps waits for the slowest thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from strnet.cohort import make_split, write_manifest, write_split
from strnet.config import dump_recipe, parse_recipe
from strnet.schema import diagnosis_from_t_score
from strnet.workers import usable_cores

FOLDS = 5
PROMISE = 5.2
SCRIPT = """
import sys, torch
from pathlib import Path
from strnet.config import load_recipe, override_recipe
from strnet.training import crossval, fit
home, run, what, threads = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
torch.set_num_threads(max(threads, 1))
changes = {"cohort.cache": str(run.with_name(run.name + "-cache"))}
recipe = override_recipe(load_recipe(home / "recipe.yaml"), changes)
files = home / "manifest.csv", home / "folds.csv"
if what == "fold":
    fit(recipe, *files, run, fold=0, progress=False)
else:
    crossval(recipe, *files, run, progress=False, folds_at_once=int(what))
"""


def make_cohort(home: Path, patients: int, side: int, epochs: int, backbone: str) -> None:
    """Films with a disc that is the brighter the denser the bone, folds, and a recipe."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(patients):
        t_score = float(np.linspace(-4.0, 1.0, patients)[number])
        film = random.normal(90, 6, (512, 512))
        cv2.circle(film, (256 + number % 30, 256), 140, 165 + 14 * t_score, -1)
        name = f"film{number:04d}.png"
        cv2.imwrite(str(home / name), film.clip(0, 255).astype(np.uint8))
        rows.append(
            {
                "image_id": f"image{number:04d}",
                "patient_id": f"patient{number:04d}",
                "path": name,
                "t_score": t_score,
                "diagnosis": diagnosis_from_t_score(t_score),
                "reference_standard": "phantom",
                "file_format": "png",
                "rows": 512,
                "columns": 512,
                "bits_stored": 8,
                "photometric": "L",
            }
        )
    manifest = write_manifest(pl.DataFrame(rows), home / "manifest.csv")
    write_split(make_split(manifest, seed=1, folds=FOLDS), home / "folds.csv")
    recipe = parse_recipe(
        {
            "name": "folds",
            "preprocessing": {"height": side, "width": side, "crop_to_field": False},
            "network": {"backbone": {"name": backbone}},
            "tasks": [
                {
                    "name": "bone_loss",
                    "kind": "binary",
                    "target": {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]},
                }
            ],
            "trainer": {"max_epochs": epochs, "loggers": ["csv"]},
            "baselines": False,
        }
    )
    (home / "recipe.yaml").write_text(dump_recipe(recipe))


def seconds(home: Path, name: str, what: str, threads: int) -> float:
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    given = [sys.executable, "-c", SCRIPT, str(home), str(home / name), what, str(threads)]
    start = time.perf_counter()
    subprocess.run(given, check=True, env=environment)
    return time.perf_counter() - start


def main() -> None:
    """Print the times and what is promised of them; exit code 1 if the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=150)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--skip-one-by-one", action="store_true", help="The slowest line, of no promise.")
    asked = parser.parse_args()
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_cohort(home, asked.patients, asked.side, asked.epochs, asked.backbone)
        print(
            f"{cores} cores, load {os.getloadavg()[0]:.1f}, {asked.backbone} at {asked.side} px", flush=True
        )
        took: dict[str, float] = {}
        ways = [
            ("one fold, 1 thread", "fold", 1),
            (f"one fold, {cores} threads", "fold", cores),
            (f"five folds, {min(cores, FOLDS)} side by side", str(min(cores, FOLDS)), cores),
            *([] if asked.skip_one_by_one else [(f"five folds, one by one, {cores} threads", "1", cores)]),
        ]
        for name, what, threads in ways:
            took[name] = seconds(home, name.replace(" ", "_").replace(",", ""), what, threads)
            print(f"{name:<40} {took[name]:8.1f} s   load {os.getloadavg()[0]:.1f}", flush=True)
    one = min(value for name, value in took.items() if name.startswith("one"))
    five = next(value for name, value in took.items() if "side by side" in name)
    print(f"five folds cost {five / one:.2f} times one (promised: less than {PROMISE})")
    if five >= PROMISE * one:
        sys.exit("The promise is not kept.")


if __name__ == "__main__":
    main()
