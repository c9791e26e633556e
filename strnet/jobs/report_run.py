"""The report of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.cohort import read_manifest
from strnet.jobs.evaluate_run import evaluate
from strnet.jobs.example_films import example_films
from strnet.jobs.train_network import cohort_files
from strnet.report import Enclosures, write_report
from strnet.tables import read_table
from strnet.training import RunFolder

REPORT = "report"


def report(
    run: Path,
    out: Path | None = None,
    *,
    truth: Path | None = None,
    split: str = "test",
    paper: dict[str, Any] | None = None,
) -> Path:
    """The path of one self-contained HTML page on `split` of a run; its figures stand as SVG beside it.

    `truth` is a phantom's truth table; it adds the ideal observer. `paper` are published figures to stand
    beside ours. The default folder is report/ in the run.

    Raises: TrainingError: no complete run in the folder. ManifestError: the manifest it was trained on is gone.
    """
    done = evaluate(run, truth=truth, split=split)
    manifest_path, split_path = cohort_files(done.recipe)
    manifest = read_manifest(manifest_path)
    folder = RunFolder(run)
    enclosures = Enclosures(
        flow=_flow(manifest, split_path),
        learning_curves=read_table(folder.metrics) if folder.metrics.exists() else None,
        examples=() if done.bundle is None else example_films(done.bundle, done.predictions, manifest),
        recipe=done.recipe,
        observers=None if truth is None else read_table(truth, "truth table"),
        paper=paper,
        provenance=_provenance(done, folder),
    )
    title = f"{done.recipe.name}: {split} rows"
    return write_report(
        out or run / REPORT, done.evaluation, done.predictions, title=title, enclosures=enclosures
    )
