"""What is known of a finished spine cohort: counts, the ideal observers per view, how far shortcuts lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from strnet.phantom.scanned_people import SITES
from strnet.phantom.summary import auroc, clinical_features, films_by_diagnosis, shortcut
from strnet.schema import (
    BONE_LOSS,
    NORMAL,
    OSTEOPOROSIS,
    OSTEOPOROSIS_GIVEN_LOSS,
    bmd_column,
)

Array = np.ndarray


def summarise_spines(
    manifest: pl.DataFrame, truth: pl.DataFrame, grey_levels: Sequence[Array]
) -> dict[str, Any]:
    """Counts, ideal observers and shortcuts of a cohort, ready for JSON.

    An AUROC that cannot be had is null with its reason. The observers stand per view, and for both films of
    an examination together.
    """
    grey = np.array(grey_levels)
    people = manifest.unique("patient_id", keep="first", maintain_order=True)
    views = manifest["view"].unique(maintain_order=True).to_list()
    first = (manifest["view"] == views[0]).to_numpy()
    observers = {
        view: observer_figures((manifest["view"] == view).to_numpy(), manifest, truth, "observer")
        for view in views
    }
    return {
        "counts": {
            "patients": people.height,
            "films": manifest.height,
            "t_score_known": manifest["t_score"].drop_nulls().len(),
            **films_by_diagnosis(manifest),
        },
        "ideal_observer": observers | {"both": observer_figures(first, manifest, truth, "observer_of_both")},
        "bmd_correlation": bmd_correlation(truth.filter(pl.Series(first))),
        "clinical_only": shortcuts(clinical_features(people), people),
        "grey_levels_only": {
            view: shortcuts(
                grey[(manifest["view"] == view).to_numpy()], manifest.filter(pl.col("view") == view)
            )
            for view in views
        },
    }


def observer_figures(
    films: Array, manifest: pl.DataFrame, truth: pl.DataFrame, prefix: str
) -> dict[str, Any]:
    """How well the observer that `truth` names `prefix` does on the chosen `films` (N,), ready for JSON."""
    diagnosis = manifest["diagnosis"].to_numpy()[films]
    believed = {
        name.removeprefix(f"{prefix}."): truth[name].to_numpy()[films]
        for name in truth.columns
        if name.startswith(f"{prefix}.")
    }
    loss, severe = diagnosis != NORMAL, diagnosis == OSTEOPOROSIS
    return {
        BONE_LOSS: auroc(loss, believed[BONE_LOSS]),
        OSTEOPOROSIS: auroc(severe, believed[OSTEOPOROSIS]),
        OSTEOPOROSIS_GIVEN_LOSS: auroc(severe[loss], believed[OSTEOPOROSIS_GIVEN_LOSS][loss]),
        **{
            bmd_column(site): _agreement(
                truth[f"measured_{bmd_column(site)}"].to_numpy()[films], believed[bmd_column(site)]
            )
            for site in SITES
        },
    }


def _agreement(measured: Array, believed: Array) -> dict[str, Any]:
    error = float(np.abs(measured - believed).mean())
    varies = measured.size > 2 and measured.std() > 0 and believed.std() > 0
    r = round(float(np.corrcoef(measured, believed)[0, 1]), 6) if varies else None
    return {"mae_g_cm2": round(error, 6), "r": r}


def bmd_correlation(truth: pl.DataFrame) -> float | None:
    """Correlation of the measured BMD of both DXA sites; None of one row."""
    columns = [truth[f"measured_{bmd_column(site)}"].to_numpy() for site in SITES]
    return round(float(np.corrcoef(columns)[0, 1]), 6) if truth.height > 2 else None


def shortcuts(features: Array, rows: pl.DataFrame) -> dict[str, Any]:
    """Cross-validated AUROCs of `features` (N, K) alone for both tasks of manifest `rows`."""
    return {
        BONE_LOSS: shortcut(features, rows["diagnosis"] != NORMAL, rows),
        OSTEOPOROSIS: shortcut(features, rows["diagnosis"] == OSTEOPOROSIS, rows),
    }
