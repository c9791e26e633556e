"""The regions of the films of a job: found by the bundle's segmenter, or said by the table that was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from strnet.config import RegionConfig
from strnet.errors import ImageError
from strnet.files import write_bytes
from strnet.imaging.film_parts import FilmPart
from strnet.imaging.mask_files import mask_name, png_of
from strnet.imaging.region import parse_boxes
from strnet.imaging.region_rows import FOUND, box_cells, missing_reason, parts_of
from strnet.inference.bundle import Bundle
from strnet.inference.film_files import Film, RegionPlan, Wanted, as_text, read_films, read_films_once
from strnet.inference.roster import Roster
from strnet.inference.row_matching import FILM_KEYS
from strnet.inference.segmenter import RegionFinder
from strnet.schema import REGION
from strnet.trust import Screen
from strnet.workers import AnyWorkers

_SEARCHED_AT_ONCE = 64
"""Films that segmenters search before their networks see them: what an interrupted job may lose."""

_NO_BOX = (
    "the network looks at boxes that came with its cohort; give a table with the film's box, rows and columns"
)

_NO_FILM = (
    "its row in the table names a patient and no film, and a box belongs to one film; name the film by "
    "image_id or path"
)

_NO_MASK = (
    "the network was trained on films that masks of its cohort made blank outside, and a box cannot stand "
    "for them; train it with a segmenter as region.source"
)


def films_looked_at(
    networks: Sequence[tuple[Bundle, Screen]],
    ahead: Sequence[Path],
    roster: Roster,
    workers: AnyWorkers = None,
) -> Iterator[tuple[Film, ...]]:
    """Each of the last films of `roster`, which are `ahead`, in turn, as every network looks at it.

    Where a segmenter finds what it looks at, films are searched some at a time.
    """
    rows = roster.rows_of(ahead)
    searched = any(bundle.document.segmenter_sha256 is not None for bundle, _ in networks)
    size = _SEARCHED_AT_ONCE if searched else max(len(ahead), 1)
    for start in range(0, len(ahead), size):
        files = ahead[start : start + size]
        with ExitStack() as plans:
            wanted = []
            for bundle, screen in networks:
                plan = region_plan(bundle, files, rows[start : start + size], screen, workers)
                wanted.append(Wanted(bundle.preprocessing, screen, plans.enter_context(plan)))
            yield from read_films_once(files, wanted, workers, hashed=roster.hashed)


@contextmanager
def region_plan(
    bundle: Bundle,
    files: Sequence[Path],
    rows: Sequence[Mapping[str, Any] | None],
    screen: Screen,
    workers: AnyWorkers = None,
) -> Iterator[RegionPlan | None]:
    """What the network of `bundle` looks at of each of `files`; None where it is the whole film.

    `rows` are those of the table that was given with the films. Films that `screen` refuses are not searched.
    Masks lie in a folder that is gone when the block ends.
    """
    config = bundle.recipe.region
    if not config.used:
        yield None
        return
    segmenter = bundle.segmenter()
    with TemporaryDirectory(prefix="strnet-regions-") as folder:
        if segmenter is None:
            yield _blanked(files) if bundle.document.region_masks else _said(config, files, rows)
        else:
            films = read_films(files, segmenter.preprocessing, workers, screen=screen)
            yield _searched(config, RegionFinder(segmenter), films, Path(folder))


def _searched(config: RegionConfig, finder: RegionFinder, films: Any, folder: Path) -> RegionPlan:
    parts: dict[Path, tuple[FilmPart, ...]] = {}
    absent: dict[Path, str] = {}
    names = config.names or finder.segmenter.regions
    for film in films:
        if film.pixels is None or film.shape is None:
            continue  # read again, it says why
        found = finder.find(film.pixels, film.shape)
        mask = mask_name(as_text(film.path))
        if config.outside == "blank":
            write_bytes(folder / mask, png_of(found.labels))
        rows = {
            row[REGION]: {**row, "mask": mask if config.outside == "blank" else None}
            for row in found.rows(finder.segmenter.regions)
        }
        _add(film.path, rows, names, (config, folder), (parts, absent))
    return RegionPlan(parts, absent)


def _blanked(files: Sequence[Path]) -> RegionPlan:
    return RegionPlan({}, dict.fromkeys(files, _NO_MASK))


def _said(
    config: RegionConfig, files: Sequence[Path], rows: Sequence[Mapping[str, Any] | None]
) -> RegionPlan:
    parts: dict[Path, tuple[FilmPart, ...]] = {}
    absent: dict[Path, str] = {}
    for path, row in zip(files, rows, strict=True):
        cells = row or {}
        if not all(cells.get(name) for name in ("box", "rows", "columns")):
            absent[path] = _NO_BOX
            continue
        if not any(cells.get(key) for key in FILM_KEYS):
            absent[path] = _NO_FILM
            continue
        try:
            table = _said_rows(cells)
        except ImageError as error:
            absent[path] = str(error)
            continue
        _add(path, table, config.names or tuple(table), (config, Path()), (parts, absent))
    return RegionPlan(parts, absent)


def _said_rows(cells: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, the rows of the regions table that the cells of a film say."""
    own = {name: _pixels(name, cells[name]) for name in ("rows", "columns")}
    return {
        name: {REGION: name, "status": FOUND, "mask": None, "label": None, **own, **box_cells(box)}
        for name, box in parse_boxes(str(cells["box"])).items()
    }


def _pixels(name: str, cell: Any) -> int:
    try:
        found = float(cell)
        if found >= 1 and found.is_integer():
            return int(found)
    except ValueError:
        pass
    raise ImageError(f"{name} is '{cell}', expected the pixels of the file for which its box was drawn")


def _add(
    path: Path,
    rows: Mapping[str, Mapping[str, Any]],
    names: Sequence[str],
    how: tuple[RegionConfig, Path],
    plan: tuple[dict[Path, tuple[FilmPart, ...]], dict[Path, str]],
) -> None:
    config, folder = how
    parts, absent = plan
    reason = missing_reason(rows, names)
    if reason is not None:
        absent[path] = reason
        return
    try:
        parts[path] = tuple(parts_of([rows[name] for name in names], folder, config).values())
    except ImageError as error:
        absent[path] = str(error)
