"""The report of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import Manifest, read_manifest
from strnet.cohort.flow import FLOW, flow_of, read_flow
from strnet.cohort.manifest import beside_manifest
from strnet.cohort.splits import certificate_path
from strnet.files import read_json
from strnet.jobs.evaluate_run import EvaluatedRun, evaluate, named
from strnet.jobs.example_films import example_films
from strnet.jobs.train_network import cohort_files
from strnet.report import CohortFlow, Enclosures, FlowBox, write_report
from strnet.schema import SPLIT
from strnet.tables import read_table
from strnet.training import RunFolder, read_run

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
    enclosures = Enclosures(
        flow=_flow(manifest, split_path, read_run(run)["chosen"]),
        learning_curves=read_table(folder.metrics) if folder.metrics.exists() else None,
        examples=() if done.bundle is None else example_films(done.bundle, rows, manifest),
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


def _flow(manifest: Manifest, split: Path, chosen: Mapping[str, Any] | None) -> CohortFlow:
    """The counts of the importer, or else of the manifest, ending in the sides of the split.

    Where the run `chosen` its rows by a condition, each side says what it lost by it.
    """
    kept = beside_manifest(manifest.path, FLOW)
    counts = read_flow(kept) if kept.exists() else flow_of(manifest.frame.height, 0, (), manifest.frame)
    sides = read_json(certificate_path(split))["sides"] if chosen is None else chosen["parts"]
    steps = counts.steps
    return CohortFlow(
        stages=tuple(FlowBox(step.name, step.images, step.patients) for step in steps),
        excluded=tuple(
            tuple(FlowBox(why, films) for why, films in step.left_out.items()) for step in steps[1:]
        ),
        splits=tuple(
            FlowBox(name, side["images"], side["patients"], _lost(side)) for name, side in sides.items()
        ),
    )


def _lost(side: Mapping[str, int]) -> tuple[str, ...]:
    words = {"left_out": "not chosen", "unknown": "undecided (empty cell)"}
    return tuple(f"{side[key]} {word}" for key, word in words.items() if side.get(key))


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
