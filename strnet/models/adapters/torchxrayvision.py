"""Files of TorchXRayVision: classifiers of chest films, of one channel."""

from __future__ import annotations

from types import MappingProxyType

from strnet.models.adapters.adapter import Adapter
from strnet.models.adapters.torchvision_names import densenet_name


def _resnet_name(key: str) -> str:
    return key.removeprefix("model.")  # its ResNet holds torchvision's


TORCHXRAYVISION = Adapter(
    name="torchxrayvision",
    project="TorchXRayVision",
    licence="Apache-2.0",
    networks=MappingProxyType({"densenet121": densenet_name, "resnet50": _resnet_name}),
    # `op_threshs` bends its own outputs to its own operating points, and has to be None for fine-tuning: our
    # heads give logits, and operating points are fitted after training.
    dropped=("classifier.", "model.fc.", "op_threshs"),
    input_size=MappingProxyType({"densenet121": (224, 224), "resnet50": (512, 512)}),
    # Grey values in [-1024, 1024]: 2048 * value - 1024. Source: torchxrayvision.datasets.normalize.
    mean=(0.5,),
    sd=(1 / 2048,),
)
