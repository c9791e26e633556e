"""Any 2-D network of timm for films of one channel."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from strnet.errors import ModelError


def timm_names() -> list[str]:
    """Names of timm's networks."""
    return timm.list_models()


def is_timm_name(name: str) -> bool:
    """Whether timm itself has a network of this name: no hub, no folder."""
    return timm.is_model(name) and ":" not in name


def create_timm(name: str, *, channels: int, drop_path: float) -> nn.Module:
    """The timm network `name` with random weights, without its classifier where timm can leave it out.

    Raises: ModelError: settings that the network does not take, or one that timm cannot build.
    """
    settings: dict[str, Any] = {"in_chans": channels, "num_classes": 0}
    if drop_path > 0:
        settings["drop_path_rate"] = drop_path
    try:
        try:
            # Transformers then take any film size; most other networks do not know the word.
            return timm.create_model(name, dynamic_img_size=True, **settings)
        except TypeError as error:
            if "dynamic_img_size" not in str(error):
                raise
        return timm.create_model(name, **settings)
    except TypeError as error:
        raise ModelError(f"network.backbone: {name} does not take these settings ({error}).") from error
    except Exception as error:
        raise ModelError(f"network.backbone: timm cannot build {name} for films ({error}).") from error


def hub_weights(name: str) -> dict[str, Tensor]:
    """Timm's published weights, through its whole network: only that loads strictly there.

    Raises: ModelError: there are none, or the hub cannot be reached.
    """
    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:
        raise ModelError(
            f"network.backbone: no pretrained weights for {name} from timm's hub ({error}). Check the "
            "connection to it, or give a local file as network.backbone.weights."
        ) from error
