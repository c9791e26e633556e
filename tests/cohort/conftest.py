from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from strnet.cohort import Manifest, write_manifest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("STRNET_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"real data are not here ({folder}); set STRNET_SHARED_DATA")
    return folder


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "site_b.csv") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[..., Manifest]:
    """A manifest of `patients` with one to three films each, T-scores for four of five."""

    def make(patients: int = 60, seed: int = 0, **columns: Any) -> Manifest:
        generator = np.random.default_rng(seed)
        rows = []
        for patient in range(patients):
            t_score = round(float(generator.normal(-1.6, 1.2)), 2)
            known = generator.random() < 0.8
            rows += [
                (
                    f"film{patient}_{film}",
                    f"p{patient:03}",
                    f"{patient}_{film}.dcm",
                    t_score if known else None,
                )
                for film in range(generator.integers(1, 4))
            ]
        frame = pl.DataFrame(rows, schema=["image_id", "patient_id", "path", "t_score"], orient="row")
        frame = frame.with_columns(pl.lit("phantom").alias("reference_standard"), **columns)
        return write_manifest(frame, tmp_path / "manifest.csv")

    return make


@pytest.fixture
def write_png() -> Callable[..., Path]:
    def write(path: Path, seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 16)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def write_film() -> Callable[..., Path]:
    """Writes a DICOM film; a tag given as None is left out."""

    def write(path: Path, seed: int = 0, **tags: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        meta.MediaStorageSOPInstanceUID = f"1.2.3.{seed}"
        film = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
        pixels = np.random.default_rng(seed).integers(0, 4096, (24, 16)).astype(np.uint16)
        defaults = {
            "SOPClassUID": meta.MediaStorageSOPClassUID,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "Modality": "DX",
            "PatientID": f"P{seed}",
            "PatientSex": "F",
            "PatientAge": "061Y",
            "Manufacturer": "Maker",
            "ManufacturerModelName": "One",
            "InstitutionName": "North",
            "BodyPartExamined": "KNEE",
            "ViewPosition": "LL",
            "ImageLaterality": "R",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": 24,
            "Columns": 16,
            "BitsAllocated": 16,
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 0,
            "PixelData": pixels.tobytes(),
        }
        for keyword, value in {**defaults, **tags}.items():
            if value is not None:
                setattr(film, keyword, value)
        film.save_as(path, enforce_file_format=True)
        return path

    return write
