"""One function per command, with the command's name: `from strnet.jobs import train`.

A job joins the parts and leaves files behind. Each is imported when it is first asked for, so that
a job that needs no torch does not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "phantom": "make_phantom",
    "ingest": "make_manifest",
    "select": "select_images",
    "describe": "describe_patients",
    "split": "make_split",
    "t_scores": "make_t_scores",
    "density": "measure_density",
    "density_plan": "measure_density",
    "train": "train_network",
    "crossval": "cross_validate",
    "tune": "search_recipe",
    "compare": "compare_runs",
    "train_each": "one_protocol",
    "combine": "combine_runs",
    "evaluate": "evaluate_run",
    "report": "report_run",
    "predict": "predict_files",
    "export": "export_bundle",
    "check_metrics": "check_published",
    "check_papers": "check_published",
    "threshold_fit": "threshold",
    "threshold_apply": "threshold",
    "threshold_certify": "threshold",
    "threshold_plan": "threshold",
    "threshold_cascade": "threshold",
    "threshold_show": "threshold",
    "threshold_schema": "threshold",
    "threshold_floor": "threshold_floors",
    "threshold_grey": "threshold_floors",
    "threshold_cost": "threshold_floors",
    "threshold_best": "threshold_floors",
    "threshold_update": "update_threshold",
    "threshold_watch": "watch_scores",
    "threshold_verify": "verify_site",
    "threshold_plan_negatives": "verify_site",
    "threshold_certify_counts": "verify_site",
    "threshold_form": "pool_hospitals",
    "threshold_counts": "pool_hospitals",
    "threshold_pool": "pool_hospitals",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'strnet.jobs' has no attribute '{name}'")
    return getattr(import_module(f"strnet.jobs.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
