"""What is known of a finished chest cohort: counts, the ideal observer per task, how far shortcuts lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from strnet.phantom.lumbar.spine_summary import bmd_correlation, observer_figures, shortcuts
from strnet.phantom.summary import clinical_features, films_by_diagnosis

Array = np.ndarray


def summarise_chests(
    manifest: pl.DataFrame, truth: pl.DataFrame, grey_levels: Sequence[Array]
) -> dict[str, Any]:
    """Counts, ideal observers and shortcuts of a cohort, ready for JSON.

    An AUROC that cannot be had is null with its reason.
    """
    every = np.ones(manifest.height, dtype=bool)
    return {
        "counts": {
            "patients": manifest["patient_id"].n_unique(),
            "films": manifest.height,
            "t_score_known": manifest["t_score"].drop_nulls().len(),
            **films_by_diagnosis(manifest),
        },
        "ideal_observer": observer_figures(every, manifest, truth, "observer"),
        "bmd_correlation": bmd_correlation(truth),
        "clinical_only": shortcuts(clinical_features(manifest), manifest),
        "grey_levels_only": shortcuts(np.array(grey_levels), manifest),
    }
