"""The parts of a network: backbone, pooling, neck and routing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from strnet.config.frozen import Fraction01, Frozen


class BackboneConfig(Frozen):
    """The trunk: its name (timm's, or ours) and where its weights come from."""

    name: str = "resnet18"
    weights: Path | None = Field(
        None,
        description="local file (.safetensors, .pth), never a pickle of code; or the folder of a bundle",
    )
    pretrained: bool = Field(False, description="fetch timm's weights from its hub; an error if it fails")
    drop_path: Fraction01 = 0.0
    adapter: str | None = Field(
        None, description="for weights of another project: torchxrayvision, rad-dino or torchvision"
    )

    @model_validator(mode="after")
    def _adapter_has_weights(self) -> Self:
        if self.adapter is not None and self.weights is None:
            raise ValueError(
                f"adapter {self.adapter} is for weights from a file: give weights, or leave the adapter out"
            )
        return self


class NeckConfig(Frozen):
    """Linear, norm, GELU, dropout between pooling and routing."""

    features: int = Field(256, ge=1)
    dropout: Fraction01 = 0.1
    from_bundle: bool = Field(
        False, description="start from the pooling and neck of the bundle that gives the backbone"
    )


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

    @model_validator(mode="after")
    def _neck_has_a_bundle(self) -> Self:
        if self.neck.from_bundle and self.backbone.weights is None:
            raise ValueError("neck.from_bundle needs the folder of a bundle as backbone.weights")
        return self
