"""The region: what of a film the network looks at."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from strnet.config.frozen import Frozen


class RegionConfig(Frozen):
    """Where boxes and masks come from, and what is made of them. A region not found means no answer."""

    source: str = Field(
        "none", description="none (the whole film), manifest, or the path of a regions table or a segmenter"
    )
    names: tuple[str, ...] = Field(
        (), description="the regions that are used, such as [L1, L2]; default: all"
    )
    use: Literal["union", "each"] = Field(
        "union", description="union: one box around them; each: every one is a row of the film's case"
    )
    margin: Annotated[float, Field(ge=0.0, le=2.0)] = Field(
        0.1, description="more of the film at either end, fraction of the box's side"
    )
    outside: Literal["keep", "blank"] = Field(
        "keep", description="what becomes of the film outside the mask, or outside the boxes without one"
    )
    combine: Literal["mean", "largest", "stack"] = Field(
        "mean", description="how the regions of one film become one answer, with use: each"
    )

    @model_validator(mode="after")
    def _regions_differ(self) -> Self:
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"names: expected each region once, found {', '.join(self.names)}")
        if self.source == "none" and self.names:
            raise ValueError(
                "names: no region is used with source: none; set region.source, or leave them out"
            )
        return self

    @property
    def used(self) -> bool:
        """Whether the network looks at regions, and not at whole films."""
        return self.source != "none"

    @property
    def several(self) -> bool:
        """Whether one film gives several rows."""
        return self.used and self.use == "each"

    @property
    def file(self) -> str | None:
        """Path of the regions table or segmenter; None where the source is neither."""
        return None if self.source in ("none", "manifest") else self.source
