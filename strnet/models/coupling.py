"""Coupling: how much of each task's gradient reaches what the tasks share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Coupling(nn.Module):
    """One copy of a shared representation per task, whose gradient is scaled by the task's coupling.

    A rule of training only: in evaluation mode gradients pass whole, so that the saliency of a
    detached task can be drawn.
    """

    factors: Tensor

    def __init__(self, *, factors: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("factors", torch.tensor(factors, dtype=torch.float32), persistent=False)

    @property
    def tasks(self) -> int:
        """How many tasks share the representation."""
        return len(self.factors)

    def forward(self, shared: Tensor) -> Tensor:
        """Copies (N, T, ...) of `shared` (N, ...); the value is `shared` to the bit for every factor."""
        copies = shared.unsqueeze(1).expand(-1, self.tasks, *shared.shape[1:])
        if not self.training:
            return copies
        constant = copies.detach()
        factors = self.factors.to(copies.dtype).view(-1, *[1] * (shared.ndim - 1))
        # The difference is 0 in value and 1 in gradient: exact, unlike x * c + x.detach() * (1 - c).
        return constant + (copies - constant) * factors
