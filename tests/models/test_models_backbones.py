"""Backbones: every timm network as films to one feature map."""

import pytest
import timm
import torch
from torch import nn

from strnet.errors import ModelError
from strnet.models import build_backbone

KINDS = {
    "test_resnet": "a plain CNN",
    "mobilenetv3_small_050": "a CNN whose head holds a convolution",
    "test_vit": "tokens behind a class token",
    "test_mambaout": "channels last",
}


@pytest.mark.parametrize("name", KINDS, ids=KINDS.get)
def test_a_feature_map_keeps_the_film_s_geometry(name):
    """A bright corner moves the map most at the same corner: no axis is swapped or flipped."""
    torch.manual_seed(0)
    backbone = build_backbone(name=name).eval()
    film = torch.zeros(1, 1, 64, 96)
    marked = film.clone()
    marked[..., 48:, :16] = 3.0
    with torch.no_grad():
        change = (backbone(marked) - backbone(film)).abs().sum(dim=1)[0]
    rows, columns = change.shape
    assert columns * 2 == rows * 3
    row, column = divmod(int(change.argmax()), columns)
    assert row >= rows // 2
    assert column < columns / 2


@pytest.mark.parametrize("name", KINDS, ids=KINDS.get)
def test_the_stated_number_of_channels_is_that_of_the_map(name):
    backbone = build_backbone(name=name)
    with torch.no_grad():
        assert backbone(torch.zeros(2, 1, 64, 64)).shape[1] == backbone.feature_channels


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_convnext", "test_vit"])
def test_every_parameter_left_moves_the_feature_map(name):
    backbone = build_backbone(name=name)
    backbone(torch.randn(2, 1, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_tokens_are_laid_out_by_row():
    """The map of a vision transformer is timm's own, taken as intermediate features."""
    torch.manual_seed(0)
    backbone = build_backbone(name="test_vit").eval()
    film = torch.randn(1, 1, 64, 96)
    with torch.no_grad():
        (expected,) = backbone.model.forward_intermediates(
            film, indices=1, norm=True, intermediates_only=True
        )
        torch.testing.assert_close(backbone(film), expected)


def test_a_misspelt_backbone_is_met_with_the_nearest_name():
    with pytest.raises(ModelError, match=r"Unknown backbone 'resnt18', did you mean 'resnet18'\?"):
        build_backbone(name="resnt18")


@pytest.mark.parametrize("name", ["hf-hub:timm/resnet18.a1_in1k", "local-dir:/somewhere", "/etc/model"])
def test_only_timm_s_own_networks_are_backbones(name):
    with pytest.raises(ModelError, match="Unknown backbone"):
        build_backbone(name=name)


@pytest.mark.parametrize("name", ["crossvit_tiny_240", "levit_128s"])
def test_a_network_without_a_feature_map_is_refused(name):
    with pytest.raises(ModelError, match=f"{name} gives no .* feature map"):
        build_backbone(name=name)


def test_a_setting_that_the_network_does_not_know_is_refused():
    with pytest.raises(ModelError, match=r"densenet121 does not take these settings.*drop_path_rate"):
        build_backbone(name="densenet121", drop_path=0.1)


def test_stochastic_depth_reaches_the_blocks():
    backbone = build_backbone(name="test_resnet", drop_path=0.3)
    rates = [module.drop_prob for module in backbone.modules() if hasattr(module, "drop_prob")]
    assert max(rates) == pytest.approx(0.3)


def test_a_network_that_takes_one_film_size_only_is_probed_at_that_size():
    assert build_backbone(name="test_coatnet").feature_channels == 128


def test_an_architecture_that_timm_cannot_build_says_why(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(ModelError, match="timm cannot build resnet18 for films"):
        build_backbone(name="resnet18")


def test_the_first_convolution_takes_one_channel():
    first = next(m for m in build_backbone(name="test_resnet").modules() if isinstance(m, nn.Conv2d))
    assert first.in_channels == 1
