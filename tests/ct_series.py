"""Small CT series as DICOM, good ones and what is made of them, for all tests that need one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICES, ROWS, COLUMNS = 12, 40, 36
SPACING = (2.5, 0.8, 0.7)
ORIGIN = (-7.0, -9.6, -310.0)
Change = Callable[[FileDataset, int], None]


def body(slices: int = SLICES, seed: int = 0) -> np.ndarray:
    """HU of a body: air around soft tissue with fat and a bone; no two slices alike."""
    rng = np.random.default_rng(seed)
    values = rng.normal(-1000, 8, (slices, ROWS, COLUMNS))
    values[:, 3:-3, 3:-3] = rng.normal(45, 12, (slices, ROWS - 6, COLUMNS - 6))
    values[:, 3:6, 3:-3] = rng.normal(-100, 10, (slices, 3, COLUMNS - 6))
    values[:, 10:16, 7:13] = rng.normal(300, 40, (slices, 6, 6))
    return np.clip(np.rint(values), -1024, 3071).astype(np.int16)


def slice_dataset(hu: np.ndarray, number: int, **tags: Any) -> FileDataset:
    """One slice with an intercept of -1024; a tag given as None is left out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = tags.get("SOPClassUID") or CTImageStorage
    series = str(tags.get("SeriesInstanceUID", "1.2.826.1"))
    uid = generate_uid(entropy_srcs=[series, str(number), str(tags.get("AcquisitionNumber"))])
    meta.MediaStorageSOPInstanceUID = uid
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    stored = (hu.astype(np.int32) + 1024).astype(np.uint16)
    defaults: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": uid,
        "Modality": "CT",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientID": "P1",
        "PatientSex": "F",
        "PatientAge": "071Y",
        "StudyInstanceUID": "1.2.826.9",
        "StudyDate": "20250301",
        "SeriesInstanceUID": series,
        "SeriesNumber": 3,
        "SeriesDescription": "Abdomen nativ",
        "FrameOfReferenceUID": "1.2.826.7",
        "AcquisitionNumber": 1,
        "InstanceNumber": number + 1,
        "Manufacturer": "SIEMENS",
        "ManufacturerModelName": "Definition",
        "DeviceSerialNumber": "60064",
        "KVP": 120,
        "ConvolutionKernel": "Br38f",
        "SliceThickness": 3.0,
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [ORIGIN[0], ORIGIN[1], ORIGIN[2] + number * SPACING[0]],
        "PixelSpacing": [SPACING[1], SPACING[2]],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": hu.shape[0],
        "Columns": hu.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "RescaleSlope": 1,
        "RescaleIntercept": -1024,
        "RescaleType": "HU",
        "PixelData": stored.tobytes(),
    }
    for keyword, value in {**defaults, **tags}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def write_series(
    folder: Path, hu: np.ndarray | None = None, change: Change | None = None, prefix: str = "", **tags: Any
) -> list[Path]:
    """The files of a series in an order of names that is not that of its slices; `change` edits each one."""
    values = body() if hu is None else hu
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(len(values)):
        dataset = slice_dataset(values[number], number, **tags)
        if change is not None:
            change(dataset, number)
        paths.append(folder / f"{prefix}{(number * 7) % len(values):03d}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def enhanced_dataset(hu: np.ndarray, **tags: Any) -> FileDataset:
    """The scan as one Enhanced CT of many frames, stored from the last slice to the first."""
    first = slice_dataset(hu[0], 0, SOPClassUID=EnhancedCTImageStorage)
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness"):
        delattr(first, keyword)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "KVP", "ConvolutionKernel"):
        delattr(first, keyword)
    first.NumberOfFrames = len(hu)
    first.PixelData = (hu[::-1].astype(np.int32) + 1024).astype(np.uint16).tobytes()
    shared = Dataset()
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = _item(PixelSpacing=list(SPACING[1:]), SliceThickness=3.0)
    shared.CTImageFrameTypeSequence = _item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    shared.CTXRayDetailsSequence = _item(KVP=100)
    shared.CTReconstructionSequence = _item(ConvolutionKernel="STANDARD")
    first.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for number in reversed(range(len(hu))):
        frame = Dataset()
        z = ORIGIN[2] + number * SPACING[0]
        frame.PlanePositionSequence = _item(ImagePositionPatient=[ORIGIN[0], ORIGIN[1], z])
        frame.PixelValueTransformationSequence = _item(
            RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU"
        )
        frames.append(frame)
    first.PerFrameFunctionalGroupsSequence = Sequence(frames)
    for keyword, value in tags.items():
        setattr(first, keyword, value)
    return first


def _item(**tags: Any) -> Sequence:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return Sequence([item])
