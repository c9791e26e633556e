"""Other floors on a table: what `strnet threshold floor`, `grey`, `cost` and `best` do, and certify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Unpack, cast

from strnet.errors import ThresholdError
from strnet.floor_options import (
    BestFromTable,
    CertifyFloorsOptions,
    CostFromTable,
    CostOptions,
    FloorFromTable,
    FloorOptions,
    GreyFromTable,
    GreyOptions,
    ScoredTable,
)
from strnet.options import with_defaults
from strnet.threshold_options import CertifyFromTable, FitOptions
from strnet.thresholds.applying import column_for, require_same_score
from strnet.thresholds.best_of import fit_best_rows
from strnet.thresholds.floor_certification import FloorCertificate, certify_floors
from strnet.thresholds.floor_fitting import fit_floor_rows
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.floor_request import read_floor_request, read_grey_request
from strnet.thresholds.from_table import read_rows, score_columns, stamped
from strnet.thresholds.grey_zone import GreyZone, fit_grey_rows
from strnet.thresholds.id_columns import names_asked
from strnet.thresholds.least_cost import CostPoint, fit_cost_rows
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Rows
from strnet.thresholds.scores_table import ScoreRows, Source, open_table, read_scores
from strnet.thresholds.table_checks import require_new_rows
from strnet.thresholds.threshold_request import read_request


@dataclass(frozen=True)
class FloorFit:
    """A point fitted from a table, and the checked rows it was fitted on."""

    point: FloorPoint | GreyZone | CostPoint
    rows: Rows


def floor_from_table(source: Source, **asked: Unpack[FloorFromTable]) -> FloorFit:
    """The point that `fit_floor` finds on the rows of a table, with their hash.

    Raises: as `fit_floor` and `read_scores`.
    """
    request = read_floor_request(**cast("FloorOptions", with_defaults(FloorOptions, asked)))
    scores, rows = _read(source, asked)
    return FloorFit(stamped(fit_floor_rows(rows, request, scores.identity.kind), scores, asked), rows)


def grey_from_table(source: Source, **asked: Unpack[GreyFromTable]) -> FloorFit:
    """The grey zone that `fit_grey` finds on the rows of a table, with their hash.

    Raises: as `fit_grey` and `read_scores`.
    """
    request = read_grey_request(**cast("GreyOptions", with_defaults(GreyOptions, asked)))
    scores, rows = _read(source, asked)
    return FloorFit(stamped(fit_grey_rows(rows, request, scores.identity.kind), scores, asked), rows)


def cost_from_table(source: Source, **asked: Unpack[CostFromTable]) -> FloorFit:
    """The point that `fit_cost` finds on the rows of a table, with their hash.

    Raises: as `fit_cost` and `read_scores`.
    """
    scores, rows = _read(source, asked)
    options = cast("CostOptions", with_defaults(CostOptions, asked))
    return FloorFit(stamped(fit_cost_rows(rows, **options), scores, asked), rows)


@dataclass(frozen=True)
class BestFit:
    """The best of several networks, and the checked rows of each by the name of its score."""

    point: OperatingPoint
    rows: dict[str, Rows]


def best_from_table(source: Source, **asked: Unpack[BestFromTable]) -> BestFit:
    """The operating point of the best of several scores of a table, which `candidates` of it names.

    Raises: as `fit_best` and `read_scores`; ThresholdError: a score named twice.
    """
    names = asked["score"]
    if len(set(names)) < len(names):
        raise ThresholdError(f"--score: found {', '.join(names)}, expected each network once.")
    request = read_request(**cast("FitOptions", with_defaults(FitOptions, asked)))
    higher = asked.get("higher_is_positive", True)
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    read = {name: read_rows(table, asked, name, higher_is_positive=higher) for name in names}
    rows = {name: checked for name, (_, checked) in read.items()}
    best, point = fit_best_rows(rows, request)
    return BestFit(stamped(point, read[best][0], asked), rows)


def certify_floors_from_table(
    point: FloorPoint | GreyZone, source: Source, **asked: Unpack[CertifyFromTable]
) -> dict[str, FloorCertificate]:
    """What `certify_floors` says of the rows of a table, by the rate that each floor is of.

    The score is the point's own column if none is named.

    Raises: as `certify_floors` and `read_scores`; ThresholdError: the rows that chose the threshold, or an
        option that only certificates of a sensitivity floor know.
        BundleError: another score than the point's.
    """
    _require_fixed_test(asked)
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    column = column_for(point, table, asked.get("score"))
    scores = read_scores(table, score_columns(_ungrouped(asked), column), asked.get("where"))
    same = asked.get("same_score", False)
    taken_for = require_same_score(point, scores.identity, scores.score, said_same=same)
    require_new_rows(point, scores)
    if scores.weights is not None:
        raise ThresholdError("certify: found weights, expected none: a floor is certified by exact counts.")
    found = certify_floors(
        point,
        scores.target,
        scores.score,
        clusters=scores.clusters,
        mixed_clusters=asked.get("mixed_clusters", False),
        **cast("CertifyFloorsOptions", with_defaults(CertifyFloorsOptions, asked)),
    )
    left_out = scores.without_target
    return {
        rate: replace(one, score=column, taken_for=taken_for, rows_without_target=left_out)
        for rate, one in found.items()
    }


def _read(source: Source, asked: ScoredTable) -> tuple[ScoreRows, Rows]:
    """The one score of a table, and its rows checked."""
    higher = asked.get("higher_is_positive", True)
    return read_rows(source, _ungrouped(asked), asked["score"], higher_is_positive=higher)


def _require_fixed_test(asked: CertifyFromTable) -> None:
    """Raise where another test than that of fixed size was asked for, or weights were declared.

    Raises: ThresholdError: the option that would have been passed over.
    """
    if asked.get("test") not in (None, "fixed"):
        raise ThresholdError(
            f"--test: found {asked.get('test')}, expected fixed: this floor is certified in one look, "
            "at a number of rows planned beforehand. Leave it out."
        )
    if asked.get("max_weight") is not None:
        raise ThresholdError(
            f"--max-weight: found {asked.get('max_weight')}, expected none: a floor is certified by exact "
            "counts, in which each row weighs as much. Leave it out."
        )


def _ungrouped(asked: Mapping[str, Any]) -> Any:
    """The columns `asked` for, none of which may be a group.

    Raises: ThresholdError: a group, which only a sensitivity floor knows.
    """
    if asked.get("group"):
        raise ThresholdError(
            "--group: found groups, expected none: only a sensitivity floor is kept in each. Leave it out, "
            "or keep one group with --where."
        )
    return asked
