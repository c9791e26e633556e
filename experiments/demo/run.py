"""The main job as a user would type it: phantom films, training, operating points, report, prediction.

Each command is printed before it runs. Everything lands in ./demo; run it again to go on where it stopped.
Its figures are the same each time on one machine; on another, with the same seed, they differ a little.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

HERE = Path(__file__).parent
ASSIGNMENT = HERE.parents[1] / "data_manifests" / "phantom_knee_demo" / "split.csv"
PATIENTS, SEED = 450, 7
SAY = Console(highlight=False, soft_wrap=True).print


def main() -> None:
    """Run the demo."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("demo"))
    out: Path = arguments.parse_args().out
    start = time.perf_counter()
    for command in commands(out):
        SAY(f"\n[bold]$ strnet {shlex.join(command)}[/bold]")
        done = subprocess.run([sys.executable, "-m", "strnet", *command], check=False)
        if done.returncode:
            sys.exit(done.returncode)
    minutes = (time.perf_counter() - start) / 60
    SAY(f"\nDone in {minutes:.1f} minutes. These are phantom results; they say nothing about patients.")
    SAY(f"Report: {(out / 'run' / 'report' / 'report.html').resolve()}")


def commands(out: Path) -> Iterator[list[str]]:
    """The command lines of the demo, in order; each may use what the one before left."""
    cohort, run = out / "cohort", out / "run"
    manifest, split, bundle = cohort / "manifest.csv", out / "split.csv", run / "bundle"
    truth = ["--truth", str(cohort / "truth.csv")]
    yield ["phantom", str(cohort), "--patients", str(PATIENTS), "--seed", str(SEED)]
    yield ["split", str(manifest), "-o", str(split), "--assignment", str(ASSIGNMENT)]
    inputs = ["--manifest", str(manifest), "--split", str(split)]
    yield ["train", str(HERE / "recipe.yaml"), "-o", str(run), *inputs, "--resume"]
    films = [str(path) for path in sorted((cohort / "images").glob("*.dcm"))[:4]]
    yield ["predict", str(bundle), *films, "-o", str(out / "results.csv")]
    yield ["export", "onnx", str(bundle), "-o", str(out / "network.onnx")]
    yield ["report", str(run), *truth]
    yield ["evaluate", str(run), *truth]


if __name__ == "__main__":
    main()
