"""A film as an ordinary DICOM file: Digital X-Ray or Computed Radiography, for presentation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from strnet.phantom.people import Person
from strnet.phantom.physics.developing import Film
from strnet.phantom.physics.positioning import Positioning
from strnet.phantom.physics.scanners import Scanner

Array = np.ndarray

_UID_ROOT = "1.2.826.0.1.3680043.8.498."
_SOP_CLASS = {"DX": DigitalXRayImageStorageForPresentation, "CR": ComputedRadiographyImageStorage}
_STATEMENT = "Simulated radiograph of a phantom; no patient was imaged."
_SIGMOID_WIDTH = 0.36
"""Width of the sigmoid window as a share of the stored range: 0.5% and 99.5% of the display fit inside."""


@dataclass(frozen=True)
class Stored:
    """Stored pixel values (H, W), uint16, and the VOI step that turns them into display values."""

    pixels: Array
    window: tuple[float, float] | None = None
    function: str | None = None
    table: Array | None = None


@dataclass(frozen=True)
class Coded:
    """A coded concept: value, coding scheme, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class ViewHeader:
    """What a header says of one kind of film: its `key` tells the films of one examination apart.

    `laterality` is L, R, or None for what has no side; `orientation` the directions (PatientOrientation) in
    which rows and columns run; `view_position` DICOM's term for the view, where it differs from `view`.
    """

    key: str
    body_part: str
    view: str
    laterality: str | None
    region: Coded
    view_code: Coded
    orientation: tuple[str, str] = ("L", "F")
    view_position: str | None = None


def encode(display: Array, scanner: Scanner) -> Stored:
    """Stored values whose VOI step and photometric interpretation give back `display` in [0, 1].

    Source: DICOM PS3.3 C.11.2.1 (window, sigmoid and VOI LUT), C.7.6.3.1.2 (photometric interpretation).
    """
    top = 2**scanner.bits_stored - 1
    shown = 1.0 - display if scanner.photometric == "MONOCHROME1" else display
    if scanner.voi == "sigmoid":
        centre, width = (top + 1) / 2, _SIGMOID_WIDTH * top
        clipped = np.clip(shown, 0.005, 0.995)
        values = centre + width / 4.0 * np.log(clipped / (1.0 - clipped))
        return Stored(_whole(values, top), (centre, width), "SIGMOID")
    if scanner.voi == "lut":
        table = np.rint(np.linspace(0.0, 1.0, top + 1) ** 0.8 * 65535.0).astype(np.uint16)
        return Stored(_whole(shown ** np.float32(1.25) * np.float32(top), top), table=table)
    low, span = 0.04 * top, 0.92 * top
    return Stored(_whole(low + shown * np.float32(span), top), (low + (span + 1) / 2, span + 1), "LINEAR")


def _whole(values: Array, top: int) -> Array:
    return np.asarray(np.clip(np.rint(values), 0, top).astype(np.uint16))


def dicom_bytes(
    film: Film, view: ViewHeader, scanner: Scanner, positioning: Positioning, patient: Person, seed: int
) -> bytes:
    """The whole DICOM file; every identifier is derived from the seed, the patient and the view's key."""
    stored = encode(film.display, scanner)
    header = Dataset()
    uids = [
        str(generate_uid(_UID_ROOT, ["strnet phantom", str(seed), patient.patient_id, *more]))
        for more in (("study",), ("series", view.key), ("image", view.key))
    ]
    _identify(header, patient, uids, scanner)
    header.StudyDescription = f"PHANTOM {view.body_part} {view.view}"
    header.PatientName = f"PHANTOM^{view.body_part}"
    _describe_acquisition(header, film.pixel_mm, scanner, positioning)
    _describe_view(header, view, scanner)
    _describe_pixels(header, stored, scanner)
    header.file_meta = _file_meta(header)
    stream = BytesIO()
    dcmwrite(stream, header, enforce_file_format=True)
    return stream.getvalue()


def _file_meta(header: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_UID_ROOT + "7")
    meta.ImplementationVersionName = "STRNET_PHANTOM"
    return meta


