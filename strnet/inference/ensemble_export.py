"""An ensemble as ONNX: a file per member, held against torch, and the document that says how to combine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from strnet.errors import BundleError
from strnet.files import write_json, writing_to
from strnet.inference.ensemble_bundle import EnsembleBundle
from strnet.inference.export import TOLERANCE, ExportReport, export_onnx
from strnet.schema import SCHEMA_VERSION

ENSEMBLE_JSON: Final = "ensemble.json"
SCHEMA: Final = "strnet.onnx_ensemble"


@dataclass(frozen=True)
class EnsembleExport:
    """What was written: the document, and by member its file and how far it is from torch."""

    path: Path
    document: Path
    bundle_sha256: str
    members: Mapping[str, ExportReport]


def export_ensemble(
    ensemble: EnsembleBundle, folder: Path | str, *, tolerance: float = TOLERANCE
) -> EnsembleExport:
    """The report of the ONNX files of all members now in `folder`, and of `ensemble.json` beside them.

    Each member is a file of its own with its own JSON, as `export_onnx` writes them; `ensemble.json`, written
    last, says how their raw outputs are combined, calibrated and held against the operating points.

    Raises: BundleError: `folder` has the name of a file, or as `export_onnx`. MissingExtraError: no onnx.
    """
    folder = Path(folder)
    if folder.suffix == ".onnx" or folder.is_file():
        raise BundleError(
            f"{folder}: an ensemble is exported to a folder, with an ONNX file per member. Give a folder."
        )
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    reports = {
        name: export_onnx(member, folder / f"{name}.onnx", tolerance=tolerance)
        for name, member in ensemble.members.items()
    }
    document = folder / ENSEMBLE_JSON
    write_json(document, _document(ensemble, reports))
    return EnsembleExport(folder, document, ensemble.sha256, reports)


def _document(ensemble: EnsembleBundle, reports: Mapping[str, ExportReport]) -> dict[str, Any]:
    document = ensemble.document.model_dump(mode="json")
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "bundle_sha256": ensemble.sha256,
        "members": [
            {
                "name": name,
                "file": report.path.name,
                "sha256": report.sha256,
                "bundle_sha256": report.bundle_sha256,
            }
            for name, report in reports.items()
        ],
        "combination": document["combination"],
        "mirrored": ensemble.recipe.mirrored,
        "tasks": document["recipe"]["tasks"],
        "calibrators": document["calibrators"],
        "operating_points": document["operating_points"],
        "decides_by": None if ensemble.deciding is None else ensemble.deciding.method,
        "reference_standard": document["provenance"]["reference_standard"],
    }
