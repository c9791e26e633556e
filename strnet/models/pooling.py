"""Poolings: a feature map (N, C, h, w) to one vector per film (N, C)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from strnet.errors import ModelError, unknown_name


class AveragePooling(nn.Module):
    """The mean over positions."""

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (N, C) of a feature map (N, C, h, w)."""
        return features.mean(dim=(2, 3))


class GemPooling(nn.Module):
    """The generalised mean over positions, with a learned exponent above 1 that starts at 3.

    It works on the positive part of the features. Powers are taken in the precision of the parameters
    under any autocast, since bfloat16 keeps three digits. The exponent is 1 + softplus(raw), so that no
    step can make it meaningless.
    Source: Radenović, Tolias, Chum 2019, Fine-tuning CNN Image Retrieval with No Human Annotation, eq. 3.
    """

    def __init__(self, *, exponent: float = 3.0, floor: float = 1e-6) -> None:
        super().__init__()
        self.floor = floor
        self.raw = nn.Parameter(torch.tensor(math.log(math.expm1(exponent - 1.0))))

    @property
    def exponent(self) -> Tensor:
        """The exponent, shape ()."""
        return 1.0 + functional.softplus(self.raw)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (N, C), in the exponent's precision, of a feature map (N, C, h, w)."""
        with torch.autocast(features.device.type, enabled=False):
            exponent = self.exponent
            positive = features.to(self.raw.dtype).clamp(min=self.floor)
            return positive.pow(exponent).mean(dim=(2, 3)).pow(1.0 / exponent)


class AttentionPooling(nn.Module):
    """The mean over positions weighted by a softmax of their scores; it starts as the plain mean.

    Source: Ilse, Tomczak, Welling 2018, Attention-based Deep Multiple Instance Learning, eq. 8.
    """

    def __init__(self, *, channels: int, hidden: int = 128) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def attention(self, features: Tensor) -> Tensor:
        """Weight of each position (N, h * w); rows sum to 1."""
        positions = features.flatten(2).transpose(1, 2)
        scores = self.score(torch.tanh(self.hidden(positions))).squeeze(-1)
        return scores.to(self.score.weight.dtype).softmax(dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (N, C) of a feature map (N, C, h, w)."""
        weights = self.attention(features).to(features.dtype)
        return (features.flatten(2) @ weights.unsqueeze(-1)).squeeze(-1)


_POOLINGS: dict[str, Callable[[int], nn.Module]] = {
    "average": lambda channels: AveragePooling(),
    "gem": lambda channels: GemPooling(),
    "attention": lambda channels: AttentionPooling(channels=channels),
}


def build_pooling(kind: str, *, channels: int) -> nn.Module:
    """The pooling `kind` (average, gem, attention) for feature maps of `channels` channels.

    Raises: ModelError: unknown kind, with the nearest valid one.
    """
    if kind not in _POOLINGS:
        raise ModelError(f"network.pooling: {unknown_name('pooling', kind, _POOLINGS)}")
    return _POOLINGS[kind](channels)
