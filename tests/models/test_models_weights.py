"""Weights from files: whole or not at all, and equal in what they compute."""

import os
import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from strnet.errors import ModelError
from strnet.models import build_backbone, load_backbone_weights

torchvision_models = pytest.importorskip("torchvision.models")
REAL_WEIGHTS = os.environ.get("STRNET_MOBILENET_WEIGHTS", "")


def shaken(network: torch.nn.Module) -> torch.nn.Module:
    """The network with batch norms far from their start, so that a swapped one shows."""
    generator = torch.Generator().manual_seed(7)
    for name, value in network.state_dict().items():
        if value.ndim == 1:
            low = 0.5 if name.endswith(("running_var", "weight")) else -0.3
            value.copy_(low + 0.6 * torch.rand(value.shape, generator=generator))
    return network.eval()


def torchvision_features(network: torch.nn.Module) -> torch.nn.Module:
    if hasattr(network, "features"):
        return network.features
    return torch.nn.Sequential(*list(network.children())[:-2])


def assert_same_features(reference, backbone):
    """On grey films, in float64: rounding is no excuse left beyond that of the summed filters."""
    films = torch.randn(1, 1, 64, 96, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    with torch.no_grad():
        expected = reference.double().eval()(films.expand(-1, 3, -1, -1))
        found = backbone.double().eval()(films)
    assert expected.std() > 0
    torch.testing.assert_close(found / expected.std(), expected / expected.std(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("mobilenet_v2", "mobilenetv2_100"), ("resnet18", "resnet18"), ("resnet50", "resnet50")],
)
def test_torchvision_s_weights_compute_the_same_features(theirs, ours, tmp_path):
    reference = shaken(getattr(torchvision_models, theirs)(weights=None))
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    backbone = build_backbone(name=ours, weights=tmp_path / "weights.pth")
    assert_same_features(torchvision_features(reference), backbone)


@pytest.mark.skipif(
    not Path(REAL_WEIGHTS).is_file(), reason="STRNET_MOBILENET_WEIGHTS names no mobilenet_v2-b0353104.pth"
)
def test_the_published_mobilenet_v2_computes_the_same_features():
    reference = torchvision_models.mobilenet_v2(weights=None)
    reference.load_state_dict(torch.load(REAL_WEIGHTS, weights_only=True))
    backbone = build_backbone(name="mobilenetv2_100", weights=Path(REAL_WEIGHTS))
    assert_same_features(reference.features, backbone)


def test_timm_s_own_weights_are_read_from_safetensors(tmp_path):
    reference = shaken(timm.create_model("test_resnet", num_classes=1000))
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    backbone = build_backbone(name="test_resnet", weights=tmp_path / "weights.safetensors")
    reference.forward = reference.forward_features
    assert_same_features(reference, backbone)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_weights_inside_a_training_checkpoint_are_found(wrapper, tmp_path):
    state = build_backbone(name="test_resnet").model.state_dict()
    torch.save({wrapper: state, "epoch": 3}, tmp_path / "weights.pth")
    backbone = build_backbone(name="test_resnet", weights=tmp_path / "weights.pth")
    torch.testing.assert_close(backbone.model.state_dict(), state)


def test_the_trunk_of_a_whole_screening_network_is_taken(make_network, tmp_path):
    trained = make_network(seed=5)
    save_file(trained.state_dict(), tmp_path / "weights.safetensors")
    backbone = build_backbone(name="test_resnet", weights=tmp_path / "weights.safetensors")
    torch.testing.assert_close(backbone.state_dict(), trained.backbone.state_dict())


def test_files_from_before_batch_counters_are_whole(tmp_path):
    state = build_backbone(name="test_resnet").model.state_dict()
    old = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "weights.pth")
    backbone = build_backbone(name="test_resnet", weights=tmp_path / "weights.pth")
    torch.testing.assert_close(backbone.model.state_dict(), state)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no such weights file"):
        build_backbone(name="test_resnet", weights=tmp_path / "absent.pth")


def test_missing_left_over_and_misshapen_parameters_are_listed(tmp_path):
    state = build_backbone(name="test_resnet").model.state_dict()
    del state["layer1.0.bn1.weight"]
    state["layer9.0.weight"] = torch.zeros(3)
    state["layer2.0.conv1.weight"] = torch.zeros(1, 1, 3, 3)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ModelError) as caught:
        build_backbone(name="test_resnet", weights=tmp_path / "weights.pth")
    message = str(caught.value)
    assert "missing (1): layer1.0.bn1.weight" in message
    assert "unexpected (1): layer9.0.weight" in message
    assert "layer2.0.conv1.weight (1, 1, 3, 3) instead of" in message


def test_weights_that_do_not_fit_leave_the_backbone_as_it_was(tmp_path):
    backbone = build_backbone(name="test_resnet")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    torch.save({"conv1.0.weight": torch.zeros(24, 1, 3, 3)}, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="missing"):
        load_backbone_weights(backbone.model, tmp_path / "weights.pth")
    torch.testing.assert_close(backbone.state_dict(), before)


class Touches:
    """Unpickling it would create a file: what any code in a weights file could do."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    with (tmp_path / "weights.pth").open("wb") as file:
        pickle.dump({"conv1.weight": Touches(tmp_path / "touched")}, file, protocol=2)
    with pytest.raises(ModelError, match="not a file of plain tensors"):
        build_backbone(name="test_resnet", weights=tmp_path / "weights.pth")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"not weights at all, but long enough to look like some"])
@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_of_something_else_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="not a"):
        build_backbone(name="test_resnet", weights=tmp_path / name)


def test_a_list_of_tensors_is_not_a_state_dict(tmp_path):
    torch.save([torch.zeros(3)], tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="expected parameter names and tensors"):
        build_backbone(name="test_resnet", weights=tmp_path / "weights.pth")


def test_hub_weights_are_fitted_with_the_rgb_filters_summed(monkeypatch):
    published = shaken(timm.create_model("test_resnet"))
    create = timm.create_model

    def offline(name, pretrained=False, **settings):
        return published if pretrained else create(name, **settings)

    monkeypatch.setattr(timm, "create_model", offline)
    backbone = build_backbone(name="test_resnet", pretrained=True)
    reference = torch.nn.Sequential(*list(published.children())[:-2])
    assert_same_features(reference, backbone)


@pytest.mark.parametrize(
    ("name", "why"),
    [("lcnet_035", "No pretrained weights exist"), ("test_resnet.nosuch", "Invalid pretrained tag")],
)
def test_no_pretrained_weights_is_an_error_not_a_random_start(name, why):
    with pytest.raises(ModelError, match=why):
        build_backbone(name=name, pretrained=True)


def test_a_hub_that_cannot_be_reached_is_an_error_not_a_random_start(monkeypatch):
    create = timm.create_model

    def offline(name, pretrained=False, **settings):
        if pretrained:
            raise OSError("no route to host")
        return create(name, **settings)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ModelError, match=r"no pretrained weights.*no route to host.*local file"):
        build_backbone(name="test_resnet", pretrained=True)


def test_two_sources_of_weights_are_refused(tmp_path):
    with pytest.raises(ModelError, match="both weights"):
        build_backbone(name="test_resnet", weights=tmp_path / "weights.pth", pretrained=True)
