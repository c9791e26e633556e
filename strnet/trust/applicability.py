"""What a bundle says of the films it is for: what the training rows were, and a limit for its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from strnet.config import ApplicabilityConfig, Fraction01, Frozen

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TrainedOn(Frozen):
    """What the headers and clinical tables said of the training rows; empty where they said nothing."""

    anatomies: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    presentation_intents: tuple[str, ...] = ()
    ages: tuple[float, float] | None = Field(None, description="lowest and highest, years")
    age_margin: float = Field(5.0, ge=0, description="years beyond them that are still answered")


class PictureLimit(Frozen):
    """Which pictures are too unlike the training films, and what that rests on."""

    file: Literal["picture.safetensors"] = "picture.safetensors"
    sha256: Sha256
    threshold: float = Field(ge=0, description="an atypicality above this is a finding")
    false_refusal: Fraction01 = Field(description="the rate that was asked for")
    at_most: Fraction01 = Field(
        description="the rate that the validation films can promise: of exchangeable new ones, on average"
    )
    validation_films: int = Field(ge=1)

    @property
    def kept(self) -> bool:
        """Whether the validation films were enough for the rate that was asked for."""
        return self.at_most <= self.false_refusal


class Applicability(Frozen):
    """Which films a bundle answers, which with a flag, and which it refuses."""

    trained_on: TrainedOn = TrainedOn()
    picture: PictureLimit | None = None
    picture_refuses: bool = False


@dataclass(frozen=True)
class ApplicabilityFiles:
    """What a bundle holds of its applicability: the part of its document, and the file that this names."""

    document: Applicability
    picture: bytes | None = None


def trained_on(rows: pl.DataFrame, config: ApplicabilityConfig) -> TrainedOn:
    """What the manifest says of the training `rows`."""
    ages = rows["age"].drop_nulls() if "age" in rows.columns else pl.Series(dtype=pl.Float64)
    return TrainedOn(
        anatomies=_distinct(rows, "anatomy"),
        views=_distinct(rows, "view"),
        modalities=_distinct(rows, "modality"),
        presentation_intents=_distinct(rows, "presentation_intent"),
        ages=(float(ages.min()), float(ages.max())) if len(ages) else None,  # type: ignore[arg-type]
        age_margin=config.age_margin,
    )


def _distinct(rows: pl.DataFrame, column: str) -> tuple[str, ...]:
    if column not in rows.columns:
        return ()
    return tuple(rows[column].cast(pl.String).drop_nulls().unique().sort())
