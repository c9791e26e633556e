"""Masks as files: PNG of 8 bits, 0 for the background, and numbers for the labels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from strnet.errors import ImageError
from strnet.files import sha256_bytes
from strnet.imaging.region import Inside, size_text

Labels = npt.NDArray[np.uint8]
LARGEST_LABEL = 255


@dataclass(frozen=True, eq=False)
class Mask:
    """Label numbers on an image's grid, uint8 of any number of axes; 0 is the background."""

    labels: Labels

    def inside(self, labels: Sequence[int] = ()) -> Inside:
        """Which elements hold one of `labels`; without any, which are not background."""
        return np.isin(self.labels, list(labels)) if labels else self.labels > 0

    @property
    def values(self) -> tuple[int, ...]:
        """The labels that occur, in order, without the background."""
        return tuple(int(value) for value in np.unique(self.labels) if value)


def read_mask(path: Path | str, shape: tuple[int, ...] | None = None) -> Mask:
    """The mask in a PNG of 8 bits; of `shape`, where that is given.

    Raises: ImageError: no such file, no PNG of one channel, another size, or nothing but background.
    """
    path = Path(path)
    try:
        with PillowImage.open(path) as picture:
            kind, mode = picture.format, picture.mode
            labels = np.asarray(picture)
    except Exception as error:  # Pillow raises OSError, SyntaxError, struct.error, ... on corrupt bytes
        raise ImageError(f"{path}: the mask cannot be read ({' '.join(str(error).split())}).") from error
    if kind != "PNG" or mode not in ("L", "P", "1"):
        raise ImageError(
            f"{path}: a {kind} in mode {mode}, expected a mask as PNG with one channel of 8 bits: 0 for the "
            "background, and the number of each label. JPEG blurs labels into each other."
        )
    mask = Mask(labels.astype(np.uint8))
    if shape is not None and mask.labels.shape != shape:
        raise ImageError(
            f"{path}: the mask has {size_text(mask.labels.shape)}, its film {size_text(shape)}. A mask lies "
            "on the grid of the file: make it again for this file."
        )
    if not mask.values:
        raise ImageError(f"{path}: the mask is empty: nothing but background. Leave the cell blank instead.")
    return mask


def require_labels(mask: Mask, names: Sequence[str], where: str) -> None:
    """Raise unless every label in `mask` is the number of one of `names`, counted from 1.

    Raises: ImageError: a label without a name.
    """
    strange = [value for value in mask.values if value > len(names)]
    if strange:
        known = ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
        raise ImageError(
            f"{where}: the mask holds label {', '.join(map(str, strange))}, expected {known}. Name the label "
            "in the task's classes, or make the mask again."
        )


def png_of(labels: Labels) -> bytes:
    """The PNG that `read_mask` reads back; the same labels give the same bytes."""
    content = io.BytesIO()
    PillowImage.fromarray(labels).save(content, "PNG")
    return content.getvalue()


def mask_name(image_id: str) -> str:
    """A file name for the mask of an image, whatever signs its id has."""
    return f"{sha256_bytes(image_id.encode())[:20]}.png"


def mask_sha256(path: Path | str) -> str:
    """SHA-256 of a mask file's bytes.

    Raises: ImageError: it cannot be read.
    """
    try:
        return sha256_bytes(Path(path).read_bytes())
    except OSError as error:
        raise ImageError(f"{path}: the mask cannot be read ({error.strerror or error}).") from error
