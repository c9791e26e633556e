from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from strnet.errors import ImageError
from strnet.imaging import Acquisition, Radiograph, read_radiograph, require_whole
from strnet.imaging.quality import FAULTS, has_constant_tail, picture_faults

SMOOTH = cv2.GaussianBlur(np.random.default_rng(4).random((200, 160)), (0, 0), 8)
FILM = ((SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH) * 0.8 + 0.2).astype(np.float32)


def test_a_film_that_shows_something_has_no_fault():
    assert picture_faults(FILM) == ()
    assert picture_faults(1 - FILM) == ()


def test_a_picture_of_one_grey_value_is_blank():
    assert picture_faults(np.full((9, 9), 0.5, np.float32)) == ("blank",)


def test_a_picture_with_lettering_on_one_grey_value_has_no_contrast():
    lettered = np.zeros((100, 100), np.float32)
    lettered[3:6, 3:30] = 1.0  # 81 of 10,000 pixels
    assert picture_faults(lettered) == ("no_contrast",)


def test_contrast_is_judged_alike_in_a_large_film_of_which_only_some_pixels_are_looked_at():
    large = np.kron(FILM, np.ones((12, 12), np.float32))
    assert picture_faults(large) == ()
    lettered = np.zeros_like(large)
    lettered[3:160, 3:300] = 1.0  # a corner, 1% of it
    assert picture_faults(lettered) == ("no_contrast",)


def test_a_film_that_lost_a_part_or_shows_nothing_is_for_no_cohort():
    source = Acquisition("dicom", *FILM.shape, 12, "MONOCHROME2")
    require_whole(Radiograph(FILM, source))
    require_whole(Radiograph(FILM, source, flags=("no_end_marker",)))  # every row of it is there
    with pytest.raises(ImageError, match=r"zero bytes.*Copy or export the film again"):
        require_whole(Radiograph(FILM, source, flags=("no_end_marker", "zero_block")))
    with pytest.raises(ImageError, match="same grey value"):
        require_whole(Radiograph(np.zeros_like(FILM), source))


@pytest.mark.parametrize("fill", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("band", [1, 8, 16])
def test_a_picture_that_breaks_off_within_a_row_of_blocks_is_cut(fill, band):
    cut = FILM * 0.4 + (0.0 if fill == 1.0 else 0.55 * (fill == 0.0))
    cut[120:] = fill
    cut[120 - band : 120, 70:] = fill
    assert picture_faults(cut) == ("cut",)


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_a_collimated_film_is_not_cut(fill):
    for top, bottom, left, right in ((0, 60, 0, 0), (0, 60, 0, 70), (30, 60, 20, 30), (0, 100, 90, 0)):
        collimated = np.full_like(FILM, fill)
        inside = (slice(top, 200 - bottom), slice(left, 160 - right))
        collimated[inside] = FILM[inside] * 0.7
        assert picture_faults(collimated) == ()


def test_a_rotated_or_round_collimator_is_not_a_cut():
    y, x = np.mgrid[:200, :160]
    for inside in (y < 120 + x // 4, y < 160 - x // 20, np.hypot(y - 90, x - 80) < 70):
        assert picture_faults(np.where(inside, FILM, 0).astype(np.float32)) == ()


def test_zeros_from_a_disk_block_within_a_row_on_are_a_constant_tail_and_from_a_row_on_are_not():
    stored = np.full((40, 100), 9, np.uint16)
    stored.ravel()[2000 + 30 :] = 0  # byte 4060 of the values
    assert has_constant_tail(stored, 512 - 4060 % 512)
    assert not has_constant_tail(stored, 100)
    assert not has_constant_tail(stored, None)
    stored.ravel()[2000:] = 0
    assert not has_constant_tail(stored, 512 - 4000 % 512)
    assert not has_constant_tail(np.zeros((40, 100), np.uint16), 512)


def test_every_fault_has_words():
    assert all(words and words[0].islower() for words in FAULTS.values())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_whole_real_film_has_a_flag_or_a_fault(shared_data):
    with (shared_data / "dicom" / "index.csv").open() as stream:
        paths = [shared_data / "dicom" / row["file"] for row in csv.DictReader(stream)]
    paths += sorted((shared_data / "chest_nih" / "images").glob("*.png"))
    paths += sorted((shared_data / "knee_qus" / "images").rglob("*.jpg"))
    read = 0
    for path in paths:
        try:
            film = read_radiograph(path)
        except ImageError:
            continue
        assert (film.flags, picture_faults(film.pixels)) == ((), ()), path.name
        read += 1
    assert read > 400
