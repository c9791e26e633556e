"""Bundles, prediction and export. Names are imported when first asked for: reading needs no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strnet.inference.bundle import Bundle
    from strnet.inference.bundle_document import (
        ClinicalVariable,
        Provenance,
        ReferenceStandard,
        reference_standard_of,
    )
    from strnet.inference.bundle_files import read_bundle, weights_sha256, write_bundle
    from strnet.inference.engines import Engine, load_network, open_torch
    from strnet.inference.ensemble_bundle import AnyBundle, EnsembleBundle
    from strnet.inference.ensemble_document import EnsembleProvenance, MemberEntry
    from strnet.inference.ensemble_export import EnsembleExport, export_ensemble
    from strnet.inference.ensemble_files import (
        differing_tasks,
        member_entries,
        named_members,
        open_bundle,
        read_ensemble,
        write_ensemble,
    )
    from strnet.inference.ensemble_predictor import EnsemblePredictor
    from strnet.inference.export import ExportReport, export_onnx
    from strnet.inference.opening import open_onnx
    from strnet.inference.predictor import Predictor, require_all
    from strnet.inference.results import column_notes
    from strnet.inference.roster import film_roster
    from strnet.inference.saliency import saliency_map

__all__ = [
    "AnyBundle",
    "Bundle",
    "ClinicalVariable",
    "Engine",
    "EnsembleBundle",
    "EnsembleExport",
    "EnsemblePredictor",
    "EnsembleProvenance",
    "ExportReport",
    "MemberEntry",
    "Predictor",
    "Provenance",
    "ReferenceStandard",
    "column_notes",
    "differing_tasks",
    "export_ensemble",
    "export_onnx",
    "film_roster",
    "load_network",
    "member_entries",
    "named_members",
    "open_bundle",
    "open_onnx",
    "open_torch",
    "read_bundle",
    "read_ensemble",
    "reference_standard_of",
    "require_all",
    "saliency_map",
    "weights_sha256",
    "write_bundle",
    "write_ensemble",
]

_HOMES = {
    "bundle": ("Bundle",),
    "bundle_files": ("read_bundle", "weights_sha256", "write_bundle"),
    "bundle_document": ("ClinicalVariable", "Provenance", "ReferenceStandard", "reference_standard_of"),
    "engines": ("Engine", "load_network", "open_torch"),
    "export": ("ExportReport", "export_onnx"),
    "opening": ("open_onnx",),
    "ensemble_bundle": ("AnyBundle", "EnsembleBundle"),
    "ensemble_document": ("EnsembleProvenance", "MemberEntry"),
    "ensemble_export": ("EnsembleExport", "export_ensemble"),
    "ensemble_files": (
        "differing_tasks",
        "member_entries",
        "named_members",
        "open_bundle",
        "read_ensemble",
        "write_ensemble",
    ),
    "ensemble_predictor": ("EnsemblePredictor",),
    "predictor": ("Predictor", "require_all"),
    "results": ("column_notes",),
    "roster": ("film_roster",),
    "saliency": ("saliency_map",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
