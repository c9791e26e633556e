"""A bundle in another format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strnet.inference import Bundle, export_ensemble, export_onnx, open_bundle
from strnet.inference.segmenter_export import export_segmenter


def export(bundle: Path, out: Path, *, tolerance: float = 1e-4) -> dict[str, Any]:
    """What the ONNX file now at `out` is, and how far from torch; its preprocessing is the JSON beside it.

    Of an ensemble `out` is a folder, with a file per member and the document that combines them. The
    segmenter of a network that finds its region itself stands beside it, as `<name>.segmenter.onnx`.

    Raises: BundleError: a bundle that was edited, or a network that differs by more than `tolerance`.
        MissingExtraError: onnx is not installed.
    """
    opened = open_bundle(bundle)
    if not isinstance(opened, Bundle):
        return _as_json(asdict(export_ensemble(opened, out, tolerance=tolerance)))
    told = _as_json(asdict(export_onnx(opened, out, tolerance=tolerance)))
    segmenter = opened.segmenter()
    if segmenter is None:
        return told
    beside = out.with_name(f"{out.stem}.segmenter.onnx")
    return told | {"segmenter": export_segmenter(segmenter, beside, tolerance=tolerance)}


def _as_json(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in report.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _as_json(value)
    return str(value) if isinstance(value, Path) else value
