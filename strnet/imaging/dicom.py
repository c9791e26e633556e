"""DICOM files: one grey frame of a projection radiograph, or a DicomError that names the tag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue

from strnet.errors import DicomError, ImageError
from strnet.imaging.codestreams.wholeness import Flag
from strnet.imaging.data_set import data_set
from strnet.imaging.grayscale import display_table
from strnet.imaging.limits import LARGEST_SIDE, require_film_size
from strnet.imaging.radiograph import Acquisition, Image, Radiograph
from strnet.imaging.stored_values import stored_values

# A slice or a map is not a film, whatever its pixels look like. Blank, OT and the like may be one.
_NOT_PROJECTION = frozenset(
    (
        *("CT", "MR", "PT", "NM", "US", "IVUS", "OCT", "OPT", "OP", "SM", "GM", "ES", "XC", "ECG"),
        *("SEG", "SR", "PR", "KO", "REG", "RWV", "DOC", "PLAN", "FID", "M3D", "AU", "TG"),
        *("RTPLAN", "RTSTRUCT", "RTDOSE", "RTIMAGE", "RTRECORD"),
    )
)


def read_dicom(path: Path) -> Radiograph:
    """The film in a DICOM file, overlays ignored, resampled to square pixels where it has others.

    Raises: DicomError: no readable pixels, or not one grey frame of a projection radiograph.
    """
    with _refusals(path, "the pixels cannot be decoded"):
        header = _read(path, pixels=True)
        source = _acquisition(header)
        aspect = _aspect(header, source.spacing_mm)
        shown, flags = _shown(header)
        return _with_square_pixels(Radiograph(shown, source, source.spacing_mm, flags), aspect)


def read_dicom_acquisition(path: Path) -> Acquisition:
    """What the header of a DICOM film says; the pixels are not touched.

    Raises: DicomError: unreadable, or not one grey frame of a projection radiograph.
    """
    with _refusals(path, "the header cannot be read"):
        return _acquisition(_read(path, pixels=False))


@contextmanager
def _refusals(path: Path, what: str) -> Iterator[None]:
    """Turns whatever the block raises into a DicomError that names the file."""
    try:
        yield
    except ImageError as error:
        raise DicomError(f"{path}: {error}") from error
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except (
        BaseException
    ) as error:  # decoders raise anything on corrupt bytes; those in Rust panic past Exception
        raise DicomError(f"{path}: {what}: {_said(error)}. If it was copied, copy it again.") from error


def _read(path: Path, *, pixels: bool) -> FileDataset:
    header = data_set(path, pixels=pixels)
    _require_radiograph(header, pixels=pixels)
    return header


def _require_radiograph(header: Dataset, *, pixels: bool) -> None:
    """Raise unless it is one grey frame of a projection radiograph. Source: DICOM PS3.3 C.7.6.3."""
    if not any(keyword in header for keyword in ("SOPClassUID", "Modality", "Rows")):
        raise DicomError(
            "no SOP Class UID (0008,0016), Modality (0008,0060) or Rows (0028,0010): not an image."
        )
    modality = _text(header, "Modality")
    if modality in _NOT_PROJECTION:
        raise DicomError(f"Modality (0008,0060) is {modality}, not a projection radiograph.")
    if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
        raise DicomError("Float Pixel Data (7FE0,0008): a parametric map is not a radiograph.")
    if pixels and "PixelData" not in header:
        raise DicomError("Pixel Data (7FE0,0010) is missing: the file holds no image.")
    _require_grey_frame(header)


def _require_grey_frame(header: Dataset) -> None:
    frames = int(header.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DicomError(
            f"Number of Frames (0028,0008) is {frames}, expected 1. Export the frame to be used."
        )
    samples = int(header.get("SamplesPerPixel") or 1)
    if samples != 1:
        photometric = _text(header, "PhotometricInterpretation")
        raise DicomError(
            f"Samples per Pixel (0028,0002) is {samples} ({photometric}), expected 1: a colour picture."
        )
    for keyword, tag in (("Rows", "(0028,0010)"), ("Columns", "(0028,0011)")):
        if not 1 <= int(header.get(keyword) or 0) <= LARGEST_SIDE:
            raise DicomError(f"{keyword} {tag} is {header.get(keyword)}, expected 1 to {LARGEST_SIDE}.")
    require_film_size(int(header.Rows), int(header.Columns))
    require_depth(header)


def require_depth(header: Dataset) -> None:
    """Raise unless stored values are whole numbers in the low bits. Source: DICOM PS3.5 8.1.1."""
    allocated = int(header.get("BitsAllocated") or 0)
    stored = int(header.get("BitsStored") or 0)
    if allocated not in (8, 16):
        raise DicomError(f"Bits Allocated (0028,0100) is {allocated or 'missing'}, expected 8 or 16.")
    if not 2 <= stored <= allocated:
        raise DicomError(f"Bits Stored (0028,0101) is {stored or 'missing'}, expected 2 to {allocated}.")
    if int(header.get("HighBit", stored - 1)) != stored - 1:
        raise DicomError(
            f"High Bit (0028,0102) is {header.HighBit}, expected Bits Stored - 1 = {stored - 1}."
        )


def _shown(header: FileDataset) -> tuple[Image, tuple[Flag, ...]]:
    if "PixelRepresentation" not in header:
        header.PixelRepresentation = (
            0  # type 1 in the standard; where old files leave it out, they mean unsigned
        )
    width = header.BitsAllocated // 8
    patterns = np.arange(2**header.BitsAllocated, dtype=f"u{width}")
    kind = np.dtype(f"{'i' if header.PixelRepresentation == 1 else 'u'}{width}")
    table = display_table(header, patterns.view(kind))  # before the pixels: a bad header is cheaper to refuse
    stored, flags = stored_values(header, kind)
    return np.asarray(cv2.LUT(stored.view(patterns.dtype), table), dtype=np.float32), flags


def _acquisition(header: Dataset) -> Acquisition:
    return Acquisition(
        file_format="dicom",
        rows=int(header.Rows),
        columns=int(header.Columns),
        bits_stored=int(header.BitsStored),
        photometric=_text(header, "PhotometricInterpretation") or "",
        modality=_text(header, "Modality"),
        presentation_intent=_text(header, "PresentationIntentType"),
        manufacturer=_text(header, "Manufacturer"),
        model=_text(header, "ManufacturerModelName"),
        institution=_text(header, "InstitutionName"),
        sop_class=_text(header, "SOPClassUID"),
        body_part=_text(header, "BodyPartExamined"),
        anatomic_region=_coded(header, "AnatomicRegionSequence"),
        view=_text(header, "ViewPosition"),
        view_code=_coded(header, "ViewCodeSequence"),
        descriptions=_texts(header, ("StudyDescription", "SeriesDescription", "ProtocolName")),
        laterality=_text(header, "ImageLaterality") or _text(header, "Laterality"),
        patient_id=_text(header, "PatientID"),
        patient_age=age_in_years(_text(header, "PatientAge")),
        patient_sex=_text(header, "PatientSex"),
        study_date=read_date(_text(header, "StudyDate")),
        study_instance_uid=_text(header, "StudyInstanceUID"),
        sop_instance_uid=_text(header, "SOPInstanceUID"),
        spacing_mm=_pair(header, "PixelSpacing") or _pair(header, "ImagerPixelSpacing"),
    )


def age_in_years(text: str | None) -> float | None:
    """Years of an age string such as 063Y, 018M or 010D; None where it is not one, 000, or above 120.

    Source: DICOM PS3.5 6.2, value representation AS. A bare number of years is common, and taken.
    """
    found = re.fullmatch(r"(\d{1,3})([YMWD]?)", text or "")
    if found is None or int(found[1]) == 0:  # 000Y is what anonymisers write
        return None
    years = int(found[1]) / {"": 1.0, "Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}[found[2]]
    return years if years <= 120.0 else None


def _with_square_pixels(film: Radiograph, aspect: float) -> Radiograph:
    """The film with the finer of its two spacings both ways, so that bones keep their shape."""
    if abs(aspect - 1.0) < 0.01:
        return film
    rows, columns = film.pixels.shape
    size = (columns, round(rows * aspect)) if aspect > 1.0 else (round(columns / aspect), rows)
    require_film_size(size[1], size[0])
    square = cv2.resize(film.pixels, size, interpolation=cv2.INTER_LINEAR)
    finer = None if film.spacing_mm is None else (min(film.spacing_mm),) * 2
    return replace(film, pixels=np.asarray(square, np.float32), spacing_mm=finer)


def _aspect(header: Dataset, spacing: tuple[float, float] | None) -> float:
    """Height of a pixel over its width. Source: DICOM PS3.3 C.7.6.3.1.7 (Pixel Aspect Ratio)."""
    vertical, horizontal = spacing or _pair(header, "PixelAspectRatio") or (1.0, 1.0)
    if not 0.1 <= vertical / horizontal <= 10.0:
        raise DicomError(
            f"Pixel Spacing (0028,0030) is {vertical:g} by {horizontal:g}: no film has such pixels."
        )
    return vertical / horizontal


def _pair(header: Dataset, keyword: str) -> tuple[float, float] | None:
    value = header.get(keyword)
    if not isinstance(value, (MultiValue, list)) or len(value) != 2:
        return None
    first, second = float(value[0]), float(value[1])
    return (first, second) if min(first, second) > 0.0 else None


def _text(header: Dataset, keyword: str) -> str | None:
    value = header.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return str(value).strip().strip("\0") or None if value is not None else None


def _texts(header: Dataset, keywords: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in (_text(header, keyword) for keyword in keywords) if text)


def _coded(header: Dataset, keyword: str) -> tuple[str, ...]:
    """Code values and meanings of the items of a code sequence; nothing where it is no sequence."""
    items = header.get(keyword) or ()
    return tuple(
        text
        for item in items
        if isinstance(item, Dataset)
        for text in _texts(item, ("CodeValue", "CodeMeaning"))
    )


def read_date(text: str | None) -> date | None:
    """The day that a DA value names; None where it names none. Source: DICOM PS3.5 6.2."""
    try:
        return datetime.strptime((text or "").replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None


def _said(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:400]
