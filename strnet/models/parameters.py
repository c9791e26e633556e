"""Parameter groups for the optimiser, and freezing."""

from __future__ import annotations

from typing import TypedDict

from timm.models import group_parameters
from torch import nn

from strnet.errors import ModelError
from strnet.models.network import ScreeningNetwork

_PLAIN = (".bias", ".scale", ".shift")
"""Ends of names that weight decay passes by, however many axes one per task gives them."""
_CLINICAL_FACTOR = 10.0
"""On the learning rate of a head's clinical weights. One of them must reach about 1 (log odds per SD), where
hundreds of weights on the film share that way; Adam moves each by the learning rate at most per step."""


class ParameterGroup(TypedDict):
    """A group as torch optimisers take it; `name` is for logs."""

    name: str
    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def backbone_stages(network: ScreeningNetwork) -> dict[str, int]:
    """Stage of each backbone parameter by its name in the network, 0 at the input.

    Stages are those that timm's own coarse `group_matcher` gives for the architecture; where it has
    none, all is stage 0.
    """
    model = network.backbone.model
    if not hasattr(model, "group_matcher"):
        return {f"backbone.model.{name}": 0 for name, _ in model.named_parameters()}
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
    at `layer_decay` times that of the one above. Vectors and scalars (biases, norms, exponents), what
    timm lists as such, and the few clinical weights are not decayed.

    Raises: ModelError: layer decay for a backbone whose stages timm does not know.
    """
    stages = backbone_stages(network)
    last = max(stages.values())
    if last == 0 and layer_decay != 1:
        raise ModelError(
            "trainer.layer_decay: timm does not know the stages of this backbone. Set it to 1, or lower "
            "trainer.backbone_learning_rate for the whole of it."
        )
    undecayed = _undecayed(network)
    groups: dict[str, ParameterGroup] = {}
    for name, parameter in network.named_parameters():
        label, rate = "heads", learning_rate
        if name in stages:
            label = f"stage{stages[name]}"
            rate *= backbone_factor * layer_decay ** (last - stages[name])
        elif _is_clinical(name):
            label, rate = "clinical", rate * _CLINICAL_FACTOR
        decay = 0.0 if name in undecayed else weight_decay
        label += ".undecayed" if name in undecayed else ""
        group = groups.setdefault(label, {"name": label, "params": [], "lr": rate, "weight_decay": decay})
        group["params"].append(parameter)
    return list(groups.values())


def freeze_backbone(network: ScreeningNetwork, frozen: bool) -> None:
    """Freezes or unfreezes the backbone in place: gradients, batch statistics and stochastic depth."""
    network.backbone.frozen, network.backbone.partly_frozen = frozen, False
    network.backbone.requires_grad_(not frozen)
    network.backbone.train(network.training)


def thaw_stages(network: ScreeningNetwork, count: int) -> None:
    """Freezes the backbone in place but for its last `count` stages: gradients and batch statistics."""
    stages = backbone_stages(network)
    frozen = max(stages.values()) + 1 - count
    if frozen <= 0 or count == 0:
        freeze_backbone(network, frozen > 0)
        return
    for name, parameter in network.named_parameters():
        if name in stages:
            parameter.requires_grad_(stages[name] >= frozen)
    network.backbone.frozen, network.backbone.partly_frozen = False, True
    network.backbone.train(network.training)


def require_stages(network: ScreeningNetwork, count: int) -> None:
    """Raise unless the backbone has `count` stages that could thaw one after the other.

    Raises: ModelError: it has fewer, or timm does not know its stages.
    """
    found = max(backbone_stages(network).values()) + 1
    if count > found:
        raise ModelError(
            f"trainer.unfreeze: {count} epochs, but this backbone has {found} stage(s). Give one epoch per "
            "stage at most, from the output on."
        )


def _undecayed(network: ScreeningNetwork) -> set[str]:
    by_timm: set[str] = getattr(network.backbone.model, "no_weight_decay", set)()
    return {f"backbone.model.{name}" for name in by_timm} | {
        name
        for name, parameter in network.named_parameters()
        if parameter.ndim <= 1 or name.endswith(_PLAIN) or _is_clinical(name)
    }


def _is_clinical(name: str) -> bool:
    return name.endswith(".clinical.weight")
