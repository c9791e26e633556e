from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.imaging import Field, collimated_field, read_radiograph


def texture(rows, columns, seed=0):
    """Something like a limb on air: smooth, with contrast in every row and column."""
    noise = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 6)
    return 0.1 + 0.8 * (smooth - smooth.min()) / np.ptp(smooth)


def framed(top, bottom, left, right, border, rows=600, columns=500):
    film = np.full((rows, columns), border, dtype=np.float32)
    film[top:bottom, left:right] = texture(bottom - top, right - left)
    return film


@pytest.mark.parametrize("border", [0.0, 1.0])
def test_a_dark_or_a_bright_border_is_cropped_to_within_two_thumbnail_pixels(border):
    found = collimated_field(framed(120, 510, 60, 420, border))
    assert 120 - 6 <= found.top <= 120
    assert 510 <= found.bottom <= 510 + 6
    assert 60 - 6 <= found.left <= 60
    assert 420 <= found.right <= 420 + 6


def test_a_bright_border_inside_a_dark_shutter_is_cropped_with_it():
    film = framed(150, 450, 120, 380, 1.0)
    film[:, :40] = film[:, -40:] = 0.0
    film[:50] = film[-50:] = 0.0
    found = collimated_field(film)
    assert found.top >= 50 - 6
    assert (found.left, found.right) != (0, 500)


def test_a_film_without_border_is_kept_whole():
    assert collimated_field(texture(600, 500)) == Field(0, 600, 0, 500)


def test_a_grey_border_is_kept_because_it_may_be_soft_tissue():
    assert collimated_field(framed(100, 500, 100, 400, 0.5)) == Field(0, 600, 0, 500)


def test_lettering_in_the_border_stops_the_crop():
    film = framed(120, 510, 60, 420, 0.0)
    film[30:60, 100:200] = 1.0
    assert collimated_field(film).top <= 30


def test_a_field_that_would_be_tiny_is_taken_for_a_misreading():
    assert collimated_field(framed(280, 320, 240, 270, 0.0)) == Field(0, 600, 0, 500)


def test_a_film_of_one_grey_value_is_kept_whole():
    assert collimated_field(np.full((64, 48), 0.3, dtype=np.float32)) == Field(0, 64, 0, 48)


def test_noise_in_a_dark_border_does_not_stop_the_crop():
    film = framed(120, 510, 60, 420, 0.0)
    noisy = np.clip(film + np.random.default_rng(1).normal(0, 0.01, film.shape), 0, 1).astype(np.float32)
    assert collimated_field(noisy).top > 100


def test_turning_the_film_turns_the_field():
    film = framed(120, 510, 60, 420, 0.0, columns=600)
    found, turned = collimated_field(film), collimated_field(np.ascontiguousarray(film.T))
    assert (turned.top, turned.bottom, turned.left, turned.right) == (
        found.left,
        found.right,
        found.top,
        found.bottom,
    )


@settings(max_examples=40, deadline=None)
@given(
    top=st.integers(0, 200),
    left=st.integers(0, 150),
    height=st.integers(200, 399),
    width=st.integers(160, 349),
    border=st.sampled_from([0.0, 1.0]),
)
def test_the_field_always_holds_all_of_the_anatomy(top, left, height, width, border):
    film = np.full((600, 500), border, dtype=np.float32)
    film[top : top + height, left : left + width] = texture(height, width)
    found = collimated_field(film)
    assert found.top <= top
    assert found.left <= left
    assert found.bottom >= top + height
    assert found.right >= left + width


@pytest.mark.parametrize(
    ("name", "anatomy", "borders"),
    [
        # top, bottom, left, right of the limb as measured by eye; which edges have a border to lose
        ("24__jpeg.jpg", (79, 689, 2, 379), "top bottom"),
        ("34__jpeg.jpg", (108, 658, 2, 318), "top bottom"),
        ("138__png.jpg", (8, 656, 4, 275), "bottom"),
        ("245__jpeg.jpg", (0, 630, 306, 521), "left right"),
        ("120__png.jpg", (0, 728, 5, 289), "right"),
    ],
)
def test_real_knees_lose_their_borders_and_nothing_else(shared_data, name, anatomy, borders):
    (path,) = (shared_data / "knee_qus" / "images").glob(f"*/{name}")
    found = collimated_field(read_radiograph(path).pixels)
    assert found.top <= anatomy[0]
    assert found.bottom >= anatomy[1]
    assert found.left <= anatomy[2]
    assert found.right >= anatomy[3]
    distances = dict(
        zip(
            ("top", "bottom", "left", "right"),
            np.abs(np.subtract((found.top, found.bottom, found.left, found.right), anatomy)),
            strict=True,
        )
    )
    assert all(distances[border] <= 30 for border in borders.split())
