"""Which engine runs a bundle: torch, or ONNX Runtime from a file that is exported first if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from strnet.inference.bundle import Bundle
from strnet.inference.engines import Engine, OnnxEngine, open_session, open_torch
from strnet.inference.export import export_onnx


def open_onnx(bundle: Bundle, file: Path | str | None = None, *, threads: int = 0) -> OnnxEngine:
    """ONNX Runtime with the bundle's exported `file`; without one, the bundle is exported and checked first.

    `threads` 0 takes one per core.

    Raises: MissingExtraError: no ONNX Runtime. BundleError: `file` is of another bundle, or unreadable.
    """
    if file is not None:
        return OnnxEngine(open_session(file, bundle.sha256, threads=threads))
    with TemporaryDirectory(prefix="strnet-onnx-") as folder:
        exported = export_onnx(bundle, Path(folder) / "network.onnx")
        return OnnxEngine(open_session(exported.path, bundle.sha256, threads=threads))


ENGINES: Mapping[str, Callable[[Bundle], Engine]] = MappingProxyType({"torch": open_torch, "onnx": open_onnx})
"""What opens an engine with its defaults."""
