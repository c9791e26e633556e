"""Augmentation: what each change does to a picture, and what its draw depends on."""

import cv2
import numpy as np
import pytest
import torch

from strnet.config import Augmentation, Preprocessing
from strnet.data.augment import Draws, augment, augment_labels, draw

PREPROCESSING = Preprocessing(height=33, width=65, mean=0.4, std=0.2)
NOTHING = {
    "horizontal_flip": 0.0,
    "rotation_degrees": 0.0,
    "scale": 0.0,
    "translation": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "gamma": 0.0,
}
FLIP, ANGLE, SCALE, X, Y, BRIGHTNESS, CONTRAST, GAMMA = range(8)


def changed(grey: np.ndarray, settings: dict[str, float], **uniform: float) -> np.ndarray:
    """Grey values after a change whose draws are given by name, others in the middle."""
    draws = np.full((1, 8), 0.5)
    for name, value in uniform.items():
        draws[0, globals()[name]] = value
    image = torch.from_numpy((grey.astype(np.float32) - 0.4) / 0.2)[None, None]
    out = augment(image, Draws(draws, None), Augmentation(**{**NOTHING, **settings}), PREPROCESSING)
    return out[0, 0].numpy() * 0.2 + 0.4


@pytest.fixture
def film() -> np.ndarray:
    blurred = cv2.GaussianBlur(np.random.default_rng(4).random((33, 65)), (0, 0), 3)
    return (blurred - blurred.min()) / np.ptp(blurred)


def test_no_change_leaves_the_film_as_it_is(film):
    np.testing.assert_allclose(changed(film, {}), film, atol=1e-5)


def test_a_flip_mirrors_left_and_right(film):
    settings = {"horizontal_flip": 0.5}
    np.testing.assert_allclose(changed(film, settings, FLIP=0.49), film[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(changed(film, settings, FLIP=0.51), film, atol=1e-5)


def test_a_half_turn_turns_the_film_on_its_head(film):
    out = changed(film, {"rotation_degrees": 180.0}, ANGLE=1.0)
    np.testing.assert_allclose(out, film[::-1, ::-1], atol=1e-4)


def test_a_quarter_turn_keeps_the_proportions_of_a_wide_film():
    square = np.zeros((33, 65))
    square[12:21, 28:37] = 1.0
    square[12:21, 28:32] = 0.5
    out = changed(square, {"rotation_degrees": 90.0}, ANGLE=1.0)
    turned = np.zeros((33, 65))
    turned[12:21, 28:37] = np.rot90(square[12:21, 28:37], k=1 if out[13, 32] > out[19, 32] else -1)
    np.testing.assert_allclose(out, turned, atol=1e-4)


def test_a_shift_moves_by_its_fraction_of_the_side(film):
    out = changed(film, {"translation": 0.2}, X=1.0)
    np.testing.assert_allclose(out[:, :-13], film[:, 13:], atol=1e-4)
    np.testing.assert_allclose(out[:, -13:], 0.0, atol=1e-5)


def test_a_larger_scale_enlarges_about_the_centre():
    disc = np.zeros((33, 65), np.float32)
    cv2.circle(disc, (32, 16), 6, 1.0, -1)
    area = changed(disc, {"scale": 0.5}, SCALE=1.0).sum() / disc.sum()
    assert area == pytest.approx(1.5**2, rel=0.05)


def test_brightness_contrast_and_gamma_follow_their_formulas(film):
    np.testing.assert_allclose(changed(film, {"brightness": 0.2}, BRIGHTNESS=0.75), film + 0.1, atol=1e-5)
    np.testing.assert_allclose(
        changed(film, {"contrast": 0.4}, CONTRAST=0.0), 0.5 + 0.6 * (film - 0.5), atol=1e-5
    )
    np.testing.assert_allclose(changed(film, {"gamma": 0.5}, GAMMA=1.0), film**1.5, atol=1e-4)


def test_noise_has_the_spread_asked_for():
    augmentation = Augmentation(**NOTHING, noise=0.1)
    draws = draw(augmentation, (64, 64), 0, 0, [0, 1])
    image = torch.zeros(2, 1, 64, 64)
    out = augment(image, draws, augmentation, PREPROCESSING) * 0.2 + 0.4
    assert out.std().item() == pytest.approx(0.1, rel=0.05)
    assert abs(np.corrcoef(out[0].ravel(), out[1].ravel())[0, 1]) < 0.1


def test_a_draw_belongs_to_its_seed_epoch_and_index_and_not_to_its_batch():
    settings = Augmentation(noise=0.1)
    together = draw(settings, (4, 4), 7, 3, [5, 2, 9])
    alone = draw(settings, (4, 4), 7, 3, [2])
    np.testing.assert_array_equal(together.uniform[1], alone.uniform[0])
    np.testing.assert_array_equal(together.noise[1], alone.noise[0])


def test_draws_of_other_seeds_epochs_and_indices_differ():
    settings = Augmentation()
    draws = [
        draw(settings, (4, 4), seed, epoch, [index]).uniform.tobytes()
        for seed in range(3)
        for epoch in range(3)
        for index in range(3)
    ]
    assert len(set(draws)) == 27


def test_draws_fill_the_whole_range_evenly():
    uniform = draw(Augmentation(), (4, 4), 1, 1, range(2000)).uniform
    np.testing.assert_allclose(uniform.mean(axis=0), 0.5, atol=0.03)
    np.testing.assert_allclose(uniform.std(axis=0), 12**-0.5, atol=0.02)
    assert abs(np.corrcoef(uniform.T)[np.triu_indices(8, 1)]).max() < 0.08


def test_labels_move_with_their_image_and_keep_their_numbers():
    strong = Augmentation(
        horizontal_flip=0.5,
        rotation_degrees=20,
        scale=0.2,
        translation=0.1,
        brightness=0,
        contrast=0,
        gamma=0,
    )
    plain = Preprocessing(height=64, width=64, crop_to_field=False, mean=0.0, std=1.0)
    labels = torch.zeros(6, 64, 64, dtype=torch.int64)
    labels[:, 12:28, 20:50] = 1
    labels[:, 36:52, 14:40] = 2
    draws = draw(strong, (64, 64), seed=4, epoch=1, indices=range(6))
    moved = augment_labels(labels, draws, strong)
    assert moved.dtype == labels.dtype
    assert set(moved.unique().tolist()) == {0, 1, 2}
    assert not torch.equal(moved, labels)
    for number in (1, 2):
        image = augment((labels == number).float()[:, None], draws, strong, plain)[:, 0]
        # Where interpolation leaves no doubt, label and image agree.
        assert torch.equal(
            (moved == number)[image > 0.99], torch.ones(int((image > 0.99).sum()), dtype=torch.bool)
        )
        assert not (moved == number)[image < 0.01].any()


def test_a_flip_moves_a_label_to_the_other_side_and_renames_none():
    always = Augmentation(
        horizontal_flip=1, rotation_degrees=0, scale=0, translation=0, brightness=0, contrast=0, gamma=0
    )
    labels = torch.zeros(1, 32, 32, dtype=torch.int64)
    labels[:, 4:10, 2:8], labels[:, 20:26, 2:8] = 1, 2
    flipped = augment_labels(labels, draw(always, (32, 32), seed=0, epoch=0, indices=[0]), always)
    assert torch.equal(flipped, labels.flip(-1))
