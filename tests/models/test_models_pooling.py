"""Poolings: means over positions."""

import pytest
import torch

from strnet.errors import ModelError
from strnet.models.pooling import AttentionPooling, AveragePooling, GemPooling, build_pooling


@pytest.fixture
def features() -> torch.Tensor:
    return torch.rand(3, 6, 4, 5, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize("kind", ["average", "gem", "attention"])
def test_pooling_a_constant_map_gives_the_constant(kind):
    constant = torch.arange(1.0, 5.0)[None, :, None, None].expand(2, 4, 3, 7)
    pooled = build_pooling(kind, channels=4)(constant)
    torch.testing.assert_close(pooled, torch.arange(1.0, 5.0).expand(2, 4))


@pytest.mark.parametrize("kind", ["average", "gem", "attention"])
def test_pooling_does_not_care_where_on_the_film_a_finding_is(kind, features):
    pooling = build_pooling(kind, channels=6)
    torch.testing.assert_close(pooling(features), pooling(features.flip(2, 3)))


@pytest.mark.parametrize("kind", ["average", "gem", "attention"])
def test_pooling_reads_channels_last_and_contiguous_maps_alike(kind, features):
    pooling = build_pooling(kind, channels=6)
    torch.testing.assert_close(pooling(features), pooling(features.to(memory_format=torch.channels_last)))


def test_the_generalised_mean_of_a_hand_computed_case():
    # ((1 + 8 + 27 + 64) / 4) ** (1/3) = 25 ** (1/3)
    pooled = GemPooling(exponent=3.0)(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert pooled.item() == pytest.approx(25 ** (1 / 3), rel=1e-5)


def test_the_generalised_mean_lies_between_mean_and_maximum(features):
    pooled = GemPooling(exponent=4.0)(features)
    assert (pooled >= AveragePooling()(features)).all()
    assert (pooled <= features.amax(dim=(2, 3))).all()


def test_the_exponent_stays_above_one_however_far_it_is_pushed(features):
    pooling = GemPooling()
    with torch.no_grad():
        pooling.raw.fill_(-200.0)
    torch.testing.assert_close(pooling(features), AveragePooling()(features))


def test_the_generalised_mean_keeps_its_digits_and_gradient_under_bfloat16():
    dark = torch.zeros(1, 2, 8, 8, dtype=torch.bfloat16, requires_grad=True)
    bright = torch.full((1, 2, 8, 8), 300.0, dtype=torch.bfloat16)
    pooling = GemPooling()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = pooling(dark)
        torch.testing.assert_close(pooling(bright), torch.full((1, 2), 300.0), rtol=1e-4, atol=0)
    pooled.sum().backward()
    assert pooled.dtype == torch.float32
    assert dark.grad.isfinite().all()
    assert pooling.raw.grad.isfinite()


def test_attention_starts_as_the_mean(features):
    torch.testing.assert_close(AttentionPooling(channels=6)(features), AveragePooling()(features))


def test_attention_sums_to_one_and_its_weighted_mean_is_the_pooled_vector(features):
    pooling = AttentionPooling(channels=6)
    torch.nn.init.normal_(pooling.score.weight, std=5.0)
    weights = pooling.attention(features)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    assert weights.std() > 0.01
    by_hand = (features.flatten(2) * weights[:, None]).sum(dim=2)
    torch.testing.assert_close(pooling(features), by_hand)


def test_a_misspelt_pooling_is_met_with_the_nearest_name():
    with pytest.raises(ModelError, match="Unknown pooling 'averag', did you mean 'average'"):
        build_pooling("averag", channels=3)
