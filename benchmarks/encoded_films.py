"""Films made here, in every encoding that the encoders at hand write; mutants.py cuts them."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames


@dataclass(frozen=True)
class Encoding:
    """One way to store a film. `suffix` is that of a plain picture; empty for DICOM."""

    name: str
    write: Callable[[np.ndarray, Path], None]
    suffix: str = ""


def film(seed: int) -> np.ndarray:
    """A grey film of 12 bits, uint16: soft shapes and noise, collimated on most seeds."""
    random = np.random.default_rng(seed)
    rows, columns = (int(side) for side in random.integers(180, 320, 2))
    smooth = cv2.GaussianBlur(random.random((rows, columns)), (0, 0), float(random.uniform(2, 20)))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    noise = random.normal(0, random.uniform(0, 0.02), smooth.shape)
    values = np.clip((smooth + noise) * 4095, 0, 4095).astype(np.uint16)
    top, left, bottom, right = (int(width) for width in random.integers(0, 40, 4) * (seed % 4 > 0))
    collimated = np.zeros_like(values)
    inside = (slice(top, rows - bottom), slice(left, columns - right))
    collimated[inside] = values[inside]
    return collimated


def dicom_film(values: np.ndarray, bits: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = uid.DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid.generate_uid(entropy_srcs=["mutant"])
    header = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    header.SOPClassUID, header.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    header.Modality, header.SamplesPerPixel, header.PhotometricInterpretation = "DX", 1, "MONOCHROME2"
    header.PatientID, header.StudyInstanceUID, header.SeriesInstanceUID = "1", "1.2.3", "1.2.3.4"
    header.Rows, header.Columns = values.shape
    header.BitsAllocated, header.BitsStored, header.HighBit = values.itemsize * 8, bits, bits - 1
    header.PixelRepresentation, header.PixelData = 0, values.tobytes() + b"\0" * (values.nbytes % 2)
    return header


def encodings() -> list[Encoding]:
    """All encodings whose encoder is here; those of dcmtk only where it is installed."""
    found = [
        Encoding("uncompressed", _write_plain),
        Encoding("deflated", _write_deflated),
        Encoding("RLE", _pydicom(uid.RLELossless)),
        Encoding("JPEG-LS lossless", _pydicom(uid.JPEGLSLossless)),
        Encoding("JPEG-LS near", _pydicom(uid.JPEGLSNearLossless, jls_error=3)),
        Encoding("JPEG 2000 lossless", _pydicom(uid.JPEG2000Lossless)),
        Encoding("JPEG 2000 lossy", _pydicom(uid.JPEG2000, j2k_cr=[12])),
        Encoding("JPEG baseline", _baseline(restart=0)),
        Encoding("JPEG baseline, restarts", _baseline(restart=5)),
        Encoding(".jpg", _picture("jpeg", quality=92), ".jpg"),
        Encoding(".jpg progressive", _picture("jpeg", quality=92, progressive=True), ".jpg"),
        Encoding(".jpg colour", _picture("jpeg", colour=True, quality=80), ".jpg"),
        Encoding(".png", _picture("png"), ".png"),
        Encoding(".png of 16 bits", _write_deep_png, ".png"),
    ]
    if shutil.which("dcmcjpeg"):
        options = {"extended": "+ee", "lossless": "+el", "lossless SV1": "+e1"}
        found += [Encoding(f"JPEG {name}", _dcmtk(option)) for name, option in options.items()]
    return found


def frame_of(path: Path) -> bytes:
    header = pydicom.dcmread(path)
    return next(generate_frames(header.PixelData, number_of_frames=1))


def with_frame(path: Path, frame: bytes, target: Path, *, fragments: int = 1, offsets: bool = True) -> None:
    """Write the DICOM film at `path` with another compressed frame, in so many fragments."""
    header = pydicom.dcmread(path)
    header.PixelData = encapsulate([frame], fragments_per_frame=fragments, has_bot=offsets)
    header["PixelData"].is_undefined_length = True
    header.save_as(target, enforce_file_format=True)


def fragments_of(frame: bytes, count: int) -> Iterator[bytes]:
    step = max(len(frame) // count // 2 * 2, 2)
    for start in range(0, len(frame), step):
        yield frame[start : start + step]


def _write_plain(values: np.ndarray, path: Path) -> None:
    dicom_film(values, 12).save_as(path, enforce_file_format=True)


def _write_deflated(values: np.ndarray, path: Path) -> None:
    header = dicom_film(values, 12)
    header.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    pydicom.dcmwrite(path, header, enforce_file_format=True)


def _pydicom(syntax: uid.UID, **options: object) -> Callable[[np.ndarray, Path], None]:
    def write(values: np.ndarray, path: Path) -> None:
        header = dicom_film(values, 12)
        header.compress(syntax, generate_instance_uid=False, **options)
        header.save_as(path, enforce_file_format=True)

    return write


def _baseline(restart: int) -> Callable[[np.ndarray, Path], None]:
    def write(values: np.ndarray, path: Path) -> None:
        eight = (values >> 4).astype(np.uint8)
        options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
        header = dicom_film(eight, 8)
        header.PixelData = encapsulate([cv2.imencode(".jpg", eight, options)[1].tobytes()])
        header["PixelData"].is_undefined_length = True
        header.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        header.save_as(path, enforce_file_format=True)

    return write


def _dcmtk(option: str) -> Callable[[np.ndarray, Path], None]:
    def write(values: np.ndarray, path: Path) -> None:
        plain = path.with_suffix(".plain")
        _write_plain(values, plain)
        subprocess.run(["dcmcjpeg", option, plain, path], check=True, capture_output=True)
        plain.unlink()

    return write


def _picture(kind: str, *, colour: bool = False, **options: object) -> Callable[[np.ndarray, Path], None]:
    def write(values: np.ndarray, path: Path) -> None:
        content = io.BytesIO()
        grey = Image.fromarray((values >> 4).astype(np.uint8))
        (grey.convert("RGB") if colour else grey).save(content, kind, **options)
        path.write_bytes(content.getvalue())

    return write


def _write_deep_png(values: np.ndarray, path: Path) -> None:
    Image.fromarray(values << 4).save(path)
