"""Which regions of which images a recipe uses: what is made of each film, and which films have no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strnet.config import RegionConfig
from strnet.data.regions import FOUND, RegionsTable, box_in, rows_of_images
from strnet.errors import ConfigError, ImageError, unknown_name
from strnet.files import canonical_json, sha256_bytes
from strnet.imaging.film_parts import FilmPart, FilmRegion, MaskFile
from strnet.imaging.mask_files import mask_sha256
from strnet.schema import REGION


@dataclass(frozen=True, eq=False)
class RegionChoice:
    """The part of each image that has one, and the images (image_id, reason) that have none."""

    names: tuple[str, ...]
    """The regions that are used."""
    parts: Mapping[str, Mapping[str, FilmPart]]
    """By image_id, then by region where each is a row of its own, or under the empty name."""
    absent: Mapping[str, str]
    """By image_id, why it has no answer."""

    @property
    def sha256(self) -> str:
        """SHA-256 of all that is taken of every image: two runs with the same one look at the same pixels."""
        digests = {
            image_id: {name: part.digest for name, part in parts.items() if part is not None}
            for image_id, parts in self.parts.items()
        }
        return sha256_bytes(canonical_json({"parts": digests, "absent": sorted(self.absent)}))


def choose_regions(table: RegionsTable, image_ids: Sequence[str], config: RegionConfig) -> RegionChoice:
    """What `config` takes of each image; one of which any region was not found has no answer.

    Raises: ConfigError: a region that the table does not know, with the nearest one.
    """
    names = _names(table, config)
    parts: dict[str, Mapping[str, FilmPart]] = {}
    absent: dict[str, str] = {}
    hashes: dict[Path, str] = {}
    for image_id, rows in rows_of_images(table, image_ids).items():
        reason = missing_reason(rows, names)
        if reason is None:
            try:
                parts[image_id] = parts_of([rows[name] for name in names], table.folder, config, hashes)
            except ImageError as error:
                reason = str(error)
        if reason is not None:
            absent[image_id] = reason
    return RegionChoice(names, parts, absent)


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


def _names(table: RegionsTable, config: RegionConfig) -> tuple[str, ...]:
    for name in config.names:
        if name not in table.names:
            raise ConfigError(f"region.names: {unknown_name('region', name, table.names)} ({table.source})")
    return config.names or table.names
