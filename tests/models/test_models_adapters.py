"""Weights of other projects: the adapted network computes what the original computes on the same film."""

import math
import os
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from strnet.config import Preprocessing
from strnet.errors import ModelError
from strnet.models import build_backbone
from strnet.models.adapters import ADAPTERS, Adapter, adapt
from strnet.models.adapters.rad_dino import dinov2_name

torchvision_models = pytest.importorskip("torchvision.models")
REAL_WEIGHTS = os.environ.get("STRNET_MOBILENET_WEIGHTS", "")
RECIPE = Preprocessing(mean=0.4, std=0.2)
IMAGENET = {"mean": (0.485, 0.456, 0.406), "sd": (0.229, 0.224, 0.225)}


def shaken(network: nn.Module) -> nn.Module:
    """The network with norms far from their start, so that a swapped one shows; in double precision."""
    generator = torch.Generator().manual_seed(7)
    for name, value in network.state_dict().items():
        if value.ndim == 1 and value.is_floating_point():
            low = 0.5 if name.endswith(("running_var", "weight")) else -0.3
            value.copy_(low + 0.6 * torch.rand(value.shape, generator=generator))
    return network.eval()


def grey_film(side=96) -> torch.Tensor:
    """A film of grey values in [0, 1]."""
    generator = torch.Generator().manual_seed(3)
    return torch.rand(1, 1, side, side, generator=generator, dtype=torch.float64)


def assert_same_features(reference, shown, backbone, film):
    """`reference` is shown the film as its own project does; `backbone` as our recipe does."""
    with torch.no_grad():
        expected = reference.double().eval()(shown)
        found = backbone.double().eval()((film - RECIPE.mean) / RECIPE.std)
    spread = expected.std()
    assert spread > 0
    torch.testing.assert_close(found / spread, expected / spread, rtol=0, atol=1e-4)


def adapted(name, adapter, path):
    return build_backbone(name=name, weights=path, adapter=adapter, preprocessing=RECIPE)


def torchvision_features(network: nn.Module) -> nn.Module:
    if isinstance(network, torchvision_models.DenseNet):
        return nn.Sequential(network.features, nn.ReLU())
    if isinstance(network, torchvision_models.VGG):
        return network.features
    if hasattr(network, "features"):
        return network.features
    return nn.Sequential(*list(network.children())[:-2])


def as_imagenet_shows(film: torch.Tensor) -> torch.Tensor:
    mean, sd = (torch.tensor(IMAGENET[key], dtype=torch.float64).reshape(1, 3, 1, 1) for key in IMAGENET)
    return (film.expand(-1, 3, -1, -1) - mean) / sd


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("resnet18", "resnet18"),
        ("resnet50", "resnet50"),
        ("vgg16", "vgg16"),
        ("densenet121", "densenet121"),
        ("mobilenet_v2", "mobilenetv2_100"),
    ],
)
def test_torchvision_s_files_compute_what_torchvision_computes_of_a_grey_film(theirs, ours, tmp_path):
    settings = {"num_classes": 3} | ({"init_weights": False} if theirs == "vgg16" else {})
    reference = shaken(getattr(torchvision_models, theirs)(weights=None, **settings))
    if theirs == "vgg16":  # its head alone is 120 million numbers
        reference.classifier = nn.Linear(8, 3)
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    backbone = adapted(ours, "torchvision", tmp_path / "weights.pth")
    film = grey_film()
    assert_same_features(torchvision_features(reference), as_imagenet_shows(film), backbone, film)
    assert backbone.left_out
    assert all(key.startswith(("fc.", "classifier.")) for key in backbone.left_out)


@pytest.mark.skipif(
    not Path(REAL_WEIGHTS).is_file(), reason="STRNET_MOBILENET_WEIGHTS names no mobilenet_v2-b0353104.pth"
)
def test_the_published_mobilenet_v2_computes_the_same_features_with_its_own_range_of_greys():
    reference = torchvision_models.mobilenet_v2(weights=None)
    reference.load_state_dict(torch.load(REAL_WEIGHTS, weights_only=True))
    backbone = adapted("mobilenetv2_100", "torchvision", Path(REAL_WEIGHTS))
    film = grey_film()
    assert_same_features(reference.features, as_imagenet_shows(film), backbone, film)


