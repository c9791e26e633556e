"""What a file announces is compared with the limits before anything is allocated."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from strnet.errors import DicomError, ImageError
from strnet.imaging import limits, read_acquisition, read_radiograph
from strnet.imaging.limits import LARGEST_FILM, LARGEST_HEADER, inflated, require_film_size

FILM = np.random.default_rng(3).integers(0, 4096, (48, 40)).astype(np.uint16)


def peak_of(read, path) -> int:
    """Most bytes that Python had allocated at once while the film was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(ImageError):
            read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def deflated_film(make_film, tmp_path):
    """Writes a deflated film whose data set goes on with zeros, and may announce any size."""

    def write(zeros: int, **tags):
        film = make_film(FILM, **tags)
        film.save_as(tmp_path / "plain", enforce_file_format=True)
        film.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
        pydicom.dcmwrite(tmp_path / "film.dcm", film, enforce_file_format=True)
        plain, whole = (tmp_path / "plain").read_bytes(), (tmp_path / "film.dcm").read_bytes()
        body, start = (
            plain[plain.index(b"\x08\x00\x16\x00UI") :],
            144 + int.from_bytes(whole[140:144], "little"),
        )
        coder = zlib.compressobj(9, zlib.DEFLATED, -15)
        pieces = [
            coder.compress(body),
            *(coder.compress(bytes(2**20)) for _ in range(zeros >> 20)),
            coder.flush(),
        ]
        (tmp_path / "film.dcm").write_bytes(whole[:start] + b"".join(pieces))
        return tmp_path / "film.dcm"

    return write


@pytest.mark.parametrize("read", [read_radiograph, read_acquisition])
def test_a_small_deflated_file_that_inflates_to_a_large_one_is_refused_with_little_memory(
    deflated_film, read
):
    path = deflated_film(2**27)  # an eighth of a megabyte on the disk
    assert path.stat().st_size < 2**18
    with pytest.raises(DicomError, match=r"film.dcm: .* inflates to more than 8,392,448 bytes"):
        read(path)
    assert peak_of(read, path) < 32 * 2**20


def test_a_deflated_file_that_announces_too_large_a_film_is_not_inflated(deflated_film):
    path = deflated_film(2**27, Rows=20_000, Columns=20_000)
    with pytest.raises(DicomError, match=r"20000 x 20000 pixels, more than the 67,108,864"):
        read_radiograph(path)
    assert peak_of(read_radiograph, path) < 32 * 2**20


def test_a_whole_deflated_film_is_read_up_to_the_limit(deflated_film):
    assert np.allclose(read_radiograph(deflated_film(0)).pixels * 65535, FILM)


def test_a_deflated_film_with_elements_out_of_order_is_refused(deflated_film):
    with pytest.raises(DicomError, match="out of order"):
        read_radiograph(deflated_film(2**20))  # zeros behind the pixels: elements (0000,0000)


def test_bytes_inflate_to_the_limit_and_no_further():
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = coder.compress(bytes(1000)) + coder.flush()
    assert inflated(stream, 1000) == bytes(1000)
    with pytest.raises(ImageError, match="more than 999 bytes"):
        inflated(stream, 999)
    with pytest.raises(ImageError, match="cut short after"):
        inflated(stream[:-1], 1000)


def test_an_rle_film_of_hundreds_of_megabytes_is_refused_with_little_memory(make_film, tmp_path):
    segment = b"\x81\x00" * (20_000 * 20_000 // 128)  # 400 MB of zeros in 6.25 MB
    film = make_film(FILM, Rows=20_000, Columns=20_000)
    film.file_meta.TransferSyntaxUID = uid.RLELossless
    film.PixelData = encapsulate([struct.pack("<16I", 2, 64, 64 + 128, *[0] * 13) + segment[:128] + segment])
    film["PixelData"].is_undefined_length = True
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(DicomError, match="20000 x 20000 pixels"):
        read_radiograph(tmp_path / "film.dcm")
    film.Rows, film.Columns = 48, 40
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(DicomError, match="holds more than 1920 bytes"):
        read_radiograph(tmp_path / "film.dcm")
    assert peak_of(read_radiograph, tmp_path / "film.dcm") < 64 * 2**20


def test_the_largest_film_may_be_read_and_one_row_more_may_not():
    require_film_size(8192, 8192)
    with pytest.raises(ImageError, match="8193 x 8192 pixels"):
        require_film_size(8193, 8192)
    assert LARGEST_FILM == 8192 * 8192
    assert LARGEST_HEADER < LARGEST_FILM


def test_oblong_pixels_may_not_grow_a_film_beyond_the_limit(write_dicom, monkeypatch):
    monkeypatch.setattr(limits, "LARGEST_FILM", 48 * 40 * 4)
    assert read_radiograph(write_dicom(FILM, PixelSpacing=[0.3, 0.1])).pixels.shape == (144, 40)
    with pytest.raises(DicomError, match="240 x 40 pixels"):
        read_radiograph(write_dicom(FILM, PixelSpacing=[0.5, 0.1]))


def test_a_picture_file_is_held_to_the_same_limit(tmp_path, monkeypatch):
    Image.fromarray((FILM >> 4).astype(np.uint8)).save(tmp_path / "film.png")
    monkeypatch.setattr(limits, "LARGEST_FILM", 1000)
    with pytest.raises(ImageError, match=r"film.png: 48 x 40 pixels"):
        read_radiograph(tmp_path / "film.png")


def test_a_file_too_large_to_read_is_refused_by_its_size(write_dicom, monkeypatch):
    path = write_dicom(FILM)
    monkeypatch.setattr(limits, "LARGEST_FILE", 1000)
    with pytest.raises(DicomError, match="bytes, more than the 1,000 a film file may have"):
        read_radiograph(path)
