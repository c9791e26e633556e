"""What regions look like in training: sizes and order, so that a find unlike all of them is told apart.

Everything is measured in shares of the film's sides, so that it means the same at any resolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from pydantic import Field

from strnet.config import Frozen
from strnet.imaging.region import Box

SLACK = 1.5
"""How many times larger than the largest of training a region may be, or smaller than the smallest."""


class SizeLimits(Frozen):
    """Smallest and largest share of each of the film's sides, in the order of the axes."""

    low: tuple[float, ...]
    high: tuple[float, ...]


class OrderRule(Frozen):
    """`first` comes before `second` along `axis`, by their middles."""

    axis: int = Field(ge=0)
    first: str
    second: str


class Plausibility(Frozen):
    """What a found region must look like."""

    sizes: Mapping[str, SizeLimits] = Field(default_factory=dict)
    order: tuple[OrderRule, ...] = ()


def learn_plausibility(
    films: Sequence[tuple[Mapping[str, Box], tuple[int, ...]]], slack: float = SLACK
) -> Plausibility:
    """What holds in every one of `films`: boxes by name, and the size of the image they lie in.

    Sizes with `slack` either way; an order along an axis only where no film breaks it, and at least two show
    both regions.
    """
    names = list(dict.fromkeys(name for boxes, _ in films for name in boxes))
    shares = {
        name: [_shares(boxes[name], shape) for boxes, shape in films if name in boxes] for name in names
    }
    sizes = {
        name: SizeLimits(
            low=tuple(min(along) / slack for along in zip(*found, strict=True)),
            high=tuple(max(along) * slack for along in zip(*found, strict=True)),
        )
        for name, found in shares.items()
    }
    axes = range(len(films[0][1])) if films else ()
    order = [
        rule
        for first, second in combinations(names, 2)
        for axis in axes
        if (rule := _order([boxes for boxes, _ in films], axis, first, second)) is not None
    ]
    return Plausibility(sizes=sizes, order=tuple(order))


def implausible(boxes: Mapping[str, Box], shape: tuple[int, ...], limits: Plausibility) -> dict[str, str]:
    """By name of those `boxes` in an image of `shape` that look like none of training, why."""
    reasons: dict[str, list[str]] = {}
    for name, box in boxes.items():
        if name in limits.sizes:
            reasons.setdefault(name, []).extend(_size_reasons(_shares(box, shape), limits.sizes[name]))
    for rule in limits.order:
        if rule.first in boxes and rule.second in boxes:
            first, second = (_middle(boxes[name], rule.axis) for name in (rule.first, rule.second))
            if first >= second:
                told = f"{rule.second} lies before {rule.first} along axis {rule.axis}, in training never"
                reasons.setdefault(rule.first, []).append(told)
                reasons.setdefault(rule.second, []).append(told)
    return {name: "; ".join(told) for name, told in reasons.items() if told}


def _shares(box: Box, shape: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(side / size for side, size in zip(box.shape, shape, strict=True))


def _size_reasons(shares: Sequence[float], limits: SizeLimits) -> list[str]:
    return [
        f"it takes {share:.1%} of the film along axis {axis}, expected {low:.1%} to {high:.1%}"
        for axis, (share, low, high) in enumerate(zip(shares, limits.low, limits.high, strict=True))
        if not low <= share <= high
    ]


def _order(films: Sequence[Mapping[str, Box]], axis: int, first: str, second: str) -> OrderRule | None:
    gaps = [
        _middle(boxes[second], axis) - _middle(boxes[first], axis)
        for boxes in films
        if first in boxes and second in boxes
    ]
    if len(gaps) < 2:
        return None
    if min(gaps) > 0:
        return OrderRule(axis=axis, first=first, second=second)
    return OrderRule(axis=axis, first=second, second=first) if max(gaps) < 0 else None


def _middle(box: Box, axis: int) -> float:
    return (box.start[axis] + box.stop[axis]) / 2


def as_document(limits: Plausibility) -> dict[str, Any]:
    """JSON values of `limits`."""
    return limits.model_dump(mode="json")
