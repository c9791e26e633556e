"""Training: a recipe and a cohort in, a run folder with a predictions table out."""

from __future__ import annotations

from strnet.training.baselines import fit_baselines
from strnet.training.crossval import crossval, fold_folder
from strnet.training.fit import RunResult, fit
from strnet.training.machine import MachineSettings, choose_settings, keep_freed_memory
from strnet.training.mirrored import mirrored_predictions
from strnet.training.predictions import predict_rows, predictions_table
from strnet.training.quantities import quantity_modes
from strnet.training.run_folder import RunFolder, clear_run, read_run
from strnet.training.tune import TuneResult, tune

__all__ = [
    "MachineSettings",
    "RunFolder",
    "RunResult",
    "TuneResult",
    "choose_settings",
    "clear_run",
    "crossval",
    "fit",
    "fit_baselines",
    "fold_folder",
    "keep_freed_memory",
    "mirrored_predictions",
    "predict_rows",
    "predictions_table",
    "quantity_modes",
    "read_run",
    "tune",
]
