"""What is made of a film for the store: the whole of it, a region of it, or the labels of a mask.

Boxes and masks are meant on the grid of the file, as stored. A file of another size than they were made for,
or one that EXIF turns, is refused: nothing in it says which of its pixels they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.files import canonical_json, sha256_bytes
from strnet.imaging.mask_files import Labels, read_mask, require_labels
from strnet.imaging.preparation import prepare, prepare_labels, prepare_region
from strnet.imaging.radiograph import Radiograph
from strnet.imaging.region import (
    Box,
    Inside,
    box_of,
    clipped_span,
    filled,
    require_inside,
    scaled,
    size_text,
    union,
    with_margin,
)

Grid = tuple[int, int]
"""Rows and columns of a file as stored."""
_METHOD = 1
"""Of making regions; a change here that moves any grey value raises it."""


class FilmShape(NamedTuple):
    """Sizes of one film: its square pixels as read, and the grid of its file."""

    pixels: tuple[int, int]
    grid: Grid
    turned: bool
    """Whether EXIF turns the stored picture."""


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask on the disk, its hash, and the labels that are meant; without any, all but the background."""

    path: Path
    sha256: str
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FilmRegion:
    """One box around `boxes`, `margin` wider; blank outside the mask, or outside the boxes where none is."""

    boxes: tuple[tuple[str, Box], ...]
    """By name."""
    grid: Grid
    """Of the file that they were made for."""
    margin: float = 0.0
    outside: Literal["keep", "blank"] = "keep"
    mask: MaskFile | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides which pixels are taken; where the mask lies does not."""
        blank = self.mask if self.outside == "blank" else None
        return _digest(
            kind="region",
            boxes=[box.cell() for _, box in self.boxes],
            grid=self.grid,
            margin=self.margin,
            outside=self.outside,
            mask=None if blank is None else [blank.sha256, *blank.labels],
        )


@dataclass(frozen=True, slots=True)
class FilmLabels:
    """The label of each pixel, from a mask or, where there is none, from boxes: later ones lie on top."""

    names: tuple[str, ...]
    """Of labels 1, 2, ..."""
    grid: Grid
    mask: MaskFile | None = None
    boxes: tuple[tuple[str, Box], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides the labels; where the mask lies does not."""
        drawn = [[name, box.cell()] for name, box in self.boxes] if self.mask is None else []
        mask = None if self.mask is None else self.mask.sha256
        return _digest(kind="labels", names=self.names, grid=self.grid, boxes=drawn, mask=mask)


FilmPart = FilmRegion | FilmLabels | None
"""None is the whole film."""


def record_key(file_sha256: str, part: FilmPart) -> str:
    """64 hexadecimal digits that name what is made of `part` of a file; the file's own for the whole film."""
    return file_sha256 if part is None else sha256_bytes(f"{file_sha256} {part.digest}".encode())


def film_shape(film: Radiograph) -> FilmShape:
    """The sizes of a film that was read."""
    rows, columns = film.pixels.shape
    return FilmShape((rows, columns), (film.source.rows, film.source.columns), film.source.turned)


def prepare_part(film: Radiograph, part: FilmPart, preprocessing: Preprocessing) -> npt.NDArray[np.uint16]:
    """What the store keeps of `part`, (height, width): grey values as `prepare` gives them, or labels.

    Raises: ImageError: a file of another size than the part was made for, a box outside it, a mask of another
        size or with labels that have no name.
    """
    if part is None:
        return prepare(film.pixels, preprocessing)
    shape = film_shape(film)
    require_grid(shape, part.grid)
    if isinstance(part, FilmLabels):
        return prepare_labels(_fitted_to(labels_of(part), shape.pixels), preprocessing)
    for name, box in part.boxes:
        require_inside(box, shape.grid, name)
    boxes = [scaled(box, shape.grid, shape.pixels) for _, box in part.boxes]
    crop = with_margin(union(boxes), part.margin, shape.pixels)
    inside = _inside(part, boxes, shape) if part.outside == "blank" else None
    return prepare_region(film.pixels, crop, inside, preprocessing)


def require_grid(shape: FilmShape, grid: Grid) -> None:
    """Raise unless boxes and masks made for a file of size `grid` say something of a file like this.

    Raises: ImageError: another size, or a picture that EXIF turns.
    """
    if shape.grid != tuple(grid):
        raise ImageError(
            f"its boxes and masks are meant for a file of {size_text(grid)}, and this one has "
            f"{size_text(shape.grid)}. It was saved again at another size, or is another film: restore the "
            "file, or make boxes and masks for this one and ingest it again."
        )
    require_upright(shape)


def require_upright(shape: FilmShape) -> None:
    """Raise unless the file's grid is the picture's.

    Raises: ImageError: EXIF turns the picture.
    """
    if shape.turned:
        raise ImageError(
            "the file's EXIF orientation turns the picture, and nothing says on which side of that turn a "
            "box or mask is meant. Save the picture upright, without the tag."
        )


def labels_of(part: FilmLabels) -> Labels:
    """The labels on the grid of the file.

    Raises: ImageError: a mask of another size, labels without a name, or a box outside the film.
    """
    if part.mask is not None:
        mask = read_mask(part.mask.path, tuple(part.grid))
        require_labels(mask, part.names, str(part.mask.path))
        return mask.labels
    labels = np.zeros(part.grid, dtype=np.uint8)
    for name, box in part.boxes:
        require_inside(box, tuple(part.grid), name)
        labels[box.slices] = part.names.index(name) + 1
    return labels


def region_box(part: FilmRegion) -> Box:
    """What the network sees of the file, in its pixels: the box around all, with its margin.

    Raises: ImageError: it lies outside the file.
    """
    around = union([box for _, box in part.boxes])
    return with_margin(clipped_span(around.start, around.stop, part.grid), part.margin, part.grid)


def _inside(part: FilmRegion, boxes: Sequence[Box], shape: FilmShape) -> Inside:
    if part.mask is None:
        return filled(boxes, shape.pixels)
    inside = read_mask(part.mask.path, shape.grid).inside(part.mask.labels)
    box_of(inside)  # its labels may occur nowhere
    return _fitted_to(inside.astype(np.uint8), shape.pixels).astype(bool)


def _fitted_to(labels: Labels, shape: tuple[int, int]) -> Labels:
    """Labels on the grid of a file, on the square pixels of its film."""
    if labels.shape == shape:
        return labels
    return np.asarray(cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT))


def _digest(**content: Any) -> str:
    return sha256_bytes(canonical_json({"method": _METHOD, **content}))
