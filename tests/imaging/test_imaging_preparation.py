from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.imaging import prepare, to_network_input

PLAIN = {"crop_to_field": False, "normalisation": "none"}


def preparation(height=32, width=32, **options):
    return Preprocessing(height=height, width=width, **{**PLAIN, **options})


def film(rows, columns, seed=0):
    return np.random.default_rng(seed).random((rows, columns), dtype=np.float32)


def test_shrinking_takes_means_of_areas():
    pixels = film(64 * 3, 64 * 3)
    by_hand = pixels.reshape(64, 3, 64, 3).mean(axis=(1, 3))
    assert np.abs(prepare(pixels, preparation(64, 64)) / 65535 - by_hand).max() < 2e-5


def test_shrinking_by_a_broken_factor_weighs_the_pixels_at_the_seams():
    # 80 rows to 32: each output row covers 2.5 rows, the middle one of every five is shared half and half.
    pixels = np.repeat(film(80, 1), 80, axis=1)
    made = prepare(pixels, preparation()) / 65535
    first, second = pixels[:5, 0], made[:2, 5]
    assert second[0] == pytest.approx((first[0] + first[1] + first[2] / 2) / 2.5, abs=2e-5)
    assert second[1] == pytest.approx((first[2] / 2 + first[3] + first[4]) / 2.5, abs=2e-5)


def test_proportions_are_kept_and_the_film_is_centred_on_black():
    made = prepare(np.full((200, 100), 0.5, dtype=np.float32) + film(200, 100) * 0.1, preparation(64, 64))
    assert (made[:, 16:48] > 30000).all()
    assert (made[:, :16] == 0).all()
    assert (made[:, 48:] == 0).all()


def test_a_film_of_the_right_size_is_only_quantised():
    pixels = film(40, 32)
    assert np.array_equal(prepare(pixels, preparation(40, 32)), np.rint(pixels * 65535).astype(np.uint16))


def test_a_small_film_grows_without_leaving_its_range():
    made = prepare(0.25 + 0.5 * film(8, 8), preparation())
    assert made.min() >= 0.25 * 65535 - 1
    assert made.max() <= 0.75 * 65535 + 1


def test_percentiles_of_the_film_become_black_and_white():
    pixels = np.sort(film(64, 64).ravel()).reshape(64, 64) * 0.5 + 0.2
    made = prepare(pixels, preparation(64, 64, normalisation="percentile", percentiles=(10.0, 90.0)))
    ordered = np.sort(pixels.ravel())
    low, high = (
        ordered[int(f * 4095)] + (f * 4095 % 1) * (ordered[int(f * 4095) + 1] - ordered[int(f * 4095)])
        for f in (0.1, 0.9)
    )
    expected = np.clip((pixels - low) / (high - low), 0, 1)
    assert np.abs(made / 65535 - expected).max() < 1e-4
    assert (made == 0).mean() == pytest.approx(0.1, abs=0.001)


def test_padding_does_not_count_as_grey_values_of_the_film():
    narrow = prepare(film(64, 16), preparation(64, 64, normalisation="minmax"))
    alone = prepare(film(64, 16), preparation(64, 32, normalisation="minmax"))
    assert np.array_equal(narrow[:, 24:40], alone[:, 8:24])


@pytest.mark.parametrize("normalisation", ["percentile", "minmax"])
def test_exposure_and_contrast_do_not_matter_after_normalisation(normalisation):
    pixels = film(96, 96)
    one = prepare(pixels, preparation(normalisation=normalisation)).astype(int)
    other = prepare(0.1 + 0.3 * pixels, preparation(normalisation=normalisation)).astype(int)
    assert np.abs(one - other).max() <= 2


def test_the_border_is_cropped_before_the_resize():
    pixels = np.zeros((200, 200), dtype=np.float32)
    pixels[50:150, 50:150] = 0.2 + 0.8 * film(100, 100)
    cropped = prepare(pixels, preparation(100, 100, crop_to_field=True))
    assert (cropped[3:97, 3:97] > 0).mean() > 0.99
    assert (prepare(pixels, preparation(100, 100)) == 0).mean() > 0.7


def test_a_film_without_contrast_is_refused():
    with pytest.raises(ImageError, match="no contrast"):
        prepare(np.full((50, 50), 0.4, dtype=np.float32), preparation(normalisation="percentile"))


def test_preparing_leaves_the_film_alone_and_gives_the_same_again():
    pixels = film(70, 90)
    before = pixels.copy()
    first = prepare(pixels, Preprocessing())
    assert np.array_equal(first, prepare(pixels, Preprocessing()))
    assert np.array_equal(pixels, before)


def test_the_network_sees_grey_values_less_the_mean_over_the_deviation():
    seen = to_network_input(
        np.array([[[0, 32768, 65535]]], dtype=np.uint16), Preprocessing(mean=0.4, std=0.2)
    )
    assert seen.dtype == np.float32
    assert seen.shape == (1, 1, 3)
    assert np.allclose(seen, [[[-2.0, (32768 / 65535 - 0.4) / 0.2, 3.0]]], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(3, 300),
    columns=st.integers(3, 300),
    height=st.integers(32, 64),
    width=st.integers(32, 64),
)
def test_any_film_fills_one_side_of_the_input(rows, columns, height, width):
    made = prepare(0.5 + 0.5 * film(rows, columns), preparation(height, width))
    assert made.shape == (height, width)
    inside = made > 0
    assert inside.any(axis=1).all() or inside.any(axis=0).all()
    filled = (inside.any(axis=1).sum(), inside.any(axis=0).sum())
    scale = min(height / rows, width / columns)
    assert filled == (max(round(rows * scale), 1), max(round(columns * scale), 1))
