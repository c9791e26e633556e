"""A bundle in another format."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from strnet.inference import export_onnx, read_bundle
from strnet.inference.segmenter_export import export_segmenter


def export(bundle: Path, out: Path, *, tolerance: float = 1e-4) -> dict[str, Any]:
    """What the ONNX file now at `out` is, and how far from torch; its preprocessing is the JSON beside it.

    The segmenter of a network that finds its region itself stands beside it, as `<name>.segmenter.onnx`.

    Raises: BundleError: a bundle that was edited, or a network that differs by more than `tolerance`.
        MissingExtraError: onnx is not installed.
    """
    opened = read_bundle(bundle)
    report = asdict(export_onnx(opened, out, tolerance=tolerance))
    told = {name: str(value) if isinstance(value, Path) else value for name, value in report.items()}
    segmenter = opened.segmenter()
    if segmenter is None:
        return told
    beside = out.with_name(f"{out.stem}.segmenter.onnx")
    return told | {"segmenter": export_segmenter(segmenter, beside, tolerance=tolerance)}
