"""The neck: pooled features (N, C) to the representation (N, D) that all tasks share."""

from __future__ import annotations

from torch import nn


def build_neck(*, channels: int, features: int, dropout: float) -> nn.Sequential:
    """Linear, LayerNorm, GELU, dropout: (N, `channels`) to (N, `features`).

    The norm is LayerNorm because a film's representation must not depend on the other films in its
    batch: batches are small, a patient may have two films in one, the last batch may hold a single
    film, and a frozen trunk is read out in evaluation mode.
    """
    return nn.Sequential(
        nn.Linear(channels, features), nn.LayerNorm(features), nn.GELU(), nn.Dropout(dropout)
    )
