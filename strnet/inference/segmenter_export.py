"""A segmenter's network as ONNX, held against torch before the file gets its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from strnet.errors import BundleError
from strnet.files import sha256_file, write_atomically, write_bytes, write_json
from strnet.inference.engines import IMAGE, import_onnxruntime
from strnet.inference.export import import_onnx, quiet_exporter
from strnet.inference.segmenter import Segmenter, load_segmenter
from strnet.schema import SCHEMA_VERSION

SCORES = "scores"
SIDECAR_SCHEMA = "strnet.segmenter.onnx"
_CHECKED_BATCHES = (1, 2, 3)


def export_segmenter(segmenter: Segmenter, path: Path, *, tolerance: float) -> dict[str, Any]:
    """What the ONNX file now at `path` is, and how far from torch; a JSON of the same stem has its meaning.

    Input `image` (batch, 1, H, W) float32; output `scores` (batch, 1 + regions, H, W), logits whose first is
    the background's. What follows is not in the file: softmax, interpolation to the grid of the film, the
    highest label, the largest connected part of each, and what is plausible, whose numbers the JSON has.

    Raises: BundleError: the file differs from torch by more than `tolerance`. MissingExtraError: no onnx.
    """
    import torch

    onnx = import_onnx()
    runtime = import_onnxruntime()
    network = load_segmenter(segmenter)
    height, width = segmenter.preprocessing.height, segmenter.preprocessing.width
    with write_atomically(path) as temporary:
        with quiet_exporter():
            program = torch.onnx.export(
                network,
                (torch.zeros(2, 1, height, width),),
                dynamo=True,
                verbose=False,
                input_names=[IMAGE],
                output_names=[SCORES],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
        if program is None:
            raise BundleError("torch.onnx.export gave no program. Use torch 2.6 or later.")
        write_bytes(temporary, program.model_proto.SerializeToString())
        onnx.checker.check_model(str(temporary), full_check=True)
        session = runtime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        difference = _difference(network, session, (height, width))
        if not difference <= tolerance:
            raise BundleError(
                f"{path}: ONNX Runtime differs from torch by {difference:.2g}; allowed is {tolerance:g}. No "
                "file was left behind. Try another version of torch or onnxruntime, or allow more."
            )
    report = {"file": path.name, "sha256": sha256_file(path), "difference_from_torch": difference}
    write_json(path.with_suffix(".json"), {**_sidecar(segmenter), **report})
    return report


def _difference(network: Any, session: Any, size: tuple[int, int]) -> float:
    """Largest difference, absolute, or relative where the output is above 1."""
    import torch

    random = np.random.default_rng(1)
    largest = 0.0
    for films in _CHECKED_BATCHES:
        image = random.normal(size=(films, 1, *size)).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(image)).numpy()
        (found,) = session.run([SCORES], {IMAGE: image})
        if found.shape != expected.shape or not np.isfinite(found).all():
            return float("inf")
        largest = max(largest, float(np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected)))))
    return largest


def _sidecar(segmenter: Segmenter) -> dict[str, Any]:
    document = segmenter.document.model_dump(mode="json")
    return {
        "schema": SIDECAR_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "segmenter_sha256": segmenter.sha256,
        "labels": ["background", *segmenter.regions],
        "preprocessing": document["recipe"]["preprocessing"],
        "preprocessing_sha256": document["preprocessing_sha256"],
        "plausibility": document["plausibility"],
    }