def test_names_of_torchvision_s_published_densenet_are_read_too(tmp_path):
    """Its file is older than the names of its layers: `norm.1` for what is `norm1` today."""
    reference = shaken(torchvision_models.densenet121(weights=None, num_classes=3))
    old = {}
    for key, value in reference.state_dict().items():
        name = key
        for part in ("norm1", "norm2", "conv1", "conv2"):
            if "denselayer" in key:
                name = name.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.")
        old[name] = value
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "weights.pth")
    film = grey_film()
    backbone = adapted("densenet121", "torchvision", tmp_path / "weights.pth")
    assert_same_features(torchvision_features(reference), as_imagenet_shows(film), backbone, film)


class XRayDenseNet(nn.Module):
    """The keys of torchxrayvision.models.DenseNet: one channel, 18 findings and their thresholds."""

    def __init__(self) -> None:
        super().__init__()
        whole = torchvision_models.densenet121(weights=None, num_classes=18)
        self.features = whole.features
        self.features.conv0 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.classifier = whole.classifier
        self.register_buffer("op_threshs", torch.rand(18))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.features(image))


class XRayResNet(nn.Module):
    """The keys of torchxrayvision.models.ResNet: torchvision's, one deeper."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torchvision_models.resnet50(weights=None, num_classes=18)
        self.model.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
        self.register_buffer("op_threshs", torch.rand(18))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return nn.Sequential(*list(self.model.children())[:-2])(image)


@pytest.mark.parametrize(
    ("network", "name", "heads"),
    [
        (XRayDenseNet, "densenet121", {"classifier.weight", "classifier.bias", "op_threshs"}),
        (XRayResNet, "resnet50", {"model.fc.weight", "model.fc.bias", "op_threshs"}),
    ],
)
def test_torchxrayvision_s_files_see_greys_from_minus_to_plus_1024(network, name, heads, tmp_path):
    reference = shaken(network())
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    backbone = adapted(name, "torchxrayvision", tmp_path / "weights.safetensors")
    film = grey_film()
    assert_same_features(reference, 2048 * film - 1024, backbone, film)
    assert set(backbone.left_out) == heads


class Dinov2(nn.Module):
    """Hugging Face's Dinov2Model in the names of its state dict, written from its description."""

    def __init__(self, width: int, depth: int, grid: int, heads: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, depth
        shapes = {
            "embeddings.cls_token": (1, 1, width),
            "embeddings.mask_token": (1, width),
            "embeddings.position_embeddings": (1, grid**2 + 1, width),
            "embeddings.patch_embeddings.projection.weight": (width, 3, 14, 14),
            "embeddings.patch_embeddings.projection.bias": (width,),
            "layernorm.weight": (width,),
            "layernorm.bias": (width,),
        }
        for layer in range(depth):
            prefix = f"encoder.layer.{layer}"
            square = [f"attention.attention.{part}" for part in ("query", "key", "value")]
            for part in (*square, "attention.output.dense"):
                shapes |= {f"{prefix}.{part}.weight": (width, width), f"{prefix}.{part}.bias": (width,)}
            for part in ("norm1", "norm2"):
                shapes |= {f"{prefix}.{part}.weight": (width,), f"{prefix}.{part}.bias": (width,)}
            shapes |= {f"{prefix}.layer_scale{k}.lambda1": (width,) for k in (1, 2)}
            shapes |= {f"{prefix}.mlp.fc1.weight": (4 * width, width), f"{prefix}.mlp.fc1.bias": (4 * width,)}
            shapes |= {f"{prefix}.mlp.fc2.weight": (width, 4 * width), f"{prefix}.mlp.fc2.bias": (width,)}
        generator = torch.Generator().manual_seed(11)
        self.state = {
            name: torch.randn(shape, generator=generator) * (0.5 if len(shape) == 1 else width**-0.5)
            for name, shape in shapes.items()
        }

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        state = {name: value.double() for name, value in self.state.items()}

        def linear(x, name):
            return functional.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

        def norm(x, name):
            return functional.layer_norm(
                x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6
            )

        projection = "embeddings.patch_embeddings.projection"
        patches = functional.conv2d(
            image, state[f"{projection}.weight"], state[f"{projection}.bias"], stride=14
        )
        x = torch.cat([state["embeddings.cls_token"], patches.flatten(2).transpose(1, 2)], dim=1)
        x = x + state["embeddings.position_embeddings"]
        for layer in range(self.depth):
            own = f"encoder.layer.{layer}"
            inside = norm(x, f"{own}.norm1")
            parts = [
                linear(inside, f"{own}.attention.attention.{part}")
                .unflatten(2, (self.heads, -1))
                .transpose(1, 2)
                for part in ("query", "key", "value")
            ]
            scores = (parts[0] @ parts[1].transpose(2, 3)) / math.sqrt(parts[0].shape[-1])
            context = (scores.softmax(dim=-1) @ parts[2]).transpose(1, 2).flatten(2)
            x = x + state[f"{own}.layer_scale1.lambda1"] * linear(context, f"{own}.attention.output.dense")
            hidden = functional.gelu(linear(norm(x, f"{own}.norm2"), f"{own}.mlp.fc1"))
            x = x + state[f"{own}.layer_scale2.lambda1"] * linear(hidden, f"{own}.mlp.fc2")
        tokens = norm(x, "layernorm")[:, 1:]
        return tokens.transpose(1, 2).unflatten(2, patches.shape[-2:])


@pytest.fixture
def narrow(monkeypatch):
    """RAD-DINO's adapter for a network of its kind that is small enough for a test."""
    create = timm.create_model

    def narrowed(name, **settings):
        if name == "vit_base_patch14_dinov2":
            settings |= {"embed_dim": 32, "depth": 2, "num_heads": 4, "img_size": 56}
        return create(name, **settings)

    monkeypatch.setattr(timm, "create_model", narrowed)


@pytest.mark.usefixtures("narrow")
def test_rad_dino_s_files_compute_what_a_dinov2_computes_of_a_grey_film(tmp_path):
    reference = Dinov2(width=32, depth=2, grid=4, heads=4)
    save_file(reference.state, tmp_path / "model.safetensors")
    backbone = adapted("vit_base_patch14_dinov2", "rad-dino", tmp_path / "model.safetensors")
    film = grey_film(56)
    shown = (film.expand(-1, 3, -1, -1) - 0.5307) / 0.2583
    assert_same_features(reference, shown, backbone, film)
    assert backbone.left_out == ("embeddings.mask_token",)
    assert backbone.model.patch_embed.proj.in_channels == 1


@pytest.mark.usefixtures("narrow")
def test_position_embeddings_of_a_larger_grid_are_resized_and_the_class_token_s_is_kept(tmp_path):
    reference = Dinov2(width=32, depth=2, grid=8, heads=4)
    rows = torch.linspace(-1, 1, 8).reshape(8, 1, 1).expand(8, 8, 32).reshape(1, 64, 32)
    reference.state["embeddings.position_embeddings"][:, 1:] = rows
    save_file(reference.state, tmp_path / "model.safetensors")
    backbone = adapted("vit_base_patch14_dinov2", "rad-dino", tmp_path / "model.safetensors")
    found = backbone.model.pos_embed.detach()
    assert found.shape == (1, 17, 32)
    torch.testing.assert_close(found[:, :1], reference.state["embeddings.position_embeddings"][:, :1])
    grid = found[0, 1:].reshape(4, 4, 32)
    assert (grid.diff(dim=0) > 0.3).all(), "rows keep their order"
    torch.testing.assert_close(grid, grid[:, :1].expand(4, 4, 32))
    torch.testing.assert_close(grid, -grid.flip(0), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_a_file_of_rad_dino_s_own_size_fits_whole(tmp_path):
    reference = Dinov2(width=768, depth=12, grid=37, heads=12)
    assert len(reference.state) == 7 + 12 * 18
    save_file(reference.state, tmp_path / "model.safetensors")
    backbone = adapted("vit_base_patch14_dinov2", "rad-dino", tmp_path / "model.safetensors")
    part = reference.state["encoder.layer.11.attention.attention.value.weight"]
    torch.testing.assert_close(backbone.model.state_dict()["blocks.11.attn.qkv.weight"][2 * 768 :], part)


def xray_state(tmp_path, change) -> Path:
    state = XRayDenseNet().state_dict()
    change(state)
    torch.save(state, tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s.update({"features.extra.weight": torch.zeros(2)}),
            "no place for: features.extra.weight",
        ),
        (lambda s: s.pop("features.norm5.bias"), "missing: features.norm5.bias"),
        (lambda s: s.update({"head.weight": torch.zeros(2)}), "no place for: head.weight"),
        (
            lambda s: s.update({"features.conv0.weight": torch.zeros(64, 3, 7, 7)}),
            r"other shape: features.conv0.weight gives \(64, 3, 7, 7\), needed \(64, 1, 7, 7\)",
        ),
        (
            lambda s: s.update({"features.denseblock1.denselayer1.norm.1.bias": torch.zeros(64)}),
            "given twice: features.denseblock1.denselayer1.norm.1.bias",
        ),
    ],
)
def test_every_key_that_does_not_fit_is_named(change, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        adapted("densenet121", "torchxrayvision", xray_state(tmp_path, change))


def test_all_of_many_misfits_are_named_and_nothing_is_loaded(tmp_path):
    state = torchvision_models.resnet18(weights=None).state_dict()
    torch.save({f"encoder.{name}": value for name, value in state.items()}, tmp_path / "weights.pth")
    with pytest.raises(ModelError) as caught:
        adapted("resnet18", "torchvision", tmp_path / "weights.pth")
    assert all(f"no place for: encoder.{name}\n" in str(caught.value) for name in state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adapter": "torchxrayvison"}, r"did you mean 'torchxrayvision'\?"),
        ({"adapter": "rad-dino"}, "RAD-DINO has no resnet18, but vit_base_patch14_dinov2"),
        ({"adapter": "torchvision", "weights": Path("absent.pth")}, "needs the preprocessing"),
        (
            {"adapter": "torchvision", "weights": Path("absent.pth"), "preprocessing": RECIPE},
            "absent.pth: no such weights file",
        ),
    ],
)
def test_an_adapter_that_cannot_be_used_says_why(settings, message):
    with pytest.raises(ModelError, match=message):
        build_backbone(name="resnet18", **settings)


def test_a_network_whose_scaling_was_never_set_gives_no_number():
    backbone = build_backbone(name="resnet18", adapter="torchvision").eval()
    with torch.no_grad():
        assert backbone(torch.zeros(1, 1, 64, 64)).isnan().all()


@pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)
def test_an_adapter_says_where_its_weights_come_from(adapter: Adapter):
    assert adapter.licence
    assert adapter.input_size.keys() == adapter.networks.keys()
    assert len(adapter.mean) == len(adapter.sd)
    assert {name: adapter.channels for name, adapter in ADAPTERS.items()} == {
        "torchxrayvision": 1,
        "rad-dino": 1,
        "torchvision": 3,
    }


def test_a_part_of_an_attention_that_is_missing_shows_in_the_shape():
    found = {f"encoder.layer.0.attention.attention.{part}.bias": torch.zeros(4) for part in ("query", "key")}
    expected = {"blocks.0.attn.qkv.bias": torch.zeros(12)}
    assert dinov2_name(next(iter(found))) == "blocks.0.attn.qkv.bias[0]"
    with pytest.raises(ModelError, match=r"gives \(8,\), needed \(12,\)"):
        adapt(ADAPTERS["rad-dino"], "vit_base_patch14_dinov2", found, expected, "here")
