"""Mixup: training on films that are blends of two, with targets that are the same blends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from strnet.config import TaskConfig
from strnet.data.dataset import Batch


@dataclass(frozen=True)
class Mixed:
    """A batch of blends: `share` of each film itself, the rest of its partner."""

    batch: Batch
    """Films and clinical values blended; targets are the films' own, but for those of regressions."""
    partners: Mapping[str, Tensor]
    """Targets of the partners; of regressions the blended ones again."""
    share: float

    def loss(self, loss_of: Callable[[Mapping[str, Tensor]], Tensor]) -> Tensor:
        """The blend, shape (), of the losses that `loss_of` gives for the own and for the partners' targets.

        Cross-entropy is linear in its target, so for classes this is the loss of the blended target.
        """
        return self.share * loss_of(self.batch.targets) + (1 - self.share) * loss_of(self.partners)


def mix(batch: Batch, tasks: Sequence[TaskConfig], alpha: float, generator: np.random.Generator) -> Mixed:
    """`batch` mixed by one share drawn from Beta(alpha, alpha).

    A film is mixed only with one whose known targets and clinical values are the same ones: nothing unknown
    is made up, and nothing known is lost. One without such a partner stays as it is.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz 2018, mixup: Beyond Empirical Risk Minimization, eq. 2 and its
    note on one share a batch.
    """
    share = float(generator.beta(alpha, alpha))
    partner = torch.from_numpy(_partners(batch, generator)).to(batch.image.device)

    def blended(values: Tensor) -> Tensor:
        return share * values + (1 - share) * values[partner]

    own, other = dict(batch.targets), {name: target[partner] for name, target in batch.targets.items()}
    for task in tasks:
        if task.kind == "regression":
            own[task.name] = other[task.name] = blended(batch.targets[task.name])
    films, clinical = blended(batch.image), blended(batch.clinical)
    return Mixed(Batch(films, clinical, own, batch.rows), other, share)


def _partners(batch: Batch, generator: np.random.Generator) -> np.ndarray:
    """Each row's partner (N,): a random permutation among the rows that know the same."""
    columns = [*batch.targets.values(), *batch.clinical.unbind(dim=1)]
    unknown = np.stack([np.asarray(torch.isnan(column).cpu()) for column in columns], axis=1)
    _, kind = np.unique(unknown, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    partner = np.arange(len(kind))
    for value in range(int(kind.max()) + 1):
        rows = np.flatnonzero(kind == value)
        partner[rows] = generator.permutation(rows)
    return partner
