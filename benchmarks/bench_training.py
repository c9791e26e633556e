"""A training step of strnet beside a plain PyTorch loop, and the settings of a machine beside each other.

Run: python benchmarks/bench_training.py [--steps 12] [--rounds 4] [--networks resnet18 ...] [--settings]

First table: the same network, loss and optimiser, once in a plain loop over tensors in memory in the
fastest setting known (see FASTEST), once through Lightning, the sample cache and augmentation in the
setting that strnet chooses itself. The two take turns, so that a busy machine slows both alike; medians
over all steps. Second table (--settings): the plain loop in every setting, each in a process of its own,
since what malloc is told cannot be taken back.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch

from strnet.config import Recipe, parse_recipe
from strnet.data import CohortDataModule, RadiographDataset, SampleCache, Samples
from strnet.data.records import append_records, read_store
from strnet.models import (
    ClinicalScaling,
    ScreeningNetwork,
    build_network,
    multi_task_loss,
    parameter_groups,
    target_statistics,
)
from strnet.training.machine import MachineSettings, choose_settings, keep_freed_memory
from strnet.training.module import Learning, ScreeningModule
from strnet.training.progress import quiet_lightning

BATCH = 16
FASTEST = {"resnet18": "bf16-mixed", "efficientnet_b0": "32-true"}
"""Precision of the fastest plain loop on a CPU with AVX-512 BF16; channels_last and malloc settings too."""
SCALING = ClinicalScaling(("age", "sex", "bmi"), (64.0, 0.3, 26.0), (9.0, 0.45, 4.0))


def recipe_of(backbone: str, side: int) -> Recipe:
    clinical = list(SCALING.columns)
    return parse_recipe(
        {
            "name": backbone,
            "preprocessing": {"height": side, "width": side},
            "network": {"backbone": {"name": backbone}},
            "trainer": {"batch_size": BATCH},
            "tasks": [
                {
                    "name": "bone_loss",
                    "kind": "binary",
                    "target": {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]},
                    "clinical": clinical,
                },
                {"name": "t_score", "kind": "regression", "target": {"column": "t_score"}, "coupling": 0.2},
            ],
        }
    )


def cohort_of(recipe: Recipe, rows: int, folder: Path) -> RadiographDataset:
    """Random films in a cache on the disk, as training finds them."""
    random = np.random.default_rng(0)
    shape = (recipe.preprocessing.height, recipe.preprocessing.width)
    names = [f"{number:064x}" for number in range(rows)]
    films = ((name, random.integers(0, 65535, shape, dtype=np.uint16)) for name in names)
    store = append_records(read_store(folder, shape), films)
    quarantine = pl.DataFrame(schema=["image_id", "path", "reason"])
    samples = Samples(
        image_ids=tuple(names),
        clinical=random.normal(SCALING.means, SCALING.stds, (rows, len(SCALING.columns))),
        targets={
            "bone_loss": random.integers(0, 2, rows).astype(float),
            "t_score": random.normal(-1.5, 1, rows),
        },
    )
    cache = SampleCache(store, store.numbers, quarantine)
    return RadiographDataset(samples, cache, recipe.preprocessing, augmentation=recipe.augmentation)


def network_of(recipe: Recipe, dataset: RadiographDataset, channels_last: bool) -> ScreeningNetwork:
    network = build_network(recipe.network, recipe.tasks, SCALING, statistics_of(recipe, dataset))
    return network.to(memory_format=torch.channels_last) if channels_last else network


def statistics_of(recipe: Recipe, dataset: RadiographDataset) -> dict[str, Any]:
    return {t.name: target_statistics(t, dataset.samples.targets[t.name]) for t in recipe.tasks}


def plain_steps(
    recipe: Recipe, dataset: RadiographDataset, precision: str, channels_last: bool, steps: int
) -> Iterator[list[float]]:
    """Seconds per step of a loop over tensors in memory, `steps` more for each `next`."""
    network = network_of(recipe, dataset, channels_last).train()
    statistics_ = statistics_of(recipe, dataset)
    groups = parameter_groups(network, learning_rate=1e-3, weight_decay=0.02)
    optimiser = torch.optim.AdamW(groups, fused=True)  # type: ignore[arg-type]
    plain = RadiographDataset(dataset.samples, dataset._cache, recipe.preprocessing)
    loader = CohortDataModule(training=plain, validation=plain, batch_size=BATCH, seed=0).train_dataloader()
    batches = list(loader)
    while True:
        seconds = []
        for step in range(steps + 1):
            batch = batches[step % len(batches)]
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision != "32-true"):
                outputs = network(batch.image, batch.clinical)
                loss = multi_task_loss(outputs, batch.targets, recipe.tasks, statistics_).total
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            seconds.append(time.perf_counter() - start)
        yield seconds[1:]


class Clock(lightning.Callback):
    """Seconds from the end of one step to the end of the next: everything a step costs is in it."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """End the step."""
        self.ends.append(time.perf_counter())


def strnet_steps(
    recipe: Recipe, dataset: RadiographDataset, settings: MachineSettings, steps: int
) -> Iterator[list[float]]:
    """Seconds per step as `fit` runs it, `steps` more for each `next`."""
    network = network_of(recipe, dataset, settings.channels_last)
    ids = {"train": dataset.samples.image_ids}
    learning = Learning(recipe.tasks, statistics_of(recipe, dataset), recipe.trainer, recipe.seed, ids)
    module = ScreeningModule(network, learning)
    loaders = CohortDataModule(training=dataset, validation=dataset, batch_size=BATCH, seed=0)
    while True:
        clock = Clock()
        with quiet_lightning():
            trainer = lightning.Trainer(
                accelerator="cpu",
                precision=settings.precision,  # type: ignore[arg-type]
                max_epochs=1,
                limit_train_batches=steps + 1,
                limit_val_batches=0,
                logger=False,
                callbacks=[clock],
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
            )
            trainer.fit(module, datamodule=loaders)
        yield np.diff(clock.ends).tolist()


def compare(backbone: str, side: int, steps: int, rounds: int) -> None:
    recipe = recipe_of(backbone, side)
    precision = FASTEST.get(backbone, "bf16-mixed")
    with tempfile.TemporaryDirectory() as folder:
        dataset = cohort_of(recipe, BATCH * (steps + 1), Path(folder))
        settings = choose_settings(recipe.trainer, network_of(recipe, dataset, channels_last=False))
        plain = plain_steps(recipe, dataset, precision, True, steps)
        ours = strnet_steps(recipe, dataset, settings, steps)
        next(plain), next(ours)  # the first round finds the memory and the kernels
        times: dict[str, list[float]] = {"plain": [], "strnet": []}
        for _ in range(rounds):
            times["plain"] += next(plain)
            times["strnet"] += next(ours)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratio = medians["strnet"] / medians["plain"]
    print(
        f"{backbone:>18} {side:>5} {precision:>11} {BATCH / medians['plain']:>12.1f} {settings.precision:>11}"
        f" {BATCH / medians['strnet']:>13.1f} {100 * (ratio - 1):>+9.1f}%",
        flush=True,
    )


def one_setting(backbone: str, side: int, steps: int, precision: str, channels_last: bool) -> None:
    recipe = recipe_of(backbone, side)
    with tempfile.TemporaryDirectory() as folder:
        dataset = cohort_of(recipe, BATCH * 4, Path(folder))
        loop = plain_steps(recipe, dataset, precision, channels_last, steps)
        next(loop)
        print(f"{BATCH / statistics.median(next(loop)):.1f}")


def all_settings(backbone: str, side: int, steps: int) -> None:
    for precision in ("32-true", "bf16-mixed"):
        for channels_last in (False, True):
            for malloc in (False, True):
                flags = ["--one", backbone, precision, str(int(channels_last)), str(int(malloc))]
                command = [sys.executable, __file__, *flags, "--steps", str(steps), "--side", str(side)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(
                    f"{backbone:>18} {precision:>11} {'channels_last' if channels_last else '':>14}"
                    f" {'malloc' if malloc else '':>7} {done.stdout.strip():>9} images/s",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=list(FASTEST))
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--settings", action="store_true", help="also every setting of the plain loop")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        backbone, precision, channels_last, malloc = arguments.one
        if malloc == "1":
            keep_freed_memory()
        one_setting(backbone, arguments.side, arguments.steps, precision, channels_last == "1")
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {BATCH}; images/s, medians")
    keep_freed_memory()
    head = f"{'network':>18} {'side':>5} {'plain in':>11} {'plain':>12} {'strnet in':>11}"
    print(f"{head} {'strnet':>13} {'cost':>10}")
    for backbone in arguments.networks:
        compare(backbone, arguments.side, arguments.steps, arguments.rounds)
    for backbone in arguments.networks if arguments.settings else []:
        all_settings(backbone, arguments.side, arguments.steps)


if __name__ == "__main__":
    main()
