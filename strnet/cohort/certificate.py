"""What a split claims and how it is checked: nobody, and no picture, stands on two sides."""

from __future__ import annotations

from typing import Any

import polars as pl

from strnet.cohort.linked_films import linked_groups
from strnet.cohort.manifest import Manifest
from strnet.errors import SplitError
from strnet.files import canonical_json, sha256_bytes
from strnet.schema import FOLD, IMAGE_ID, PATIENT_ID, SPLIT, SPLITS
from strnet.sealed import Format

FORMAT = Format(
    name="strnet split certificate",
    version=2,
    noun="a split certificate",
    source="Make the split anew.",
    remake="Make the split anew with `strnet split`.",
    error=SplitError,
)
_SHOWN = 20
_CLASS = "__class__"
_SIDE = "__side__"


def certify(frame: pl.DataFrame, manifest: Manifest, request: dict[str, Any]) -> dict[str, Any]:
    """The certificate of an assignment: JSON values only, the same for the same rows in any order.

    `frame` holds image_id, patient_id, split, fold; `request` is what the split was asked for, with
    `stratify_by` in it. Its `folds` are counted, so that an edited number does not hold.

    Raises: SplitError: films missing or unknown, or patients or pictures on two sides, each named.
    """
    rows = _sides(frame, manifest, request["stratify_by"])
    patients, pictures = _patients_on_two_sides(rows), _pictures_on_two_sides(rows)
    if patients or pictures:
        raise SplitError(_two_sides(manifest, patients, pictures))
    return {
        "request": request | {"folds": frame[FOLD].drop_nulls().n_unique() or None},
        "manifest": manifest.path.name,
        "manifest_identity_sha256": manifest.identity_sha256,
        "assignment_sha256": _assignment_sha256(frame),
        "images": rows.height,
        "patients": rows[PATIENT_ID].n_unique(),
        "sides": _balance(rows),
        "disjoint": {
            "patients": True,
            "pixel_contents": True,
            "images_without_pixel_sha256": rows["pixel_sha256"].null_count(),
            "patients_joined_by_identical_images": _joined_patients(rows),
        },
    }


def differences(claimed: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The statements of a certificate that do not hold, in words; empty if it holds."""
    meanings = {
        "manifest_identity_sha256": "the manifest's image ids, patient ids or pictures have changed",
        "assignment_sha256": "the split file was edited",
        "sides": "the counts or the class balance differ: labels in the manifest have changed",
    }
    known = [text for key, text in meanings.items() if claimed.get(key) != found[key]]
    others = [
        key for key in found if key not in meanings and key != "manifest" and claimed.get(key) != found[key]
    ]
    return known + [f"'{key}' is {claimed.get(key)!r}, found {found[key]!r}" for key in others]


def _sides(frame: pl.DataFrame, manifest: Manifest, stratify_by: str) -> pl.DataFrame:
    """The manifest's rows with the side each stands on: `train`, ..., or `fold 0`, ..."""
    _require_same(frame, manifest)
    side = pl.coalesce(SPLIT, pl.format("fold {}", FOLD)).alias(_SIDE)
    label = pl.col(stratify_by).cast(pl.String).fill_null("unknown").alias(_CLASS)
    rows = manifest.frame.select(IMAGE_ID, PATIENT_ID, "pixel_sha256", label)
    return rows.join(frame.select(IMAGE_ID, side), on=IMAGE_ID, maintain_order="left")


def _require_same(frame: pl.DataFrame, manifest: Manifest) -> None:
    """Raise unless the split assigns exactly the manifest's films, to the same patients."""
    theirs = frame.select(IMAGE_ID, pl.col(PATIENT_ID).alias("__patient__"))
    both = manifest.frame.select(IMAGE_ID, PATIENT_ID).join(theirs, on=IMAGE_ID, how="full", coalesce=True)
    wrong = both.filter(~pl.col(PATIENT_ID).eq_missing(pl.col("__patient__"))).sort(IMAGE_ID)
    if wrong.height:
        lines = [
            f"  image {image}  patient in the manifest {mine or '(none)'}  in the split {other or '(none)'}"
            for image, mine, other in wrong.head(_SHOWN).rows()
        ]
        raise SplitError(
            f"{manifest.path}: {wrong.height} film(s) do not agree with the split.\n"
            + "\n".join(lines)
            + "\nMake a new split of this manifest, or use the manifest the split was made of."
        )


def _patients_on_two_sides(rows: pl.DataFrame) -> list[str]:
    crossing = _crossing(rows, PATIENT_ID)
    return [f"  patient {patient}: {', '.join(sides)}" for patient, sides in crossing.rows()]


def _pictures_on_two_sides(rows: pl.DataFrame) -> list[str]:
    shared = rows.filter(pl.col("pixel_sha256").is_not_null())
    contents = _crossing(shared, "pixel_sha256")["pixel_sha256"]
    lines = []
    for content in contents:
        films = shared.filter(pl.col("pixel_sha256") == content).select(PATIENT_ID, IMAGE_ID, _SIDE)
        lines.append("  " + "; ".join(f"patient {p} image {i} ({side})" for p, i, side in films.rows()))
    return lines


def _crossing(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    sides = rows.group_by(key).agg(pl.col(_SIDE).unique().sort())
    return sides.filter(pl.col(_SIDE).list.len() > 1).sort(key)


def _two_sides(manifest: Manifest, patients: list[str], pictures: list[str]) -> str:
    parts = []
    for what, lines in (("patient(s) stand", patients), ("identical picture(s) stand", pictures)):
        if lines:
            more = [f"  ... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
            parts.append("\n".join([f"{len(lines)} {what} on two sides:", *lines[:_SHOWN], *more]))
    remedy = "Figures from such a split are too good. Make it anew with `strnet split`."
    return "\n".join([f"{manifest.path}: the split is not disjoint.", *parts, remedy])


def _balance(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """By side: images, patients, and images per class."""
    return {
        side: {
            "images": part.height,
            "patients": part[PATIENT_ID].n_unique(),
            "classes": dict(sorted(part.group_by(_CLASS).len().rows())),
        }
        for (side,), part in sorted(rows.group_by(_SIDE), key=lambda item: _rank(str(item[0][0])))
    }


def _rank(side: str) -> tuple[int, str]:
    """The sides in the order of their use, folds after them."""
    return (SPLITS.index(side) if side in SPLITS else len(SPLITS), side)


def _joined_patients(rows: pl.DataFrame) -> int:
    """How many patients share a group with another patient because of identical images."""
    groups = rows.select(PATIENT_ID).with_columns(group=pl.Series(linked_groups(rows)))
    sizes = groups.group_by("group").agg(pl.col(PATIENT_ID).n_unique())
    return int(sizes.filter(pl.col(PATIENT_ID) > 1)[PATIENT_ID].sum())


def _assignment_sha256(frame: pl.DataFrame) -> str:
    return sha256_bytes(canonical_json(frame.select(IMAGE_ID, PATIENT_ID, SPLIT, FOLD).sort(IMAGE_ID).rows()))
