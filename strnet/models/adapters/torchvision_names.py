"""Files of torchvision: its classifiers trained on ImageNet, and whatever was trained on from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from strnet.models.adapters.adapter import Adapter, Rename

_MOBILENET_V2_BLOCKS = (1, 2, 3, 4, 3, 3, 1)
"""Blocks by stage. Source: Sandler et al. 2018, MobileNetV2, table 2."""
_OLD_DENSE_LAYER = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


def same_name(key: str) -> str:
    """`key`: timm names the layers of ResNet and VGG as torchvision does."""
    return key


def densenet_name(key: str) -> str:
    """`key` with the names that torchvision's published DenseNets have from before its layers got theirs."""
    return _OLD_DENSE_LAYER.sub(r"\1\2", key)


def mobilenet_v2_name(blocks: Sequence[int] = _MOBILENET_V2_BLOCKS) -> Rename:
    """A function from torchvision's names of a MobileNetV2 to timm's; `blocks` by stage.

    Source: torchvision/models/mobilenetv2.py: features.0 is the stem, features.18 the last 1x1
    convolution; the first block has no expansion, so its depthwise convolution comes first.
    """
    modules = {"features.0.0": "conv_stem", "features.0.1": "bn1"}
    modules |= {"features.18.0": "conv_head", "features.18.1": "bn2"}
    first = {"conv.0.0": "conv_dw", "conv.0.1": "bn1", "conv.1": "conv_pw", "conv.2": "bn2"}
    other = {"conv.0.0": "conv_pw", "conv.0.1": "bn1", "conv.1.0": "conv_dw", "conv.1.1": "bn2"}
    other |= {"conv.2": "conv_pwl", "conv.3": "bn3"}
    places = [(stage, block) for stage, count in enumerate(blocks) for block in range(count)]
    for number, (stage, block) in enumerate(places, start=1):
        parts = first if number == 1 else other
        modules |= {f"features.{number}.{a}": f"blocks.{stage}.{block}.{b}" for a, b in parts.items()}

    def renamed(key: str) -> str:
        module, _, parameter = key.rpartition(".")
        return f"{modules.get(module, module)}.{parameter}"

    return renamed


_SAME_NAMES = ("resnet18", "resnet34", "resnet50", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
_NETWORKS: Mapping[str, Rename] = MappingProxyType(
    {
        **dict.fromkeys(_SAME_NAMES, same_name),
        "densenet121": densenet_name,
        "mobilenetv2_100": mobilenet_v2_name(),
    }
)
TORCHVISION = Adapter(
    name="torchvision",
    project="torchvision",
    licence="BSD-3-Clause; weights trained on ImageNet, whose terms are for research",
    networks=_NETWORKS,
    dropped=("fc.", "classifier."),
    input_size=MappingProxyType(dict.fromkeys(_NETWORKS, (224, 224))),
    # Source: torchvision.transforms.v2 presets, ImageClassification.
    mean=(0.485, 0.456, 0.406),
    sd=(0.229, 0.224, 0.225),
)
