"""Backbone weights from local files, loaded whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from strnet.errors import ModelError
from strnet.models.adapters.torchvision_names import mobilenet_v2_name

_OWN_PREFIX = "backbone.model."
"""Where the timm network stands in the weights of a whole screening network."""
_SCALING_PREFIX = "backbone.scaling."


def load_backbone_weights(model: nn.Module, path: Path | str) -> None:
    """Loads the file `path` into `model`, a timm network.

    Files: .safetensors, or .pth/.pt read without running code. Names: timm's; torchvision's for its
    ResNets and MobileNetV2; those of a whole screening network, of which the trunk is taken. Keys of a
    classifier are left aside; three RGB input filters become their sum.

    Raises: ModelError: no such file; not a file of plain tensors; any parameter missing, left over or
        of another shape (they are listed).
    """
    path = Path(path)
    fit_weights(model, _to_timm_names(read_weights(path), model, path), source=str(path))


def fit_weights(model: nn.Module, found: Mapping[str, Tensor], *, source: str) -> None:
    """Loads weights in timm's names into `model`, all of it.

    Raises: ModelError: as `load_backbone_weights`; the message begins with `source`.
    """
    expected = model.state_dict()
    kept = _without_classifier(found, model, expected)
    kept = {name: _fit_channels(value, expected.get(name)) for name, value in kept.items()}
    _refuse_misfits(kept, expected, source)
    model.load_state_dict(kept, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in the file `path`, by name.

    Raises: ModelError: no such file; not a file of plain tensors.
    """
    if not path.is_file():
        raise ModelError(
            f"{path}: no such weights file. Correct network.backbone.weights, or leave it out to start from "
            "random weights."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever a damaged file leads it to
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ModelError(
            f"{path}: not a file of plain tensors ({reason}). Files that need code to be read are refused; "
            "save the state dict alone, best as .safetensors."
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path}: expected parameter names and tensors, found other content.")
    return dict(content)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a safetensors file ({error}).") from error


def _to_timm_names(found: dict[str, Tensor], model: nn.Module, path: Path) -> dict[str, Tensor]:
    if any(name.startswith(_SCALING_PREFIX) for name in found):
        raise ModelError(
            f"{path}: weights of a network with an adapter, which scales the films before its backbone. Give "
            "the folder of its bundle as network.backbone.weights, and its adapter."
        )
    if any(name.startswith(_OWN_PREFIX) for name in found):
        return {
            name.removeprefix(_OWN_PREFIX): value
            for name, value in found.items()
            if name.startswith(_OWN_PREFIX)
        }
    if "features.18.0.weight" in found and hasattr(model, "conv_head"):
        rename = mobilenet_v2_name([len(blocks) for blocks in model.blocks])  # type: ignore[union-attr]
        return {rename(name): value for name, value in found.items()}
    return found


def _without_classifier(
    found: Mapping[str, Tensor], model: nn.Module, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """`found` without the parameters of classifiers, timm's or torchvision's, and of parts not used here."""
    cfg = model.default_cfg
    named = cfg.get("classifier") or ()  # type: ignore[union-attr,operator]
    named = (named,) if isinstance(named, str) else named
    unused = [name for name, child in model.named_children() if isinstance(child, nn.Identity)]
    prefixes = tuple(f"{name}." for name in (*named, *unused, "classifier", "fc"))
    return {name: value for name, value in found.items() if name in expected or not name.startswith(prefixes)}


def _fit_channels(value: Tensor, wanted: Tensor | None) -> Tensor:
    """`value`, its three input channels summed to one where the trunk has one.

    Source: linearity: conv(grey, grey, grey) with filters R, G, B is conv(grey) with R + G + B.
    """
    if wanted is None or value.ndim != 4 or value.shape[1] != 3 or wanted.shape[1] != 1:
        return value
    return value.sum(dim=1, keepdim=True)


def _refuse_misfits(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str) -> None:
    # Files written before torch 0.4.1 have no batch counter; batch norm with momentum never reads it.
    missing = [name for name in expected if name not in found and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in found if name not in expected]
    shapes = [
        f"{name} {tuple(value.shape)} instead of {tuple(expected[name].shape)}"
        for name, value in found.items()
        if name in expected and value.shape != expected[name].shape
    ]
    problems = {"missing": missing, "unexpected": unexpected, "other shape": shapes}
    if any(problems.values()):
        lines = [
            f"  {what} ({len(names)}): {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
            for what, names in problems.items()
            if names
        ]
        raise ModelError(
            f"{source}: the weights do not fit the backbone.\n"
            + "\n".join(lines)
            + "\nGive the weights of the network named in network.backbone.name."
        )
