"""The regions table: what of each image a network may look at, or why there is nothing.

One row per image and region, whoever drew it: the cohort's manifest, or a segmenter. Boxes are pixels of the
file, half open, and `rows` and `columns` the size of the file that they are meant in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.errors import ImageError, ManifestError
from strnet.imaging.mask_files import LARGEST_LABEL
from strnet.imaging.region import parse_boxes, require_inside
from strnet.imaging.region_rows import SIDES, box_cells, box_in
from strnet.schema import IMAGE_ID, REGION, REGION_STATES
from strnet.tables import read_table, require_columns, write_table

FOUND, NOT_FOUND, IMPLAUSIBLE = REGION_STATES
SCHEMA = pl.Schema(
    {
        **dict.fromkeys((IMAGE_ID, REGION), pl.String),
        **dict.fromkeys((*SIDES, "rows", "columns"), pl.Int64),
        "mask": pl.String,
        "label": pl.Int64,
        **dict.fromkeys(("segmenter_sha256", "status", "reason"), pl.String),
    }
)
"""Every column. `mask` is a file relative to the table, empty where there is none; `label` the region's
number in it, empty where everything but the background is meant; an empty hash means that it came with the
cohort."""
_OPTIONAL = ("mask", "label", "segmenter_sha256", "reason")
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class RegionsTable:
    """Rows that passed every check, and the folder that their masks are relative to."""

    frame: pl.DataFrame
    folder: Path
    source: str
    """What errors call it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The regions, in the order of their first row."""
        return tuple(self.frame[REGION].unique(maintain_order=True))


def read_regions(path: Path | str) -> RegionsTable:
    """The regions table in a CSV or Parquet file.

    Raises: ManifestError: unreadable, columns missing, or rows that cannot be, each with image and region.
    """
    path = Path(path)
    frame = read_table(path, "regions table")
    require_columns(frame, [name for name in SCHEMA if name not in _OPTIONAL], f"{path}")
    absent = [pl.lit(None, SCHEMA[name]).alias(name) for name in _OPTIONAL if name not in frame.columns]
    return checked_regions(frame.with_columns(absent), path.parent, str(path))


def write_regions(table: RegionsTable, path: Path | str) -> None:
    """Write `table`, whose masks are relative to the folder of `path`, in CSV or Parquet."""
    write_table(table.frame, path)


def checked_regions(frame: pl.DataFrame, folder: Path, source: str) -> RegionsTable:
    """The table of `frame`, typed and checked.

    Raises: ManifestError: cells of another type, a region of an image twice, an unknown status, a box that
        lies outside its file or has no extent, one that was found and has none, or was not and has no reason,
        a mask of the cohort for two images.
    """
    try:
        frame = frame.select(SCHEMA.names()).cast(SCHEMA)
    except pl.exceptions.PolarsError as error:
        raise ManifestError(f"{source}: a cell is not of its column's type: {error}") from error
    problems = [
        f"image {row[IMAGE_ID]}, region {row[REGION]}: {problem}"
        for row in frame.iter_rows(named=True)
        if (problem := _problem(row))
    ]
    twice = frame.filter(pl.struct(IMAGE_ID, REGION).is_duplicated()).select(IMAGE_ID, REGION).unique()
    problems += [
        f"image {image}, region {region}: stands twice" for image, region in twice.sort(IMAGE_ID).rows()
    ]
    problems += _shared_masks(frame)
    if problems:
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ManifestError(
            f"{source}: {len(problems)} row(s) that are no region.\n  "
            + "\n  ".join(problems[:_SHOWN])
            + f"{more}\nCorrect them; a region that was not found has status {NOT_FOUND} and a reason."
        )
    return RegionsTable(frame, folder, source)


def _shared_masks(frame: pl.DataFrame) -> Iterator[str]:
    """Masks that came with the cohort for two images; a segmenter may find the same on copies of a film."""
    given = frame.filter(pl.col("segmenter_sha256").is_null(), pl.col("mask").is_not_null())
    for mask, images in given.group_by("mask").agg(pl.col(IMAGE_ID).unique().sort()).sort("mask").rows():
        if len(images) > 1:
            yield f"images {', '.join(images[:_SHOWN])}: share the mask {mask}, which lies on one film"


def manifest_regions(frame: pl.DataFrame, folder: Path, source: str) -> RegionsTable:
    """The regions table of a manifest's `box` and `mask` cells; rows without a box have none.

    Raises: ManifestError: no row has a box, or rows with a box that do not say the size of their file.
    """
    held = frame.filter(pl.col("box").is_not_null())
    if held.is_empty():
        raise ManifestError(
            f"{source}: no row has a box. Fill the column 'box', or set region.source to a segmenter."
        )
    unsized = held.filter(pl.any_horizontal(pl.col("rows", "columns").is_null()))[IMAGE_ID].to_list()
    if unsized:
        raise ManifestError(
            f"{source}: {len(unsized)} row(s) have a box, and do not say for which size of the file (rows, "
            f"columns), the first {unsized[0]}. Ingest the films, which fills both."
        )
    rows = [row for film in held.iter_rows(named=True) for row in _manifest_rows(film)]
    return checked_regions(pl.DataFrame(rows, schema=SCHEMA), folder, source)


def _manifest_rows(film: dict[str, Any]) -> Iterator[dict[str, Any]]:
    own = {name: film[name] for name in (IMAGE_ID, "rows", "columns", "mask")}
    for name, box in parse_boxes(film["box"]).items():
        yield {**dict.fromkeys(SCHEMA), **own, **box_cells(box), REGION: name, "status": FOUND}


def _problem(row: dict[str, Any]) -> str | None:
    sizes = ("rows", "columns") if row["status"] == FOUND else ()
    blank = [name for name in (IMAGE_ID, REGION, "status", *sizes) if row[name] is None]
    if blank:
        return f"{', '.join(blank)} is blank"
    if row["status"] not in REGION_STATES:
        return f"status '{row['status']}', expected {', '.join(REGION_STATES)}"
    boxed = [row[side] is not None for side in SIDES]
    if row["status"] != FOUND:
        return None if row["reason"] else f"status {row['status']} without a reason"
    if not all(boxed):
        return "found, and its box is blank"
    if row["label"] is not None and not 1 <= row["label"] <= LARGEST_LABEL:
        return f"label {row['label']}, expected 1 to {LARGEST_LABEL}"
    return _box_problem(row)


def _box_problem(row: dict[str, Any]) -> str | None:
    try:
        require_inside(box_in(row), (row["rows"], row["columns"]), row[REGION])
    except ImageError as error:
        return str(error)
    return None


def rows_of_images(table: RegionsTable, image_ids: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """By image and region, the row of each of `image_ids` that the table knows."""
    found: dict[str, dict[str, dict[str, Any]]] = {image_id: {} for image_id in image_ids}
    for row in table.frame.iter_rows(named=True):
        if row[IMAGE_ID] in found:
            found[row[IMAGE_ID]][row[REGION]] = row
    return found