def _identify(header: Dataset, patient: Person, uids: list[str], scanner: Scanner) -> None:
    day = (date(2020, 1, 6) + timedelta(days=patient.number % 1400)).strftime("%Y%m%d")
    header.SOPClassUID = _SOP_CLASS[scanner.modality]
    header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID = uids
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = day
    header.StudyTime = header.SeriesTime = header.AcquisitionTime = header.ContentTime = "120000"
    header.AccessionNumber = header.ReferringPhysicianName = header.PatientBirthDate = ""
    header.Modality = scanner.modality
    header.Manufacturer = "STRNET PHANTOM"
    header.ManufacturerModelName = scanner.model
    header.InstitutionName = scanner.site
    header.DeviceSerialNumber = "0"
    header.SoftwareVersions = "1"
    header.PatientID = patient.patient_id
    header.PatientSex = patient.sex
    header.PatientAge = f"{patient.age:03d}Y"
    header.PatientComments = _STATEMENT
    header.StudyID, header.SeriesNumber, header.InstanceNumber = "1", 1, 1


def _describe_acquisition(
    header: Dataset, pixel_mm: float, scanner: Scanner, positioning: Positioning
) -> None:
    magnification = scanner.magnification * positioning.zoom
    spacing = [f"{pixel_mm * magnification:.5f}"] * 2
    header.KVP = f"{positioning.kilovolts:.0f}"
    header.ImagerPixelSpacing = spacing
    header.ImageComments = _STATEMENT
    header.BurnedInAnnotation = "NO"
    header.ImageType = ["DERIVED", "PRIMARY"]
    if scanner.modality == "CR":
        header.PixelSpacing = spacing
        return
    header.EstimatedRadiographicMagnificationFactor = f"{magnification:.4f}"
    header.PixelSpacing = [f"{pixel_mm:.5f}"] * 2
    header.PixelSpacingCalibrationType = "GEOMETRY"
    header.PixelSpacingCalibrationDescription = "known magnification"
    header.PresentationIntentType = "FOR PRESENTATION"
    header.DetectorType = "SCINTILLATOR"
    header.PositionerType = "NONE"
    header.AcquisitionContextSequence = Sequence()


def _describe_view(header: Dataset, view: ViewHeader, scanner: Scanner) -> None:
    header.BodyPartExamined = view.body_part
    header.ViewPosition = view.view_position or view.view
    header.PatientOrientation = list(view.orientation)
    # Digital X-ray images must say it, and then U where there is no pair.
    if view.laterality is not None or scanner.modality == "DX":
        header.ImageLaterality = view.laterality or "U"
    if scanner.modality == "DX":
        header.AnatomicRegionSequence = Sequence([_code(view.region)])
        position = _code(view.view_code)
        position.ViewModifierCodeSequence = Sequence()
        header.ViewCodeSequence = Sequence([position])


def _code(concept: Coded) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = concept.value, concept.scheme
    item.CodeMeaning = concept.meaning
    return item


def _describe_pixels(header: Dataset, stored: Stored, scanner: Scanner) -> None:
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = scanner.photometric
    header.Rows, header.Columns = stored.pixels.shape
    header.BitsAllocated, header.PixelRepresentation = 16, 0
    header.BitsStored, header.HighBit = scanner.bits_stored, scanner.bits_stored - 1
    header.LossyImageCompression = "00"
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = "0", "1", "US"
    if scanner.modality == "DX":
        header.PixelIntensityRelationship = "LOG"
        header.PixelIntensityRelationshipSign = -1 if scanner.photometric == "MONOCHROME2" else 1
        header.PresentationLUTShape = "INVERSE" if scanner.photometric == "MONOCHROME1" else "IDENTITY"
    _describe_voi(header, stored)
    header.PixelData = stored.pixels.astype("<u2").tobytes()
    header["PixelData"].VR = "OW"


def _describe_voi(header: Dataset, stored: Stored) -> None:
    if stored.window is not None:
        header.WindowCenter, header.WindowWidth = (f"{value:.4f}" for value in stored.window)
        header.VOILUTFunction = stored.function
    if stored.table is not None:
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [stored.table.size, 0, 16])
        item.LUTExplanation = "PHANTOM"
        item.add_new("LUTData", "OW", stored.table.astype("<u2").tobytes())
        header.VOILUTSequence = Sequence([item])
