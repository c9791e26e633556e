"""From stored values to display values: modality step, VOI step, then polarity.

All three act on each pixel alone, so they are evaluated once per possible stored value and applied
as one lookup table. pydicom decodes the pixels and parses the header; its `apply_voi` and
`apply_windowing` are not used, because they wrap 8-bit tables around, and turn the polarity where
Rescale Slope is negative. For files without these two the results are equal (tested).

Source: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric
interpretation), C.8.11.3.1.2 (presentation LUT shape of DX images), C.7.5.1.1.2 (padding).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from strnet.errors import DicomError

Values = npt.NDArray[np.float64]
Limits = tuple[float, float]


def display_table(header: Dataset, stored: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Display values in [0, 1], bone bright, for `stored` values, shape (n,); polarity comes last.

    Raises: DicomError: a lookup table, window or photometric interpretation that is not valid.
    """
    values, limits = _modality(header, stored.astype(np.float64))
    shown = to_bone_bright(_values_of_interest(header, values, limits), header)
    return _without_padding(header, stored, shown).astype(np.float32)


def to_bone_bright(shown: Values, header: Dataset) -> Values:
    """Display values in [0, 1] with bone bright. Call last, after the modality and VOI steps.

    Pixel Intensity Relationship Sign is not consulted: it describes the detector, not the display.

    Raises: DicomError: neither MONOCHROME1 nor MONOCHROME2.
    Source: DICOM PS3.3 C.7.6.3.1.2; C.8.11.3.1.2 couples MONOCHROME1 with INVERSE, so that both
    together turn the values once.
    """
    photometric = str(header.get("PhotometricInterpretation") or "").strip()
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise DicomError(
            f"Photometric Interpretation (0028,0004) is {photometric or 'missing'}, expected MONOCHROME1 "
            "or MONOCHROME2. Colour films are not read, and polarity is not guessed."
        )
    shape = str(header.get("PresentationLUTShape") or "").strip().upper()
    inverted = photometric == "MONOCHROME1" or shape == "INVERSE"
    return 1.0 - shown if inverted else shown


def _modality(header: Dataset, stored: Values) -> tuple[Values, Limits]:
    """Values after the modality step and the range they can take. Source: DICOM PS3.3 C.11.1."""
    if header.get("ModalityLUTSequence"):
        values, largest = _looked_up(header.ModalityLUTSequence[0], stored)
        return values, (0.0, largest)
    slope = _first_number(header, "RescaleSlope")
    slope = 1.0 if slope is None else slope
    intercept = _first_number(header, "RescaleIntercept") or 0.0
    if slope == 0.0:
        raise DicomError("Rescale Slope (0028,1053) is 0: every pixel would be the same.")
    ends = sorted(slope * end + intercept for end in _stored_limits(header))
    return slope * stored + intercept, (ends[0], ends[1])


def _stored_limits(header: Dataset) -> Limits:
    span = 2.0**header.BitsStored
    return (-span / 2, span / 2 - 1) if header.PixelRepresentation == 1 else (0.0, span - 1)


def _values_of_interest(header: Dataset, values: Values, limits: Limits) -> Values:
    """Values in [0, 1] after the first VOI LUT, else the first window, else the whole range.

    Source: DICOM PS3.3 C.11.2: a table or a window may be applied, not both.
    """
    if header.get("VOILUTSequence"):
        looked_up, largest = _looked_up(header.VOILUTSequence[0], values)
        return looked_up / largest
    center = _first_number(header, "WindowCenter")
    width = _first_number(header, "WindowWidth")
    if center is None or width is None:
        low, high = limits
        return np.clip((values - low) / (high - low), 0.0, 1.0)
    return windowed(values, center, width, str(header.get("VOILUTFunction") or "LINEAR").strip().upper())


