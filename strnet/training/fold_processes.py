"""The trainings of a cross-validation side by side, each in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from strnet.config import Recipe, TrainerConfig
from strnet.data import SampleCache
from strnet.errors import StrnetError, TrainingError
from strnet.files import read_json, write_json
from strnet.training.cohort_rows import rows_of
from strnet.training.fit import Watch, fit_rows
from strnet.training.machine import trains_on_cpu
from strnet.training.run_folder import RunFolder
from strnet.workers import Workers, in_order, usable_cores

_PROGRESS = "progress.json"
_LOOK_SECONDS = 0.5
_NO_LIMIT = Workers(file_seconds=None, file_memory_gib=None)


@dataclass(frozen=True)
class FoldTraining:
    """Everything that the training of one fold needs, in whatever process."""

    recipe: Recipe
    manifest: Path
    split: Path
    run: Path
    fold: int
    films: SampleCache
    regions: Path | None = None
    """The table of a segmenter's findings, where the recipe names a segmenter."""

    @property
    def progress(self) -> Path:
        """Where the training says how far it is."""
        return self.run / _PROGRESS


def cores() -> int:
    """How many threads torch may use here; fewer than the cores where the caller was told so."""
    return min(torch.get_num_threads(), usable_cores())


def usual_at_once(trainer: TrainerConfig, folds: int) -> int:
    """How many folds are trained at once unless a number is asked for: one per core, or one on a GPU.

    Measured by `benchmarks/bench_folds.py`: a training of films gains less from a second thread than two
    trainings of one thread each.

    Raises: TrainingError: an accelerator that this machine does not have.
    """
    return min(folds, cores()) if trains_on_cpu(trainer) else 1


def train_folds(trainings: Sequence[FoldTraining], at_once: int, *, progress: bool) -> None:
    """Train all folds, `at_once` of them side by side; one that fails does not stop the others.

    A fold whose process was killed goes on, once, in another one.

    Raises: TrainingError: each fold that failed, with its reason. The others are kept.
    """
    with _display(trainings, shown=progress):
        workers = replace(_NO_LIMIT, number=min(at_once, max(len(trainings), 1)))
        reasons = list(in_order(train_fold, trainings, lambda _, reason: reason, workers))
    failed = {training.fold: reason for training, reason in zip(trainings, reasons, strict=True) if reason}
    if failed:
        lines = "\n  ".join(f"fold {fold}: {reason}" for fold, reason in failed.items())
        raise TrainingError(
            f"{len(failed)} of {len(trainings)} folds were not trained; the others are kept.\n  {lines}\n"
            "Mend this and go on with --resume."
        )


def train_fold(training: FoldTraining) -> str | None:
    """Why the fold could not be trained; None where its run is complete."""
    torch.set_num_threads(training.recipe.trainer.threads or 1)
    recipe, fold = training.recipe, training.fold
    watch = Watch(progress=False, on_epoch=partial(_tell, training.progress, recipe))
    try:
        rows = rows_of(recipe, training.manifest, training.split, fold, training.regions)
        fit_rows(recipe, rows, training.run, training.films, fold=fold, resume=True, watch=watch)
        training.progress.unlink(missing_ok=True)
    except StrnetError as error:
        return str(error)
    except MemoryError:
        return "needs more memory than there is. Train fewer folds at once."
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _tell(place: Path, recipe: Recipe, epoch: int, quantities: Mapping[str, float]) -> None:
    write_json(place, {"epochs": epoch + 1, "value": quantities[recipe.trainer.monitor]})


@contextmanager
def _display(trainings: Sequence[FoldTraining], *, shown: bool) -> Iterator[None]:
    """A block with one line per fold that says how many of its epochs are done."""
    if not shown:
        yield
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    ended = threading.Event()
    with Progress(*columns, TextColumn("{task.fields[said]}")) as bars:
        lines = [
            bars.add_task(f"fold {t.fold}, epochs", total=t.recipe.trainer.max_epochs, said="")
            for t in trainings
        ]

        def look() -> None:
            for line, training in zip(lines, trainings, strict=True):
                done, said = _told(training)
                bars.update(line, completed=done, said=said)

        def watch() -> None:
            while not ended.wait(_LOOK_SECONDS):
                look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
            look()


def _told(training: FoldTraining) -> tuple[int, str]:
    """Epochs done, and what else there is to say of a fold."""
    if RunFolder(training.run).complete:
        return training.recipe.trainer.max_epochs, "done"
    try:
        told = read_json(training.progress)
    except StrnetError:
        return 0, ""  # no epoch yet
    return told["epochs"], f"{training.recipe.trainer.monitor} {told['value']:.4g}"
