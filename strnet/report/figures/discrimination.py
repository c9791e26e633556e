"""How well scores separate two classes: ROC, precision-recall, scores by class, AUROC side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from strnet import stats
from strnet.report.figures.canvas import LINES, beside, blank, colour, legend_below, unit_square
from strnet.report.measures import Measure
from strnet.report.task_results import Decisions, PointResult
from strnet.report.wording import estimate_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_SQUARE: Final = 4.15
"""Inches of height of a square with its axis labels, a legend below it not counted."""
_LEGEND_LINE: Final = 0.17

MARKERS: Final = ("o", "D", "s", "^", "v")


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """One scorer's scores against the target: `target` and `score` (n,), the figure to print beside it."""

    role: str
    label: str
    target: Bools
    score: Floats
    area: Measure


@dataclass(frozen=True, slots=True)
class MarkedPoint:
    """An operating point to draw: what it decides on the rows of the figure."""

    result: PointResult
    decisions: Decisions


def roc(curves: Sequence[ScoreCurve], points: Sequence[MarkedPoint]) -> Figure:
    """ROC curves with their AUROC, and each operating point with the intervals of both its rates."""
    figure, axes = blank(height=_SQUARE + _LEGEND_LINE * (len(curves) + len(points)))
    unit_square(axes, "1 − specificity", "Sensitivity")
    axes.plot([0, 1], [0, 1], color=colour("muted"), linewidth=0.8)
    for curve in curves:
        found = stats.roc_curve(curve.target, curve.score)
        _line(axes, curve, 1 - found.specificity, found.sensitivity)
    for floor in sorted({float(Fraction(point.result.min_sensitivity)) for point in points}):
        axes.axhline(floor, color=colour("muted"), linewidth=0.8, linestyle=(0, (2, 2)))
        beside(axes, f"floor\n{floor:g}", floor)
    for marker, point in zip(cycle(MARKERS), points, strict=False):
        decisions = point.decisions
        _cross(axes, marker, point, _complement(decisions.specificity), decisions.sensitivity)
    legend_below(figure, axes)
    return figure


def precision_recall(curves: Sequence[ScoreCurve], points: Sequence[MarkedPoint]) -> Figure:
    """Precision-recall curves with their area, the share of positives, and each operating point."""
    figure, axes = blank(height=_SQUARE + _LEGEND_LINE * (len(curves) + len(points)))
    unit_square(axes, "Recall (sensitivity)", "Precision (PPV)")
    prevalence = float(curves[0].target.mean())
    axes.axhline(prevalence, color=colour("muted"), linewidth=0.8)
    beside(axes, f"positive\n{prevalence:.2f}", prevalence)
    for curve in curves:
        found = stats.roc_curve(curve.target, curve.score)
        # the first point calls nobody positive: its precision is a convention
        _line(axes, curve, found.sensitivity[1:], found.precision[1:], drawstyle="steps-pre")
    for marker, point in zip(cycle(MARKERS), points, strict=False):
        _cross(axes, marker, point, point.decisions.sensitivity, point.decisions.ppv)
    legend_below(figure, axes)
    return figure


def scores_by_class(
    groups: Sequence[tuple[str, str, Floats]], thresholds: Sequence[tuple[str, float]], label: str
) -> Figure:
    """Histograms of probabilities on a logit scale, one row per class, the thresholds through all of them.

    `groups` are (colour role, name, probabilities), `thresholds` (name, probability); `label` names the axis.
    """
    figure, panels = blank(height=1.15 * len(groups) + 1.1, nrows=len(groups), sharex=True, squeeze=False)
    bins = np.histogram_bin_edges(np.concatenate([_logit(prob) for *_, prob in groups]), bins=32)
    for axes, (role, name, prob) in zip(panels[:, 0], groups, strict=True):
        axes.hist(_logit(prob), bins=bins, color=colour(role), alpha=0.85)
        axes.set_ylabel("Films")
        axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)
        axes.set_title(f"{name} (n = {prob.size})")
        for index, (_, threshold) in enumerate(thresholds):
            at = float(_logit(np.array([threshold]))[0])
            axes.axvline(at, color=colour("ink"), linewidth=1.1, linestyle=_DASHES[index % len(_DASHES)])
    _probability_ticks(panels[-1, 0], float(bins[0]), float(bins[-1]))
    panels[-1, 0].set_xlabel(label)
    panels[0, 0].set_ylim(top=1.2 * panels[0, 0].get_ylim()[1])  # room for the names
    _name_thresholds(panels[0, 0], thresholds)
    return figure


