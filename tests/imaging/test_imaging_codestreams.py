"""Compressed films that end too soon: refused or flagged, whole ones neither."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable

import cv2
import libjpeg
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

from strnet.errors import DicomError, ImageError
from strnet.imaging import read_radiograph
from strnet.imaging.codestreams.huffman_tail import ends_with_whole_symbol
from strnet.imaging.codestreams.jpeg2000_stream import jpeg2000_stream
from strnet.imaging.codestreams.jpeg_completeness import decode_whole
from strnet.imaging.codestreams.jpeg_stream import jpeg_stream
from strnet.imaging.codestreams.png_chunks import png_flags
from strnet.imaging.codestreams.wholeness import FLAGS

SMOOTH = cv2.GaussianBlur(np.random.default_rng(1).random((160, 120)), (0, 0), 6)
SMOOTH = (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)
FILM = np.clip(SMOOTH * 4000 + np.random.default_rng(2).normal(0, 9, SMOOTH.shape), 0, 4095).astype(np.uint16)
COLLIMATED = FILM.copy()
COLLIMATED[:20], COLLIMATED[-50:] = 0, 0  # half a film of borders
EIGHT = (FILM >> 4).astype(np.uint8)
END = b"\xff\xd9"


# Of the 17 categories, canonically (ITU-T T.81 C.2): each the one before plus 1, with zeros to its length.
CODES = ["00", "010", "011", "100", "101", "110", *["1" * n + "0" for n in range(3, 14)]]


def lossless_jpeg(values: np.ndarray, predictor: int = 1) -> bytes:
    """ITU-T T.81 process 14, one component, written bit by bit with `CODES`."""
    header = b"\xff\xd8\xff\xc3" + struct.pack(">HBHHBBBB", 11, 16, *values.shape, 1, 1, 0x11, 0)
    counts = bytes([0, 1, 5, *[1] * 11, 0, 0])
    header += b"\xff\xc4" + struct.pack(">HB", 2 + 1 + 16 + 17, 0) + counts + bytes(range(17))
    header += b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, predictor, 0, 0)
    bits = "".join(_sample_bits(int(d)) for d in _differences(values.astype(int), predictor).ravel())
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return header + coded.replace(b"\xff", b"\xff\x00") + END


def _differences(values: np.ndarray, predictor: int) -> np.ndarray:
    left, above = np.roll(values, 1, axis=1), np.roll(values, 1, axis=0)
    guess = {1: left, 2: above}[predictor].copy()
    guess[:, 0], guess[0, 1:], guess[0, 0] = above[:, 0], left[0, 1:], 1 << 15
    return (values - guess + 32768) % 65536 - 32768


def _sample_bits(difference: int) -> str:
    size = abs(difference).bit_length()
    value = difference if difference >= 0 else difference + (1 << size) - 1
    return CODES[size] + (f"{value:0{size}b}" if 0 < size < 16 else "")


def baseline_jpeg(values: np.ndarray, restart: int = 0) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_RST_INTERVAL, restart]
    return cv2.imencode(".jpg", values, options)[1].tobytes()


@pytest.fixture
def write_frame(make_film, tmp_path):
    def write(frame: bytes, syntax: uid.UID, stored=FILM, fragments=1, **tags):
        film = make_film(stored, **tags)
        film.file_meta.TransferSyntaxUID = syntax
        film.PixelData = encapsulate([frame], fragments_per_frame=fragments, has_bot=fragments == 1)
        film["PixelData"].is_undefined_length = True
        film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
        return tmp_path / "film.dcm"

    return write


@pytest.fixture(scope="module")
def frames(make_film) -> dict[str, tuple[bytes, uid.UID, np.ndarray, dict]]:
    """A whole frame in each encoding that can be written here, with what its header must say."""
    deep, shallow = {"BitsStored": 12}, {}
    found = {
        "baseline": (baseline_jpeg(EIGHT), uid.JPEGBaseline8Bit, EIGHT, shallow),
        "restarts": (baseline_jpeg(EIGHT, restart=4), uid.JPEGBaseline8Bit, EIGHT, shallow),
        "lossless": (lossless_jpeg(FILM), uid.JPEGLosslessSV1, FILM, shallow),
        "lossless 2": (lossless_jpeg(COLLIMATED, 2), uid.JPEGLossless, COLLIMATED, shallow),
    }
    for name, syntax, stored, options in (
        ("rle", uid.RLELossless, COLLIMATED, {}),
        ("jpeg-ls", uid.JPEGLSLossless, COLLIMATED, {}),
        ("jpeg-ls near", uid.JPEGLSNearLossless, FILM, {"jls_error": 2}),
        ("jpeg 2000", uid.JPEG2000Lossless, COLLIMATED, {}),
        ("jpeg 2000 lossy", uid.JPEG2000, FILM, {"j2k_cr": [10]}),
    ):
        film = make_film(stored, **deep)
        film.compress(syntax, generate_instance_uid=False, **options)
        found[name] = (next(generate_frames(film.PixelData, number_of_frames=1)), syntax, stored, deep)
    return found


NAMES = ["baseline", "restarts", "lossless", "lossless 2", "rle", "jpeg-ls", "jpeg-ls near", "jpeg 2000"]
NAMES += ["jpeg 2000 lossy"]


def read_or_reason(path):
    try:
        return read_radiograph(path)
    except ImageError as error:
        return str(error)


def end_of(frame: bytes, name: str) -> int:
    return len(frame.rstrip(b"\0")) if name == "rle" else frame.rindex(END)


@pytest.mark.parametrize("fragments", [1, 4])
@pytest.mark.parametrize("name", NAMES)
def test_a_whole_film_has_no_flags(frames, write_frame, name, fragments):
    frame, syntax, stored, tags = frames[name]
    film = read_radiograph(write_frame(frame, syntax, stored, fragments, **tags))
    assert film.flags == ()
    if "lossy" not in name and "near" not in name and stored is not EIGHT:
        depth = tags.get("BitsStored", 16)
        assert np.array_equal(np.rint(film.pixels * (2**depth - 1)), stored)


@pytest.mark.parametrize("less", [1, 2, 3, 5, 10, 100, 1000])
@pytest.mark.parametrize("ending", [b"", END])
@pytest.mark.parametrize("name", NAMES)
def test_no_cut_film_is_read_as_if_it_were_whole(frames, write_frame, name, ending, less):
    frame, syntax, stored, tags = frames[name]
    whole = read_radiograph(write_frame(frame, syntax, stored, **tags))
    cut = frame[: end_of(frame, name) - less] + ending
    found = read_or_reason(write_frame(cut, syntax, stored, **tags))
    if not isinstance(found, str) and not found.flags:
        assert np.array_equal(found.pixels, whole.pixels), (
            "a part of the picture is gone, and nothing says so"
        )
        assert less == 1, "only padding was cut"


@pytest.mark.parametrize("name", ["baseline", "restarts", "lossless", "jpeg 2000"])
def test_a_film_that_lacks_only_its_end_marker_is_flagged(frames, write_frame, name):
    frame, syntax, stored, tags = frames[name]
    whole = read_radiograph(write_frame(frame, syntax, stored, **tags))
    film = read_radiograph(write_frame(frame[: frame.rindex(END)], syntax, stored, **tags))
    assert film.flags == ("no_end_marker",)
    assert np.array_equal(film.pixels, whole.pixels)


@pytest.mark.parametrize("name", ["baseline", "lossless", "jpeg 2000", "jpeg-ls"])
def test_padding_behind_the_end_marker_is_no_flag(frames, write_frame, name):
    frame, syntax, stored, tags = frames[name]
    film = read_radiograph(write_frame(frame.rstrip(b"\0") + bytes(64), syntax, stored, **tags))
    assert film.flags == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_film_half_of_zeros_is_refused_or_flagged(frames, write_frame, name):
    frame, syntax, stored, tags = frames[name]
    half = frame[: len(frame) // 2].ljust(len(frame), b"\0")
    found = read_or_reason(write_frame(half, syntax, stored, **tags))
    assert isinstance(found, str) or found.flags


def test_a_cut_in_the_last_sample_of_a_lossless_jpeg_is_refused(write_frame):
    stored = np.full((8, 8), 1000, np.uint16)
    stored[-1, -1] = 1000 + 0x3FFF  # 14 value bits, all ones: what a decoder makes of missing bits
    frame = lossless_jpeg(stored)
    whole = read_radiograph(write_frame(frame, uid.JPEGLosslessSV1, stored))
    assert np.array_equal(np.rint(whole.pixels * 65535), stored)
    stored[-1, -1] -= 1
    frame = lossless_jpeg(stored)
    cut = frame[: frame.rindex(END) - 1] + END
    assert not ends_with_whole_symbol(jpeg_stream(cut))
    with pytest.raises(
        DicomError, match=r"cut short: the JPEG data end within the last sample. Copy it again"
    ):
        read_radiograph(write_frame(cut, uid.JPEGLosslessSV1, stored))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 2))
def test_a_lossless_jpeg_less_its_last_byte_is_refused_unless_nothing_is_gone(seed, predictor):
    random = np.random.default_rng(seed)
    spread = random.choice([1, 20, 3000])
    values = (2**15 + random.integers(-spread, spread + 1, (23, 31))).astype(np.uint16)
    frame = lossless_jpeg(values, predictor)
    picture, flags = decode_whole(jpeg_stream(frame), libjpeg.decode)
    assert np.array_equal(picture, values)
    assert flags == ()
    try:
        less, _ = decode_whole(jpeg_stream(frame[:-3] + END), libjpeg.decode)
    except ImageError:
        return
    assert np.array_equal(less, values)


def test_the_end_of_a_film_tells_without_its_beginning_whether_its_last_symbol_is_whole():
    for frame in (lossless_jpeg(FILM), lossless_jpeg(COLLIMATED, 2), baseline_jpeg(EIGHT)):
        assert ends_with_whole_symbol(jpeg_stream(frame))


def test_a_jpeg_that_lost_a_restart_interval_is_refused(write_frame):
    frame = baseline_jpeg(EIGHT, restart=4)
    third = frame.index(b"\xff\xd2")
    fourth = frame.index(b"\xff\xd3")
    with pytest.raises(DicomError, match="restart interval"):
        read_radiograph(write_frame(frame[:third] + frame[fourth:], uid.JPEGBaseline8Bit, EIGHT))
    holed = frame[: fourth - 6] + frame[fourth:]  # within an interval that still has its marker
    with pytest.raises(DicomError, match="the JPEG data end before the last row"):
        read_radiograph(write_frame(holed, uid.JPEGBaseline8Bit, EIGHT))


def test_a_lost_block_in_a_lossless_jpeg_is_refused_or_flagged(write_frame):
    frame = lossless_jpeg(FILM)
    found = set()
    for start in range(4096, len(frame) - 2048, 1024):
        holed = frame[:start] + bytes(512) + frame[start + 512 :]
        film = read_or_reason(write_frame(holed, uid.JPEGLosslessSV1))
        found |= {"refused"} if isinstance(film, str) else set(film.flags) or {"unnoticed"}
    assert found == {"data_left_over"}  # a zero is a sample in 2 bits, where the film's samples take more


def test_a_constant_area_coded_in_zero_bits_is_no_lost_block(write_frame):
    stored = np.full((256, 256), 7, np.uint16)  # 2 zero bits a pixel: 16 KiB of zeros
    stored[:4, :120] = FILM[:4]
    frame = lossless_jpeg(stored)
    assert bytes(4096) in frame
    assert read_radiograph(write_frame(frame, uid.JPEGLosslessSV1, stored)).flags == ()


def test_a_compressed_picture_of_another_size_is_refused_before_it_is_decoded(frames, write_frame):
    for name, (frame, syntax, stored, tags) in frames.items():
        if name == "rle":
            continue
        path = write_frame(frame, syntax, stored, **{**tags, "Rows": 80})
        with pytest.raises(DicomError, match=r"picture is 160 x 120, .* the header announces 80 x 120"):
            read_radiograph(path)


def test_a_shortened_rle_segment_is_refused(frames, write_frame):
    frame, syntax, stored, tags = frames["rle"]
    count, first, second = struct.unpack("<3I", frame[:12])
    for less in (2, 10, 100):
        header = struct.pack("<3I", count, first, second - less) + frame[12:64]
        shorter = header + frame[first : second - less] + frame[second:]
        with pytest.raises(DicomError):
            read_radiograph(write_frame(shorter, syntax, stored, **tags))


def test_an_rle_segment_with_data_left_over_is_refused(frames, write_frame):
    frame, syntax, stored, tags = frames["rle"]
    with pytest.raises(DicomError, match="holds more than 19200 bytes"):
        read_radiograph(write_frame(frame + b"\xc0\x07" * 30, syntax, stored, **tags))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ((3, 64, 70, 80), "announces 3 segments, expected 2"),
        ((2, 64, 60), "the header is damaged"),
        ((2, 64, 10**6), "segment 2 starts at byte 1000000"),
    ],
)
def test_a_damaged_rle_header_is_refused(frames, write_frame, header, message):
    frame, syntax, stored, tags = frames["rle"]
    damaged = struct.pack(f"<{len(header)}I", *header).ljust(64, b"\0") + frame[64:]
    with pytest.raises(DicomError, match=message):
        read_radiograph(write_frame(damaged, syntax, stored, **tags))


def tiled(parts: Iterable[tuple[int, int, int, bytes]], tiles: int) -> bytes:
    """A JPEG 2000 skeleton of `tiles` tiles side by side; parts are tile, number, count and body."""
    siz = struct.pack(">HHIIIIIIIIH", 41, 0, 8 * tiles, 8, 0, 0, 8, 8, 0, 0, 1) + b"\x0b\x01\x01"
    stream = b"\xff\x4f\xff\x51" + siz
    for tile, number, count, body in parts:
        stream += b"\xff\x90" + struct.pack(">HHIBB", 10, tile, 12 + len(body), number, count) + body
    return stream


def test_tile_parts_are_counted():
    parts = [(0, 0, 2, b"ab"), (1, 0, 1, b"cde"), (0, 1, 2, b"f")]
    whole = jpeg2000_stream(tiled(parts, 2) + END)
    assert (whole.size.rows, whole.size.columns, whole.size.bits, whole.ended) == (8, 16, 12, True)
    with pytest.raises(ImageError, match="1 of 2 parts of JPEG 2000 tile 0"):
        jpeg2000_stream(tiled(parts[:2], 2) + END)
    with pytest.raises(ImageError, match="1 of 2 JPEG 2000 tiles"):
        jpeg2000_stream(tiled(parts[:1], 2) + END)
    with pytest.raises(ImageError, match="announces 13 bytes, 12 are there"):
        jpeg2000_stream(tiled(parts, 2)[:-1])


def test_a_jpeg_2000_tile_part_of_unknown_length_is_judged_by_its_decoder(frames, write_frame):
    frame, syntax, stored, tags = frames["jpeg 2000"]
    start = frame.index(b"\xff\x90")
    unknown = frame[: start + 6] + bytes(4) + frame[start + 10 :]
    assert read_radiograph(write_frame(unknown, syntax, stored, **tags)).flags == ()
    for less in (1, 2, 3, 5, 50, 5000):
        cut = unknown[: unknown.rindex(END) - less] + END
        with pytest.raises(DicomError, match=r"Copy it again|copy it again"):
            read_radiograph(write_frame(cut, syntax, stored, **tags))


def test_a_comment_before_the_end_marker_of_a_jpeg_2000_is_passed_over(frames, write_frame):
    frame, syntax, stored, tags = frames["jpeg 2000"]
    end = frame.rindex(END)
    padded = frame[:end] + b"\xff\x64\x00\x09\x00\x01hello" + END
    assert read_radiograph(write_frame(padded, syntax, stored, **tags)).flags == ()


def picture(kind: str, **options) -> bytes:
    content = io.BytesIO()
    Image.fromarray(EIGHT).save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 90, "progressive": True}])
@pytest.mark.parametrize("less", [3, 10, 100, 1000])
def test_a_cut_jpeg_file_with_a_new_end_marker_is_refused(tmp_path, options, less):
    content = picture("jpeg", **options)
    (tmp_path / "film.jpg").write_bytes(content[: -2 - less] + END)
    with pytest.raises(ImageError, match=r"film.jpg: .*cut short: .*Copy it again"):
        read_radiograph(tmp_path / "film.jpg")


def test_a_progressive_jpeg_without_its_last_scans_is_refused(tmp_path):
    content = picture("jpeg", quality=90, progressive=True)
    (tmp_path / "film.jpg").write_bytes(content[: content.rindex(b"\xff\xc4")] + END)
    with pytest.raises(ImageError, match="scans of the progressive JPEG are missing"):
        read_radiograph(tmp_path / "film.jpg")


def test_a_jpeg_file_without_its_end_marker_is_flagged(tmp_path):
    (tmp_path / "film.jpg").write_bytes(picture("jpeg")[:-2] + b"\0\0")
    found = read_or_reason(tmp_path / "film.jpg")
    assert "film.jpg" in found if isinstance(found, str) else found.flags == ("no_end_marker",)


def test_a_png_without_its_last_chunk_is_flagged_and_one_with_a_wrong_checksum_is_refused():
    content = picture("png")
    assert png_flags(content) == ()
    assert png_flags(content[:-12]) == ("no_end_marker",)
    with pytest.raises(ImageError, match="needs 1 more bytes"):
        png_flags(content[:-1])
    middle = len(content) // 2
    with pytest.raises(ImageError, match=r"checksum of PNG chunk b'IDAT'"):
        png_flags(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def test_a_cut_deflated_film_is_refused(make_film, tmp_path):
    film = make_film(FILM, BitsStored=12)
    film.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    pydicom.dcmwrite(tmp_path / "film.dcm", film, enforce_file_format=True)
    content = (tmp_path / "film.dcm").read_bytes()
    assert read_radiograph(tmp_path / "film.dcm").flags == ()
    for less in (3, 10, 1000):
        (tmp_path / "film.dcm").write_bytes(content[:-less])
        with pytest.raises(DicomError, match=r"film.dcm: the deflated data set is .*Copy it again"):
            read_radiograph(tmp_path / "film.dcm")


def test_uncompressed_zeros_from_within_a_row_at_a_disk_block_are_flagged(write_dicom):
    stored = FILM[:, :119] + 1
    path = write_dicom(stored, BitsStored=16)
    content = path.read_bytes()
    start = len(content) - stored.nbytes
    path.write_bytes(content[: start // 512 * 512 + 10 * 512].ljust(len(content), b"\0"))
    assert read_radiograph(path).flags == ("constant_tail",)
    path.write_bytes(content[: start // 512 * 512 + 10 * 512 + 100].ljust(len(content), b"\0"))
    assert read_radiograph(path).flags == (), "not at a block: a border, as far as anyone can tell"
    assert read_radiograph(write_dicom(COLLIMATED)).flags == ()


def test_every_flag_has_words():
    assert all(words and words[0].islower() for words in FLAGS.values())
