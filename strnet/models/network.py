"""The screening network: backbone, pooling, neck, routing and one head per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from strnet.config import NetworkConfig, Preprocessing, TaskConfig
from strnet.errors import ModelError, unknown_name
from strnet.models.backbones import Backbone, build_backbone
from strnet.models.clinical import ClinicalInput, ClinicalScaling
from strnet.models.coupling import Coupling
from strnet.models.heads import build_head
from strnet.models.neck import build_neck
from strnet.models.parent_bundle import read_parent
from strnet.models.pooling import build_pooling
from strnet.models.routing import build_routing
from strnet.models.target_statistics import TargetStatistics
from strnet.schema import FEATURES


class ScreeningNetwork(nn.Module):
    """Films and clinical values to one output per task: logits, or regression values in their own unit."""

    feature_map = "backbone"
    """Name of the module whose output (N, C, h, w) a class activation map reads."""

    def __init__(
        self,
        *,
        backbone: Backbone,
        pooling: nn.Module,
        neck: nn.Module,
        routing: nn.Module,
        heads: Mapping[str, nn.Module],
        clinical: ClinicalInput,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.neck = neck
        self.routing = routing
        self.heads = nn.ModuleDict(heads)
        self.clinical = clinical

    def forward(self, image: Tensor, clinical: Tensor | None = None) -> dict[str, Tensor]:
        """Output per task: binary and regression (N,), multiclass (N, C), ordinal (N, C - 1), float32.

        `image` (N, 1, H, W); `clinical` (N, K) in the unit of the manifest and the order of the clinical
        scaling, NaN where missing; None where nothing is known. Logits leave without a sigmoid.

        Raises: ModelError: clinical values of another shape.
        """
        return self.forward_with_features(image, clinical)[0]

    def forward_with_features(
        self, image: Tensor, clinical: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """What `forward` gives, and the pooled features (N, C) of the image alone, before the neck.

        Raises: ModelError: clinical values of another shape.
        """
        values, missing = self.clinical(self._clinical_values(image, clinical))
        features = self.pooling(self.backbone(image))
        representations = self.routing(self.neck(features))
        outputs = {
            name: head(representations[:, number], values, missing)
            for number, (name, head) in enumerate(self.heads.items())
        }
        return outputs, features

    def shared(self, image: Tensor) -> Tensor:
        """The representation (N, D) of `image` (N, 1, H, W) that all tasks share."""
        return self.neck(self.pooling(self.backbone(image)))

    @torch.no_grad()
    def gates(self, image: Tensor) -> dict[str, Tensor]:
        """What each task uses of the shared representation of `image` (N, 1, H, W), per task (N, M).

        Gate: openness of each channel in [0, 1]. Experts: weight of each, sum 1. Film: scale of each
        channel. Shared: ones.
        """
        readout = self.routing.readout(self.shared(image))  # type: ignore[operator]
        return {name: readout[:, number].detach() for number, name in enumerate(self.heads)}

    def _clinical_values(self, image: Tensor, clinical: Tensor | None) -> Tensor:
        shape = (image.shape[0], len(self.clinical.columns))
        if clinical is None:
            return image.new_full(shape, torch.nan)
        if clinical.shape != shape:
            raise ModelError(
                f"clinical values of shape {tuple(clinical.shape)}, expected {shape}: one column each for "
                f"{', '.join(self.clinical.columns) or 'no variable'}."
            )
        return clinical


class TaskView(nn.Module):
    """One task of a network as a plain classifier: films to logits (N, outputs), for saliency methods."""

    feature_map = f"network.{ScreeningNetwork.feature_map}"

    def __init__(self, network: ScreeningNetwork, task: str) -> None:
        super().__init__()
        if task not in network.heads:
            raise ModelError(unknown_name("task", task, network.heads))
        self.network = network
        self.task = task
        # MONAI puts back the mode it finds on the view, not that of the network inside.
        self.train(network.training)

    def forward(self, image: Tensor, clinical: Tensor | None = None) -> Tensor:
        """Output (N, 1), or (N, outputs) where the task has several, of `image` (N, 1, H, W)."""
        output = self.network(image, clinical)[self.task]
        return output.unsqueeze(1) if output.ndim == 1 else output


class ServedNetwork(nn.Module):
    """A network as it is served: its outputs by task, and its pooled features under `features`."""

    def __init__(self, network: ScreeningNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, clinical: Tensor | None = None) -> dict[str, Tensor]:
        """As `ScreeningNetwork.forward`, with the features (N, C)."""
        outputs, features = self.network.forward_with_features(image, clinical)
        return {**outputs, FEATURES: features}


def take_neck(network: ScreeningNetwork, config: NetworkConfig, folder: Path) -> None:
    """Load the pooling and the neck of the bundle in `folder` into `network`.

    Raises: ModelError: no bundle, or one whose pooling or neck is another.
    """
    if not folder.is_dir():
        raise ModelError(
            f"network.neck.from_bundle: {folder} is a file of weights. Give the folder of a bundle as "
            "network.backbone.weights."
        )
    parent = read_parent(folder)
    theirs = {"pooling": parent.network.pooling, "neck.features": parent.network.neck.features}
    ours = {"pooling": config.pooling, "neck.features": config.neck.features}
    differing = [f"network.{key}: {value}" for key, value in theirs.items() if ours[key] != value]
    if differing:
        raise ModelError(f"{folder}: this parent has another neck. Set {' and '.join(differing)}.")
    network.pooling.load_state_dict(parent.part("pooling"))
    network.neck.load_state_dict(parent.part("neck"))


def build_network(
    config: NetworkConfig,
    tasks: Sequence[TaskConfig],
    clinical: ClinicalScaling,
    statistics: Mapping[str, TargetStatistics] | None = None,
    *,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
) -> ScreeningNetwork:
    """A network for `tasks`; random weights depend on `seed` alone, and on no generator outside.

    `statistics` of the training rows let each head start at the prior, and `preprocessing` tells weights of
    others how the films come; neither is needed where trained weights are loaded next.

    Raises: ModelError: see `build_backbone` and `take_neck`; a clinical column that `clinical` lacks; a task
        whose name torch's modules use themselves.
    """
    for task in tasks:
        if hasattr(nn.ModuleDict(), task.name):
            raise ModelError(f"task {task.name}: torch keeps this name to itself. Give the task another.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk = config.backbone
        backbone = build_backbone(
            name=trunk.name,
            weights=trunk.weights,
            pretrained=trunk.pretrained,
            drop_path=trunk.drop_path,
            adapter=trunk.adapter,
            preprocessing=preprocessing,
        )
        features = config.neck.features
        coupling = Coupling(factors=[task.coupling for task in tasks])
        network = ScreeningNetwork(
            backbone=backbone,
            pooling=build_pooling(config.pooling, channels=backbone.feature_channels),
            neck=build_neck(
                channels=backbone.feature_channels, features=features, dropout=config.neck.dropout
            ),
            routing=build_routing(
                config.routing.kind, coupling=coupling, features=features, experts=config.routing.experts
            ),
            heads={
                task.name: build_head(
                    task,
                    features=features,
                    columns=clinical.columns,
                    statistics=(statistics or {}).get(task.name),
                )
                for task in tasks
            },
            clinical=ClinicalInput(columns=clinical.columns, means=clinical.means, stds=clinical.stds),
        )
        if config.neck.from_bundle and trunk.weights is not None:
            take_neck(network, config, trunk.weights)
        return network
