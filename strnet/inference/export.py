"""A bundle's network as ONNX, held against torch before the file gets its name."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from strnet.errors import BundleError, StrnetError, missing_extra
from strnet.files import read_json, sha256_file, write_bytes, write_json, write_together
from strnet.inference.bundle import Bundle
from strnet.inference.engines import (
    BUNDLE_KEY,
    CLINICAL,
    IMAGE,
    Array,
    OnnxEngine,
    TorchEngine,
    import_onnxruntime,
    load_network,
    open_session,
)
from strnet.schema import FEATURES, SCHEMA_VERSION

if TYPE_CHECKING:
    from strnet.models import ScreeningNetwork

TOLERANCE = 1e-4
SIDECAR_SCHEMA = "strnet.onnx"
CHECKED_BATCHES = (1, 2, 5)
"""Films in the calls that are compared; the graph is traced with two, so that none of them is privileged."""


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far it is from torch."""

    path: Path
    sidecar: Path
    """JSON beside the file: preprocessing, inputs, outputs, calibrators, operating points."""
    sha256: str
    bundle_sha256: str
    opset: int
    batches: tuple[int, ...]
    differences: Mapping[str, float]
    """Largest difference per task and of the features, absolute, or relative where the output is above 1."""
    tolerance: float


def export_onnx(bundle: Bundle, path: Path | str, *, tolerance: float = TOLERANCE) -> ExportReport:
    """The report of an ONNX file now at `path`, with a JSON of the same stem beside it.

    Inputs: `image` (batch, 1, H, W) float32 and, where the bundle has any, `clinical` (batch, K) float32 with
    NaN for missing. Outputs: one per task, under its name, raw (no sigmoid, no calibration), and `features`
    (batch, C), which the picture layer judges. The batch is free. The file is compared with torch on films
    of random grey values, with known, missing and mixed clinical values; one that differs by more than
    `tolerance` is not left behind.

    Raises: BundleError: the file differs from torch, `path` is no .onnx name, or the JSON beside it exists
        and is none of an export. MissingExtraError: no onnx.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise BundleError(f"{path}: the name of an ONNX file ends in .onnx.")
    _require_own(path.with_suffix(".json"))
    onnx = import_onnx()
    import_onnxruntime()
    network = load_network(bundle)
    with write_together(path, path.with_suffix(".json")) as (temporary, sidecar):
        _trace(network, bundle, temporary)
        opset = _annotate(onnx, temporary, bundle)
        differences = _compare(TorchEngine(network), temporary, bundle)
        _require_agreement(path, differences, tolerance)
        report = ExportReport(
            path=path,
            sidecar=path.with_suffix(".json"),
            sha256=sha256_file(temporary),
            bundle_sha256=bundle.sha256,
            opset=opset,
            batches=CHECKED_BATCHES,
            differences=differences,
            tolerance=tolerance,
        )
        write_json(sidecar, _sidecar(bundle, report))
    return report


def _require_own(sidecar: Path) -> None:
    """Raise unless writing `sidecar` replaces no more than an older one."""
    if not sidecar.exists():
        return
    try:
        content = read_json(sidecar)
    except StrnetError:
        content = None
    if not isinstance(content, dict) or content.get("schema") != SIDECAR_SCHEMA:
        raise BundleError(
            f"{sidecar}: would be replaced by the JSON that goes with the ONNX file, and is none itself. "
            "Give the ONNX file another name, or another folder."
        )


def _trace(network: ScreeningNetwork, bundle: Bundle, path: Path) -> None:
    import torch

    from strnet.models import ServedNetwork

    image, clinical = (torch.from_numpy(array) for array in _example(bundle, 2, np.random.default_rng(0)))
    inputs = (image, clinical) if bundle.clinical else (image,)
    batch = torch.export.Dim("batch")
    with quiet_exporter():
        program = torch.onnx.export(
            ServedNetwork(network).eval(),
            inputs,
            dynamo=True,
            verbose=False,
            input_names=[IMAGE, CLINICAL][: len(inputs)],
            output_names=[*(task.name for task in bundle.tasks), FEATURES],
            dynamic_shapes=({0: batch},) * len(inputs),
        )
    if program is None:
        raise BundleError("torch.onnx.export gave no program. Use torch 2.6 or later.")
    write_bytes(path, program.model_proto.SerializeToString())


def _annotate(onnx: ModuleType, path: Path, bundle: Bundle) -> int:
    """The opset of the file at `path`, which now carries the bundle's metadata and has been checked."""
    model = onnx.load(str(path))
    for key, value in _metadata(bundle).items():
        model.metadata_props.add(key=key, value=value)
    model.producer_name = "strnet"
    model.producer_version = bundle.provenance.strnet_version
    write_bytes(path, model.SerializeToString())
    onnx.checker.check_model(str(path), full_check=True)
    return int(model.opset_import[0].version)