def areas_side_by_side(rows: Sequence[tuple[str, str, Measure]]) -> Figure:
    """AUROC with interval, one line per row of (role, label, figure); the label says how many rows."""
    figure, axes = blank(height=0.44 * len(rows) + 0.75)
    for height, (role, _, area) in enumerate(rows):
        if area.value is not None:
            ends = (
                [area.low, area.high] if area.low is not None and area.high is not None else [area.value] * 2
            )
            axes.plot(ends, [height, height], color=colour(role), linewidth=2, solid_capstyle="butt")
            axes.plot(area.value, height, "o", color=colour(role), markersize=5.5)
        beside(axes, estimate_text(area, digits=2), height)
    axes.axvline(0.5, color=colour("muted"), linewidth=0.8)
    axes.set_yticks(range(len(rows)), [label for _, label, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    axes.set(xlabel="AUROC", xlim=(min(0.4, *(_lowest(area) - 0.02 for _, _, area in rows)), 1.005))
    return figure


_DASHES: Final = ((0, (4, 2)), "-", (0, (1, 1)))
_TICK_ROOM: Final = 0.065
"""Share of the axis that a tick label takes."""
_TICKS: Final = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)


def _line(axes: Axes, curve: ScoreCurve, x: Floats, y: Floats, **style: Any) -> None:
    label = f"{curve.label}  {estimate_text(curve.area, digits=2)}"
    front = 3 if curve.role == "network" else 2
    axes.plot(
        x, y, color=colour(curve.role), linestyle=LINES.get(curve.role, "-"), label=label, zorder=front,
        linewidth=2.0 if curve.role == "network" else 1.4, **style,
    )  # fmt: skip


def _cross(axes: Axes, marker: str, point: MarkedPoint, x: Measure, y: Measure) -> None:
    if x.value is None or y.value is None:
        return
    ink = colour("ink")
    if x.low is not None and x.high is not None:
        axes.plot([x.low, x.high], [y.value, y.value], color=ink, linewidth=0.9, zorder=4)
    if y.low is not None and y.high is not None:
        axes.plot([x.value, x.value], [y.low, y.high], color=ink, linewidth=0.9, zorder=4)
    axes.plot(
        x.value, y.value, marker, color=colour("paper"), markeredgecolor=ink, markersize=6.5, zorder=5,
        markeredgewidth=1.4, label=f"{point.result.name} operating point", linestyle="None",
    )  # fmt: skip


def _complement(rate: Measure) -> Measure:
    value, low, high = (None if limit is None else 1 - limit for limit in (rate.value, rate.high, rate.low))
    return Measure(value, low, high)


def _logit(prob: Floats) -> Floats:
    """Log odds, kept within -/+ 13.8: a probability of exactly 0 or 1 still has a place on the axis."""
    inside = np.clip(prob, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def _probability_ticks(axes: Axes, low: float, high: float) -> None:
    """Ticks at round probabilities, as many as have room; closer ones where the range holds hardly any."""
    from matplotlib.ticker import MaxNLocator

    ends = [1 / (1 + np.exp(-end)) for end in (low, high)]
    wide = sum(ends[0] <= prob <= ends[1] for prob in _TICKS) >= 3
    candidates = _TICKS if wide else MaxNLocator(5).tick_values(*ends)
    places: dict[float, str] = {}
    for prob in candidates:
        at = float(_logit(np.array([prob]))[0])
        if low <= at <= high and at - max(places, default=-np.inf) > _TICK_ROOM * (high - low):
            places[at] = f"{prob:g}"
    axes.set_xticks(list(places), list(places.values()))


def _name_thresholds(axes: Axes, thresholds: Sequence[tuple[str, float]]) -> None:
    """Names above the lines, on the side away from the next line so that they never meet."""
    ordered = sorted(thresholds, key=lambda named: named[1])
    for index, (name, threshold) in enumerate(ordered):
        leftmost = index == 0 and len(ordered) > 1
        axes.annotate(
            f"{name} " if leftmost else f" {name}", (float(_logit(np.array([threshold]))[0]), 0.98),
            xycoords=("data", "axes fraction"), ha="right" if leftmost else "left", va="top", fontsize=8,
        )  # fmt: skip


def _lowest(area: Measure) -> float:
    return min(value for value in (area.low, area.value, 1.0) if value is not None)
