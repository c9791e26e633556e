"""A cohort of phantom images on disk: files, manifest, planted truth, and what can be known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from strnet.errors import ConfigError, StrnetError
from strnet.files import read_json, remove_unfinished, write_json
from strnet.phantom.anatomies import named_anatomy
from strnet.phantom.anatomy import Draw
from strnet.phantom.cohort_record import Production, Record
from strnet.phantom.production import make_patient
from strnet.tables import write_table
from strnet.workers import Workers, in_order

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PhantomCohort:
    """A finished cohort: its folder, its tables, and the content of `cohort.json`."""

    folder: Path
    manifest: pl.DataFrame
    truth: pl.DataFrame
    summary: dict[str, Any]


def make_cohort(
    anatomy: str,
    out: Path | str,
    draw: Draw,
    *,
    patients: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PhantomCohort:
    """A cohort of images of `anatomy` in `out`: `images/`, `manifest.csv`, `truth.csv`, `cohort.json`.

    A film is a file `images/*.dcm`, its label mask `masks/*.png`; a volume is a folder `images/*/` of slices,
    its mask `masks/*.nii.gz`. `workers` processes make them (a number or None: see `strnet.workers`).
    `progress` gets patients done and patients in all. Images that already stand in `out` are kept; the same
    arguments give the same bytes.

    Raises: ConfigError: unknown anatomy, arguments out of range, or `out` holds a cohort of other parameters.
    StrnetError: a process did not start, or crashed.
    """
    production = Production(Path(out), named_anatomy(anatomy), draw)
    _check(production, patients)
    parameters = _parameters(production, patients)
    _claim(production, parameters)
    records: list[Record] = []
    tasks = [(production, number) for number in range(patients)]
    unlimited = Workers(workers, file_seconds=None, file_memory_gib=None)
    made_by_patient = in_order(make_patient, tasks, _not_made, unlimited)
    for done, made in enumerate(made_by_patient, start=1):
        records.extend(made)
        if progress is not None:
            progress(done, patients)
    return _finish(production, records, parameters)


def _check(production: Production, patients: int) -> None:
    draw = production.draw
    rows, columns = draw.size
    limits = (
        ("patients", patients, 1, 99_999),
        ("seed", draw.seed, 0, 2**32 - 1),
        ("size rows", rows, production.anatomy.least_size, 4096),
        ("size columns", columns, production.anatomy.least_size, 4096),
        ("t_score_known", draw.t_score_known, 0.0, 1.0),
        ("sites", draw.sites, 1, production.anatomy.sites),
    )
    for name, found, low, high in limits:
        if not low <= found <= high:
            raise ConfigError(f"phantom: {name} is {found}, expected {low} to {high}.")


def _parameters(production: Production, patients: int) -> dict[str, Any]:
    draw = production.draw
    settings = {"anatomy": production.anatomy.name, "patients": patients, **asdict(draw)}
    return settings | {"size": list(draw.size)}


def _claim(production: Production, parameters: dict[str, Any]) -> None:
    """Claim the folder for a cohort of these `parameters`.

    Raises: ConfigError: it belongs to another one, or holds files of something else.
    """
    folder = production.folder
    note = folder / "cohort.json"
    wanted = {"phantom_version": production.anatomy.version, "parameters": parameters}
    if note.exists():
        found = read_json(note)
        held = {key: found.get(key) for key in wanted}
        if held != wanted:
            raise ConfigError(
                f"{note}: the folder holds a cohort of other parameters: {_differences(held, wanted)}. "
                "Give another folder, or remove this one."
            )
        for images in ("images", "masks"):
            remove_unfinished(folder / images)
        return
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty, and no phantom cohort. Give a new or empty folder.")
    write_json(note, {**wanted, "complete": False})


def _differences(held: dict[str, Any], wanted: dict[str, Any]) -> str:
    if held["phantom_version"] != wanted["phantom_version"]:
        return f"phantom version {held['phantom_version']} there, {wanted['phantom_version']} asked"
    there, asked = held["parameters"] or {}, wanted["parameters"]
    return ", ".join(
        f"{key} {there.get(key)} there, {asked[key]} asked" for key in asked if there.get(key) != asked[key]
    )


def _not_made(task: tuple[Production, int], reason: str) -> NoReturn:
    production, number = task
    raise StrnetError(
        f"{production.folder}: patient {number} was not made: {reason} The images made so far are kept: "
        "start again, with fewer workers if memory ran out."
    )


def _finish(production: Production, records: list[Record], parameters: dict[str, Any]) -> PhantomCohort:
    folder, anatomy = production.folder, production.anatomy
    manifest = pl.DataFrame([record.manifest for record in records], infer_schema_length=None)
    truth = pl.DataFrame([record.truth for record in records], infer_schema_length=None)
    summary = {
        "phantom_version": anatomy.version,
        "parameters": parameters,
        "complete": True,
        **anatomy.summarise(manifest, truth, [record.grey_levels for record in records]),
    }
    write_table(manifest, folder / "manifest.csv")
    write_table(truth, folder / "truth.csv")
    write_json(folder / "cohort.json", summary)
    return PhantomCohort(folder, manifest, truth, summary)
