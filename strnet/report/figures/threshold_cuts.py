"""Pictures of thresholds under other floors: where they cut both classes, and where they lie on the ROC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strnet.report.figures.operating_points import roc_points, share_reaching, two_panels
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.rows import Rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLASSES = {"positives": "#b3541e", "negatives": "#1f5a86"}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def plot_cuts(rows: Rows, cuts: Mapping[str, float], path: Path | str) -> None:
    """Write the picture of one threshold, or of the two ends of a grey zone, in the scores' own direction.

    Left the share of each class that reaches a score, right the ROC with the thresholds on it.

    Raises: ThresholdError: an extension that cannot be drawn, or rows without negatives.
    """
    with two_panels(rows, path) as (left, right):
        for (name, colour), of_class in zip(
            CLASSES.items(), (rows.positives(), rows.negatives()), strict=True
        ):
            at = np.unique(of_class.score)
            share = share_reaching(of_class, at)
            left.plot(rows.sign * at, share, color=colour, label=name, drawstyle="steps-pre")
        for threshold in cuts.values():
            left.axvline(threshold, color="0.4", lw=0.9, ls="--")
        if len(set(cuts.values())) > 1:
            left.axvspan(*sorted(cuts.values()), color="0.5", alpha=0.15, lw=0)
        verb = "at or above" if rows.sign > 0 else "at or below"
        left.set(xlabel="score", ylabel=f"share {verb} it", ylim=(0, 1.01))
        left.legend(frameon=False)
        _draw_roc(right, rows)
        for marker, (name, threshold) in zip(MARKERS, cuts.items(), strict=False):
            right.plot(*rates_at(rows, threshold), marker, color="0.2", label=name)
        right.legend(frameon=False, loc="lower right")


def plot_networks(networks: Mapping[str, Rows], point: OperatingPoint, path: Path | str) -> None:
    """Write the picture of several networks: their ROC curves, and their specificities with intervals.

    Raises: as `plot_cuts`.
    """
    first = next(iter(networks.values()))
    with two_panels(first, path) as (left, right):
        for place, (candidate, rows) in enumerate(zip(point.candidates, networks.values(), strict=True)):
            seen, colour = candidate.specificity, f"C{place % 10}"
            if seen is not None:
                left.plot(seen.value, place, "o", color=colour)
                left.hlines(place, seen.low, seen.high, color=colour)
            label = f"{candidate.name} (chosen)" if candidate.chosen else candidate.name
            _draw_roc(right, rows, colour=colour, label=label)
            if candidate.threshold is not None:
                right.plot(*rates_at(rows, candidate.threshold), "o", color=colour)
        left.set_yticks(range(len(networks)), [candidate.name for candidate in point.candidates])
        left.invert_yaxis()
        left.set(xlabel="specificity; all intervals hold together")
        right.legend(frameon=False, loc="lower right")


def rates_at(rows: Rows, threshold: float) -> tuple[float, float]:
    """False-positive rate and sensitivity of `threshold`, given in the scores' own direction."""
    rates = []
    for of_class in (rows.negatives(), rows.positives()):
        reached = of_class.score >= rows.sign * threshold
        rates.append(float(np.average(reached, weights=of_class.weights)))
    return rates[0], rates[1]


def _draw_roc(axes: Axes, rows: Rows, *, colour: str = "0.35", label: str | None = None) -> None:
    axes.plot(*roc_points(rows), color=colour, lw=1, label=label)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
