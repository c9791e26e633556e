"""The parts of a network: backbone, pooling, neck and routing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from strnet.config.frozen import Fraction01, Frozen


class BackboneConfig(Frozen):
    """The trunk: a timm name and where its weights come from."""

    name: str = "resnet18"
    weights: Path | None = Field(
        None, description="local weights file (.safetensors, .pth); never a pickle of code"
    )
    pretrained: bool = Field(False, description="fetch timm's weights from its hub; an error if it fails")
    drop_path: Fraction01 = 0.0


class NeckConfig(Frozen):
    """Linear, norm, GELU, dropout between pooling and routing."""

    features: int = Field(256, ge=1)
    dropout: Fraction01 = 0.1


class RoutingConfig(Frozen):
    """One representation per task from the shared one."""

    kind: Literal["shared", "gate", "film", "experts"] = "gate"
    experts: int = Field(4, ge=2, description="only for kind experts")


class UnetConfig(Frozen):
    """The network of a segmentation; each level halves the film's sides."""

    channels: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2)] = Field(
        (16, 32, 64, 128), description="features of each level, from the film's size downwards"
    )
    residual_units: int = Field(2, ge=0, description="convolutions of a level, with a way past them; 0: one")
    dropout: Fraction01 = 0.0


class NetworkConfig(Frozen):
    """Backbone, pooling, neck and routing; or the U-Net of a segmentation, which has none of them."""

    backbone: BackboneConfig = BackboneConfig()
    pooling: Literal["average", "gem", "attention"] = "average"
    neck: NeckConfig = NeckConfig()
    routing: RoutingConfig = RoutingConfig()
    unet: UnetConfig = UnetConfig()
