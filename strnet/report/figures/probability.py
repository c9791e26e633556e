"""Whether probabilities can be taken at their word, and what acting on them is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from strnet.report.figures.canvas import LINES, blank, colour, legend_below, unit_square
from strnet.report.task_results import CalibrationResult
from strnet.stats import DecisionCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_STAGES: Final[dict[str, tuple[str, str, str, Any]]] = {
    "before": ("before calibration", "muted", "s", (0, (2, 1.5))),
    "after": ("after calibration", "network", "o", "-"),
}


@dataclass(frozen=True, slots=True)
class BenefitCurve:
    """What acting on one scorer's probabilities is worth, with its colour role and its name."""

    role: str
    label: str
    curve: DecisionCurve


def reliability(stages: Sequence[CalibrationResult], prob: Floats, *, outcome: str) -> Figure:
    """Observed share of positives against mean prediction per bin; below, the histogram of `prob` (n,)."""
    figure, (axes, counts) = blank(height=5.2, nrows=2, height_ratios=(4.4, 1), sharex=True)
    unit_square(axes, "", f"Observed share with {outcome}")
    axes.plot([0, 1], [0, 1], color=colour("muted"), linewidth=0.8)
    axes.set_aspect("auto")
    for stage in stages:
        _bins(axes, stage, *_STAGES[stage.stage])
    counts.hist(prob, bins=25, range=(0, 1), color=colour(_STAGES[stages[-1].stage][1]))
    counts.set(xlabel=f"Predicted probability of {outcome}", ylabel="Films")
    counts.yaxis.get_major_locator().set_params(integer=True, nbins=3)
    legend_below(figure, axes)
    return figure


def decision_curves(curves: Sequence[BenefitCurve]) -> Figure:
    """Net benefit against the threshold probability, with calling everybody and nobody positive beside it."""
    figure, axes = blank(height=5.0)
    everybody = curves[0].curve
    axes.plot(
        everybody.threshold,
        everybody.treat_all,
        color=colour("muted"),
        linewidth=1.2,
        label="refer everybody",
    )
    axes.axhline(0, color=colour("ink"), linewidth=0.9, label="refer nobody")
    for named in curves:
        axes.plot(
            named.curve.threshold, named.curve.net_benefit, color=colour(named.role), label=named.label,
            linestyle=LINES.get(named.role, "-"), linewidth=2.0 if named.role == "network" else 1.4,
        )  # fmt: skip
    top = max(float(named.curve.net_benefit.max()) for named in curves)
    axes.set(
        xlabel="Probability from which one would refer", ylabel="Net benefit (true positives per film)",
        xlim=(0, 1), ylim=(-0.12 * top, 1.08 * top),
    )  # fmt: skip
    axes.grid(True)
    legend_below(figure, axes)
    return figure


def _bins(axes: Axes, stage: CalibrationResult, label: str, role: str, marker: str, line: Any) -> None:
    shown = [entry for entry in stage.bins if entry.observed.value is not None]
    x = [entry.mean_prob for entry in shown]
    for entry in shown:
        low, high = entry.observed.low, entry.observed.high
        if low is not None and high is not None:
            axes.plot([entry.mean_prob] * 2, [low, high], color=colour(role), linewidth=1.0)
    y = [entry.observed.value or 0.0 for entry in shown]
    axes.plot(
        x, y, marker=marker, markersize=5, linestyle=line, linewidth=1.2, color=colour(role), label=label
    )
