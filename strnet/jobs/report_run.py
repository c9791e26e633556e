"""The report of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import read_manifest
from strnet.config import EnsembleRecipe, TrainerConfig
from strnet.files import read_json
from strnet.inference import Bundle
from strnet.jobs.describe_patients import patients_tables
from strnet.jobs.evaluate_run import EvaluatedRun, evaluate, named
from strnet.jobs.example_films import example_films
from strnet.jobs.report_flow import reported_flow
from strnet.jobs.train_network import cohort_files
from strnet.report import Course, Enclosures, write_report
from strnet.schema import SPLIT
from strnet.tables import read_table
from strnet.training import RunFolder, fold_folder, read_run

REPORT = "report"


def report(
    run: Path,
    out: Path | None = None,
    *,
    truth: Path | None = None,
    split: str = "test",
    groups: Sequence[str] = (),
    paper: dict[str, Any] | None = None,
) -> Path:
    """The path of one self-contained HTML page on `split` of a run; its figures stand as SVG beside it.

    `truth` is a phantom's truth table; it adds the ideal observer. `groups` are those of `evaluate`. `paper`
    are published figures to stand beside ours. The default folder is report/ in the run, for rows other than
    the test rows report_<split>/.

    Raises: TrainingError: no complete run in the folder. ManifestError: its manifest is gone.
    """
    done = evaluate(run, truth=truth, split=split, groups=groups)
    manifest_path, split_path = cohort_files(done.recipe)
    manifest = read_manifest(manifest_path)
    rows = done.predictions.filter(pl.col(SPLIT) == split)
    folder = RunFolder(run)
    summary = read_run(run)
    enclosures = Enclosures(
        flow=reported_flow(manifest, split_path, summary["chosen"]),
        patients=patients_tables(manifest, split_path, summary["chosen"]),
        learning_curves=None
        if isinstance(done.recipe, EnsembleRecipe)
        else _course(run, summary, done.recipe.trainer),
        examples=example_films(done.bundle, rows, manifest) if isinstance(done.bundle, Bundle) else (),
        recipe=done.recipe,
        observers=None if truth is None else read_table(truth, "truth table"),
        paper=paper,
        provenance=_provenance(done, folder),
    )
    title = f"{done.recipe.name}: {split} rows"
    return write_report(
        out or run / named(REPORT, split),
        done.evaluation,
        done.predictions,
        title=title,
        enclosures=enclosures,
    )


def _course(run: Path, summary: Mapping[str, Any], trainer: TrainerConfig) -> Course | None:
    """How the run went, or each of its folds; None where it kept no metrics."""
    folds = summary.get("folds")
    runs = [summary] if folds is None else folds
    paths = [run] if folds is None else [fold_folder(run, fold) for fold in range(len(folds))]
    files = [RunFolder(path).metrics for path in paths]
    if not all(file.exists() for file in files):
        return None
    curves = [read_table(file) for file in files]
    if folds is not None:
        curves = [table.with_columns(pl.lit(fold).alias("fold")) for fold, table in enumerate(curves)]
    return Course(
        curves=pl.concat(curves, how="diagonal_relaxed"),
        monitor=trainer.monitor,
        best_epochs=tuple(done["best"]["epoch"] for done in runs),
        note=_how_it_was_trained(trainer),
    )


def _how_it_was_trained(trainer: TrainerConfig) -> str:
    """What of the recipe changes how the curves are to be read; empty for plain training."""
    notes = []
    if trainer.mixup > 0:
        notes.append("The training loss is that of blended films (mixup).")
    if trainer.averaging != "none":
        notes.append(
            f"From epoch {trainer.averaging_start} on, validation is of the averaged weights "
            f"({trainer.averaging.upper()}), and only these epochs could be kept."
        )
    return " ".join(notes)


def _provenance(done: EvaluatedRun, folder: RunFolder) -> dict[str, str]:
    environment = read_json(folder.environment)
    found = {
        "Run": folder.path.name,
        "Code": str(environment.get("git_commit") or "not in a repository"),
        "Manifest, SHA-256": str(environment.get("manifest_sha256")),
        "Split, SHA-256": str(environment.get("split_sha256")),
        **{name: str(version) for name, version in environment.get("packages", {}).items() if version},
    }
    return found if done.bundle is None else {"Bundle, SHA-256": done.bundle.sha256, **found}