def _metadata(bundle: Bundle) -> dict[str, str]:
    return {
        BUNDLE_KEY: bundle.sha256,
        "strnet.recipe": bundle.recipe.name,
        "strnet.tasks": json.dumps([{"name": task.name, "kind": task.kind} for task in bundle.tasks]),
        "strnet.clinical": json.dumps([variable.name for variable in bundle.clinical]),
        "strnet.preprocessing": json.dumps(bundle.preprocessing.model_dump(mode="json")),
        "strnet.preprocessing_sha256": bundle.preprocessing.digest,
        "strnet.reference_standard": str(bundle.provenance.reference_standard),
    }


def _compare(torch_engine: TorchEngine, path: Path, bundle: Bundle) -> dict[str, float]:
    onnx_engine = OnnxEngine(open_session(path, bundle.sha256))
    random = np.random.default_rng(1)
    largest = dict.fromkeys([*(task.name for task in bundle.tasks), FEATURES], 0.0)
    for films in CHECKED_BATCHES:
        image, clinical = _example(bundle, films, random)
        for values in (clinical, np.full_like(clinical, np.nan)):
            expected, found = torch_engine.run(image, values), onnx_engine.run(image, values)
            for task, reference in expected.items():
                largest[task] = max(largest[task], _difference(reference, found[task]))
    return largest


def _difference(expected: Array, found: Array) -> float:
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected))))


def _example(bundle: Bundle, films: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Films (N, 1, H, W) of random grey values, and clinical values (N, K) of which some are missing."""
    preprocessing = bundle.preprocessing
    grey = random.random((films, 1, preprocessing.height, preprocessing.width))
    means = np.array([variable.mean for variable in bundle.clinical])
    stds = np.array([variable.std for variable in bundle.clinical])
    clinical = means + stds * random.normal(size=(films, len(bundle.clinical)))
    clinical[random.random(clinical.shape) < 0.3] = np.nan
    image = (grey - preprocessing.mean) / preprocessing.std
    return image.astype(np.float32), clinical.astype(np.float32)


def _require_agreement(path: Path, differences: Mapping[str, float], tolerance: float) -> None:
    beyond = {task: value for task, value in differences.items() if not value <= tolerance}
    if beyond:
        listing = ", ".join(f"{task} {value:.2g}" for task, value in beyond.items())
        raise BundleError(
            f"{path}: ONNX Runtime differs from torch by {listing}; allowed is {tolerance:g}. No file was "
            "left behind. Try another version of torch, onnxscript or onnxruntime, or allow more."
        )


def _sidecar(bundle: Bundle, report: ExportReport) -> dict[str, Any]:
    document = bundle.document.model_dump(mode="json")
    preprocessing = bundle.preprocessing
    batch = "batch"
    inputs = {IMAGE: [batch, 1, preprocessing.height, preprocessing.width]}
    if bundle.clinical:
        inputs[CLINICAL] = [batch, len(bundle.clinical)]
    return {
        "schema": SIDECAR_SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "file": report.path.name,
        "sha256": report.sha256,
        "bundle_sha256": report.bundle_sha256,
        "opset": report.opset,
        "inputs": inputs,
        "tasks": document["recipe"]["tasks"],
        "preprocessing": document["recipe"]["preprocessing"],
        "preprocessing_sha256": document["preprocessing_sha256"],
        "region": document["recipe"]["region"],
        "region_combination": document["region_combination"],
        "segmenter_sha256": document["segmenter_sha256"],
        "clinical": document["clinical"],
        "calibrators": document["calibrators"],
        "applicability": document["applicability"],
        "operating_points": document["operating_points"],
        "decides_by": None if bundle.deciding is None else bundle.deciding.method,
        "reference_standard": document["provenance"]["reference_standard"],
        "difference_from_torch": {
            "tolerance": report.tolerance,
            "batches": report.batches,
            **report.differences,
        },
    }


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Holds back what the exporter says of its own inner workings; its errors still come through."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def import_onnx() -> ModuleType:
    """The package onnx.

    Raises: MissingExtraError: it or onnxscript is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter imports it, and says less clearly that it is missing
    except ImportError as error:
        raise missing_extra(error.name or "onnx", "onnx", "Export to ONNX") from error
    module: ModuleType = onnx
    return module
