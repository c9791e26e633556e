"""What of an image a network looks at: boxes and masks, for films and volumes alike.

A box counts along the axes of an array: rows and columns of a film; slices, rows and columns of a volume.
In a table's cell it stands the other way round, as people say it: `left top right bottom`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from strnet.errors import ImageError

Inside = npt.NDArray[np.bool_]
"""Which elements of an image belong to a region, of the image's shape."""
Element = TypeVar("Element", bound=np.generic)

UNNAMED = "region"
"""Name of a region whose box has none."""


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open bounds along the axes of an array, such as (top, left) to (bottom, right) of a film."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise unless every side is at least one element long.

        Raises: ImageError: a side that ends before it begins, or bounds of different axes.
        """
        if len(self.start) != len(self.stop) or not self.start:
            raise ImageError(f"a box from {self.start} to {self.stop}: expected as many ends as beginnings.")
        if any(low >= high for low, high in zip(self.start, self.stop, strict=True)):
            raise ImageError(
                f"box '{self.cell()}' has no extent: expected left below right and top below bottom. Write "
                "it as left top right bottom, in pixels of the file."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each side, elements."""
        return tuple(high - low for low, high in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, ...]:
        """Index of the box in an array."""
        return tuple(slice(low, high) for low, high in zip(self.start, self.stop, strict=True))

    def cell(self) -> str:
        """The box as a table's cell has it: the first axis last, `left top right bottom` for a film."""
        return " ".join(map(str, (*reversed(self.start), *reversed(self.stop))))


def parse_boxes(cell: str) -> dict[str, Box]:
    """The boxes of a manifest's cell by name: `L1: 10 20 200 180; L2: ...`; one without a name is `region`.

    A film's box has four numbers, left top right bottom; a volume's six, left top first right bottom last.

    Raises: ImageError: no boxes, a name twice, or a box without extent.
    """
    boxes: dict[str, Box] = {}
    for part in cell.split(";"):
        match = re.fullmatch(r"\s*(?:(\w+)\s*:\s*)?(\d+(?:\s+\d+){3}|\d+(?:\s+\d+){5})\s*", part)
        if match is None:
            raise ImageError(
                f"'{cell}' is no box: expected left top right bottom, or several with names, such as "
                "'L1: 10 20 200 180; L2: 10 190 200 350'."
            )
        name = match[1] or UNNAMED
        if name in boxes:
            raise ImageError(f"'{cell}' has region {name} twice. Keep one, or give the other its own name.")
        numbers = [int(number) for number in match[2].split()]
        half = len(numbers) // 2
        boxes[name] = Box(tuple(reversed(numbers[:half])), tuple(reversed(numbers[half:])))
    return boxes


