"""Parameter groups for the optimiser, and freezing."""

from __future__ import annotations

from typing import TypedDict

from timm.models import group_parameters
from torch import nn

from strnet.models.network import ScreeningNetwork

_PLAIN = (".bias", ".scale", ".shift")
"""Ends of names that weight decay passes by, however many axes one per task gives them."""


class ParameterGroup(TypedDict):
    """A group as torch optimisers take it; `name` is for logs."""

    name: str
    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def backbone_stages(network: ScreeningNetwork) -> dict[str, int]:
    """Stage of each backbone parameter by its name in the network, 0 at the input.

    Stages are those that timm's own coarse `group_matcher` gives for the architecture.
    """
    model = network.backbone.model
    stages = group_parameters(model, model.group_matcher(coarse=True), reverse=True)  # type: ignore[operator]
    return {f"backbone.model.{name}": stage for name, stage in stages.items()}


def parameter_groups(
    network: ScreeningNetwork,
    *,
    learning_rate: float,
    weight_decay: float,
    backbone_factor: float = 1.0,
    layer_decay: float = 1.0,
) -> list[ParameterGroup]:
    """Every parameter once, by learning rate and weight decay.

    The backbone's last stage learns at `learning_rate * backbone_factor`, each stage towards the input
    at `layer_decay` times that of the one above. Vectors and scalars (biases, norms, exponents) and what
    timm lists as such are not decayed.
    """
    stages = backbone_stages(network)
    last = max(stages.values())
    undecayed = {
        f"backbone.model.{name}" for name in getattr(network.backbone.model, "no_weight_decay", set)()
    }
    groups: dict[str, ParameterGroup] = {}
    for name, parameter in network.named_parameters():
        stage = stages.get(name)
        rate = learning_rate
        if stage is not None:
            rate *= backbone_factor * layer_decay ** (last - stage)
        plain = parameter.ndim <= 1 or name in undecayed or name.endswith(_PLAIN)
        label = f"{'heads' if stage is None else f'stage{stage}'}{'.undecayed' if plain else ''}"
        group = groups.setdefault(
            label, {"name": label, "params": [], "lr": rate, "weight_decay": 0.0 if plain else weight_decay}
        )
        group["params"].append(parameter)
    return list(groups.values())


def freeze_backbone(network: ScreeningNetwork, frozen: bool) -> None:
    """Freezes or unfreezes the backbone in place: gradients, batch statistics and stochastic depth."""
    network.backbone.freeze(frozen)
