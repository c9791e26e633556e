"""How training went, epoch by epoch."""

from __future__ import annotations

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


def quantities(curves: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Quantities of the columns `<split>/<quantity>`, each with the splits it is known on, loss first."""
    found: dict[str, tuple[str, ...]] = {}
    for column in curves.columns:
        split, slash, quantity = column.partition("/")
        if slash and split in _ROLES and curves[column].dtype.is_numeric() and curves[column].count():
            found[quantity] = (*found.get(quantity, ()), split)
    return dict(sorted(found.items(), key=lambda entry: (entry[0] != "loss", len(entry[1]) < 2)))


def learning_curves(curves: pl.DataFrame) -> Figure:
    """One panel per quantity, train beside validation; the best validation epoch of a loss is marked."""
    shown = quantities(curves)
    rows = -(-len(shown) // _COLUMNS)
    columns = min(_COLUMNS, len(shown))
    figure, grid = blank(width=3.2 * columns, height=2.5 * rows, nrows=rows, ncols=columns, squeeze=False)
    panels = list(grid.flat)
    for axes, (quantity, splits) in zip(panels, shown.items(), strict=False):
        for split in splits:
            _curve(axes, curves, split, quantity)
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


def _curve(axes: Axes, curves: pl.DataFrame, split: str, quantity: str) -> None:
    column = f"{split}/{quantity}"
    known = curves.select("epoch", column).drop_nulls().group_by("epoch", maintain_order=True).last()
    epochs, values = known["epoch"].to_numpy(), known[column].to_numpy()
    axes.plot(
        epochs, values, color=colour(_ROLES[split]), label=split, linewidth=1.6, marker=".", markersize=4
    )
    if split == "validation" and quantity == "loss":
        best = int(values.argmin())
        axes.plot(epochs[best], values[best], "o", color=colour("paper"), markeredgecolor=colour("network"))
        # above the panel: the mark lies lowest and often last, and words beside it would run into the axis
        axes.set_title(f"best, epoch {epochs[best]}", loc="right", fontsize=8, color=colour("network"))
