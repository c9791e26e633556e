"""What `bundle.json` holds: frozen models whose JSON is the file. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import AwareDatetime, Field, model_validator

from strnet.bundle_format import DOCUMENT, WEIGHTS, Sha256, StartingWeights
from strnet.calibration import Combination
from strnet.config import CohortConfig, Frozen, Positive, Recipe
from strnet.schema import REFERENCE_STANDARDS, SEGMENTER_FOLDER
from strnet.trust import Applicability

UNKNOWN = "unknown"

PICTURE = "picture.safetensors"
README = "README.md"
FILES = (DOCUMENT, WEIGHTS, PICTURE, README, SEGMENTER_FOLDER)


class ReferenceStandard(Frozen):
    """What the labels were measured with, and where on the body; `unknown` where the manifest was blank."""

    standards: tuple[str, ...] = Field(min_length=1)
    sites: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_vocabulary(self) -> Self:
        strange = set(self.standards) - {*REFERENCE_STANDARDS, UNKNOWN}
        if strange:
            raise ValueError(f"reference standards {sorted(strange)} are none of {REFERENCE_STANDARDS}")
        return self

    def __str__(self) -> str:
        """`dxa (femoral_neck)`; several are joined by a plus."""
        sites = f" ({' + '.join(self.sites)})" if self.sites else ""
        return " + ".join(self.standards) + sites


class ClinicalVariable(Frozen):
    """A clinical input in the order of the network, standardised by the training rows."""

    name: str
    mean: float
    std: Positive


class Provenance(Frozen):
    """Where the network and its numbers come from."""

    created: AwareDatetime = Field(description="end of the training, with its time zone")
    strnet_version: str
    packages: Mapping[str, str] = Field(default_factory=dict, description="versions of torch, timm, ...")
    code_commit: str | None = None
    manifest_sha256: Sha256
    split_sha256: Sha256
    fold: int | None = Field(None, ge=0)
    images: Mapping[str, int] = Field(default_factory=dict, description="images per split")
    reference_standard: ReferenceStandard
    starting_weights: StartingWeights | None = Field(
        None, description="what the network started from; none: random weights"
    )


class Weights(Frozen):
    """The weights file beside `bundle.json`; its name is fixed, so that it cannot point elsewhere."""

    file: Literal["weights.safetensors"] = "weights.safetensors"
    sha256: Sha256


class BundleDocument(Frozen):
    """All of `bundle.json` but its seal."""

    recipe: Recipe
    preprocessing_sha256: Sha256
    clinical: tuple[ClinicalVariable, ...]
    calibrators: Mapping[str, Mapping[str, Any]]
    operating_points: tuple[Mapping[str, Any], ...]
    not_reached: Mapping[str, str] = Field(
        default_factory=dict, description="by method, why there is no such operating point"
    )
    provenance: Provenance
    weights: Weights
    applicability: Applicability = Applicability()
    region_masks: bool = Field(
        False, description="whether masks that came with the cohort made the films blank outside"
    )
    region_combination: Combination | None = Field(
        None, description="how the regions of a film become one answer; null where it is one picture"
    )
    segmenter_sha256: Sha256 | None = Field(
        None, description="of the segmenter beside it that finds the region; null where there is none"
    )


def publishable(recipe: Recipe) -> Recipe:
    """`recipe` without the paths of the machine that trained; a weights file keeps its bare name.

    Which rows were chosen stays: the network is for films like those.
    """
    cohort = CohortConfig(where=recipe.cohort.where)
    backbone = recipe.network.backbone
    weights = None if backbone.weights is None else Path(backbone.weights.name)
    backbone = backbone.model_copy(update={"weights": weights})
    network = recipe.network.model_copy(update={"backbone": backbone})
    source = recipe.region.source if recipe.region.file is None else Path(recipe.region.file).name
    region = recipe.region.model_copy(update={"source": source})
    return recipe.model_copy(update={"cohort": cohort, "network": network, "region": region})


def reference_standard_of(manifest: pl.DataFrame) -> ReferenceStandard:
    """What the labels in `manifest` were measured with; a label without a reference standard is `unknown`."""
    signs = [name for name in ("t_score", "diagnosis", "reference_standard") if name in manifest.columns]
    labelled = manifest.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in signs))
    return ReferenceStandard(
        standards=_distinct(labelled, "reference_standard", blank=UNKNOWN) or (UNKNOWN,),
        sites=_distinct(labelled, "reference_site", blank=None),
    )


def _distinct(frame: pl.DataFrame, column: str, blank: str | None) -> tuple[str, ...]:
    if column not in frame.columns:
        return () if blank is None else (blank,)
    cells = frame[column].unique().to_list()
    names = {blank if cell is None else str(cell) for cell in cells}
    return tuple(sorted(name for name in names if name is not None))
