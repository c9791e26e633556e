"""One entry for every kind of film file: the content decides what it is, never the name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from strnet.errors import DicomError, ImageError
from strnet.imaging.dicom import read_dicom, read_dicom_acquisition
from strnet.imaging.radiograph import Acquisition, Radiograph
from strnet.imaging.raster import read_raster, read_raster_acquisition

_SIGNATURES: dict[bytes, Literal["png", "jpeg"]] = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


def read_radiograph(path: Path | str) -> Radiograph:
    """The film in a DICOM, PNG or JPEG file: float32 (H, W) in [0, 1], bone bright, square pixels.

    Raises: ImageError: no such file, not a film, or pixels that cannot be decoded; DicomError for
    anything that is neither PNG nor JPEG.
    """
    path = Path(path)
    kind = file_format(path)
    return read_dicom(path) if kind == "dicom" else read_raster(path, kind)


def read_acquisition(path: Path | str) -> Acquisition:
    """What the header of a film file says, without decoding its pixels.

    Raises: ImageError: as `read_radiograph`, as far as the header tells.
    """
    path = Path(path)
    kind = file_format(path)
    return read_dicom_acquisition(path) if kind == "dicom" else read_raster_acquisition(path, kind)


def file_format(path: Path) -> Literal["dicom", "png", "jpeg"]:
    """`dicom`, `png` or `jpeg`, by the first bytes of the file.

    Raises: ImageError: no such file. DicomError: none of the three.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror or error}).") from error
    if not start:
        raise DicomError(f"{path}: the file is empty (0 bytes). Copy it again from where it came from.")
    for signature, name in _SIGNATURES.items():
        if start.startswith(signature):
            return name
    if start[128:132] != b"DICM" and not _starts_with_element(start):
        raise DicomError(
            f"{path}: neither DICOM (no 'DICM' at byte 128, no element at byte 0) nor PNG nor JPEG."
        )
    return "dicom"


def _starts_with_element(start: bytes) -> bool:
    """Whether a DICOM data set may begin without preamble: file meta, or the identifying group."""
    return len(start) == 132 and start[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x08", b"\x00\x02")
