"""U-Nets in two and three dimensions, their loss, and scores that others do not change."""

import math

import numpy as np
import pytest
import torch

from strnet.config import UnetConfig
from strnet.models.segmentation import build_unet, label_scores, segmentation_loss
from strnet.stats.overlap import dice_per_label

SMALL = UnetConfig(channels=(4, 8), residual_units=0)


@pytest.mark.parametrize("shape", [(16, 24), (8, 16, 8)])
def test_every_element_gets_a_score_per_label_and_the_background(shape):
    network = build_unet(SMALL, labels=3, spatial_dims=len(shape), seed=1)
    assert network(torch.zeros(2, 1, *shape)).shape == (2, 4, *shape)
    scores = label_scores(network, np.random.default_rng(0).random(shape, dtype=np.float32))
    np.testing.assert_allclose(scores.sum(axis=0), np.ones(shape), atol=1e-5)


def test_the_seed_decides_the_weights_and_no_other_generator_moves():
    before = torch.random.get_rng_state()
    first, second = (build_unet(SMALL, labels=1, seed=5) for _ in range(2))
    other = build_unet(SMALL, labels=1, seed=6)
    assert torch.equal(torch.random.get_rng_state(), before)
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_the_loss_of_a_uniform_guess_is_what_the_formulas_give():
    labels = torch.tensor([[[0, 1], [1, 1]]])
    logits = torch.zeros(1, 2, 2, 2)
    # Dice of label 1: 2 * (3 * .5) / (3 + 4 * .5) = .6; cross entropy: ln 2.
    assert float(segmentation_loss(logits, labels)) == pytest.approx(0.4 + math.log(2), abs=1e-4)
    right = 40.0 * torch.stack([labels == 0, labels == 1], dim=1).float()
    assert float(segmentation_loss(right, labels)) == pytest.approx(0.0, abs=1e-4)


def test_dice_is_twice_the_common_over_the_sum_and_unknown_where_neither_has_it():
    truth = np.array([[1, 1, 2], [1, 0, 2]])
    found = np.array([[1, 1, 1], [0, 0, 2]])
    dice = dice_per_label(truth, found, 3)
    assert dice[:2].tolist() == [2 * 2 / (3 + 3), 2 * 1 / (2 + 1)]
    assert np.isnan(dice[2])
    assert dice_per_label(truth, np.zeros_like(truth), 1)[0] == 0
    volume = np.zeros((2, 2, 2), int)
    volume[0] = 1
    assert dice_per_label(volume, volume.transpose(1, 0, 2), 1)[0] == 0.5
