"""Films before the network: how one becomes its input, and what training changes at random."""

from __future__ import annotations

import hashlib
import json
from typing import Literal, Self

from pydantic import Field, model_validator

from strnet.config.frozen import Fraction01, Frozen, Percentile, Positive


class Preprocessing(Frozen):
    """How a film becomes a network input; one object, one digest, for training and serving alike."""

    version: Literal[1] = 1
    height: int = Field(256, ge=32, le=2048, description="rows of the network input, pixels")
    width: int = Field(256, ge=32, le=2048, description="columns of the network input, pixels")
    crop_to_field: bool = Field(True, description="crop to the collimated field before the resize")
    normalisation: Literal["percentile", "minmax", "none"] = Field(
        "percentile", description="grey values to [0, 1]: by `percentiles`, by extremes, or as displayed"
    )
    percentiles: tuple[Percentile, Percentile] = Field(
        (0.5, 99.5), description="of the grey values: those that become 0 and 1"
    )
    mean: float = Field(0.5, description="subtracted from the grey values in [0, 1] before the network")
    std: Positive = 0.25

    @model_validator(mode="after")
    def _percentiles_in_order(self) -> Self:
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError("percentiles: expected the lower one first")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the version and of all fields that are not at their default.

        So a field added later, at its default, leaves every digest as it was; a default that changes is a
        new version.
        """
        content = {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Augmentation(Frozen):
    """Random changes of a training image; every draw comes from (seed, epoch, index)."""

    horizontal_flip: Fraction01 = Field(0.5, description="probability")
    rotation_degrees: float = Field(7.0, ge=0.0, le=180.0, description="largest angle, either way")
    scale: float = Field(0.08, ge=0.0, lt=1.0, description="largest relative change of size")
    translation: float = Field(0.05, ge=0.0, lt=1.0, description="largest shift, fraction of the side")
    brightness: float = Field(0.1, ge=0.0, description="largest shift of grey values in [0, 1]")
    contrast: float = Field(0.15, ge=0.0, lt=1.0, description="largest relative change of contrast")
    gamma: float = Field(0.15, ge=0.0, lt=1.0, description="largest relative change of the exponent")
    noise: float = Field(0.0, ge=0.0, description="SD of added Gaussian noise, grey values in [0, 1]")
