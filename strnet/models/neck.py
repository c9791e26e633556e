"""The neck: pooled features (N, C) to the representation (N, D) that all tasks share."""

from __future__ import annotations

from torch import nn


def build_neck(*, channels: int, features: int, dropout: float) -> nn.Sequential:
    """Linear, BatchNorm, GELU, dropout: (N, `channels`) to (N, `features`).

    The norm is BatchNorm because what tells films apart is a small part of their pooled features: it takes
    away what all films share. LayerNorm keeps that and loses the rest while the running statistics of the
    trunk still move: on the phantom its validation loss jumped from epoch to epoch. A training batch must
    hold two films or more.
    """
    return nn.Sequential(
        nn.Linear(channels, features), nn.BatchNorm1d(features), nn.GELU(), nn.Dropout(dropout)
    )
