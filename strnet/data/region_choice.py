"""Which regions of which images a recipe uses: what is made of each film, and which films have no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from strnet.config import RegionConfig
from strnet.data.regions import RegionsTable, rows_of_images
from strnet.errors import ConfigError, ImageError, unknown_name
from strnet.files import canonical_json, sha256_bytes
from strnet.imaging.film_parts import FilmPart, FilmRegion
from strnet.imaging.region_rows import missing_reason, parts_of


@dataclass(frozen=True, eq=False)
class RegionChoice:
    """The part of each image that has one, and the images (image_id, reason) that have none."""

    names: tuple[str, ...]
    """The regions that are used."""
    parts: Mapping[str, Mapping[str, FilmPart]]
    """By image_id, then by region where each is a row of its own, or under the empty name."""
    absent: Mapping[str, str]
    """By image_id, why it has no answer."""
    segmenters: tuple[str, ...] = ()
    """Hashes of the weights of the segmenters that found them."""

    @property
    def masked(self) -> bool:
        """Whether masks decide what is blank on any film."""
        chosen = [part for parts in self.parts.values() for part in parts.values()]
        return any(isinstance(part, FilmRegion) and part.mask is not None for part in chosen)

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
    finders = table.frame["segmenter_sha256"].drop_nulls().unique().sort()
    return RegionChoice(names, parts, absent, tuple(finders))


def _names(table: RegionsTable, config: RegionConfig) -> tuple[str, ...]:
    for name in config.names:
        if name not in table.names:
            raise ConfigError(f"region.names: {unknown_name('region', name, table.names)} ({table.source})")
    return config.names or table.names
