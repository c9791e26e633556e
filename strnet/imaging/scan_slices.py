"""Slices of a CT scan as their headers describe them; one file is one slice, or an Enhanced CT of many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from pydicom.dataset import Dataset

from strnet.errors import DicomError
from strnet.imaging.element_values import items_of, name_of, number_of, numbers_of, text_of, whole_of
from strnet.imaging.scan_kinds import NoScan, no_scan

Six: TypeAlias = tuple[float, float, float, float, float, float]
Three: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ScanSlice:
    """One plane of a scan: where it lies, and how its stored values become HU."""

    path: Path
    frame: int
    """Which frame of its file, from 0."""
    series_uid: str
    study_uid: str
    instance_uid: str
    frame_of_reference: str
    acquisition: int | None
    temporal: int | None
    """Temporal position: which of several scans of the same place, where the header says so."""
    instance: int | None
    shape: tuple[int, int]
    """Rows, columns."""
    spacing_mm: tuple[float, float]
    """Distance between rows, between columns."""
    orientation: Six
    """Direction of a row (along which columns count), then of a column; LPS, unit vectors."""
    position: Three
    """Centre of the first pixel, LPS, mm."""
    slope: float
    intercept: float

    @property
    def place(self) -> str:
        """The slice in words."""
        frame = f", frame {self.frame + 1}" if self.frame else ""
        return f"{self.path.name}{frame}"


def slices_in(header: Dataset, path: Path) -> tuple[ScanSlice, ...] | NoScan:
    """The slices that a file holds, or why they are none of a scan.

    Raises: DicomError: a slice whose place or values are not certain; the message names the element.
    """
    reason = no_scan(header)
    if reason is not None:
        return reason
    if "PerFrameFunctionalGroupsSequence" in header:
        return tuple(_frames(header, path))
    if (whole_of(header, "NumberOfFrames") or 1) > 1:
        raise DicomError(
            f"{name_of('NumberOfFrames')} is {whole_of(header, 'NumberOfFrames')} without functional groups: "
            "nothing says where the frames lie. Export the series as Enhanced CT, or as single slices."
        )
    return (_slice(header, path, (header,), 0),)


def _frames(header: Dataset, path: Path) -> Iterator[ScanSlice] | list[ScanSlice]:
    """Slices of an Enhanced CT. Source: DICOM PS3.3 C.7.6.16 (functional groups)."""
    shared = list(items_of(header, "SharedFunctionalGroupsSequence"))
    frames = list(items_of(header, "PerFrameFunctionalGroupsSequence"))
    announced = whole_of(header, "NumberOfFrames") or 1
    if len(frames) != announced:
        raise DicomError(
            f"{len(frames)} items in Per-Frame Functional Groups Sequence (5200,9230), but "
            f"{name_of('NumberOfFrames')} is {announced}. The file is damaged: copy it again."
        )
    for group in (*shared, *frames):
        _require_scan_frame(group)
    return [_slice(header, path, _groups(frame, shared), number) for number, frame in enumerate(frames)]


_GROUPS = (
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence"),
    *(
        "PixelValueTransformationSequence",
        "FrameContentSequence",
        "UnassignedSharedConvertedAttributesSequence",
    ),
)


def _groups(frame: Dataset, shared: Sequence[Dataset]) -> tuple[Dataset, ...]:
    """The items that describe a frame, its own before those it shares."""
    return tuple(item for group in (frame, *shared) for item in items_of(group, *_GROUPS))


def _require_scan_frame(group: Dataset) -> None:
    """Raise unless the frames are slices in HU. Source: DICOM PS3.3 C.8.15.3.1, C.7.6.16.2.9."""
    for item in items_of(group, "CTImageFrameTypeSequence", "PixelValueTransformationSequence"):
        described = Dataset()
        described.Modality, described.Rows = "CT", 1
        if "FrameType" in item:
            described.ImageType = item.FrameType
        if "RescaleType" in item:
            described.RescaleType = item.RescaleType
        reason = no_scan(described)
        if reason is not None:
            raise DicomError(f"a frame is no slice in HU ({reason.kind}): {reason.reason}")


def _slice(header: Dataset, path: Path, places: Sequence[Dataset], frame: int) -> ScanSlice:
    spacing = _needed(places, "PixelSpacing", 2)
    if not min(spacing) > 0.0:
        raise DicomError(
            f"{name_of('PixelSpacing')} is {spacing[0]:g}, {spacing[1]:g}, expected more than 0."
        )
    first, second, third, *rest = _needed(places, "ImageOrientationPatient", 6)
    x, y, z = _needed(places, "ImagePositionPatient", 3)
    orientation: Six = (first, second, third, rest[0], rest[1], rest[2])
    _require_square(orientation)
    found = ScanSlice(
        path=path,
        frame=frame,
        series_uid=text_of(header, "SeriesInstanceUID") or "",
        study_uid=text_of(header, "StudyInstanceUID") or "",
        instance_uid=text_of(header, "SOPInstanceUID") or "",
        frame_of_reference=text_of(header, "FrameOfReferenceUID") or "",
        acquisition=whole_of(header, "AcquisitionNumber"),
        temporal=whole_of(header, "TemporalPositionIdentifier"),
        instance=whole_of(header, "InstanceNumber"),
        shape=(whole_of(header, "Rows") or 0, whole_of(header, "Columns") or 0),
        spacing_mm=(spacing[0], spacing[1]),
        orientation=orientation,
        position=(x, y, z),
        slope=_rescale(places, "RescaleSlope"),
        intercept=_rescale(places, "RescaleIntercept"),
    )
    return found if places[0] is header else _of_frame(found, places)


def _of_frame(found: ScanSlice, places: Sequence[Dataset]) -> ScanSlice:
    """The slice with what Frame Content says of acquisition and time."""
    for item in places:
        acquisition, temporal = (
            whole_of(item, name) for name in ("FrameAcquisitionNumber", "TemporalPositionIndex")
        )
        if acquisition is not None or temporal is not None:
            return replace(found, acquisition=acquisition, temporal=temporal)
    return found


def _needed(places: Sequence[Dataset], keyword: str, count: int) -> tuple[float, ...]:
    for item in places:
        found = numbers_of(item, keyword, count)
        if found is not None:
            return found
    raise DicomError(
        f"{name_of(keyword)} is missing: the place of the slice is unknown. Export the series again with its "
        "geometry."
    )


def _rescale(places: Sequence[Dataset], keyword: str) -> float:
    for item in places:
        found = number_of(item, keyword)
        if found is not None:
            if keyword == "RescaleSlope" and found == 0.0:
                break
            return found
    raise DicomError(
        f"{name_of(keyword)} is missing or 0: stored values cannot become HU. Export the original series."
    )


def _require_square(orientation: Six) -> None:
    """Raise unless row and column are unit vectors at right angles. Source: DICOM PS3.3 C.7.6.2.1.1."""
    row, column = orientation[:3], orientation[3:]
    lengths = [sum(part * part for part in vector) for vector in (row, column)]
    between = sum(a * b for a, b in zip(row, column, strict=True))
    if max(abs(length - 1.0) for length in lengths) > 2e-3 or abs(between) > 1e-3:
        raise DicomError(
            f"{name_of('ImageOrientationPatient')} is {', '.join(f'{part:g}' for part in orientation)}, "
            "expected two unit vectors at right angles."
        )
