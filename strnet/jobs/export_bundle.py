"""A bundle in another format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strnet.inference import Bundle, export_ensemble, export_onnx, open_bundle


def export(bundle: Path, out: Path, *, tolerance: float = 1e-4) -> dict[str, Any]:
    """What the ONNX file now at `out` is, and how far from torch; its preprocessing is the JSON beside it.

    Of an ensemble `out` is a folder, with a file per member and the document that combines them.

    Raises: BundleError: a bundle that was edited, or a network that differs by more than `tolerance`.
        MissingExtraError: onnx is not installed.
    """
    opened = open_bundle(bundle)
    if isinstance(opened, Bundle):
        return _as_json(asdict(export_onnx(opened, out, tolerance=tolerance)))
    return _as_json(asdict(export_ensemble(opened, out, tolerance=tolerance)))


def _as_json(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in report.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _as_json(value)
    return str(value) if isinstance(value, Path) else value
