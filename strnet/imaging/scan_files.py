"""DICOM files of a scan, opened once: their headers at once, their pixels when a slice is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames

from strnet.errors import DicomError, ImageError
from strnet.imaging.data_set import data_set
from strnet.imaging.element_values import name_of, text_of, whole_of
from strnet.imaging.reading import file_format
from strnet.imaging.scan_kinds import NoScan
from strnet.imaging.scan_slices import ScanSlice, slices_in

_LATER = 2**16
"""Bytes of an element that is read when it is asked for: pixels, hardly anything else."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """What one file holds: slices, or why it holds none of a scan."""

    path: Path
    slices: tuple[ScanSlice, ...] = ()
    no_scan: NoScan | None = None
    unreadable: str | None = None
    """Why it cannot be read, though it is DICOM; no series may be trusted to be whole beside it."""
    series_uid: str = ""
    described: str = ""
    """Series Description, for messages."""


@dataclass(frozen=True, eq=False)
class ScanFiles:
    """Opened files by path; pixels are read from the disk when a slice is asked for."""

    headers: dict[Path, FileDataset]
    _encoded: dict[Path, list[bytes]] = field(default_factory=dict)

    def data_set_of(self, piece: ScanSlice) -> FileDataset:
        """The data set of one slice: its file, or its frame as a file of its own.

        Raises: DicomError: fewer pixels than frames.
        """
        header = self.headers[piece.path]
        frames = whole_of(header, "NumberOfFrames") or 1
        if frames == 1 and "PerFrameFunctionalGroupsSequence" not in header:
            return header
        part = FileDataset("", header.group_dataset(0x0028), file_meta=header.file_meta)
        part.NumberOfFrames = 1
        if header.file_meta.TransferSyntaxUID.is_compressed:
            part.PixelData = encapsulate([self._encoded_frame(piece, frames)])
            part["PixelData"].VR, part["PixelData"].is_undefined_length = "OB", True
        else:
            part.PixelData = _native_frame(header, piece.frame, frames)
            part["PixelData"].VR = "OW"
        return part

    def _encoded_frame(self, piece: ScanSlice, frames: int) -> bytes:
        if piece.path not in self._encoded:
            pixels = self.headers[piece.path].PixelData
            self._encoded[piece.path] = list(generate_frames(pixels, number_of_frames=frames))
        return self._encoded[piece.path][piece.frame]


def opened(path: Path) -> tuple[FileContent, FileDataset | None]:
    """What a file holds, and its data set where it is DICOM that can be read."""
    if path.stat().st_size == 0:
        return FileContent(path, unreadable="the file is empty (0 bytes). Copy it again."), None
    try:
        if file_format(path) != "dicom":
            return FileContent(path, no_scan=NoScan("no image", "a picture, not DICOM.")), None
    except ImageError as error:
        return FileContent(path, no_scan=NoScan("no image", _without(path, error))), None
    header: FileDataset | None = None
    try:
        header = data_set(path, pixels=True, defer=_LATER)
        found = slices_in(header, path)
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:  # pydicom raises anything on corrupt bytes
        uid = text_of(header, "SeriesInstanceUID") or "" if header is not None else ""
        return FileContent(path, unreadable=_without(path, error), series_uid=uid), header
    described = text_of(header, "SeriesDescription") or ""
    uid = text_of(header, "SeriesInstanceUID") or ""
    if isinstance(found, NoScan):
        return FileContent(path, no_scan=found, series_uid=uid, described=described), header
    return FileContent(path, found, series_uid=uid, described=described), header


def content_of(path: Path) -> FileContent:
    """What a file holds; for processes apart, which cannot hand on a data set."""
    return opened(path)[0]


def opened_all(paths: Iterable[Path]) -> tuple[list[FileContent], ScanFiles]:
    """What each file holds, in order, and the files of slices, ready to be decoded."""
    contents = []
    headers = {}
    for path in paths:
        content, header = opened(path)
        contents.append(content)
        if header is not None and content.slices:
            headers[path] = header
    return contents, ScanFiles(headers)


def _native_frame(header: FileDataset, frame: int, frames: int) -> bytes:
    size = int(header.Rows) * int(header.Columns) * (int(header.BitsAllocated) // 8)
    pixels = header.PixelData
    if len(pixels) < frames * size:
        raise DicomError(
            f"{name_of('PixelData')} holds {len(pixels):,} bytes, expected {frames * size:,} for {frames} "
            "frames: cut short. Copy the file again."
        )
    return bytes(pixels[frame * size : (frame + 1) * size])


def _without(path: Path, error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix(f"{path}: ")[:400]
