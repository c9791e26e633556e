"""A cohort of phantom films on disk: images, manifest, planted truth, and what can be known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import polars as pl

from strnet.errors import ConfigError, StrnetError
from strnet.files import read_json, remove_unfinished, write_json
from strnet.phantom.production import Production, Record, make_patient
from strnet.phantom.scanners import SCANNERS
from strnet.phantom.summary import summarise
from strnet.tables import write_table
from strnet.workers import Workers, in_order

PHANTOM_VERSION = 2
"""Raised whenever the same seed would give other bytes."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PhantomCohort:
    """A finished cohort: its folder, its tables, and the content of `cohort.json`."""

    folder: Path
    manifest: pl.DataFrame
    truth: pl.DataFrame
    summary: dict[str, Any]


def make_knee_cohort(
    out: Path | str,
    *,
    patients: int,
    seed: int,
    size: tuple[int, int] = (768, 640),
    t_score_known: float = 0.7,
    sites: int = 2,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PhantomCohort:
    """A cohort of AP knee films in `out`: `images/*.dcm`, `manifest.csv`, `truth.csv`, `cohort.json`.

    `size` rows and columns of every film; `t_score_known` the share of patients whose T-score is written;
    `workers` processes make them (a number or None: see `strnet.workers`). `progress` gets patients done and
    patients in all. Films that already stand in `out` are kept; the same arguments give the same bytes.

    Raises: ConfigError: arguments out of range, or `out` holds a cohort of other parameters. StrnetError: a
    process did not start, or crashed.
    """
    production = Production(Path(out), seed, size, t_score_known, sites)
    _check(production, patients)
    parameters = _parameters(production, patients)
    _claim(production.folder, parameters)
    records: list[Record] = []
    tasks = [(production, number) for number in range(patients)]
    unlimited = Workers(workers, file_seconds=None, file_memory_gib=None)
    made_by_patient = in_order(make_patient, tasks, _not_made, unlimited)
    for done, made in enumerate(made_by_patient, start=1):
        records.extend(made)
        if progress is not None:
            progress(done, patients)
    return _finish(production.folder, records, parameters)


def _check(production: Production, patients: int) -> None:
    rows, columns = production.size
    limits = (
        ("patients", patients, 1, 99_999),
        ("seed", production.seed, 0, 2**32 - 1),
        ("size rows", rows, 128, 4096),
        ("size columns", columns, 128, 4096),
        ("t_score_known", production.t_score_known, 0.0, 1.0),
        ("sites", production.sites, 1, len(SCANNERS)),
    )
    for name, found, low, high in limits:
        if not low <= found <= high:
            raise ConfigError(f"phantom: {name} is {found}, expected {low} to {high}.")


def _parameters(production: Production, patients: int) -> dict[str, Any]:
    settings = asdict(production)
    del settings["folder"]
    return {"anatomy": "knee", "patients": patients, **settings, "size": list(production.size)}


def _claim(folder: Path, parameters: dict[str, Any]) -> None:
    """Claim `folder` for a cohort of these `parameters`.

    Raises: ConfigError: it belongs to another one, or holds files of something else.
    """
    note = folder / "cohort.json"
    wanted = {"phantom_version": PHANTOM_VERSION, "parameters": parameters}
    if note.exists():
        found = read_json(note)
        held = {key: found.get(key) for key in wanted}
        if held != wanted:
            raise ConfigError(
                f"{note}: the folder holds a cohort of other parameters: {_differences(held, wanted)}. "
                "Give another folder, or remove this one."
            )
        remove_unfinished(folder / "images")
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
        f"{production.folder}: patient {number} was not made: {reason} The films made so far are kept: start "
        "again, with fewer workers if memory ran out."
    )


def _finish(folder: Path, records: list[Record], parameters: dict[str, Any]) -> PhantomCohort:
    manifest = pl.DataFrame([record.manifest for record in records], infer_schema_length=None)
    truth = pl.DataFrame([record.truth for record in records], infer_schema_length=None)
    summary = {
        "phantom_version": PHANTOM_VERSION,
        "parameters": parameters,
        "complete": True,
        **summarise(manifest, truth, [record.grey_levels for record in records]),
    }
    write_table(manifest, folder / "manifest.csv")
    write_table(truth, folder / "truth.csv")
    write_json(folder / "cohort.json", summary)
    return PhantomCohort(folder, manifest, truth, summary)
