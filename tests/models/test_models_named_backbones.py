"""The networks of the papers by their plain names: what they are made of, and what they make of our films."""

import pytest
import torch
from torch import nn

from strnet.errors import ModelError
from strnet.models import build_backbone
from strnet.models.backbones.darknet import Darknet19
from strnet.models.parameters import backbone_stages

NAMED = {
    "darknet19": (1024, 32),
    "vgg16": (512, 32),
    "vgg16_bn": (512, 32),
    "vgg19": (512, 32),
    "resnet50": (2048, 32),
    "xception": (2048, 32),
    "densenet121": (1024, 32),
    "efficientnet_b0": (1280, 32),
    "convnext_tiny": (768, 32),
    "vit_tiny": (192, 16),
    "vit_small": (384, 16),
}
"""Channels of the feature map, and how many pixels one of its cells stands for."""
CONVOLUTIONS = [
    *[(32, 3), (64, 3), (128, 3), (64, 1), (128, 3), (256, 3), (128, 1), (256, 3)],
    *[(512, 3), (256, 1), (512, 3), (256, 1), (512, 3)],
    *[(1024, 3), (512, 1), (1024, 3), (512, 1), (1024, 3), (1000, 1)],
]
"""Filters and kernels in the order of table 6 of the paper."""
SIDES = [224, 112, 56, 56, 56, 28, 28, 28, 14, 14, 14, 14, 14, 7, 7, 7, 7, 7, 7]
"""Side of each convolution's output for a picture of 224 pixels, of the same table."""


@pytest.fixture(scope="module", params=NAMED)
def named(request):
    """A backbone, built once for all sizes, and what is known of it."""
    return build_backbone(name=request.param).eval(), *NAMED[request.param]


@pytest.mark.parametrize("side", [128, 224, 256])
def test_a_named_network_maps_films_of_every_size_we_use(named, side):
    backbone, channels, pixels = named
    film = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(side))
    with torch.no_grad():
        features = backbone(film)
    assert features.shape == (1, channels, side // pixels, side // pixels)
    assert backbone.feature_channels == channels
    assert features.isfinite().all()
    assert features.std() > 0


def test_xception_s_smallest_film_is_of_75_pixels_and_still_has_a_map():
    with torch.no_grad():
        assert build_backbone(name="xception").eval()(torch.zeros(1, 1, 75, 75)).shape[-2:] == (3, 3)


def test_short_names_are_the_networks_of_their_long_ones():
    torch.manual_seed(1)
    short = build_backbone(name="xception").state_dict()
    torch.manual_seed(1)
    torch.testing.assert_close(short, build_backbone(name="legacy_xception").state_dict(), rtol=0, atol=0)


def test_darknet19_has_the_layers_of_the_paper_s_table():
    network = Darknet19(channels=3, classes=1000).eval()
    found = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, _, out: found.append((m, tuple(out.shape[1:]))))
    with torch.no_grad():
        logits = network(torch.zeros(1, 3, 224, 224))
    assert logits.shape == (1, 1000)
    assert [(module.out_channels, module.kernel_size[0]) for module, _ in found] == CONVOLUTIONS
    assert [shape for _, shape in found] == [
        (filters, side, side) for (filters, _), side in zip(CONVOLUTIONS, SIDES, strict=True)
    ]
    assert len(found) == 19
    assert sum(isinstance(m, nn.MaxPool2d) for m in network.modules()) == 5


def test_darknet19_has_as_many_parameters_as_its_table_gives_by_hand():
    """Weights of the 18 convolutions, gain and shift of their norms, weights and bias of the classifier."""
    convolutions = (
        864
        + 18_432
        + (73_728 + 8_192 + 73_728)
        + (294_912 + 32_768 + 294_912)
        + (3 * 1_179_648 + 2 * 131_072)
        + (3 * 4_718_592 + 2 * 524_288)
    )
    norms = 2 * (32 + 64 + 320 + 640 + 2048 + 4096)
    classifier = 1024 * 1000 + 1000
    network = Darknet19(channels=3, classes=1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == convolutions + norms + classifier
    assert convolutions + norms + classifier == 20_842_376
    trunk = build_backbone(name="darknet19")
    assert sum(parameter.numel() for parameter in trunk.parameters()) == convolutions + norms - 2 * 288


def test_every_convolution_of_darknet19_but_the_classifier_is_normed_and_leaky():
    network = Darknet19(channels=3, classes=10)
    kinds = [type(m) for m in network.modules() if not list(m.children()) and not isinstance(m, nn.MaxPool2d)]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU] * 18 + [nn.Conv2d]
    slopes = {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)}
    assert slopes == {0.1}


def test_darknet19_keeps_the_scale_of_its_activations():
    """He's start: without it eighteen layers would make a film's variation vanish or overflow."""
    torch.manual_seed(0)
    network = Darknet19()
    assert 0.1 < network.train()(torch.randn(4, 1, 64, 64)).std() < 10


def test_the_stages_of_darknet19_are_those_between_its_poolings(make_network):
    network = make_network(backbone="darknet19")
    stages = backbone_stages(network)
    assert set(stages.values()) == set(range(6))
    assert stages["backbone.model.stages.0.0.0.weight"] == 0
    assert stages["backbone.model.stages.5.5.1.bias"] == 5


def test_weights_of_a_whole_darknet19_lose_their_classifier(tmp_path):
    whole = Darknet19(channels=3, classes=7)
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    trunk = build_backbone(name="darknet19", weights=tmp_path / "weights.pth").eval()
    film = torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        expected = whole.eval().forward_features(film.expand(-1, 3, -1, -1))
        torch.testing.assert_close(trunk(film), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "darknt19"}, r"Unknown backbone 'darknt19', did you mean 'darknet19'\?"),
        ({"name": "xceptoin"}, r"did you mean 'xception'\?"),
        ({"name": "darknet19", "pretrained": True}, "hub has no weights of darknet19"),
        ({"name": "darknet19", "drop_path": 0.1}, "no residual blocks to drop"),
    ],
)
def test_what_a_named_network_cannot_be_is_refused(settings, message):
    with pytest.raises(ModelError, match=message):
        build_backbone(**settings)
