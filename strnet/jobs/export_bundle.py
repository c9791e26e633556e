"""A bundle in another format."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from strnet.inference import export_onnx, read_bundle


def export(bundle: Path, out: Path, *, tolerance: float = 1e-4) -> dict[str, Any]:
    """What the ONNX file now at `out` is, and how far from torch; its preprocessing is the JSON beside it.

    Raises: BundleError: a bundle that was edited, or a network that differs by more than `tolerance`.
        MissingExtraError: onnx is not installed.
    """
    report = asdict(export_onnx(read_bundle(bundle), out, tolerance=tolerance))
    return {name: str(value) if isinstance(value, Path) else value for name, value in report.items()}
