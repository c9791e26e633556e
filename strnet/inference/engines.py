"""Engines: what turns prepared films into task outputs. Torch and ONNX Runtime behind one signature."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from strnet.bundle_format import WEIGHTS
from strnet.errors import BundleError, ConfigError, ModelError, missing_extra, unknown_name
from strnet.inference.bundle import Bundle
from strnet.schema import FEATURES

if TYPE_CHECKING:
    from strnet.models import ScreeningNetwork

Array = NDArray[np.float32]
Precision = Literal["fp32", "bf16"]
PRECISIONS = ("fp32", "bf16")

IMAGE = "image"
CLINICAL = "clinical"
BUNDLE_KEY = "strnet.bundle_sha256"


class Engine(Protocol):
    """A network ready to run: the same call whatever runs it."""

    def run(self, image: Array, clinical: Array) -> dict[str, Array]:
        """Raw output per task: binary and regression (N,), multiclass (N, C), ordinal (N, C - 1), float32;
        and under `features` the pooled features (N, C) that the picture layer judges.

        `image` (N, 1, H, W) from `imaging.to_network_input`; `clinical` (N, K) in the bundle's order, NaN
        where missing. Logits carry no sigmoid and no calibration. A film's output depends on the number of
        films in the call in the last bits (about 1e-7), never on which they are or where it stands.
        """
        ...


@dataclass(frozen=True)
class TorchEngine:
    """PyTorch on one device, channels_last; bf16 runs under autocast and differs by about 1e-2 in a logit."""

    network: ScreeningNetwork
    precision: Precision = "fp32"
    device: str = "cpu"

    def run(self, image: Array, clinical: Array) -> dict[str, Array]:
        """See `Engine.run`."""
        import torch

        kind, reduced = torch.device(self.device).type, self.precision == "bf16"
        films = torch.from_numpy(image).to(self.device, memory_format=torch.channels_last)
        values = torch.from_numpy(clinical).to(self.device)
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=reduced):
            outputs, features = self.network.forward_with_features(films, values)
        found = {**outputs, FEATURES: features}
        return {name: output.float().cpu().numpy() for name, output in found.items()}


@dataclass(frozen=True)
class OnnxEngine:
    """ONNX Runtime on the CPU, fp32."""

    session: Any

    def run(self, image: Array, clinical: Array) -> dict[str, Array]:
        """See `Engine.run`."""
        known = {IMAGE: image, CLINICAL: clinical}
        fed = {given.name: known[given.name] for given in self.session.get_inputs()}
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, fed), strict=True))


def load_network(bundle: Bundle) -> ScreeningNetwork:
    """The bundle's network with its weights, in eval mode, fp32, on the CPU.

    Raises: BundleError: weights that changed on disk, or that do not fit the recipe's network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from strnet.models import ClinicalScaling, build_network

    scaling = ClinicalScaling(
        columns=tuple(variable.name for variable in bundle.clinical),
        means=tuple(variable.mean for variable in bundle.clinical),
        stds=tuple(variable.std for variable in bundle.clinical),
    )
    config = bundle.recipe.network
    trunk = config.backbone.model_copy(update={"weights": None, "pretrained": False})
    try:
        network = build_network(config.model_copy(update={"backbone": trunk}), bundle.tasks, scaling)
        network.load_state_dict(load(bundle.weights()), strict=True)
    except (ModelError, SafetensorError, RuntimeError) as error:
        raise BundleError(
            f"{bundle.folder / WEIGHTS}: does not fit the network of the recipe: {error}\n"
            f"Use the strnet and timm versions that wrote the bundle: {_versions(bundle)}."
        ) from error
    return network.eval()


def open_torch(bundle: Bundle, *, precision: Precision = "fp32", device: str = "cpu") -> TorchEngine:
    """The bundle's network on `device`, in channels_last.

    Raises: ConfigError: a precision that is not known. BundleError: see `load_network`.
    """
    import torch

    if precision not in PRECISIONS:
        raise ConfigError(unknown_name("precision", precision, PRECISIONS))
    network = load_network(bundle).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TorchEngine(network, precision, device)


def open_session(file: Path | str, bundle_sha256: str, *, threads: int = 0) -> Any:
    """An `onnxruntime.InferenceSession` of a file that says it was exported from the bundle.

    Raises: MissingExtraError; BundleError: as `open_onnx`.
    """
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own exceptions have no common base
        raise BundleError(f"{file}: not a readable ONNX file: {error}") from error
    found = session.get_modelmeta().custom_metadata_map.get(BUNDLE_KEY)
    if found != bundle_sha256:
        raise BundleError(
            f"{file}: exported from bundle {found or '(none named)'}, expected {bundle_sha256}. "
            "Export it again with `strnet export onnx`."
        )
    return session


def import_onnxruntime() -> ModuleType:
    """The package onnxruntime.

    Raises: MissingExtraError: not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_extra("onnxruntime", "onnx", "The engine 'onnx'") from error
    module: ModuleType = onnxruntime
    return module


def _versions(bundle: Bundle) -> str:
    packages = {"strnet": bundle.provenance.strnet_version, **bundle.provenance.packages}
    return ", ".join(f"{name} {version}" for name, version in packages.items())
