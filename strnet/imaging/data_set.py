"""The data set of a DICOM file, read whole only as far as its announced size allows."""

from __future__ import annotations

import io
import warnings
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileDataset

from strnet.errors import DicomError
from strnet.imaging.limits import (
    LARGEST_HEADER,
    inflated,
    require_file_size,
    require_film_size,
    start_of_inflated,
)

_DEFLATED = uid.DeflatedExplicitVRLittleEndian.encode()
_INFLATED = uid.ExplicitVRLittleEndian.encode().ljust(len(_DEFLATED), b"\0")
_META_START = 132 + 12  # preamble, magic word, and the element that gives the length of the rest
_PROBE = 2**20  # bytes that are inflated to learn how many pixels there will be


def data_set(path: Path, *, pixels: bool, defer: int | None = None) -> FileDataset:
    """The data set of a DICOM file, with or without its pixels; a deflated one comes inflated.

    Elements of more than `defer` bytes are read from the file when they are asked for, where it allows that.

    Raises: ImageError: too large, or cut or damaged as far as the file shows it.
    """
    require_file_size(path)
    source = _source(path)
    later = None if isinstance(source, io.BytesIO) else defer
    header = pydicom.dcmread(source, defer_size=later, force=True, stop_before_pixels=not pixels)
    if isinstance(source, io.BytesIO):
        _require_order(header)
    # Where compressed pixels end too soon, pydicom drops the whole header with them.
    if (
        pixels
        and not header
        and "Rows" in pydicom.dcmread(_source(path), force=True, stop_before_pixels=True)
    ):
        raise DicomError("Pixel Data (7FE0,0010) is cut short: the file ends before it does. Copy it again.")
    return header


def _require_order(header: FileDataset) -> None:
    """Raise unless elements stand in the order of their tags; inflated from damaged bytes, they do not.

    Deflated data carry no checksum; a lost block shifts all that follows. Source: DICOM PS3.5 7.1, A.5.
    """
    elements = (header.get_item(tag) for tag in sorted(header.keys()))
    starts = [
        e.value_tell if isinstance(e, RawDataElement) else e.file_tell for e in elements if e is not None
    ]
    if any((a or 0) >= (b or 0) for a, b in pairwise(starts)):
        raise DicomError("the deflated data set is damaged: its elements are out of order. Copy it again.")


def _source(path: Path) -> Path | BinaryIO:
    with path.open("rb") as stream:
        if _DEFLATED not in stream.read(1024):
            return path
    content = path.read_bytes()
    length = int(pydicom.filereader.read_file_meta_info(path).get("FileMetaInformationGroupLength", 0))
    if content[128:132] != b"DICM" or length <= 0:
        raise DicomError("File Meta Information Group Length (0002,0000) is missing in a deflated file.")
    start = _META_START + length
    meta = content[:start].replace(_DEFLATED, _INFLATED)
    return io.BytesIO(meta + inflated(content[start:], _most(meta, content[start:])))


def _most(meta: bytes, deflated: bytes) -> int:
    """Bytes that the data set may have: its pixels, as the header announces them, and a header."""
    probe = io.BytesIO(meta + start_of_inflated(deflated, _PROBE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the probe may end within an element; the real reading tells
        header = pydicom.dcmread(
            probe, force=True, stop_before_pixels=True, specific_tags=["Rows", "Columns"]
        )
    rows, columns = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    require_film_size(rows, columns)
    return LARGEST_HEADER + 2 * rows * columns  # 16 bits at most
