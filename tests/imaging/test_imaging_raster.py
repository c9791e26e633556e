from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from strnet.errors import ImageError
from strnet.imaging import pixel_sha256, read_acquisition, read_radiograph

GREY = np.random.default_rng(5).integers(0, 256, (30, 20)).astype(np.uint8)
DEEP = np.random.default_rng(6).integers(0, 65536, (30, 20)).astype(np.uint16)
SMOOTH = cv2.GaussianBlur(np.random.default_rng(7).random((300, 200)), (0, 0), 9)
SMOOTH = ((SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH) * 255).astype(np.uint8)


def save(tmp_path, array, name="film.png", **options):
    Image.fromarray(array).save(tmp_path / name, **options)
    return tmp_path / name


def test_an_eight_bit_png_keeps_its_grey_values(tmp_path):
    assert np.allclose(read_radiograph(save(tmp_path, GREY)).pixels, GREY / 255)


def test_a_sixteen_bit_png_keeps_all_of_its_grey_values(tmp_path):
    film = read_radiograph(save(tmp_path, DEEP))
    assert np.array_equal(np.rint(film.pixels * 65535).astype(np.uint16), DEEP)
    assert film.source.bits_stored == 16


@pytest.mark.parametrize("channels", [3, 4])
def test_a_sixteen_bit_colour_png_that_is_grey_keeps_all_of_its_grey_values(tmp_path, channels):
    layers = [DEEP] * 3 + [np.full_like(DEEP, 65535)] * (channels - 3)
    cv2.imwrite(str(tmp_path / "film.png"), np.dstack(layers))
    film = read_radiograph(tmp_path / "film.png")
    assert np.array_equal(np.rint(film.pixels * 65535).astype(np.uint16), DEEP)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_a_grey_picture_is_the_same_film_in_every_colour_mode(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "other.png")
    other = read_radiograph(tmp_path / "other.png")
    assert pixel_sha256(other) == pixel_sha256(read_radiograph(save(tmp_path, GREY)))
    assert other.source.photometric == mode


def test_a_one_bit_png_is_black_and_white(tmp_path):
    picture = save(tmp_path, GREY > 127)
    assert np.array_equal(read_radiograph(picture).pixels, (GREY > 127).astype(np.float32))


def test_a_slight_tint_and_a_red_marker_still_make_a_grey_film(tmp_path):
    tinted = np.dstack([GREY, GREY, GREY]).astype(int)
    tinted[..., 2] += 8
    tinted[:2, :2] = (255, 0, 0)  # 4 of 600 pixels
    film = read_radiograph(save(tmp_path, np.clip(tinted, 0, 255).astype(np.uint8)))
    assert np.abs(film.pixels[3:] - GREY[3:] / 255).max() < 0.02


def test_a_colour_picture_is_refused(tmp_path):
    colour = np.dstack([GREY, GREY[::-1], GREY])
    with pytest.raises(ImageError, match="is in colour"):
        read_radiograph(save(tmp_path, colour))


def test_a_partly_transparent_picture_is_refused(tmp_path):
    with pytest.raises(ImageError, match="partly transparent"):
        read_radiograph(save(tmp_path, np.dstack([GREY, GREY, GREY, GREY])))


def test_a_cmyk_jpeg_is_refused(tmp_path):
    Image.fromarray(GREY).convert("CMYK").save(tmp_path / "film.jpg")
    with pytest.raises(ImageError, match="colour mode CMYK"):
        read_radiograph(tmp_path / "film.jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_film_upright(tmp_path, orientation):
    # What a camera stores when the scene is upright, by the EXIF definition of rows and columns.
    upright = np.kron([[0, 80], [160, 240], [40, 200]], np.ones((16, 16))).astype(np.uint8)
    stored = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: upright.T,
        6: np.rot90(upright, 1),
        7: np.rot90(upright.T, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    film = read_radiograph(save(tmp_path, np.ascontiguousarray(stored), "film.jpg", exif=exif, quality=95))
    assert film.pixels.shape == upright.shape
    assert np.abs(film.pixels * 255 - upright).max() < 6
    assert (film.source.rows, film.source.columns) == stored.shape


def test_the_content_decides_and_not_the_name(tmp_path):
    film = read_radiograph(save(tmp_path, GREY, "film.dcm", format="PNG"))
    assert film.source.file_format == "png"


@pytest.mark.parametrize("name", ["film.png", "film.jpg"])
@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.7, 0.95])
def test_a_truncated_file_is_an_error(tmp_path, name, fraction):
    path = save(tmp_path, SMOOTH, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(ImageError, match="film"):
        read_radiograph(path)


def test_a_truncated_sixteen_bit_colour_png_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "film.png"), np.dstack([DEEP] * 3))
    content = (tmp_path / "film.png").read_bytes()
    (tmp_path / "film.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError):
        read_radiograph(tmp_path / "film.png")


def test_the_header_alone_tells_size_depth_and_mode(tmp_path):
    source = read_acquisition(save(tmp_path, SMOOTH, "film.jpg"))
    assert (source.file_format, source.rows, source.columns) == ("jpeg", 300, 200)
    assert (source.bits_stored, source.photometric, source.patient_id) == (8, "L", None)


def test_a_broken_header_is_an_error_for_the_header_too(tmp_path):
    (tmp_path / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"rubbish")
    with pytest.raises(ImageError, match="PNG header"):
        read_acquisition(tmp_path / "film.png")


def test_a_jpeg_and_the_png_of_its_decoded_values_are_one_film(tmp_path):
    jpeg = read_radiograph(save(tmp_path, SMOOTH, "film.jpg"))
    with Image.open(io.BytesIO((tmp_path / "film.jpg").read_bytes())) as decoded:
        decoded.save(tmp_path / "copy.png")
    assert pixel_sha256(read_radiograph(tmp_path / "copy.png")) == pixel_sha256(jpeg)