def windowed(values: Values, center: float, width: float, function: str = "LINEAR") -> Values:
    """Values in [0, 1] seen through a window, same shape.

    Raises: DicomError: a width that the standard forbids, or an unknown function.
    Source: DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT).
    """
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise DicomError(
            f"VOI LUT Function (0028,1056) is {function}, expected LINEAR, LINEAR_EXACT or SIGMOID."
        )
    if width < 1.0 if function == "LINEAR" else width <= 0.0:
        raise DicomError(
            f"Window Width (0028,1051) is {width:g}, expected at least 1 (LINEAR) or more than 0. "
            "Correct the header or remove the window."
        )
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - center) / width, -700.0, 700.0)
        return 1.0 / (1.0 + np.exp(exponent))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    if width == 0.0:  # LINEAR with width 1 is a step
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0.0, 1.0)


def _looked_up(item: Dataset, values: Values) -> tuple[Values, float]:
    """Entries of a LUT for `values`, and the largest that its depth allows.

    Source: DICOM PS3.3 C.11.1.1, C.11.2.1.1: inputs below the first mapped value give the first
    entry, inputs beyond the table the last; 0 entries mean 65,536.
    """
    count, first, depth = _descriptor(item)
    if first > values.max():  # a negative number that the writer could only spell as an unsigned word
        first -= 2**16
    entries = _entries(item, count)
    largest = 2.0**depth - 1.0
    if entries.max() > largest:
        raise DicomError(f"LUT Data (0028,3006) holds {entries.max()}, more than its {depth} bits allow.")
    index = np.clip(np.rint(values) - first, 0, count - 1).astype(np.intp)
    return entries[index].astype(np.float64), largest


def _descriptor(item: Dataset) -> tuple[int, int, int]:
    descriptor = item.get("LUTDescriptor")
    if not isinstance(descriptor, (MultiValue, list)) or len(descriptor) != 3:
        raise DicomError(f"LUT Descriptor (0028,3002) is {descriptor}, expected three numbers.")
    count, first, depth = (int(number) for number in descriptor)
    if not 8 <= depth <= 16:
        raise DicomError(f"LUT Descriptor (0028,3002) says {depth} bits per entry, expected 8 to 16.")
    return count or 2**16, first, depth


def _entries(item: Dataset, count: int) -> npt.NDArray[np.uint16]:
    """The `count` entries of LUT Data: numbers, 16-bit words, or bytes where they fill the table."""
    content = item.get("LUTData")
    if isinstance(content, bytes):
        packed = len(content) in (count, count + 1)
        words = "<u2" if item.original_encoding[1] is not False else ">u2"
        entries = np.frombuffer(content, dtype=np.uint8 if packed else words)
    else:
        entries = np.atleast_1d(np.asarray(content if content is not None else [], dtype=np.int64))
    if entries.size < count:
        raise DicomError(f"LUT Data (0028,3006) holds {entries.size} entries, its descriptor says {count}.")
    return entries[:count].astype(np.uint16)


def _without_padding(header: Dataset, stored: npt.NDArray[np.integer], shown: Values) -> Values:
    """Display values where stored padding is background (0). Source: DICOM PS3.3 C.7.5.1.1.2."""
    padding = header.get("PixelPaddingValue")
    if padding is None:
        return shown
    limit = header.get("PixelPaddingRangeLimit")
    ends = sorted(_signed_as(stored, int(end)) for end in (padding, padding if limit is None else limit))
    return np.where((stored >= ends[0]) & (stored <= ends[1]), 0.0, shown)


def _signed_as(stored: npt.NDArray[np.integer], value: int) -> int:
    # Writers often give the padding of signed pixels as an unsigned word: 63536 for -2000.
    return value - 2**16 if stored.dtype.kind == "i" and value >= 2**15 else value


def _first_number(header: Dataset, keyword: str) -> float | None:
    value = header.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    if not np.isfinite(float(value)):
        raise DicomError(f"{keyword} is {value}, expected a finite number.")
    return float(value)
