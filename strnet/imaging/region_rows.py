"""Rows of the regions table as what is made of a film, the same for training and serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strnet.config import RegionConfig
from strnet.errors import ImageError
from strnet.imaging.film_parts import FilmPart, FilmRegion, MaskFile
from strnet.imaging.mask_files import mask_sha256
from strnet.imaging.region import Box
from strnet.schema import REGION, REGION_STATES

SIDES = ("left", "top", "right", "bottom")
FOUND = REGION_STATES[0]


def box_in(row: Mapping[str, Any]) -> Box:
    """The box of a row that was found.

    Raises: ImageError: it has no extent.
    """
    return Box((row["top"], row["left"]), (row["bottom"], row["right"]))


def box_cells(box: Box | None) -> dict[str, int | None]:
    """The cells of a film's box; blank ones where there is none.

    Raises: ImageError: the box of a volume.
    """
    if box is None:
        return dict.fromkeys(SIDES)
    if len(box.start) != 2:
        raise ImageError(f"box '{box.cell()}' is one of a volume, expected left top right bottom of a film.")
    (top, left), (bottom, right) = box.start, box.stop
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def missing_reason(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str | None:
    """Why an image has not all regions of `names`, in words; None where it has."""
    missing = []
    for name in names:
        row = rows.get(name)
        if row is None:
            missing.append(f"region {name} is not in the regions table")
        elif row["status"] != FOUND:
            missing.append(f"region {name} was {row['status'].replace('_', ' ')}: {row['reason']}")
    return "; ".join(missing) or None


def parts_of(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    config: RegionConfig,
    hashes: dict[Path, str] | None = None,
) -> dict[str, FilmPart]:
    """What is made of a film whose regions are all found: one part around them, or each by its name.

    Masks are relative to `folder`; `hashes` keeps those of mask files that were taken before.

    Raises: ImageError: a mask that cannot be read, or regions that were drawn on files of different sizes.
    """
    grids = {(row["rows"], row["columns"]) for row in rows}
    if len(grids) > 1:
        raise ImageError(
            f"its regions are meant for files of different sizes, {sorted(grids)}. Make them on one file."
        )
    groups = {row[REGION]: [row] for row in rows} if config.use == "each" else {"": list(rows)}
    grid = next(iter(grids))
    return {
        name: FilmRegion(
            boxes=tuple((row[REGION], box_in(dict(row))) for row in group),
            grid=grid,
            margin=config.margin,
            outside=config.outside,
            mask=_mask(group, folder, hashes if hashes is not None else {})
            if config.outside == "blank"
            else None,
        )
        for name, group in groups.items()
    }


def _mask(rows: Sequence[Mapping[str, Any]], folder: Path, hashes: dict[Path, str]) -> MaskFile | None:
    """The mask that all rows share, with their labels; None where they have none."""
    files = {row["mask"] for row in rows}
    if files == {None}:
        return None
    if len(files) > 1:
        raise ImageError(f"its regions lie in different masks, {sorted(map(str, files))}; expected one file.")
    path = folder / str(files.pop())
    if path not in hashes:
        hashes[path] = mask_sha256(path)
    labels = [row["label"] for row in rows]
    return MaskFile(path, hashes[path], () if None in labels else tuple(labels))
