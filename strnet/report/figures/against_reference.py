"""Predicted against reference: values (scatter, Bland-Altman) and classes (confusion matrix)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from strnet.report.figures.canvas import beside, blank, colour
from strnet.report.measures import Measure
from strnet.report.task_results import AgreementResult, CategoricalEvaluation
from strnet.report.wording import estimate_text, number, plain_name
from strnet.schema import DIAGNOSES, NORMAL_AT_LEAST, OSTEOPOROSIS_AT_MOST, diagnosis_from_t_score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
_SHAPES: Final = {"normal": "o", "osteopenia": "s", "osteoporosis": "^"}
_CROWDED_FROM: Final = 600
_RASTER_FROM: Final = 3000
"""Points from which they are drawn smaller, and from which they are a picture inside the SVG."""


def scatter(
    reference: Floats, predicted: Floats, result: AgreementResult, *, name: str, t_score: bool
) -> Figure:
    """Predicted against reference values of `name` with the identity line; for T-scores also the cut-offs."""
    figure, axes = blank()
    both = np.concatenate([reference, predicted])
    margin = 0.06 * float(np.ptp(both) or 1.0)
    low, high = float(both.min()) - margin, float(both.max()) + margin
    axes.plot([low, high], [low, high], color=colour("muted"), linewidth=0.9)
    _dots(axes, reference, predicted, reference, t_score=t_score)
    axes.set(xlim=(low, high), ylim=(low, high), xlabel=f"Reference {name}", ylabel=f"Predicted {name}")
    if t_score:
        _cut_offs(axes)
        axes.legend(loc="lower right", handletextpad=0.2, borderaxespad=0.6)
    axes.set_aspect("equal")
    axes.grid(True)
    axes.text(
        0.03, 0.97, f"r {estimate_text(result.r)}\nMAE {estimate_text(result.mae)}\nn = {result.rows}",
        transform=axes.transAxes, va="top", fontsize=8.5, linespacing=1.5,
    )  # fmt: skip
    return figure


def bland_altman(
    reference: Floats, predicted: Floats, result: AgreementResult, *, name: str, t_score: bool
) -> Figure:
    """Difference against mean with bias and 95% limits of agreement, each with its interval as a band."""
    figure, axes = blank()
    mean, difference = (reference + predicted) / 2, predicted - reference
    _dots(axes, mean, difference, reference, t_score=t_score)
    for label, level, line in (
        ("upper limit", result.upper_limit, (0, (4, 2))),
        ("bias", result.bias, "-"),
        ("lower limit", result.lower_limit, (0, (4, 2))),
    ):
        _level(axes, label, level, line)
    axes.set(
        xlabel=f"Mean of predicted and reference {name}", ylabel=f"Predicted − reference {name}",
        xlim=(mean.min() - 0.05 * np.ptp(mean), mean.max() + 0.05 * np.ptp(mean)),
    )  # fmt: skip
    axes.grid(True, axis="y")
    return figure


def confusion(result: CategoricalEvaluation) -> Figure:
    """Reference by predicted class: films per cell, and their share of the reference class as the shade."""
    figure, axes = blank(height=0.85 * len(result.labels) + 1.3)
    for row, counts in enumerate(result.confusion):
        total = sum(counts)
        for column, count in enumerate(counts):
            share = count / total if total else 0.0
            axes.fill_between(
                [column - 0.49, column + 0.49], row - 0.49, row + 0.49, color=colour("network"),
                alpha=0.05 + 0.5 * share, linewidth=0,
            )  # fmt: skip
            percent = f"{100 * share:.0f}%" if total else "no films"
            axes.text(column, row - 0.1, str(count), ha="center", va="center", fontsize=13, weight="bold")
            axes.text(column, row + 0.24, percent, ha="center", va="center", fontsize=8)
    names = [plain_name(label) for label in result.labels]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="Predicted class", ylabel="Reference class", xlim=(-0.52, len(names) - 0.48))
    axes.set_ylim(len(names) - 0.48, -0.52)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure


def _dots(axes: Axes, x: Floats, y: Floats, reference: Floats, *, t_score: bool) -> None:
    """Points, in the colour and shape of their reference class where the values are T-scores."""
    raster = x.size > _RASTER_FROM
    size, alpha = (4.2, 0.8) if x.size <= _CROWDED_FROM else (2.2, 0.45)
    if not t_score:
        axes.plot(
            x,
            y,
            "o",
            color=colour("network"),
            markersize=size,
            alpha=alpha,
            markeredgewidth=0,
            rasterized=raster,
        )
        return
    classes = np.array([diagnosis_from_t_score(value) for value in reference])
    for label in DIAGNOSES:
        inside = classes == label
        axes.plot(
            x[inside], y[inside], _SHAPES[label], color=colour(label), markersize=size, alpha=alpha,
            markeredgewidth=0, label=label, rasterized=raster,
        )  # fmt: skip


def _level(axes: Axes, label: str, level: Measure, line: object) -> None:
    if level.value is None:
        return
    if level.low is not None and level.high is not None:
        axes.axhspan(level.low, level.high, color=colour("network"), alpha=0.13, linewidth=0)
    axes.axhline(level.value, color=colour("network"), linewidth=1.2, linestyle=line)
    beside(axes, f"{label}\n{number(level.value, 2)}", level.value)


def _cut_offs(axes: Axes) -> None:
    for cut in (OSTEOPOROSIS_AT_MOST, NORMAL_AT_LEAST):
        axes.axvline(cut, color=colour("grid"), linewidth=1.2, zorder=0)
        axes.axhline(cut, color=colour("grid"), linewidth=1.2, zorder=0)
