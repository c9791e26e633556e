"""The parts of a network: backbone, pooling, neck and routing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from strnet.config.frozen import Fraction01, Frozen


class BackboneConfig(Frozen):
    """The trunk: its name (timm's, or ours) and where its weights come from."""

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


class NetworkConfig(Frozen):
    """Backbone, pooling, neck and routing."""

    backbone: BackboneConfig = BackboneConfig()
    pooling: Literal["average", "gem", "attention"] = "average"
    neck: NeckConfig = NeckConfig()
    routing: RoutingConfig = RoutingConfig()
