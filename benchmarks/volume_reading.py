"""Processor seconds to read one CT series: strnet, pydicom's own decoding, MONAI and SimpleITK in one run.

    python benchmarks/volume_reading.py                     # 300 slices of 512 x 512
    python benchmarks/volume_reading.py --slices 60 --rounds 3

The series is made by the script, uncompressed, with the number of header elements that a scanner writes.
Every round times each reader once, in turn, so that a machine which slows down slows all; a reader's figure
is its best round, its ratio is to pydicom's in the same run. `pydicom` sorts nothing, checks nothing and
gives no HU: `dcmread` and `pixel_array` for each file. The readers' HU are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import SimpleITK
from monai.data import PydicomReader
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from strnet.imaging.volume_reading import read_volume

Reader = Callable[[Path], Any]


def main() -> None:
    """Print the table, or JSON with --json."""
    asked = _asked()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "series"
        write_series(folder, asked.slices, asked.size)
        require_same(folder)
        seconds = timed(folder, asked.rounds)
    rows = figures(seconds, asked.slices)
    if asked.json:
        print(json.dumps({"slices": asked.slices, "size": asked.size, "readers": rows}, indent=2))
        return
    print(f"{asked.slices} slices of {asked.size} x {asked.size}, best of {asked.rounds} rounds")
    for row in rows:
        print(f"{row['reader']:24s} {row['ms_per_slice']:7.2f} ms per slice   {row['ratio']:5.2f} x pydicom")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def by_pydicom(folder: Path) -> list[np.ndarray]:
    return [pydicom.dcmread(path).pixel_array for path in sorted(folder.iterdir())]


def by_strnet(folder: Path) -> np.ndarray:
    return read_volume(folder)[0].values


def by_monai(folder: Path) -> np.ndarray:
    reader = PydicomReader()
    return reader.get_data(reader.read(str(folder)))[0]


def by_simpleitk(folder: Path) -> np.ndarray:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return SimpleITK.GetArrayFromImage(reader.Execute())


READERS: dict[str, Reader] = {
    "pydicom": by_pydicom,
    "strnet": by_strnet,
    "MONAI PydicomReader": by_monai,
    "SimpleITK": by_simpleitk,
}


def require_same(folder: Path) -> None:
    """Raise unless strnet, MONAI and SimpleITK give the same HU; MONAI's axes are column, row, slice."""
    ours, theirs, monai = by_strnet(folder), by_simpleitk(folder), np.asarray(by_monai(folder)).T
    if not np.array_equal(ours, theirs):
        raise SystemExit("strnet and SimpleITK read other HU")
    if not (np.array_equal(ours, monai) or np.array_equal(ours, monai[::-1])):
        raise SystemExit("strnet and MONAI read other HU")


def timed(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of every round by reader: what other programs take of the machine does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, read in READERS.items():
            start = time.process_time()
            read(folder)
            seconds[name].append(time.process_time() - start)
    return seconds


def figures(seconds: dict[str, list[float]], slices: int) -> list[dict[str, Any]]:
    """Best round of each reader, and its ratio to pydicom's."""
    best = {name: min(times) for name, times in seconds.items()}
    return [
        {
            "reader": name,
            "ms_per_slice": 1000 * best[name] / slices,
            "ratio": best[name] / best["pydicom"],
            "rounds_s": seconds[name],
        }
        for name in READERS
    ]


def write_series(folder: Path, slices: int, size: int) -> None:
    """An axial series of noise over a body, every file with about a hundred elements."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    series = generate_uid()
    for number in range(slices):
        stored = rng.integers(0, 2400, (size, size), dtype=np.uint16)
        header = _header(series, number, size)
        header.PixelData = stored.tobytes()
        header.save_as(folder / f"{number:05d}.dcm", enforce_file_format=True)


def _header(series: str, number: int, size: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    header = FileDataset("", Dataset(), file_meta=meta, preamble=bytes(128))
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    header.Modality, header.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.826.0.1", series
    header.FrameOfReferenceUID, header.AcquisitionNumber, header.InstanceNumber = "1.2.826.0.2", 1, number + 1
    header.KVP, header.SliceThickness, header.ConvolutionKernel = 120, 1.0, "Br40f"
    header.ImagePositionPatient = [-180.0, -180.0, -500.0 + number]
    header.ImageOrientationPatient, header.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.7, 0.7]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows = header.Columns = size
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = 1, -1024, "HU"
    block = header.private_block(0x0019, "STRNET BENCHMARK", create=True)
    for element in range(65):  # scanners write as many private elements as standard ones
        block.add_new(element, "LO", f"value {element} of {number}")
    return header


if __name__ == "__main__":
    main()
