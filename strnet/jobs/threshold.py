"""Threshold calibration jobs on anybody's scores: fit, apply, certify, cascade, plan, show."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from strnet.errors import ThresholdError
from strnet.schema import BUNDLE_FOLDER, logit_column
from strnet.tables import write_table
from strnet.thresholds import (
    CascadePoint,
    Certification,
    Comparison,
    OperatingPoint,
    Plan,
    ScoreIdentity,
    plan,
    read_operating_point,
    read_threshold,
    write_operating_point,
)
from strnet.thresholds.from_table import (
    DECISION,
    DECISIONS,
    POSITIVE,
    CascadeOptions,
    CertifyFromTable,
    FitFromTable,
    apply_cascade_to_table,
    apply_to_table,
    cascade_from_table,
    certify_from_table,
    compare_from_table,
)

RAW = "none"
"""What stands for the calibrator of a score that none has changed."""


def threshold_fit(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[FitFromTable]
) -> Comparison:
    """The operating point now in `out` (JSON), beside the empirical threshold of the same rows.

    `scores` is a CSV or Parquet table, or a run folder; `plot` a picture to draw. See
    `thresholds.fit_threshold` for what can be asked.

    Raises: ThresholdError: unusable rows, or `out` is `scores`. ImpossibleError: a promise that these rows
        cannot keep.
    """
    _require_other_files(scores, out, plot)
    asked.setdefault("identity", run_score(scores, asked["score"]))
    found = compare_from_table(scores, plot=plot, **asked)
    write_operating_point(found.chosen, out)
    return found


def threshold_apply(
    point: Path, scores: Path, out: Path, *, score: str, group: str | None = None, where: str | None = None
) -> dict[str, Any]:
    """Counts of the decisions now in the table `out`: the rows of `scores` with a column `positive`.

    For a cascade `score` names both scores, with a comma between them, and the column is `decision`.

    Raises: BundleError: an edited operating point, or that of another model. ThresholdError: unusable scores,
        or `out` is one of the files read.
    """
    _require_other_files(scores, out)
    _require_other_files(point, out)
    found = read_operating_point(point)
    if isinstance(found, CascadePoint):
        return _apply_cascade(found, scores, out, score=score, group=group, where=where)
    decided = apply_to_table(
        found, scores, score=score, group=group, where=where, identity=run_score(scores, score)
    )
    write_table(decided, out)
    positive = int(decided[POSITIVE].sum())
    return {"rows": decided.height, "positive": positive, "negative": decided.height - positive}


def _apply_cascade(
    point: CascadePoint, scores: Path, out: Path, *, score: str, group: str | None, where: str | None
) -> dict[str, Any]:
    first, comma, second = (part.strip() for part in score.partition(","))
    if not comma or group is not None:
        raise ThresholdError(
            f"cascade: found score {score!r} and group {group!r}, expected two scores and no group. "
            "Name both scores with a comma between them: --score bone_loss,osteoporosis_given_loss."
        )
    decided = apply_cascade_to_table(
        point,
        scores,
        scores=(first, second),
        where=where,
        identities=(run_score(scores, first), run_score(scores, second)),
    )
    write_table(decided, out)
    counts = {decision: int((decided[DECISION] == decision).sum()) for decision in DECISIONS}
    return {"rows": decided.height, **counts}


def threshold_certify(
    point: Path, scores: Path, **asked: Unpack[CertifyFromTable]
) -> dict[str, Certification]:
    """Whether the floor of an operating point holds on the rows of another site, and in each group.

    Raises: BundleError: an edited operating point, or that of another model. ThresholdError: unusable rows,
        or the very rows that the threshold was chosen from.
    """
    asked.setdefault("identity", run_score(scores, asked["score"]))
    return certify_from_table(read_threshold(point), scores, **asked)


def threshold_cascade(
    scores: Path,
    out: Path,
    *,
    bone_loss: tuple[str, str],
    osteoporosis: tuple[str, str],
    where: str | None = None,
    cluster: str | None = None,
    **options: Unpack[CascadeOptions],
) -> CascadePoint:
    """Both operating points of a cascade, end to end, now in `out` (JSON).

    Raises: ThresholdError: unusable rows. ImpossibleError: a promise that these rows cannot keep.
    """
    _require_other_files(scores, out)
    found = cascade_from_table(
        scores,
        bone_loss=bone_loss,
        osteoporosis=osteoporosis,
        where=where,
        cluster=cluster,
        identities=(run_score(scores, bone_loss[1]), run_score(scores, osteoporosis[1])),
        **options,
    )
    write_operating_point(found, out)
    return found


def _require_other_files(read: Path, *written: Path | None) -> None:
    """Raise unless every file to write differs from the one that is read.

    Raises: ThresholdError: a file to write is the one that is read.
    """
    for path in written:
        if path is not None and path.resolve() == read.resolve():
            raise ThresholdError(f"{path}: is read and would be overwritten. Name another file to write.")


def run_score(scores: Path, score: str) -> ScoreIdentity | None:
    """Which score a run folder holds under `score` (a task, or its logit); None for anybody's table.

    The weights are named by their hash in the bundle of the run, which is the one that predicts.

    Raises: BundleError: that bundle is incomplete or was edited.
    """
    folder = scores / BUNDLE_FOLDER
    if not folder.is_dir():
        return None
    from strnet.inference import read_bundle  # a table of scores has none, and must not wait for it

    bundle = read_bundle(folder)
    for task in bundle.tasks:
        column = logit_column(task.name)
        if score in (task.name, column):
            return ScoreIdentity(task.name, column, bundle.document.weights.sha256, RAW)
    return None


def threshold_plan(**asked: Any) -> Plan:
    """What a floor takes, and what a number of positives can promise; see `thresholds.plan`."""
    return plan(**asked)


def threshold_show(point: Path) -> OperatingPoint | CascadePoint:
    """The operating point in a file, checked against its hash.

    Raises: BundleError: not an operating point, or edited since it was written.
    """
    return read_operating_point(point)
