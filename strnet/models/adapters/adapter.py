"""An adapter: how a file of another project becomes the weights of a backbone here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor

from strnet.errors import ModelError

Rename = Callable[[str], str]
"""Our name of a key of the file. `[k]` at the end makes it the k-th part of a tensor that is one here."""
_PART = re.compile(r"(.*)\[(\d+)\]")


@dataclass(frozen=True)
class Adapter:
    """What is known of the weights of another project."""

    name: str
    project: str
    licence: str
    networks: Mapping[str, Rename]
    """By backbone: the keys of its file."""
    dropped: tuple[str, ...]
    """Keys of heads and the like, which have no place in a backbone; a final dot means all below."""
    input_size: Mapping[str, tuple[int, int]]
    """By backbone: rows and columns of the pictures it was trained on."""
    mean: tuple[float, ...]
    """Subtracted from grey values in [0, 1], by channel; with `sd` the range that it was trained on."""
    sd: tuple[float, ...]
    position_embedding: str | None = None
    """Our name of the embedding that has one entry per patch, and is resized."""

    @property
    def channels(self) -> int:
        """Channels of the backbone's input: 1 where the file's channels see the same grey values.

        Three filters that see the same can be summed to one. Where their means and SDs differ they cannot:
        the borders are padded with zeros, which is another grey value in each channel.
        """
        return 1 if len(set(zip(self.mean, self.sd, strict=True))) == 1 else len(self.mean)


@dataclass(frozen=True)
class AdaptedWeights:
    """Weights in our names, and the keys of the file that were left out."""

    values: dict[str, Tensor]
    left_out: tuple[str, ...]


def adapt(
    adapter: Adapter, network: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str
) -> AdaptedWeights:
    """The weights `found` in a file as those of a backbone whose parameters and buffers are `expected`.

    Raises: ModelError: any key that neither fits nor is declared as dropped, and any parameter that the file
        does not give; each is named. `source` begins the message.
    """
    rename = adapter.networks[network]
    left_out = tuple(key for key in found if key.startswith(adapter.dropped))
    ours = {key: rename(key) for key in found if key not in left_out}
    values = _joined({ours[key]: found[key] for key in ours})
    values = {name: _fitted(adapter, name, value, expected.get(name)) for name, value in values.items()}
    theirs = {_PART.sub(r"\1", name): key for key, name in ours.items()}
    problems = [
        *(f"given twice: {key}" for key, name in ours.items() if list(ours.values()).count(name) > 1),
        *(f"no place for: {theirs[name]}" for name in values if name not in expected),
        *(f"missing: {name}" for name in expected if name not in values and not _is_counter(name)),
        *(
            f"other shape: {theirs[name]} gives {tuple(value.shape)}, needed {tuple(expected[name].shape)}"
            for name, value in values.items()
            if name in expected and value.shape != expected[name].shape
        ),
    ]
    if problems:
        raise ModelError(
            f"{source}: no weights of {adapter.project} for {network}; {len(problems)} key(s) do not fit.\n  "
            + "\n  ".join(problems)
            + "\nGive the file of this network, or correct network.backbone.adapter."
        )
    return AdaptedWeights(values, left_out)


def _joined(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`values` with the parts of each tensor (`name[0]`, `name[1]`, ...) joined along its first axis."""
    whole: dict[str, Tensor] = {}
    parts: dict[str, dict[int, Tensor]] = {}
    for name, value in values.items():
        match = _PART.fullmatch(name)
        if match is None:
            whole[name] = value
        else:
            parts.setdefault(match[1], {})[int(match[2])] = value
    return whole | {name: torch.cat([found[k] for k in sorted(found)]) for name, found in parts.items()}


def _fitted(adapter: Adapter, name: str, value: Tensor, wanted: Tensor | None) -> Tensor:
    if wanted is None or value.shape == wanted.shape:
        return value
    if name == adapter.position_embedding and value.ndim == 3 and value.shape[2] == wanted.shape[2]:
        return _resized(value, wanted)
    if value.ndim == 4 and value.shape[1] == len(adapter.mean) and wanted.shape[1] == adapter.channels == 1:
        return value.sum(dim=1, keepdim=True)
    return value


def _resized(value: Tensor, wanted: Tensor) -> Tensor:
    """Position embeddings (1, 1 + patches, width) of another grid, the first of them the class token's."""
    sides = [round((embedding.shape[1] - 1) ** 0.5) for embedding in (value, wanted)]
    if any(side**2 + 1 != e.shape[1] for side, e in zip(sides, (value, wanted), strict=True)):
        return value  # not of a square: its shape is then reported
    old, new = ([side, side] for side in sides)
    return resample_abs_pos_embed(value, new, old, num_prefix_tokens=1, antialias=False)


def _is_counter(name: str) -> bool:
    # Files written before torch 0.4.1 have no batch counter; batch norm with momentum never reads it.
    return name.endswith("num_batches_tracked")
