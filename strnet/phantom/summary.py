"""What is known of a finished cohort: counts, the ideal observer's AUROC, and how far shortcuts lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from strnet.phantom.shortcuts import cross_validated_auroc
from strnet.schema import BONE_LOSS, NORMAL, OSTEOPOROSIS, OSTEOPOROSIS_GIVEN_LOSS

Array = np.ndarray

_PATIENTS_PER_CLASS = 30
"""Fewest patients of either class for which a cross-validated AUROC is given."""


def summarise(manifest: pl.DataFrame, truth: pl.DataFrame, grey_levels: Sequence[Array]) -> dict[str, Any]:
    """Counts and AUROCs of a cohort, ready for JSON; an AUROC that cannot be had is null with its reason."""
    loss = (manifest["diagnosis"] != NORMAL).to_numpy()
    severe = (manifest["diagnosis"] == OSTEOPOROSIS).to_numpy()
    people = manifest.unique("patient_id", keep="first", maintain_order=True)
    return {
        "counts": {
            "patients": people.height,
            "films": manifest.height,
            "t_score_known": manifest["t_score"].drop_nulls().len(),
            **films_by_diagnosis(manifest),
        },
        "ideal_observer": {
            BONE_LOSS: auroc(loss, truth[f"observer.{BONE_LOSS}"].to_numpy()),
            OSTEOPOROSIS_GIVEN_LOSS: auroc(
                severe[loss], truth[f"observer.{OSTEOPOROSIS_GIVEN_LOSS}"].to_numpy()[loss]
            ),
        },
        "clinical_only": shortcut(clinical_features(people), people["diagnosis"] != NORMAL, people),
        "grey_levels_only": shortcut(np.array(grey_levels), manifest["diagnosis"] != NORMAL, manifest),
    }


def clinical_features(rows: pl.DataFrame) -> Array:
    """Age, sex (1 = female) and BMI of manifest `rows`, shape (N, 3)."""
    female = (rows["sex"] == "F").cast(pl.Float64)
    return np.column_stack([rows["age"].to_numpy(), female.to_numpy(), rows["bmi"].to_numpy()])


def films_by_diagnosis(manifest: pl.DataFrame) -> dict[str, int]:
    """Films of each diagnosis, as `films_<diagnosis>`."""
    found = sorted(manifest["diagnosis"].unique().to_list())
    return {f"films_{name}": int((manifest["diagnosis"] == name).sum()) for name in found}


def auroc(target: Array, score: Array) -> dict[str, Any]:
    """AUROC of `score` (N,) for `target` (N,), and counts, ready for JSON; null if one class is missing."""
    from sklearn.metrics import roc_auc_score

    counts = {"positives": int(target.sum()), "negatives": int((~target).sum())}
    if not all(counts.values()):
        return {"auroc": None, "reason": "one class only", **counts}
    return {"auroc": round(float(roc_auc_score(target, score)), 6), **counts}


def shortcut(features: Array, target: pl.Series, rows: pl.DataFrame) -> dict[str, Any]:
    """Cross-validated AUROC of `features` (N, K) alone for `target` of manifest `rows`, ready for JSON."""
    people = rows.with_columns(target.alias("target")).unique("patient_id", keep="first")
    fewest = min(int(people["target"].sum()), people.height - int(people["target"].sum()))
    counts = {"positives": int(target.sum()), "negatives": int((~target).sum())}
    if fewest < _PATIENTS_PER_CLASS:
        reason = f"{fewest} patients in the smaller class, {_PATIENTS_PER_CLASS} needed"
        return {"auroc": None, "reason": reason, **counts}
    value = cross_validated_auroc(features, target.to_numpy(), rows["patient_id"].to_numpy())
    return {"auroc": round(value, 6), "cross_validation": "5 folds by patient", **counts}
