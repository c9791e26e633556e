"""What is known of a finished CT cohort: counts, the ideal observers by hospital, how far shortcuts lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from strnet.phantom.summary import auroc, clinical_features, shortcut
from strnet.schema import (
    BONE_LOSS,
    DIAGNOSES,
    NORMAL,
    OSTEOPOROSIS,
    OSTEOPOROSIS_GIVEN_LOSS,
    VBMD,
    VBMD_UNIT,
)

Array = np.ndarray

_WINDOWED: Final = 11
"""Statistics after the volume's own window, before those in HU."""


def summarise_scans(
    manifest: pl.DataFrame, truth: pl.DataFrame, grey_levels: Sequence[Array]
) -> dict[str, Any]:
    """Counts, ideal observers and shortcuts of a cohort, ready for JSON; no AUROC comes without its counts.

    `grey_levels_only` after each volume's own window, as for films; `hounsfield_only` without one.
    """
    grey = np.array(grey_levels)
    everyone = np.ones(manifest.height, dtype=bool)
    sites = manifest["site"].unique(maintain_order=True).sort().to_list()
    return {
        "counts": {
            "patients": manifest["patient_id"].n_unique(),
            "volumes": manifest.height,
            "vbmd_known": manifest[VBMD].drop_nulls().len(),
            **{f"volumes_{name}": int((manifest["diagnosis"] == name).sum()) for name in DIAGNOSES},
            **{f"volumes_{site}": int((manifest["site"] == site).sum()) for site in sites},
        },
        "ideal_observer": observer_figures(everyone, manifest, truth, "observer"),
        "ideal_observer_knowing_drift": observer_figures(everyone, manifest, truth, "observer_knowing_drift"),
        "ideal_observer_by_site": {
            site: observer_figures((manifest["site"] == site).to_numpy(), manifest, truth, "observer")
            for site in sites
        },
        "vbmd_and_t_score_r": _correlation(
            truth[f"measured_{VBMD}"].to_numpy(), truth["true_t_score_lumbar_spine"].to_numpy()
        ),
        "clinical_only": _shortcuts(clinical_features(manifest), manifest),
        "grey_levels_only": _shortcuts(grey[:, :_WINDOWED], manifest),
        "hounsfield_only": _shortcuts(grey[:, _WINDOWED:], manifest),
    }


def observer_figures(
    scans: Array, manifest: pl.DataFrame, truth: pl.DataFrame, prefix: str
) -> dict[str, Any]:
    """How well the observer that `truth` names `prefix` does on the chosen `scans` (N,), ready for JSON."""
    diagnosis = manifest["diagnosis"].to_numpy()[scans]
    loss, severe = diagnosis != NORMAL, diagnosis == OSTEOPOROSIS
    believed = {
        name.removeprefix(f"{prefix}."): truth[name].to_numpy()[scans]
        for name in truth.columns
        if name.startswith(f"{prefix}.")
    }
    return {
        BONE_LOSS: auroc(loss, believed[BONE_LOSS]),
        OSTEOPOROSIS: auroc(severe, believed[OSTEOPOROSIS]),
        OSTEOPOROSIS_GIVEN_LOSS: auroc(severe[loss], believed[OSTEOPOROSIS_GIVEN_LOSS][loss]),
        **{
            f"{name} against the rest": auroc(diagnosis == name, believed[f"diagnosis.{name}"])
            for name in DIAGNOSES
        },
        VBMD: _agreement(truth[f"measured_{VBMD}"].to_numpy()[scans], believed[VBMD]),
    }


def _agreement(measured: Array, believed: Array) -> dict[str, Any]:
    error = believed - measured
    return {
        "unit": VBMD_UNIT,
        "mae": round(float(np.abs(error).mean()), 6),
        "rmse": round(float(np.sqrt((error**2).mean())), 6),
        "bias": round(float(error.mean()), 6),
        "r": _correlation(measured, believed),
    }


def _correlation(one: Array, other: Array) -> float | None:
    varies = one.size > 2 and one.std() > 0 and other.std() > 0
    return round(float(np.corrcoef(one, other)[0, 1]), 6) if varies else None


def _shortcuts(features: Array, rows: pl.DataFrame) -> dict[str, Any]:
    return {
        BONE_LOSS: shortcut(features, rows["diagnosis"] != NORMAL, rows),
        OSTEOPOROSIS: shortcut(features, rows["diagnosis"] == OSTEOPOROSIS, rows),
    }
