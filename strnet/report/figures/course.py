"""How training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

from strnet.report.figures.canvas import blank, colour, legend_below
from strnet.report.wording import plain_name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROLES: Final = {"train": "muted", "validation": "network"}
_FIGURES: Final = MappingProxyType(
    {
        "loss": "loss",
        "auroc": "AUROC",
        "auprc": "AUPRC",
        "accuracy": "accuracy",
        "kappa": "weighted kappa",
        "mae": "MAE",
        "pearson": "r",
    }
)
_COLUMNS: Final = 3
_LOSS: Final = "validation/loss"


@dataclass(frozen=True, slots=True)
class Course:
    """How a training went, or those of several folds."""

    curves: pl.DataFrame
    """A row per epoch with `epoch` and columns `<split>/<quantity>`; of several folds with `fold`, too."""
    monitor: str = _LOSS
    """The column that chose the epoch."""
    best_epochs: tuple[int, ...] = ()
    """The epoch that was kept, one per fold; where it is not given, that of the lowest loss is marked."""
    note: str = ""
    """A sentence on how the numbers came about."""

    @property
    def runs(self) -> list[pl.DataFrame]:
        """The curves of each fold, in their order."""
        if "fold" not in self.curves.columns:
            return [self.curves]
        return self.curves.partition_by("fold", maintain_order=True)


def quantities(course: Course) -> dict[str, tuple[str, ...]]:
    """The quantities to show, each with the splits it is known on: the loss, what chose the epoch, others.

    Of several folds only the first two are shown.
    """
    found: dict[str, tuple[str, ...]] = {}
    for column in course.curves.columns:
        split, slash, quantity = column.partition("/")
        values = course.curves[column]
        if slash and split in _ROLES and values.dtype.is_numeric() and values.count():
            found[quantity] = (*found.get(quantity, ()), split)
    chosen_by = course.monitor.partition("/")[2]
    first = {quantity: found[quantity] for quantity in ("loss", chosen_by) if quantity in found}
    if len(course.runs) > 1:
        return first
    return first | dict(sorted(found.items(), key=lambda entry: len(entry[1]) < 2))


def learning_curves(course: Course) -> Figure:
    """One panel per quantity, train beside validation, a line per fold; the epoch that was kept is marked."""
    shown = quantities(course)
    rows = -(-len(shown) // _COLUMNS)
    columns = min(_COLUMNS, len(shown))
    figure, grid = blank(width=3.2 * columns, height=2.5 * rows, nrows=rows, ncols=columns, squeeze=False)
    panels = list(grid.flat)
    for axes, (quantity, splits) in zip(panels, shown.items(), strict=False):
        for split in splits:
            _curves(axes, course, f"{split}/{quantity}")
        task, figure_name = _named(quantity)
        axes.set(title=task, xlabel="Epoch", ylabel=figure_name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(True, axis="y")
    legend_below(figure, panels[0])
    for axes in panels[len(shown) :]:
        axes.remove()
    return figure


def _named(quantity: str) -> tuple[str, str]:
    """Task and figure in words: `bone_loss_auroc` is Bone loss, AUROC; `loss` is of all tasks."""
    task, _, last = quantity.rpartition("_")
    if last not in _FIGURES:
        task, last = quantity, ""
    return sentence(plain_name(task or "all tasks")), _FIGURES.get(last, "value")


def _curves(axes: Axes, course: Course, column: str) -> None:
    split = column.partition("/")[0]
    thin = len(course.runs) > 1
    style = {"linewidth": 0.9, "alpha": 0.8} if thin else {"linewidth": 1.6, "marker": ".", "markersize": 4}
    best = []
    for number, (epochs, values, kept) in enumerate(_lines(course, column)):
        label = split if number == 0 else None
        axes.plot(epochs, values, color=colour(_ROLES[split]), label=label, **style)
        if column == course.monitor and kept in epochs:
            value = values[epochs.index(kept)]
            axes.plot(kept, value, "o", color=colour("paper"), markeredgecolor=colour("network"))
            best.append(kept)
    if best:
        # above the panel: the mark lies lowest and often last, and words beside it would run into the axis;
        # and above its title, which may be as long as the panel is wide
        words = f"epoch {best[0]}" if min(best) == max(best) else f"epochs {min(best)} to {max(best)}"
        axes.annotate(
            f"best, {words}", (1, 1), xytext=(0, 17), xycoords="axes fraction", textcoords="offset points",
            ha="right", va="bottom", fontsize=8, color=colour("network"),
        )  # fmt: skip


def _lines(course: Course, column: str) -> Iterator[tuple[list[int], list[float], int | None]]:
    """Of each fold the epochs, the values of `column`, and the epoch that was kept."""
    for number, run in enumerate(course.runs):
        known = run.select("epoch", column).drop_nulls().group_by("epoch", maintain_order=True).last()
        epochs, values = known["epoch"].to_list(), known[column].to_list()
        kept = course.best_epochs[number] if number < len(course.best_epochs) else None
        if kept is None and column == _LOSS and values:
            kept = epochs[values.index(min(values))]
        yield epochs, values, kept
