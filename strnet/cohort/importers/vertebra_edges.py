"""Vertebra boxes from a table of their upper and lower edges, as BUU-LSPINE has one beside each film.

Rows are `x1, y1, x2, y2, label`, in pixels: the upper and the lower edge of L1, then of L2, down to L5, and
in a lateral film the upper edge of S1. The order is known from descriptions only, so each file must bear it
out.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from strnet.errors import ManifestError

VERTEBRAE = ("L1", "L2", "L3", "L4", "L5")
EDGES: Mapping[str, int] = {"AP": 2 * len(VERTEBRAE), "LATERAL": 2 * len(VERTEBRAE) + 1}
"""Edges of a film by its view; two fewer or more are a spine of four or six lumbar vertebrae."""
_HEADER = ("x1", "y1", "x2", "y2", "label")
_LEAST_SPAN = 0.15
"""Share of the film's height from L1 to L5, below which the edges cannot be in the film's pixels."""
_LEAST_SIDE = 4.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two corners of a vertebra, pixels, and its line in the file."""

    line: int
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def middle(self) -> float:
        """Height of its middle, rows from the top."""
        return sum(self.y) / 2


def read_vertebra_boxes(path: Path, view: str, *, rows: int, columns: int) -> str:
    """The manifest's box cell (`L1: left top right bottom; ...`) of a film of `rows` x `columns` pixels.

    Raises: ManifestError: cells that are no edge, another number of edges than five vertebrae have, edges
    outside the film or not in order from above; the file and its line.
    """
    edges = _edges(path)
    if len(edges) != EDGES[view]:
        raise ManifestError(
            f"{path}: {len(edges)} edges, expected {EDGES[view]} of five lumbar vertebrae in a view {view}. "
            "With four or six of them nobody can tell which is which."
        )
    for edge in edges:
        if not (all(0 <= x <= columns for x in edge.x) and all(0 <= y <= rows for y in edge.y)):
            raise ManifestError(
                f"{path}: line {edge.line}: an edge outside its film of {rows} x {columns} pixels. Was it "
                "drawn on another copy?"
            )
    _require_order(path, edges, rows)
    pairs = zip(VERTEBRAE, edges[0::2], edges[1::2], strict=False)
    return "; ".join(f"{name}: {_hull(path, upper, lower)}" for name, upper, lower in pairs)


def _edges(path: Path) -> list[Edge]:
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path}: cannot be read ({error}).") from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if any(map(str.strip, line))]
    if numbered and tuple(cell.strip().lower() for cell in numbered[0][1]) == _HEADER:
        numbered = numbered[1:]
    return [_edge(path, number, line) for number, line in numbered]


def _edge(path: Path, number: int, cells: Sequence[str]) -> Edge:
    try:
        if len(cells) != len(_HEADER) or not cells[-1].strip():
            raise ValueError
        x1, y1, x2, y2 = (float(cell) for cell in cells[:4])
        if not all(map(math.isfinite, (x1, y1, x2, y2))):
            raise ValueError
    except ValueError as error:
        raise ManifestError(
            f"{path}: line {number}: found '{','.join(cells)}', expected {', '.join(_HEADER)}: four numbers "
            "and a label."
        ) from error
    return Edge(number, (x1, x2), (y1, y2))


def _require_order(path: Path, edges: Sequence[Edge], rows: int) -> None:
    """Raise unless the edges come from above: swapped axes or another order would name the wrong vertebra."""
    for upper, lower in pairwise(edges[: 2 * len(VERTEBRAE)]):
        if upper.middle >= lower.middle:
            raise ManifestError(
                f"{path}: line {lower.line}: an edge that is not below that of line {upper.line}, expected "
                "upper and lower edges of L1 to L5 from above."
            )
    last = edges[2 * len(VERTEBRAE) - 1]
    if any(edge.middle <= edges[-3].middle for edge in edges[2 * len(VERTEBRAE) :]):
        raise ManifestError(f"{path}: line {edges[-1].line}: the edge of S1 lies above L5.")
    if last.middle - edges[0].middle < _LEAST_SPAN * rows:
        raise ManifestError(
            f"{path}: L1 to L5 take {(last.middle - edges[0].middle) / rows:.1%} of the film's height, "
            f"expected {_LEAST_SPAN:.0%} or more. Are the edges in pixels of this film?"
        )


def _hull(path: Path, upper: Edge, lower: Edge) -> str:
    x, y = (*upper.x, *lower.x), (*upper.y, *lower.y)
    if max(x) - min(x) < _LEAST_SIDE or max(y) - min(y) < _LEAST_SIDE:
        raise ManifestError(
            f"{path}: lines {upper.line} and {lower.line}: a vertebra of less than {_LEAST_SIDE:g} pixels."
        )
    numbers = (math.floor(min(x)), math.floor(min(y)), math.ceil(max(x)), math.ceil(max(y)))
    return " ".join(map(str, numbers))
