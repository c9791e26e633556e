"""The cohort flow: who came in, who was left out and why, who was used for what."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from strnet.report.figures.canvas import blank, colour
from strnet.report.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class FlowBox:
    """Films, and the patients they come from where that is known, under a heading; `lines` say more."""

    label: str
    films: int
    patients: int | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CohortFlow:
    """Stages from top to bottom, what was left out after each (same length), and the splits at the end."""

    stages: tuple[FlowBox, ...]
    excluded: tuple[tuple[FlowBox, ...], ...] = ()
    splits: tuple[FlowBox, ...] = ()
    notes: tuple[str, ...] = ()
    """What is to be said of the flow below its table."""


_LINE: Final = 0.19
_GAP: Final = 0.42
_WIDTH: Final = 7.4
_LETTERS: Final = 34
"""Of a reason, in one line of a box."""


def cohort_flow(flow: CohortFlow) -> Figure:
    """Boxes and arrows, in inches from the top; exclusions stand to the right of the arrow they leave."""
    left_out = (*flow.excluded, *((),) * (len(flow.stages) - len(flow.excluded)))
    height = _height(flow, left_out)
    figure, axes = blank(width=_WIDTH, height=height)
    axes.set(xlim=(0, _WIDTH), ylim=(height, 0))
    axes.axis("off")
    centre = _WIDTH * (0.32 if any(left_out) else 0.5)
    top = 0.05
    for index, (stage, excluded) in enumerate(zip(flow.stages, left_out, strict=True)):
        bottom = _box(axes, stage, centre, top, width=3.1)
        last = index == len(flow.stages) - 1
        gap = max(_GAP, sum(_box_height(box) + 0.12 for box in excluded) + 0.16 if excluded else 0.0)
        if not last:
            _arrow(axes, (centre, bottom), (centre, bottom + gap))
        _excluded(axes, excluded, centre, bottom)
        top = bottom + gap
    _splits(axes, flow.splits, (centre, bottom), top)
    return figure


def _height(flow: CohortFlow, left_out: Sequence[tuple[FlowBox, ...]]) -> float:
    total = 0.1
    for stage, excluded in zip(flow.stages, left_out, strict=True):
        total += _box_height(stage)
        total += max(_GAP, sum(_box_height(box) + 0.12 for box in excluded) + 0.16 if excluded else 0.0)
    return total + max((_box_height(box) for box in flow.splits), default=-_GAP) + 0.05


def _text(box: FlowBox) -> list[str]:
    films = counted(box.films, "film")
    people = "" if box.patients is None else f", {counted(box.patients, 'patient')}"
    return [f"{films}{people}", *box.lines]


def _box_height(box: FlowBox) -> float:
    return _LINE * (len(_text(box)) + len(_label(box))) + 0.14


def _label(box: FlowBox) -> list[str]:
    return textwrap.wrap(box.label, _LETTERS) or [""]


def _box(
    axes: Axes, box: FlowBox, centre: float, top: float, *, width: float, role: str = "network"
) -> float:
    """The lower edge, after drawing the box with its upper edge at `top`."""
    from matplotlib.patches import FancyBboxPatch

    height = _box_height(box)
    axes.add_patch(
        FancyBboxPatch(
            (centre - width / 2, top), width, height, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=(*_rgb(role), 0.07), edgecolor=colour(role), linewidth=1.0,
        )
    )  # fmt: skip
    label = _label(box)
    for index, line in enumerate([*label, *_text(box)]):
        heading: Any = {"weight": "bold", "fontsize": 9} if index < len(label) else {"fontsize": 8.5}
        axes.text(centre, top + 0.17 + _LINE * index, line, ha="center", va="center", **heading)
    return top + height


def _excluded(axes: Axes, boxes: Sequence[FlowBox], centre: float, top: float) -> None:
    y = top + 0.1
    for box in boxes:
        middle = y + _box_height(box) / 2
        _arrow(axes, (centre, middle), (_WIDTH * 0.62, middle))
        y = _box(axes, box, _WIDTH * 0.62 + 1.35, y, width=2.7, role="muted") + 0.12


def _splits(axes: Axes, boxes: Sequence[FlowBox], start: tuple[float, float], top: float) -> None:
    if not boxes:
        return
    pitch = _WIDTH / len(boxes)
    centres = [pitch * (index + 0.5) for index in range(len(boxes))]
    elbow = (start[1] + top) / 2
    ink: Any = {"color": colour("muted"), "linewidth": 1.0}
    axes.plot([start[0]] * 2, [start[1], elbow], **ink)
    axes.plot([min(*centres, start[0]), max(*centres, start[0])], [elbow, elbow], **ink)
    for box, centre in zip(boxes, centres, strict=True):
        _arrow(axes, (centre, elbow), (centre, top))
        _box(axes, box, centre, top, width=min(2.3, pitch - 0.15))


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": colour("muted"), "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def _rgb(role: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour(role))