def boxes_cell(boxes: Mapping[str, Box]) -> str:
    """The manifest's cell that `parse_boxes` reads back."""
    if list(boxes) == [UNNAMED]:
        return boxes[UNNAMED].cell()
    return "; ".join(f"{name}: {box.cell()}" for name, box in boxes.items())


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box around `boxes`.

    Raises: ImageError: none, or boxes of different axes.
    """
    if len({len(box.start) for box in boxes}) != 1:
        raise ImageError(
            f"{len(boxes)} boxes to unite, expected one or more, all of films or all of volumes."
        )
    starts, stops = (
        zip(*(box.start for box in boxes), strict=True),
        zip(*(box.stop for box in boxes), strict=True),
    )
    return Box(tuple(map(min, starts)), tuple(map(max, stops)))


def with_margin(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    """`box` with `margin` (a fraction of each side) more at either end, as far as the image of `shape` goes.

    Raises: ImageError: nothing of it lies in the image.
    """
    more = [math.ceil(margin * side) for side in box.shape]
    return clipped_span(
        [low - grown for low, grown in zip(box.start, more, strict=True)],
        [high + grown for high, grown in zip(box.stop, more, strict=True)],
        shape,
    )


def clipped(box: Box, shape: tuple[int, ...]) -> Box:
    """What of `box` lies in an image of `shape`.

    Raises: ImageError: nothing does.
    """
    return clipped_span(box.start, box.stop, shape)


def clipped_span(start: Sequence[int], stop: Sequence[int], shape: tuple[int, ...]) -> Box:
    """The box from `start` to `stop`, which may lie beyond either end, cut to an image of `shape`.

    Raises: ImageError: nothing is left, or another number of axes.
    """
    if len(start) != len(shape):
        raise ImageError(f"a box along {len(start)} axes, and an image of {len(shape)}: expected the same.")
    low = tuple(max(first, 0) for first in start)
    high = tuple(min(last, size) for last, size in zip(stop, shape, strict=True))
    if any(first >= last for first, last in zip(low, high, strict=True)):
        raise ImageError(
            f"nothing of the box from {tuple(start)} to {tuple(stop)} lies in {size_text(shape)}."
        )
    return Box(low, high)


def require_inside(box: Box, shape: tuple[int, ...], name: str = UNNAMED) -> None:
    """Raise unless the whole of `box` lies in an image of `shape`.

    Raises: ImageError: it does not; its name, itself and the image's size.
    """
    ends = zip(box.stop, shape, strict=False)
    if len(box.start) != len(shape) or min(box.start) < 0 or any(stop > size for stop, size in ends):
        raise ImageError(
            f"the box of {name}, {box.cell()} (left top right bottom), lies outside its image of "
            f"{size_text(shape)}. Correct it, or check whether it was drawn on another copy of the film."
        )


def scaled(box: Box, before: tuple[int, ...], after: tuple[int, ...]) -> Box:
    """What `box`, drawn on an image of shape `before`, touches of the same image at shape `after`."""
    ratios = [new / old for new, old in zip(after, before, strict=True)]
    start = [math.floor(low * ratio) for low, ratio in zip(box.start, ratios, strict=True)]
    stop = [math.ceil(high * ratio - 1e-9) for high, ratio in zip(box.stop, ratios, strict=True)]
    return clipped_span(start, stop, after)


def intersection_over_union(first: Box, second: Box) -> float:
    """Share in [0, 1] of the elements in either box that are in both.

    Source: Jaccard 1912.
    """
    lows = map(max, first.start, second.start)
    highs = map(min, first.stop, second.stop)
    common = math.prod(max(high - low, 0) for low, high in zip(lows, highs, strict=True))
    return common / (math.prod(first.shape) + math.prod(second.shape) - common)


def filled(boxes: Sequence[Box], shape: tuple[int, ...]) -> Inside:
    """Which elements of an image of `shape` lie in any of `boxes`."""
    inside = np.zeros(shape, dtype=bool)
    for box in boxes:
        inside[box.slices] = True
    return inside


def box_of(inside: Inside) -> Box:
    """The smallest box around all that is `inside`.

    Raises: ImageError: nothing is.
    """
    if not inside.any():
        raise ImageError("the mask is empty: no element of it belongs to the region.")
    axes = range(inside.ndim)
    found = [
        np.flatnonzero(inside.any(axis=tuple(other for other in axes if other != axis))) for axis in axes
    ]
    return Box(tuple(int(line[0]) for line in found), tuple(int(line[-1]) + 1 for line in found))


def largest_component(inside: Inside) -> Inside:
    """The largest connected part of what is `inside` (neighbours share a face); of equal ones the first."""
    from scipy import ndimage

    parts, number = ndimage.label(inside)
    if number < 2:
        return inside
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())


def blank_outside(image: npt.NDArray[Element], inside: Inside) -> npt.NDArray[Element]:
    """A copy of `image` that is 0 wherever it is not `inside`.

    Raises: ImageError: a mask of another shape.
    """
    if image.shape != inside.shape:
        raise ImageError(f"a mask of {size_text(inside.shape)} for an image of {size_text(image.shape)}.")
    return np.where(inside, image, np.zeros((), dtype=image.dtype))


def size_text(shape: Sequence[int]) -> str:
    """`480 x 320 pixels`: rows by columns, slices before them."""
    return f"{' x '.join(map(str, shape))} {'pixels' if len(shape) == 2 else 'voxels'}"
