"""The regions of a cohort, found by a segmenter before a network is trained on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort import read_manifest, read_split
from strnet.config import Recipe
from strnet.data import SampleCache, build_cache
from strnet.data.building import building_turn
from strnet.data.records import append_lines, complete_lines, drop_torn_tail
from strnet.data.regions import SCHEMA, checked_regions, write_regions
from strnet.errors import ConfigError
from strnet.files import canonical_json, sha256_bytes, write_bytes, writing_to
from strnet.imaging.mask_files import mask_name, png_of
from strnet.inference.segmenter import (
    RegionFinder,
    Segmenter,
    is_segmenter,
    patient_sha256,
    read_segmenter,
)
from strnet.schema import FOLD, IMAGE_ID, PATIENT_ID, REGION, SPLIT
from strnet.training.cohort_rows import CohortRows, read_rows
from strnet.training.fit import cache_folder
from strnet.training.progress import film_progress
from strnet.workers import Workers

_FOUND = "found.jsonl"
_LISTED = 5


def find_cohort_regions(recipe: Recipe, manifest: Path, split: Path, *, progress: bool = True) -> Path | None:
    """The regions table that the recipe's segmenter now has of its cohort; None where it names none.

    What it found on a film is kept beside the prepared films, by the hashes of film and segmenter, so that
    nothing is done twice and an interrupted search goes on.

    Raises: BundleError: a segmenter that was edited. ConfigError: a folder that holds none, or a segmenter
        that was trained on patients whom the network would be tested on.
    """
    if recipe.region.file is None or not Path(recipe.region.file).is_dir():
        return None
    segmenter = segmenter_of(recipe)
    require_unseen(segmenter, manifest, split)
    rows = _rows(recipe, manifest, split)
    home = cache_folder(recipe, manifest)
    with film_progress(progress) as report:
        asked = recipe.cohort
        cache = build_cache(
            list(zip(rows.frame[IMAGE_ID], rows.paths, strict=True)),
            segmenter.preprocessing,
            home,
            workers=Workers(asked.workers, asked.file_seconds, asked.file_memory_gib),
            progress=report,
        )
    search = _Search(RegionFinder(segmenter), cache, home / f"regions-{segmenter.sha256[:16]}")
    with film_progress(progress, "Finding regions") as report:
        found = search.all(report)
    return _write_table(search, found, rows.frame[IMAGE_ID].to_list())


def segmenter_of(recipe: Recipe) -> Segmenter:
    """The segmenter that the recipe names.

    Raises: BundleError: it was edited. ConfigError: the folder holds none.
    """
    folder = Path(str(recipe.region.file))
    if not is_segmenter(folder):
        raise ConfigError(
            f"region.source: {folder} holds no segmenter. Name the folder `segmenter` in the run of one, or "
            "the file of a regions table."
        )
    return read_segmenter(folder)


def require_unseen(segmenter: Segmenter, manifest: Path, split: Path) -> None:
    """Raise unless no patient of the test or external rows, or of any fold, was seen by the segmenter.

    Raises: ConfigError: some were, with the first and what to do.
    """
    frame = read_split(split, read_manifest(manifest)).frame
    judged = frame.filter(pl.col(SPLIT).is_in(["test", "external"]) | pl.col(FOLD).is_not_null())
    seen = set(segmenter.document.patients)
    both = [patient for patient in judged[PATIENT_ID].unique().sort() if patient_sha256(patient) in seen]
    if both:
        shown = ", ".join(both[:_LISTED]) + (", ..." if len(both) > _LISTED else "")
        raise ConfigError(
            f"region.source: {segmenter.folder} was trained or chosen on {len(both)} patients of the test, "
            f"external or fold rows of {split}: {shown}. On them it finds regions better than on others, and "
            "every figure would flatter. Train the segmenter on the training rows of this split, or on other "
            "people; if they are other people with the same ids, give the ids a prefix."
        )


@dataclass(frozen=True)
class _Search:
    finder: RegionFinder
    cache: SampleCache
    home: Path

    def all(self, progress: Any) -> dict[str, dict[str, Any]]:
        """By the hash of each film in the cache, the rows found and its mask; none is searched twice."""
        with writing_to(self.home):
            self.home.mkdir(parents=True, exist_ok=True)
        with building_turn(self.home, lambda: False):
            drop_torn_tail(self.home / _FOUND)
            found = self._kept()
            for done, image_id in enumerate(self.cache.shapes, start=1):
                digest = self.cache.sha256s[image_id]
                if digest not in found:
                    found[digest] = self._search(image_id, digest)
                    with writing_to(self.home):
                        append_lines(
                            self.home / _FOUND, [json.dumps({"film": digest, **found[digest]}) + "\n"]
                        )
                if progress:
                    progress(done, len(self.cache.shapes))
        return found

    def _kept(self) -> dict[str, dict[str, Any]]:
        entries = [json.loads(line) for line in complete_lines(self.home / _FOUND)]
        return {entry.pop("film"): entry for entry in entries}

    def _search(self, image_id: str, digest: str) -> dict[str, Any]:
        found = self.finder.find(self.cache[image_id], self.cache.shapes[image_id])
        mask = f"masks/{mask_name(digest)}" if found.boxes else None
        if mask is not None:
            write_bytes(self.home / mask, png_of(found.labels))
        return {"rows": found.rows(self.finder.segmenter.regions), "mask": mask}


def _rows(recipe: Recipe, manifest: Path, split: Path) -> CohortRows:
    folds = read_split(split, read_manifest(manifest)).folds
    return read_rows(manifest, split, 0 if folds else None, recipe.cohort.where)


def _write_table(search: _Search, found: Mapping[str, Mapping[str, Any]], image_ids: list[str]) -> Path:
    """The table of these images, named by what it says; films that cannot be read have no regions there."""
    segmenter, cache = search.finder.segmenter, search.cache
    unreadable = dict(cache.quarantine.select(IMAGE_ID, "reason").rows())
    rows: list[dict[str, Any]] = []
    for image_id in image_ids:
        own = {**dict.fromkeys(SCHEMA), IMAGE_ID: image_id, "segmenter_sha256": segmenter.weights_sha256}
        if image_id in cache.shapes:
            kept = found[cache.sha256s[image_id]]
            rows += [{**own, "mask": kept["mask"], **cells} for cells in kept["rows"]]
        else:
            lost = {"status": "not_found", "reason": unreadable.get(image_id, "the film cannot be read")}
            rows += [{**own, REGION: name, **lost} for name in segmenter.regions]
    digest = sha256_bytes(canonical_json(rows))[:16]
    path = search.home / f"regions-{digest}.parquet"
    write_regions(checked_regions(pl.DataFrame(rows, schema=SCHEMA), search.home, str(path)), path)
    return path
