"""A radiograph in memory: display values with bone bright, and what its file says of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from strnet.imaging.codestreams.wholeness import Flag

Image = npt.NDArray[np.float32]
FileFormat = Literal["dicom", "png", "jpeg", "nifti"]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What a file says of its film; None where it says nothing. Texts are as written in the header."""

    file_format: FileFormat
    rows: int
    """Rows as stored, before EXIF orientation and before non-square pixels are made square."""
    columns: int
    bits_stored: int
    photometric: str
    """Photometric Interpretation of a DICOM file; mode (`L`, `I;16`, `RGB`, ...) of a PNG or JPEG."""
    modality: str | None = None
    sop_class: str | None = None
    """SOP Class UID."""
    presentation_intent: str | None = None
    """FOR PRESENTATION or FOR PROCESSING (raw detector signal), where a DX header says so."""
    manufacturer: str | None = None
    model: str | None = None
    institution: str | None = None
    body_part: str | None = None
    anatomic_region: tuple[str, ...] = ()
    """Code values and meanings of Anatomic Region Sequence."""
    view: str | None = None
    view_code: tuple[str, ...] = ()
    """Code values and meanings of View Code Sequence."""
    descriptions: tuple[str, ...] = ()
    """Of study, series and protocol: free text."""
    laterality: str | None = None
    patient_id: str | None = None
    patient_age: float | None = None
    """Years."""
    patient_sex: str | None = None
    study_date: date | None = None
    study_instance_uid: str | None = None
    sop_instance_uid: str | None = None
    spacing_mm: tuple[float, float] | None = None
    """Distance between rows, between columns, mm; on the detector where no calibrated one is given."""
    turned: bool = False
    """Whether EXIF turns the picture of a PNG or JPEG; known once its pixels are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """Display values of one film, float32 (H, W) in [0, 1], bone bright, pixels square."""

    pixels: Image
    source: Acquisition
    spacing_mm: tuple[float, float] | None = None
    """Distance between rows, between columns of `pixels`, mm."""
    flags: tuple[Flag, ...] = ()
    """What is odd in the file although it was decoded; in words: `codestreams.wholeness.FLAGS`."""


def pixel_sha256(radiograph: Radiograph) -> str:
    """SHA-256 of the grey values, 64 hexadecimal digits; the same for every lossless way to store a film.

    Taken of the shape and of the display values rounded to 16 bits, so that codec, byte order, depth of
    the container, polarity and header do not count. A film with another window is another film.
    """
    digest = hashlib.sha256(repr(radiograph.pixels.shape).encode())
    digest.update(quantise(radiograph.pixels).astype("<u2", copy=False).tobytes())
    return digest.hexdigest()


def quantise(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint16]:
    """Values in [0, 1] as whole numbers 0..65535, same shape, rounded to the nearest."""
    return np.asarray(np.rint(values * np.float32(65535)), dtype=np.uint16)
