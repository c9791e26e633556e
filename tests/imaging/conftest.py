from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

DicomWriter = Callable[..., Path]


def film_dataset(stored: np.ndarray, **tags: Any) -> FileDataset:
    """An uncompressed DX film of `stored` values; a tag given as None is left out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["film"])
    dataset = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    depth = stored.dtype.itemsize * 8
    defaults = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "DX",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "BitsAllocated": depth,
        "BitsStored": depth,
        "HighBit": tags.get("BitsStored", depth) - 1,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
        "PixelData": stored.tobytes() + b"\0" * (stored.nbytes % 2),
    }
    for keyword, value in {**defaults, **tags}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


@pytest.fixture(scope="session")
def make_film() -> Callable[..., FileDataset]:
    return film_dataset


@pytest.fixture
def write_dicom(tmp_path: Path) -> DicomWriter:
    def write(stored: np.ndarray, name: str = "film.dcm", **tags: Any) -> Path:
        path = tmp_path / name
        film_dataset(stored, **tags).save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture(scope="session")
def shared_data() -> Path:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("STRNET_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"real data are not here ({folder}); set STRNET_SHARED_DATA")
    return folder
