"""Splits by patient: made once, written with a certificate, and refused wherever that does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.cohort.assignment import external_rows, fold_numbers, split_by_ratio
from strnet.cohort.certificate import FORMAT, certify, differences
from strnet.cohort.linked_films import class_numbers
from strnet.cohort.manifest import Manifest
from strnet.cohort.split_files import read_assignment, read_certificate
from strnet.errors import SplitError, unknown_name
from strnet.files import write_json, write_together
from strnet.schema import FOLD, IMAGE_ID, PATIENT_ID, SPLIT
from strnet.sealed import seal
from strnet.tables import write_table

_SCHEMA = pl.Schema({IMAGE_ID: pl.String, PATIENT_ID: pl.String, SPLIT: pl.String, FOLD: pl.Int64})


@dataclass(frozen=True, eq=False)
class Split:
    """Which film stands where, and the certificate that says so."""

    frame: pl.DataFrame
    """image_id, patient_id, split, fold; one of the last two is null in every row, except of `for_fold`."""
    certificate: Mapping[str, Any]

    @property
    def folds(self) -> int:
        """Number of folds; 0 for a split by ratios."""
        return int(self.certificate["request"].get("folds") or 0)

    def for_fold(self, fold: int) -> Split:
        """The split in which `fold` is test, the next one validation, and the others train.

        Raises: SplitError: no such fold.
        """
        if not 0 <= fold < self.folds:
            raise SplitError(f"fold {fold} does not exist: the split has {self.folds or 'no'} folds.")
        part = (
            pl.when(pl.col(FOLD) == fold)
            .then(pl.lit("test"))
            .when(pl.col(FOLD) == (fold + 1) % self.folds)
            .then(pl.lit("validation"))
            .when(pl.col(FOLD).is_not_null())
            .then(pl.lit("train"))
            .otherwise(pl.col(SPLIT))
        )
        return Split(self.frame.with_columns(part.alias(SPLIT)), self.certificate)


def make_split(
    manifest: Manifest,
    *,
    seed: int,
    ratios: Mapping[str, float] | None = None,
    folds: int | None = None,
    external_sites: Sequence[str] = (),
    stratify_by: str = "diagnosis",
) -> Split:
    """A split of all films by patient, balanced in `stratify_by`: `ratios` of the films, or `folds`.

    `ratios` maps train, validation, test to shares or numbers of films. Identical pictures of several
    patients stay on one side. Films of `external_sites` form the split `external`. The outcome depends on
    the seed and the rows, not on their order.

    Raises: SplitError: an impossible request, or patients who link an external site to another.
    """
    _require_column(manifest, stratify_by)
    if (ratios is None) == (folds is None):
        raise SplitError("Give either ratios or folds.")
    rows = manifest.frame.sort(IMAGE_ID)
    external = external_rows(rows, external_sites)
    inside = rows.filter(~external)
    if not inside.height:
        raise SplitError(f"{manifest.path}: every film is of an external site; nothing is left to train on.")
    classes = class_numbers(inside[stratify_by])
    if folds is not None:
        side = fold_numbers(inside, classes, folds, seed).alias(FOLD)
    else:
        side = split_by_ratio(inside, classes, ratios or {}, seed).alias(SPLIT)
    apart = rows.filter(external).with_columns(pl.lit("external").alias(SPLIT))
    frame = pl.concat([inside.with_columns(side), apart], how="diagonal")
    request: dict[str, Any] = {
        "seed": seed,
        "ratios": None if ratios is None else dict(ratios),
        "folds": folds,
        "external_sites": sorted(external_sites),
        "stratify_by": stratify_by,
    }
    return certified(frame, manifest, request)


def certified(frame: pl.DataFrame, manifest: Manifest, request: Mapping[str, Any]) -> Split:
    """The split of an assignment, in the manifest's order, with its certificate.

    Raises: SplitError: it is not disjoint, or not of this manifest.
    """
    absent = [pl.lit(None).alias(name) for name in _SCHEMA if name not in frame.columns]
    frame = frame.with_columns(absent).select(_SCHEMA.names()).cast(_SCHEMA)
    certificate = certify(frame, manifest, dict(request))
    order = manifest.frame.select(IMAGE_ID)
    return Split(order.join(frame, on=IMAGE_ID, maintain_order="left"), certificate)


def write_split(split: Split, path: Path | str) -> Path:
    """Where the certificate stands; the split stands in `path`. Both are whole, or as they were before."""
    path = Path(path)
    with write_together(path, certificate_path(path)) as (table, certificate):
        write_table(split.frame, table)
        write_json(certificate, seal(split.certificate, FORMAT))
    return certificate_path(path)


def read_split(path: Path | str, manifest: Manifest) -> Split:
    """The split in `path`, after everything its certificate says was computed anew from both files.

    Raises: SplitError: no certificate, or one that does not hold; patients on two sides are named.
    """
    path = Path(path)
    frame = read_assignment(path)
    claimed = read_certificate(certificate_path(path))
    _require_column(manifest, claimed["request"]["stratify_by"])
    split = certified(frame, manifest, claimed["request"])
    broken = differences(claimed, dict(split.certificate))
    if broken:
        raise SplitError(
            f"{path}: the certificate does not hold.\n  "
            + "\n  ".join(broken)
            + "\nMake the split anew, restore "
            "the files it was made of, or, if the change is meant, certify the assignment again."
        )
    return split


def certify_split(path: Path | str, manifest: Manifest, *, stratify_by: str = "diagnosis") -> Split:
    """The split that somebody's own file assigns (image_id, and split or fold), certified if it is disjoint.

    Write it with `write_split`. patient_id is taken from the manifest where the file has none.

    Raises: SplitError: as `read_split`, but for the certificate.
    """
    _require_column(manifest, stratify_by)
    frame = read_assignment(Path(path), manifest)
    request: dict[str, Any] = {
        "seed": None,
        "ratios": None,
        "folds": None,  # counted in the file
        "external_sites": [],
        "stratify_by": stratify_by,
    }
    return certified(frame, manifest, request)


def certificate_path(split: Path) -> Path:
    """Where the certificate of a split file stands: `split.certificate.json` beside `split.csv`."""
    return split.with_name(f"{split.stem}.certificate.json")


def _require_column(manifest: Manifest, name: str) -> None:
    if name not in manifest.frame.columns:
        raise SplitError(f"{manifest.path}: {unknown_name('column', name, manifest.frame.columns)}")
