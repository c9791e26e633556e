"""The network as an ONNX graph: every routing and pooling, any batch size, missing values inside."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def assert_same_in_onnx_runtime(films, values, tmp_path):
    """Exports with two films, and compares outputs for one and for four, with missing values among them."""

    def check(network: nn.Module) -> None:
        inputs = films[..., :32, :32], values
        names = list(network(*inputs))
        batch = torch.export.Dim("batch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                tuple(value[:2] for value in inputs),
                tmp_path / "network.onnx",
                dynamo=True,
                verbose=False,
                input_names=["image", "clinical"],
                output_names=names,
                dynamic_shapes=({0: batch}, {0: batch}),
            )
        session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
        for rows in (1, 4):
            part = [value[:rows] for value in inputs]
            found = session.run(names, {"image": part[0].numpy(), "clinical": part[1].numpy()})
            for output, expected in zip(found, network(*part).values(), strict=True):
                np.testing.assert_allclose(output, expected.detach().numpy(), atol=1e-4, rtol=0)

    return check


def shaken(network: nn.Module) -> nn.Module:
    """The network away from its start, where gates, experts and clinical weights all matter."""
    with torch.no_grad():
        for part in (network.routing, network.pooling, network.heads):
            for parameter in part.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize(
    ("routing", "pooling"),
    [
        ("gate", "gem"),
        # Each takes seconds inside torch's exporter.
        pytest.param("shared", "average", marks=pytest.mark.slow),
        pytest.param("film", "attention", marks=pytest.mark.slow),
        pytest.param("experts", "average", marks=pytest.mark.slow),
    ],
)
def test_every_routing_and_pooling_computes_the_same_in_onnx_runtime(
    make_network, assert_same_in_onnx_runtime, routing, pooling
):
    network = shaken(make_network(routing, pooling))
    # The export takes time for every layer; one convolution stands for the trunk.
    network.backbone = nn.Conv2d(1, network.backbone.feature_channels, 8, stride=8)
    assert_same_in_onnx_runtime(network)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "mobilenetv2_100", "test_vit", "test_mambaout"])
def test_every_kind_of_backbone_computes_the_same_in_onnx_runtime(
    make_network, assert_same_in_onnx_runtime, backbone
):
    assert_same_in_onnx_runtime(shaken(make_network(backbone=backbone)))
