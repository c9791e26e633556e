"""What the machine is asked for: precision, memory format, threads, memory allocation."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from strnet.config import TrainerConfig
from strnet.errors import TrainingError

# malloc.h of glibc.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_LARGE = 1 << 29


@dataclass(frozen=True)
class MachineSettings:
    """How a run computes; recorded, and kept when it is resumed."""

    accelerator: str
    """`cpu`, `cuda` or `mps`."""
    precision: str
    """`32-true` or `bf16-mixed`."""
    channels_last: bool
    threads: int

    @property
    def device(self) -> torch.device:
        """Where tensors live."""
        return torch.device(self.accelerator)


def choose_settings(config: TrainerConfig, network: nn.Module) -> MachineSettings:
    """The fastest settings known for `network` on this machine, where the recipe says `auto`; no measurement.

    - channels_last always: with bfloat16 it is the fastest format for every network measured.
    - bfloat16 where the processor (AVX-512 BF16 or AMX) or the GPU computes in it, except on a CPU for
      networks that normalise depthwise convolutions by batch (MobileNet, EfficientNet): there oneDNN's
      bfloat16 depthwise kernels lose more than the dense ones win. Depthwise networks with layer
      normalisation (ConvNeXt) spend their time in matrix products and keep bfloat16.

    Raises: TrainingError: an accelerator that this machine does not have.
    """
    accelerator = _accelerator(config.accelerator)
    precision: str = config.precision
    if precision == "auto":
        fast = _computes_bfloat16(accelerator) and not (accelerator == "cpu" and _inverted_residual(network))
        precision = "bf16-mixed" if fast else "32-true"
    channels_last = config.channels_last if isinstance(config.channels_last, bool) else accelerator != "mps"
    threads = config.threads or torch.get_num_threads()
    return MachineSettings(accelerator, precision, channels_last, threads)


def trains_on_cpu(config: TrainerConfig) -> bool:
    """Whether a training would be on the processor of this machine.

    Raises: TrainingError: an accelerator that this machine does not have.
    """
    return _accelerator(config.accelerator) == "cpu"


def keep_freed_memory() -> bool:
    """Whether glibc was told to keep freed memory for the next step; call once, before torch allocates.

    Activations are large and of the same sizes in every step. By default glibc maps each afresh and the
    kernel clears its pages every time, which takes up to a third of a training step on the CPU.

    Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _LARGE))
    accepted = [mallopt(key, value) == 1 for key, value in settings]
    return all(accepted)


def kept_settings(recorded: Mapping[str, Any]) -> MachineSettings:
    """The settings a run was started with, as `asdict` recorded them.

    Raises: TrainingError: an accelerator that this machine does not have.
    """
    settings = MachineSettings(**recorded)
    _accelerator({"cuda": "gpu"}.get(settings.accelerator, settings.accelerator))
    return settings


@contextmanager
def reproducible(settings: MachineSettings, seed: int) -> Iterator[None]:
    """A block in which torch draws from `seed` and uses the run's threads; afterwards all is as before.

    On the CPU the same block gives the same bits, on the same machine with the same packages and number of
    threads: another processor may round otherwise, and a training amplifies it. Not so on a GPU, where some
    backward passes have no deterministic form.
    """
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            torch.set_num_threads(settings.threads)
            # Filling fresh tensors with NaN finds bugs; it does not make correct code more deterministic.
            memory.fill_uninitialized_memory = False
            torch.use_deterministic_algorithms(settings.accelerator == "cpu")
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = fill
        torch.set_num_threads(threads)


def machine_description() -> dict[str, Any]:
    """Processor, cores and GPU of this machine, as far as they are known."""
    capabilities = torch.cpu.get_capabilities()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": capabilities.get("cpu_name"),
        "cores": os.cpu_count(),
        "bfloat16": _computes_bfloat16("cpu"),
        "gpu": gpu,
    }


def _accelerator(asked: str) -> str:
    available = {"cpu": True, "gpu": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if asked == "auto":
        # Not mps: it has no deterministic form of several backward passes used here.
        asked = "gpu" if available["gpu"] else "cpu"
    if not available[asked]:
        raise TrainingError(
            f"trainer.accelerator: {asked} is not on this machine. Set it to auto or cpu; a run that was "
            "started with it can be resumed only where there is one."
        )
    return "cuda" if asked == "gpu" else asked


def _computes_bfloat16(accelerator: str) -> bool:
    if accelerator == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return accelerator == "cpu" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _inverted_residual(network: nn.Module) -> bool:
    modules = list(network.modules())
    depthwise = any(isinstance(m, nn.Conv2d) and m.groups == m.in_channels > 1 for m in modules)
    return depthwise and any(isinstance(m, nn.BatchNorm2d) for m in modules)
