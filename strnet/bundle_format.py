"""What a bundle's folder looks like from outside, for those who read no more of it than its weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from strnet.config import Frozen
from strnet.sealed import Format

FORMAT = Format(
    name="strnet bundle",
    version=2,
    noun="a bundle",
    source="Give the folder that `strnet train` wrote.",
    remake="Copy the bundle again, or write it again from its run: strnet train RECIPE -o RUN --resume.",
)
DOCUMENT = "bundle.json"
WEIGHTS = "weights.safetensors"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StartingWeights(Frozen):
    """Where a network's weights came from before its training."""

    source: Literal["file", "bundle", "hub"]
    name: str = Field(description="of the file, of the parent's recipe, or of the network in timm's hub")
    sha256: Sha256 | None = Field(description="of the file; the hash that names the bundle; the hub has none")
    parts: tuple[Literal["backbone", "pooling", "neck"], ...] = ("backbone",)
    adapter: str | None = None
    licence: str | None = Field(None, description="of the adapter's project; it holds for what comes of it")
    left_out: tuple[str, ...] = Field((), description="names in the file that have no place in a backbone")
