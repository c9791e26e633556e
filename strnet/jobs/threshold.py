"""Threshold calibration jobs on anybody's scores: fit, apply, certify, cascade, plan, show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

from strnet.errors import ThresholdError
from strnet.files import writing_to
from strnet.locks import lock_or_none
from strnet.tables import STDIO, require_writable, write_table
from strnet.threshold_options import (
    ApplyToTable,
    CascadeFromTable,
    CertifyFromTable,
    FitFromTable,
    PlanOptions,
)
from strnet.thresholds import (
    CascadePoint,
    Certification,
    Comparison,
    Plan,
    plan,
    read_operating_point,
    read_threshold,
    write_operating_point,
)
from strnet.thresholds.applying import (
    DECISION,
    DECISIONS,
    POSITIVE,
    TAKEN_FOR,
    ZONES,
    apply_cascade_to_table,
    apply_to_table,
    apply_zone_to_table,
)
from strnet.thresholds.certify_table import ALL_ROWS, certify_batch, certify_from_table
from strnet.thresholds.floor_certification import FloorCertificate
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.floors_from_table import certify_floors_from_table
from strnet.thresholds.from_table import (
    cascade_from_table,
    compare_case,
    named_groups,
    read_case,
)
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.point_file import Point, published_schema
from strnet.thresholds.scores_table import RECIPE, Source
from strnet.thresholds.site_certificate import read_site_certificate, write_site_certificate


def threshold_fit(
    scores: Path, out: Path, *, plot: Path | None = None, **asked: Unpack[FitFromTable]
) -> Comparison:
    """The operating point now in `out` (JSON), beside the empirical threshold of the same rows.

    `scores` is a table as `tables.scan_table` takes it, or a run folder; `plot` a picture to draw. See
    `thresholds.fit_threshold` for what can be asked.

    Raises: ThresholdError: unusable rows, or `out` is `scores`. ImpossibleError: a promise that these rows
        cannot keep.
    """
    require_point_file(out)
    require_other_files(scores, out, plot)
    case = read_case(source_of(scores, asked.get("where"), asked.get("group")), **asked)
    found = compare_case(case)
    if plot is not None:
        from strnet.report.figures.operating_points import plot_comparison  # who draws waits for matplotlib

        plot_comparison(case.rows, case.request, found, plot)
    write_operating_point(found.chosen, out)
    return found


def threshold_apply(point: Path, scores: Path, out: Path, **asked: Unpack[ApplyToTable]) -> dict[str, Any]:
    """Counts of the decisions now in the table `out` (`-`: printed): `scores` with a column `positive`.

    `score` is the operating point's own column if not given. For a cascade it names both scores, with a comma
    between them, and the column is `decision`.

    Raises: BundleError: an edited operating point, or another score than its own. ThresholdError: unusable
        scores, or `out` is one of the files read.
    """
    require_other_files(scores, out)
    require_other_files(point, out)
    require_writable(out)
    found = read_operating_point(point)
    table = source_of(scores, asked.get("where"), asked.get("group"))
    if isinstance(found, GreyZone):
        decided = apply_zone_to_table(found, table, **asked)
        counts = {zone: int((decided[DECISION] == zone).sum()) for zone in ZONES}
    elif isinstance(found, CascadePoint):
        decided = apply_cascade_to_table(found, table, scores=_both(asked.pop("score", None)), **asked)
        counts = {decision: int((decided[DECISION] == decision).sum()) for decision in DECISIONS}
    else:
        decided = apply_to_table(found, table, **asked)
        positive = int(decided[POSITIVE].sum())
        counts = {"positive": positive, "negative": decided.height - positive}
    write_table(decided, out)
    taken = {TAKEN_FOR: decided[TAKEN_FOR].first()} if TAKEN_FOR in decided.columns else {}
    return {"rows": decided.height, **counts, **taken}


def _both(score: str | None) -> tuple[str | None, str | None]:
    if score is None:
        return None, None
    first, comma, second = (part.strip() for part in score.partition(","))
    if not comma:
        raise ThresholdError(
            f"cascade: found score {score!r}, expected two. Name both scores with a comma between them: "
            "--score bone_loss,osteoporosis_given_loss, or leave the option out."
        )
    return first, second


def threshold_certify(
    point: Path, scores: Path, *, state: Path | None = None, **asked: Unpack[CertifyFromTable]
) -> dict[str, Certification] | dict[str, FloorCertificate]:
    """Whether the floor of an operating point holds on the rows of another site, and in each group.

    With `state`, the site certificate in that file goes on with the patients of `scores` that are new to it,
    and the verdict is about all patients so far; a file that is not there yet is begun.

    Raises: BundleError: an edited operating point or certificate, or another score than the point's own.
        ThresholdError: unusable rows, rows that the threshold was chosen from, a certificate under other
        terms, or one that another process is writing.
    """
    frozen, table = read_operating_point(point), source_of(scores, asked.get("where"), asked.get("group"))
    if isinstance(frozen, FloorPoint | GreyZone):
        if state is not None:
            raise ThresholdError(
                "state: this floor is certified in one look, by the fixed test. Leave it out."
            )
        return certify_floors_from_table(frozen, table, **asked)
    found = read_threshold(point)
    if state is None:
        return certify_from_table(found, table, **asked)
    require_other_files(scores, state)
    require_other_files(point, state)
    with _held(state):
        before = read_site_certificate(state) if state.exists() else None
        certificate, said = certify_batch(found, table, before, **asked)
        write_site_certificate(certificate, state)
    return {ALL_ROWS: said}


@contextmanager
def _held(state: Path) -> Iterator[None]:
    """A block in which no other process goes on with the site certificate in `state`.

    Raises: ThresholdError: one does so now.
    """
    with writing_to(state):
        state.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_or_none(state.with_name(f".{state.name}.lock"))
    if lock is None:
        raise ThresholdError(f"{state}: another certify is at work on this file. Try again when it is done.")
    with lock:
        yield


def threshold_cascade(
    scores: Path,
    out: Path,
    *,
    bone_loss: tuple[str, str],
    osteoporosis: tuple[str, str],
    **asked: Unpack[CascadeFromTable],
) -> CascadePoint:
    """Both operating points of a cascade, end to end, now in `out` (JSON).

    Raises: ThresholdError: unusable rows. ImpossibleError: a promise that these rows cannot keep.
    """
    require_point_file(out)
    require_other_files(scores, out)
    table = source_of(scores, asked.get("where"))
    found = cascade_from_table(table, bone_loss=bone_loss, osteoporosis=osteoporosis, **asked)
    write_operating_point(found, out)
    return found


def source_of(scores: Path, where: str | None, group: str | Sequence[str] | None = None) -> Source:
    """Where the scores come from; a run's with the columns of its manifest that `where` and `group` name.

    Raises: ManifestError: no manifest with such a column. ThresholdError: it has changed since the training.
    """
    groups = named_groups(group)
    if not (scores / RECIPE).is_file() or (where is None and not groups):  # anybody's table
        return scores
    from strnet.jobs.run_columns import with_manifest_columns  # a table of scores must not wait for torch

    joined = with_manifest_columns(scores, groups, where)
    if joined.remark is not None:
        raise ThresholdError(
            f"{scores}: {joined.remark} A threshold is for rows that can be named again: restore the "
            "manifest, or put the column into a table of your own with the scores."
        )
    return joined.frame


def require_other_files(read: Path, *written: Path | None) -> None:
    """Raise unless every file to write differs from the one that is read.

    Raises: ThresholdError: a file to write is the one that is read.
    """
    for path in written:
        if path is not None and path != STDIO and path.resolve() == read.resolve():
            raise ThresholdError(f"{path}: is read and would be overwritten. Name another file to write.")


def require_point_file(out: Path) -> None:
    """Raise unless an operating point is to become a file.

    Raises: ThresholdError: it is to go to standard output.
    """
    if out == STDIO:
        raise ThresholdError(
            "-o -: found standard output, expected a file: an operating point is kept and used again. Name "
            "one (-o op.json); --json prints it."
        )


def threshold_plan(**asked: Unpack[PlanOptions]) -> Plan:
    """What a floor takes, and what a number of positives can promise; see `thresholds.plan`."""
    return plan(**asked)


def threshold_show(point: Path) -> Point:
    """The operating point in a file, checked against its hash.

    Raises: BundleError: not an operating point, or edited since it was written.
    """
    return read_operating_point(point)


def threshold_schema() -> dict[str, Any]:
    """The JSON Schema of an operating point's file (draft 2020-12)."""
    return published_schema()
