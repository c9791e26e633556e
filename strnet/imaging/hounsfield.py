"""Stored values of slices to HU, slice by slice as each is rescaled, and whether they can be HU at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from strnet.errors import DicomError, ImageError
from strnet.imaging.codestreams.wholeness import FLAGS, LOSSES
from strnet.imaging.dicom import require_depth
from strnet.imaging.element_values import name_of, whole_of
from strnet.imaging.scan_slices import ScanSlice
from strnet.imaging.stored_values import stored_values

AIR_HU = -1024
"""What stands where a scan has no value: outside the scanned circle, and beside slices that were shifted."""
_HIGHEST_AIR = -500
"""Padding above it could be tissue."""
_INT16 = (-(2**15), 2**15 - 1)
_NO_FAT = -50.0
_NO_BONE = 100.0
_SOFT_TISSUE = (-150.0, 250.0)
_LEAST_SOFT_TISSUE = 0.01
_SAMPLED = 4
"""Every so manyth slice, row and column is looked at for plausibility."""

Opened = Callable[[ScanSlice], FileDataset]


def hounsfield_of(slices: Sequence[ScanSlice], opened: Opened) -> NDArray[np.int16] | NDArray[np.float32]:
    """HU (slices, rows, columns) of slices of one size: int16 where every rescaling is in whole numbers.

    `opened` gives the data set of a slice: its file, or its frame as a file of its own.

    Raises: DicomError: a slice that cannot be decoded, by name; values that are not HU.
    Source: DICOM PS3.3 C.11.1.1.2 (rescale), C.7.5.1.1.2 (padding, which is not rescaled).
    """
    whole = all(float(number).is_integer() for piece in slices for number in (piece.slope, piece.intercept))
    shape = (len(slices), *slices[0].shape)
    values = np.empty(shape, dtype=np.int16 if whole else np.float32)
    for number, piece in enumerate(slices):
        try:
            values[number] = _slice_values(opened(piece), piece)
        except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
            raise
        except BaseException as error:  # as for films: decoders raise anything on corrupt bytes
            text = str(error) if isinstance(error, ImageError) else f"cannot be decoded: {_said(error)}."
            raise DicomError(f"slice {piece.place}: {text}") from error
    require_hounsfield(values)
    return values


def require_hounsfield(values: NDArray[np.int16] | NDArray[np.float32] | NDArray[np.uint8]) -> None:
    """Raise unless the values can be HU of a part of a body.

    Raises: DicomError: nothing as dark as fat or air, nothing as bright as bone, or hardly any soft tissue.
    """
    seen = values[:: min(_SAMPLED, max(1, len(values) // 4)), ::_SAMPLED, ::_SAMPLED]
    low, high = float(seen.min()), float(seen.max())
    soft = float(np.mean((seen >= _SOFT_TISSUE[0]) & (seen <= _SOFT_TISSUE[1])))
    found = None
    if low > _NO_FAT:
        found = f"nothing is below {low:g}, where fat and air would be"
    elif high < _NO_BONE:
        found = f"nothing is above {high:g}, where bone would be"
    elif soft < _LEAST_SOFT_TISSUE:
        found = (
            f"only {soft:.1%} lies between {_SOFT_TISSUE[0]:g} and {_SOFT_TISSUE[1]:g}, where soft tissue is"
        )
    if found:
        raise DicomError(
            f"not HU: {found}. Rescale Intercept (0028,1052) and Slope (0028,1053) are wrong, or this is no "
            "CT of a person. Export the original series."
        )


def _slice_values(header: FileDataset, piece: ScanSlice) -> NDArray[np.number]:
    stored = _stored(header)
    padding = _padding_of(header, stored.dtype)
    outside = None if padding is None else (stored >= padding[0]) & (stored <= padding[1])
    if padding is None or outside is None or not outside.any():
        outside = None
    else:
        _require_air(padding, piece)
    inside = stored if outside is None else stored[~outside]
    low, high = (int(inside.min()), int(inside.max())) if inside.size else (0, 0)
    ends = sorted(piece.slope * end + piece.intercept for end in (low, high))
    if ends[0] < _INT16[0] or ends[1] > _INT16[1]:
        raise DicomError(
            f"HU from {ends[0]:g} to {ends[1]:g}, beyond what CT gives ({_INT16[0]} to {_INT16[1]}). "
            "Rescale Slope or Pixel Representation (0028,0103) is wrong."
        )
    values = _rescaled(stored, piece, exact=ends[1] <= _INT16[1] and high <= _INT16[1])
    if outside is not None:
        values[outside] = AIR_HU
    return values


def _rescaled(stored: NDArray[np.integer], piece: ScanSlice, *, exact: bool) -> NDArray[np.number]:
    """Slope and intercept applied; in int16 where nothing can be lost by it."""
    if piece.slope == 1.0 and float(piece.intercept).is_integer() and exact:
        values = stored.astype(np.int16)
        values += np.int16(piece.intercept)
        return values
    scaled = stored.astype(np.float64) * piece.slope + piece.intercept
    return np.asarray(scaled)


def _stored(header: FileDataset) -> NDArray[np.integer]:
    if "PixelData" not in header:
        raise DicomError(f"{name_of('PixelData')} is missing: the file is cut short, or holds no image.")
    require_depth(header)
    signed = whole_of(header, "PixelRepresentation") == 1
    kind = np.dtype(f"{'i' if signed else 'u'}{int(header.BitsAllocated) // 8}")
    stored, flags = stored_values(header, kind)
    lost = [FLAGS[flag] for flag in flags if flag in LOSSES]
    if lost:
        raise DicomError(f"{'; '.join(lost)}. Copy the file again.")
    return stored


def _padding_of(header: FileDataset, kind: np.dtype[np.integer]) -> tuple[int, int] | None:
    """Lowest and highest stored value that is padding. Source: DICOM PS3.3 C.7.5.1.1.2."""
    ends = [header.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None or ends[0] == "":
        return None
    bits = 8 * kind.itemsize
    # Writers give the padding of signed pixels as an unsigned word, and the other way round.
    words = [int(end) % 2**bits for end in ends if end not in (None, "")]
    if kind.kind == "i":
        words = [word - 2**bits if word >= 2 ** (bits - 1) else word for word in words]
    return min(words), max(words)


def _require_air(padding: tuple[int, int], piece: ScanSlice) -> None:
    brightest = max(piece.slope * end + piece.intercept for end in padding)
    if brightest > _HIGHEST_AIR:
        raise DicomError(
            f"{name_of('PixelPaddingValue')} is {padding[0]}, which is {brightest:g} HU: padding cannot be "
            "told from tissue. Export the series without it."
        )


def _said(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:400]
