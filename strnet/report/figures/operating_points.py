"""Two pictures of an operating point: what confidence costs, and where the threshold lies on the ROC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strnet.errors import ImpossibleError, ThresholdError
from strnet.files import write_atomically
from strnet.stats.inputs import Floats
from strnet.thresholds.comparison import Comparison
from strnet.thresholds.fitting import fit_rows
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import ClassRows, Rows
from strnet.thresholds.threshold_request import Request

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CONFIDENCES = tuple(Fraction(step, 100) for step in (*range(30, 95, 5), *range(95, 100)))
ROC_POINTS = 2000
PICTURES = (".svg", ".pdf", ".png")
COLOURS = {"empirical": "#b3541e", "chosen": "#1f5a86"}


@dataclass(frozen=True, slots=True)
class ConfidenceCurve:
    """Specificity of the exact rule against the confidence asked for: arrays (k,), with interval limits.

    Confidences that these rows cannot give are left out.
    """

    confidence: Floats
    specificity: Floats
    low: Floats
    high: Floats


def confidence_curve(rows: Rows, request: Request) -> ConfidenceCurve:
    """What each confidence from 0.30 to 0.99 costs on these rows."""
    points = []
    for confidence in CONFIDENCES:
        asked = replace(request, method="exact", delta=1 - confidence)
        try:
            seen = fit_rows(rows, asked).specificity
        except ImpossibleError:
            break
        if seen is not None:
            points.append((float(confidence), seen.value, seen.low, seen.high))
    return ConfidenceCurve(*np.array(points).reshape(-1, 4).T)


def roc_points(rows: Rows) -> tuple[Floats, Floats]:
    """False-positive rates and sensitivities of at most 2,000 thresholds, from (0, 0) to (1, 1)."""
    positives, negatives = rows.positives(), rows.negatives()
    cuts = np.unique(np.quantile(np.concatenate([positives.score, negatives.score]), _levels(rows)))
    rates = (share_reaching(of_class, cuts) for of_class in (negatives, positives))
    false_positive, sensitivity = (np.concatenate([[1.0], side, [0.0]])[::-1] for side in rates)
    return false_positive, sensitivity


def share_reaching(of_class: ClassRows, cuts: Floats) -> Floats:
    """The share of a class at or above each of `cuts` (k,), all scores oriented."""
    order = np.argsort(of_class.score)
    weights = np.ones(order.size) if of_class.weights is None else of_class.weights[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    share: Floats = 1 - below[np.searchsorted(of_class.score[order], cuts, side="left")] / below[-1]
    return share


def plot_comparison(rows: Rows, request: Request, comparison: Comparison, path: Path | str) -> None:
    """Write the two pictures to `path` (SVG, PDF or PNG by its extension).

    Raises: ThresholdError: another extension; rows without negatives, which have no specificity to show.
    """
    with two_panels(rows, path) as (left, right):
        _draw_curve(left, confidence_curve(rows, request), comparison)
        _draw_roc(right, roc_points(rows), comparison)


@contextmanager
def two_panels(rows: Rows, path: Path | str) -> Iterator[tuple[Axes, Axes]]:
    """Two axes to draw on, which become the picture `path` at the end of the block.

    Raises: as `plot_comparison`.
    """
    if Path(path).suffix.lower() not in PICTURES:
        raise ThresholdError(f"plot: cannot draw {path}, expected a name in {', '.join(PICTURES)}.")
    if rows.negative_count == 0:
        raise ThresholdError("plot: the rows hold no negatives, so there is no specificity to show.")
    import matplotlib
    from matplotlib.figure import Figure

    # text stays text, and the same figure is the same file
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "strnet"}),
        write_atomically(path) as to,
    ):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        yield left, right
        figure.savefig(to, metadata={"Date": None} if Path(path).suffix == ".svg" else None)


def _levels(rows: Rows) -> Floats:
    return np.linspace(0, 1, min(rows.target.size, ROC_POINTS))


def _draw_curve(axes: Axes, curve: ConfidenceCurve, comparison: Comparison) -> None:
    axes.fill_between(
        curve.confidence, curve.low, curve.high, color=COLOURS["chosen"], alpha=0.15, lw=0, step="post"
    )
    axes.plot(curve.confidence, curve.specificity, color=COLOURS["chosen"], drawstyle="steps-post")
    for name, point in _points(comparison):
        if point.specificity is not None:
            seen = point.confidence_reached, point.specificity.value
            axes.plot(*seen, "o", color=COLOURS[name], label=_label(name, point))
    floor = comparison.chosen.min_sensitivity
    axes.set(
        xlabel=f"confidence that the true sensitivity is at least {floor}", ylabel="specificity", ylim=(0, 1)
    )
    axes.legend(frameon=False, loc="lower left")


def _draw_roc(axes: Axes, roc: tuple[Floats, Floats], comparison: Comparison) -> None:
    axes.plot(*roc, color="0.35", lw=1)
    for name, point in _points(comparison):
        _draw_region(axes, point, COLOURS[name], _label(name, point))
    axes.axhline(float(Fraction(comparison.chosen.min_sensitivity)), color="0.6", lw=0.8, ls="--")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.legend(frameon=False, loc="lower right")


def _draw_region(axes: Axes, point: OperatingPoint, colour: str, label: str) -> None:
    """Draw the point as observed, and the rectangle of its intervals (specificity, law of sensitivity)."""
    from matplotlib.patches import Rectangle

    specificity, law = point.specificity, point.expected_sensitivity
    if specificity is None:
        return
    axes.plot(1 - specificity.value, point.observed_sensitivity.value, "o", color=colour, label=label)
    if specificity.has_interval and law.has_interval:
        corner, width = (1 - specificity.high, law.low), specificity.high - specificity.low
        axes.add_patch(Rectangle(corner, width, law.high - law.low, color=colour, alpha=0.15, lw=0))


def _points(comparison: Comparison) -> Sequence[tuple[str, OperatingPoint]]:
    if comparison.chosen is comparison.empirical:
        return [("empirical", comparison.empirical)]
    return [("empirical", comparison.empirical), ("chosen", comparison.chosen)]


def _label(name: str, point: OperatingPoint) -> str:
    return "empirical" if name == "empirical" else f"{point.method}, {point.status}"
