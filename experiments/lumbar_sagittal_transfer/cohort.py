"""The cohort of the experiment: who was screened, why most were left out, and a further test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from strnet.jobs import phantom, select, split

HERE = Path(__file__).parent
SEED, FURTHER_SEED, PRETRAINING_SEED = 3, 4, 5
_LATE = 400
"""Days to a DXA that came too late to count."""


def make_cohort(out: Path, size: dict[str, Any]) -> Path:
    """Where the manifest of the enrolled and of the further test stands in `out`, with its split."""
    enrolled = _enrolled(out, size)
    further = _lateral(out / "further", size, size["further"], FURTHER_SEED)
    further = further.with_columns(pl.lit("further").alias("site"))
    rows = pl.concat([enrolled, further], how="diagonal_relaxed")
    manifest, sides = out / "films.csv", _sides(enrolled, further, size["enrolled"])
    rows.write_csv(manifest)
    sides.write_csv(out / "assignment.csv")
    split(manifest, out / "split.csv", assignment=out / "assignment.csv")
    truths = [pl.read_csv(out / name / "truth.csv") for name in ("screened", "further")]
    pl.concat(truths, how="diagonal_relaxed").write_csv(out / "truth.csv")
    return manifest


def make_pretraining(out: Path, size: dict[str, Any]) -> Path:
    """Where the manifest of the knee films for pretraining stands in `out`, with its split."""
    phantom(out / "knees", patients=size["pretraining"], seed=PRETRAINING_SEED, size=_film(size))
    manifest = out / "knees" / "manifest.csv"
    split(manifest, out / "knees.csv", ratios={"train": 8, "validation": 2}, seed=PRETRAINING_SEED)
    return manifest


def _enrolled(out: Path, size: dict[str, Any]) -> pl.DataFrame:
    people = sum(size["left_out"].values()) + sum(size["enrolled"].values())
    screened = _lateral(out / "screened", size, people, SEED)
    _with_reasons(screened, size["left_out"]).write_csv(out / "screened.csv")
    select(out / "screened.csv", out / "enrolled.csv", rules=HERE / "rules.yaml")
    return pl.read_csv(out / "enrolled.csv")


def _lateral(folder: Path, size: dict[str, Any], people: int, seed: int) -> pl.DataFrame:
    phantom(folder, anatomy="lumbar", patients=people, seed=seed, size=_film(size), t_score_known=1.0)
    rows = pl.read_csv(folder / "manifest.csv").filter(pl.col("view") == "LATERAL")
    return rows.with_columns(
        (pl.lit(f"{folder.name}/") + pl.col(name)).alias(name) for name in ("path", "mask")
    )


def _with_reasons(rows: pl.DataFrame, left_out: dict[str, int]) -> pl.DataFrame:
    """Rows of which that many have a late DXA, cement or an unreadable film, drawn by the seed alone."""
    order = np.random.default_rng(SEED).permutation(rows.height)
    ends = np.cumsum([left_out[name] for name in ("dxa_within_a_year", "vertebroplasty", "readable")])
    late, cement, unreadable = (np.zeros(rows.height, dtype=np.int64) for _ in ends)
    for column, start, end in zip((late, cement, unreadable), (0, *ends), ends, strict=False):
        column[order[start:end]] = 1
    return rows.with_columns(
        pl.when(pl.Series(late) == 1).then(_LATE).otherwise("days_to_reference").alias("days_to_reference"),
        pl.Series("vertebroplasty", cement),
        pl.Series("unreadable", unreadable),
    )


def _sides(enrolled: pl.DataFrame, further: pl.DataFrame, counts: dict[str, int]) -> pl.DataFrame:
    order = np.random.default_rng(SEED + 1).permutation(enrolled.height)
    parts = [part for part, count in counts.items() for _ in range(count)]
    own = pl.DataFrame({"image_id": enrolled["image_id"][order], "split": parts})
    return pl.concat([own, further.select("image_id", pl.lit("external").alias("split"))])


def _film(size: dict[str, Any]) -> tuple[int, int] | None:
    return tuple(size["film"]) if "film" in size else None
