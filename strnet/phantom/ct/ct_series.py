"""A CT scan as an ordinary DICOM series: one CT Image per slice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from strnet.imaging.volume import Volume
from strnet.phantom.ct.ct_technique import Technique
from strnet.phantom.people import Person

Array = np.ndarray

_UID_ROOT = "1.2.826.0.1.3680043.8.498."
_STATEMENT = "Simulated CT of a phantom; no patient was imaged."
_PHASE_WORDS = {"portal": "PORTAL VENOUS", "arterial": "ARTERIAL", "delayed": "DELAYED", None: "NATIVE"}
_UNSIGNED_INTERCEPT = -1024


def series_files(
    volume: Volume, technique: Technique, person: Person, seed: int
) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each slice, the highest first; every identifier is derived from seed and patient.

    Source: DICOM PS3.3 A.3.3 (CT Image IOD), C.8.2.1 (CT Image module), C.7.6.2 (Image Plane).
    """
    header = _series_header(volume, technique, person, seed)
    stored = _stored(volume.values, technique)
    count = stored.shape[0]
    for number in range(count):
        index = count - 1 - number
        _place(header, volume.affine, index, number, (person.patient_id, seed))
        header.PixelData = stored[index].tobytes()
        header["PixelData"].VR = "OW"
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        stream = BytesIO()
        dcmwrite(stream, header, enforce_file_format=True)
        yield f"{number + 1:04d}.dcm", stream.getvalue()


def _stored(hu: Array, technique: Technique) -> Array:
    if technique.scanner.signed:
        return np.ascontiguousarray(hu, dtype="<i2")
    return np.ascontiguousarray(hu - np.int16(_UNSIGNED_INTERCEPT), dtype="<u2")


def _uid(*words: str) -> str:
    return str(generate_uid(_UID_ROOT, ["strnet phantom", *words]))


def _series_header(volume: Volume, technique: Technique, person: Person, seed: int) -> Dataset:
    header = Dataset()
    _identify(header, technique, person, seed)
    _describe_technique(header, technique)
    _describe_grid(header, volume, technique)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_UID_ROOT + "7")
    meta.ImplementationVersionName = "STRNET_PHANTOM"
    header.file_meta = meta
    return header


def _identify(header: Dataset, technique: Technique, person: Person, seed: int) -> None:
    scanner = technique.scanner
    day = (date(2020, 1, 6) + timedelta(days=person.number % 1400)).strftime("%Y%m%d")
    header.SOPClassUID = CTImageStorage
    own = (str(seed), person.patient_id, "ct")
    header.StudyInstanceUID, header.SeriesInstanceUID = _uid(*own, "study"), _uid(*own, "series")
    header.FrameOfReferenceUID, header.PositionReferenceIndicator = _uid(*own, "frame"), ""
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = day
    header.StudyTime = header.SeriesTime = header.AcquisitionTime = header.ContentTime = "120000"
    header.AccessionNumber = header.ReferringPhysicianName = header.PatientBirthDate = ""
    header.Modality = scanner.modality
    header.Manufacturer, header.ManufacturerModelName = scanner.manufacturer, scanner.model
    header.InstitutionName, header.DeviceSerialNumber, header.SoftwareVersions = scanner.site, "0", "1"
    header.PatientName, header.PatientID, header.PatientSex = "PHANTOM^CT", person.patient_id, person.sex
    header.PatientAge, header.PatientComments = f"{person.age:03d}Y", _STATEMENT
    header.StudyID, header.SeriesNumber, header.AcquisitionNumber = "1", 2, 1
    header.ImageComments, header.BurnedInAnnotation = _STATEMENT, "NO"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.BodyPartExamined, header.PatientPosition = "ABDOMEN", "HFS"
    header.StudyDescription = "PHANTOM CT ABDOMEN"


def _describe_technique(header: Dataset, technique: Technique) -> None:
    scanner = technique.scanner
    header.KVP = f"{technique.kilovolts:.0f}"
    header.ConvolutionKernel = technique.kernel.name
    header.SliceThickness = f"{technique.thickness_mm:g}"
    header.ReconstructionDiameter = f"{technique.field_mm:g}"
    header.GantryDetectorTilt = "0"
    if scanner.contrast_told:
        header.SeriesDescription = f"{_PHASE_WORDS[technique.phase]} {technique.kernel.name}"
    if scanner.contrast_told and technique.phase is not None:
        header.ContrastBolusAgent, header.ContrastBolusRoute = "IODINATED 300", "INTRAVENOUS"


def _describe_grid(header: Dataset, volume: Volume, technique: Technique) -> None:
    scanner = technique.scanner
    pixel = f"{volume.spacing[1]:.6f}"
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, scanner.photometric
    header.Rows, header.Columns = volume.values.shape[1:]
    header.PixelSpacing = [pixel, pixel]
    header.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, scanner.bits_stored, scanner.bits_stored - 1
    header.PixelRepresentation = int(scanner.signed)
    header.RescaleIntercept = "0" if scanner.signed else str(_UNSIGNED_INTERCEPT)
    header.RescaleSlope, header.RescaleType = "1", "HU"
    header.WindowCenter, header.WindowWidth = "400", "1800"
    header.LossyImageCompression = "00"


def _place(header: Dataset, affine: Array, index: int, number: int, whose: tuple[str, int]) -> None:
    """Say of `header` which slice it is: `index` from the lowest, `number` from the highest."""
    position = affine[:3, 3] + index * affine[:3, 2]
    header.ImagePositionPatient = [f"{part:.4f}" for part in position]
    header.SliceLocation = f"{position[2]:.4f}"
    header.InstanceNumber = number + 1
    header.SOPInstanceUID = _uid(str(whose[1]), whose[0], "ct", "slice", str(number))
