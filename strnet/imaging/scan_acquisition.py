"""What the header of a CT series says of how it was taken, as a manifest tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset

from strnet.imaging.contrast import Contrast, contrast_of, phase_of
from strnet.imaging.dicom import age_in_years, read_date
from strnet.imaging.element_values import items_of, number_of, text_of, whole_of

_GROUPS = (
    *("CTXRayDetailsSequence", "CTReconstructionSequence", "CTAcquisitionDetailsSequence"),
    *("PixelMeasuresSequence", "ContrastBolusUsageSequence", "FrameAnatomySequence"),
)


@dataclass(frozen=True, slots=True)
class ScanAcquisition:
    """How a scan was taken; None where its file says nothing. Texts are the header's."""

    file_format: str
    """`dicom` or `nifti`."""
    slices: int
    rows: int
    columns: int
    slice_spacing_mm: float
    """Distance of neighbouring slices, at right angles to them."""
    plane: str
    """`axial`, `sagittal`, `coronal` or `oblique`."""
    gantry_tilt_degrees: float | None = None
    """The tilt that was undone; 0 where slices lie straight above each other."""
    kvp: float | None = None
    kernel: str | None = None
    slice_thickness_mm: float | None = None
    contrast: Contrast = "unknown"
    """Whether contrast medium was in the vessels; not what was swallowed."""
    contrast_phase: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    institution: str | None = None
    body_part: str | None = None
    study_description: str | None = None
    series_description: str | None = None
    series_uid: str | None = None
    series_number: int | None = None
    study_uid: str | None = None
    patient_id: str | None = None
    patient_age: float | None = None
    """Years."""
    patient_sex: str | None = None
    study_date: date | None = None
    bits_stored: int | None = None
    lossy: bool = False
    """Whether the pixels were compressed with loss at any time."""

    @property
    def scanner(self) -> str | None:
        """Manufacturer and model."""
        return " ".join(text for text in (self.manufacturer, self.model) if text) or None


@dataclass(frozen=True, slots=True)
class StackShape:
    """What the geometry of a stack says of its acquisition."""

    slices: int
    rows: int
    columns: int
    slice_spacing_mm: float
    plane: str
    tilt_degrees: float


def stated_tilt(header: Dataset) -> float | None:
    """Gantry/Detector Tilt in degrees, as the header states it."""
    return _number((header, *_group_items(header)), "GantryDetectorTilt")


def scan_acquisition(header: Dataset, shape: StackShape) -> ScanAcquisition:
    """What the header of one of its slices says of the scan.

    Source: DICOM PS3.3 C.8.2.1 (CT Image), C.8.15.3 (Enhanced CT functional groups).
    """
    places = (header, *_group_items(header))
    described = [text_of(header, name) for name in ("StudyDescription", "SeriesDescription", "ProtocolName")]
    words = [text for text in described if text]
    agent = next((text for item in _agents(header) if (text := text_of(item, "ContrastBolusAgent"))), None)
    route = next((text for item in _agents(header) if (text := text_of(item, "ContrastBolusRoute"))), None)
    return ScanAcquisition(
        file_format="dicom",
        slices=shape.slices,
        rows=shape.rows,
        columns=shape.columns,
        slice_spacing_mm=round(shape.slice_spacing_mm, 4),
        plane=shape.plane,
        gantry_tilt_degrees=round(shape.tilt_degrees, 2),
        kvp=_number(places, "KVP"),
        kernel=_text(places, "ConvolutionKernel"),
        slice_thickness_mm=_positive(_number(places, "SliceThickness")),
        contrast=contrast_of(agent, route, words),
        contrast_phase=phase_of(words),
        manufacturer=text_of(header, "Manufacturer"),
        model=text_of(header, "ManufacturerModelName"),
        serial=text_of(header, "DeviceSerialNumber"),
        institution=text_of(header, "InstitutionName"),
        body_part=_text(places, "BodyPartExamined"),
        study_description=text_of(header, "StudyDescription"),
        series_description=text_of(header, "SeriesDescription"),
        series_uid=text_of(header, "SeriesInstanceUID"),
        series_number=whole_of(header, "SeriesNumber"),
        study_uid=text_of(header, "StudyInstanceUID"),
        patient_id=text_of(header, "PatientID"),
        patient_age=age_in_years(text_of(header, "PatientAge")),
        patient_sex=text_of(header, "PatientSex"),
        study_date=read_date(text_of(header, "StudyDate")),
        bits_stored=whole_of(header, "BitsStored"),
        lossy=text_of(header, "LossyImageCompression") == "01",
    )


def _group_items(header: Dataset) -> tuple[Dataset, ...]:
    """Items of the functional groups that all frames share, then of the first frame's own."""
    groups = [
        *items_of(header, "SharedFunctionalGroupsSequence"),
        *list(items_of(header, "PerFrameFunctionalGroupsSequence"))[:1],
    ]
    return tuple(item for group in groups for item in items_of(group, *_GROUPS))


def _agents(header: Dataset) -> tuple[Dataset, ...]:
    return (header, *items_of(header, "ContrastBolusAgentSequence"))


def _text(places: tuple[Dataset, ...], keyword: str) -> str | None:
    return next((text for item in places if (text := text_of(item, keyword))), None)


def _number(places: tuple[Dataset, ...], keyword: str) -> float | None:
    found = (number_of(item, keyword) for item in places)
    return next((number for number in found if number is not None), None)


def _positive(number: float | None) -> float | None:
    return number if number is not None and number > 0.0 else None
