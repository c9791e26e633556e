"""Routing: one representation per task (N, T, D) from the shared one (N, D).

Every routing has `forward(shared) -> (N, T, D)` and `readout(shared) -> (N, T, M)`, what it lets each
task use. What is shared between tasks (the trunk, and the expert networks) sees a task's gradient
scaled by its coupling; a task's own gates see the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from strnet.errors import ModelError, unknown_name
from strnet.models.coupling import Coupling

_OPEN = 3.0
"""Logit of a gate at the start: sigmoid(3) = 0.95, near identity, yet where the sigmoid still has slope."""


class SharedRouting(nn.Module):
    """No routing: every task reads the shared representation. The baseline."""

    def __init__(self, *, coupling: Coupling) -> None:
        super().__init__()
        self.coupling = coupling

    def forward(self, shared: Tensor) -> Tensor:
        """Representations (N, T, D) of `shared` (N, D)."""
        return self.coupling(shared)

    def readout(self, shared: Tensor) -> Tensor:
        """Ones (N, T, D): every task uses every channel."""
        return torch.ones_like(self.coupling(shared))


class GateRouting(nn.Module):
    """One sigmoid gate per task over the channels, computed from the shared representation.

    The gate looks at the film: a fixed gate would be absorbed by the linear head behind it.
    Source: the gating of Hu, Shen, Sun 2018, Squeeze-and-Excitation Networks, eq. 3, one per task.
    """

    def __init__(self, *, coupling: Coupling, features: int) -> None:
        super().__init__()
        self.coupling = coupling
        self.weight = nn.Parameter(torch.zeros(coupling.tasks, features, features))
        self.bias = nn.Parameter(torch.full((coupling.tasks, features), _OPEN))

    def forward(self, shared: Tensor) -> Tensor:
        """Representations (N, T, D) of `shared` (N, D)."""
        copies = self.coupling(shared)
        return copies * self._gates(copies)

    def readout(self, shared: Tensor) -> Tensor:
        """Gates (N, T, D) in [0, 1]."""
        return self._gates(self.coupling(shared))

    def _gates(self, copies: Tensor) -> Tensor:
        return torch.sigmoid(torch.einsum("ntd,ted->nte", copies, self.weight) + self.bias)


class FilmRouting(nn.Module):
    """One scale and one shift per task and channel, then GELU; it starts as GELU of the identity.

    Without the non-linearity the head behind it would absorb both.
    Source: Perez, Strub, de Vries, Dumoulin, Courville 2018, FiLM, eq. 2, conditioned on the task.
    """

    def __init__(self, *, coupling: Coupling, features: int) -> None:
        super().__init__()
        self.coupling = coupling
        self.scale = nn.Parameter(torch.ones(coupling.tasks, features))
        self.shift = nn.Parameter(torch.zeros(coupling.tasks, features))

    def forward(self, shared: Tensor) -> Tensor:
        """Representations (N, T, D) of `shared` (N, D)."""
        return functional.gelu(self.coupling(shared) * self.scale + self.shift)

    def readout(self, shared: Tensor) -> Tensor:
        """Scales (N, T, D), the same for every row; 1 leaves a channel as it is."""
        return self.scale.expand(shared.shape[0], -1, -1)


class ExpertRouting(nn.Module):
    """A soft mixture of expert networks, with one softmax per task; it starts as their plain mean.

    Source: Ma, Zhao, Yi, Chen, Hong, Chi 2018, Modeling Task Relationships in Multi-task Learning with
    Multi-gate Mixture-of-Experts, eq. 5 to 7.
    """

    def __init__(self, *, coupling: Coupling, features: int, experts: int) -> None:
        super().__init__()
        self.coupling = coupling
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(features, features), nn.GELU(), nn.Linear(features, features))
            for _ in range(experts)
        )
        self.weight = nn.Parameter(torch.zeros(coupling.tasks, experts, features))

    def forward(self, shared: Tensor) -> Tensor:
        """Representations (N, T, D) of `shared` (N, D)."""
        opinions = torch.stack([expert(shared) for expert in self.experts], dim=1)
        mixture = self.readout(shared).to(opinions.dtype)
        return torch.einsum("nte,nted->ntd", mixture, self.coupling(opinions))

    def readout(self, shared: Tensor) -> Tensor:
        """Weights (N, T, E) of the experts; they sum to 1 over E."""
        logits = torch.einsum("ntd,ted->nte", self.coupling(shared), self.weight)
        return logits.to(self.weight.dtype).softmax(dim=-1)


_ROUTINGS: dict[str, Callable[[Coupling, int, int], nn.Module]] = {
    "shared": lambda coupling, features, experts: SharedRouting(coupling=coupling),
    "gate": lambda coupling, features, experts: GateRouting(coupling=coupling, features=features),
    "film": lambda coupling, features, experts: FilmRouting(coupling=coupling, features=features),
    "experts": lambda coupling, features, experts: ExpertRouting(
        coupling=coupling, features=features, experts=experts
    ),
}


def build_routing(kind: str, *, coupling: Coupling, features: int, experts: int) -> nn.Module:
    """The routing `kind` (shared, gate, film, experts) for representations of `features` channels.

    Raises: ModelError: unknown kind, with the nearest valid one.
    """
    if kind not in _ROUTINGS:
        raise ModelError(f"network.routing.kind: {unknown_name('routing', kind, _ROUTINGS)}")
    return _ROUTINGS[kind](coupling, features, experts)
