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
            **{f"films_{name}": int((manifest["diagnosis"] == name).sum()) for name in _diagnoses(manifest)},
        },
        "ideal_observer": {
            BONE_LOSS: _auroc(loss, truth[f"observer.{BONE_LOSS}"].to_numpy()),
            OSTEOPOROSIS_GIVEN_LOSS: _auroc(
                severe[loss], truth[f"observer.{OSTEOPOROSIS_GIVEN_LOSS}"].to_numpy()[loss]
            ),
        },
        "clinical_only": _shortcut(clinical_features(people), people["diagnosis"] != NORMAL, people),
        "grey_levels_only": _shortcut(np.array(grey_levels), manifest["diagnosis"] != NORMAL, manifest),
    }


def clinical_features(rows: pl.DataFrame) -> Array:
    """Age, sex (1 = female) and BMI of manifest `rows`, shape (N, 3)."""
    female = (rows["sex"] == "F").cast(pl.Float64)
    return np.column_stack([rows["age"].to_numpy(), female.to_numpy(), rows["bmi"].to_numpy()])


def _diagnoses(manifest: pl.DataFrame) -> list[str]:
    return sorted(manifest["diagnosis"].unique().to_list())


def _auroc(target: Array, score: Array) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    counts = {"positives": int(target.sum()), "negatives": int((~target).sum())}
    if not all(counts.values()):
        return {"auroc": None, "reason": "one class only", **counts}
    return {"auroc": round(float(roc_auc_score(target, score)), 6), **counts}


def _shortcut(features: Array, loss: pl.Series, rows: pl.DataFrame) -> dict[str, Any]:
    people = rows.with_columns(loss.alias("loss")).unique("patient_id", keep="first")
    fewest = min(int(people["loss"].sum()), people.height - int(people["loss"].sum()))
    counts = {"positives": int(loss.sum()), "negatives": int((~loss).sum())}
    if fewest < _PATIENTS_PER_CLASS:
        reason = f"{fewest} patients in the smaller class, {_PATIENTS_PER_CLASS} needed"
        return {"auroc": None, "reason": reason, **counts}
    value = cross_validated_auroc(features, loss.to_numpy(), rows["patient_id"].to_numpy())
    return {"auroc": round(value, 6), "cross_validation": "5 folds by patient", **counts}
