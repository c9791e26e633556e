"""A small network for every test: five tasks of all kinds on the smallest ResNet of timm."""

import pytest
import torch

from strnet.config import BackboneConfig, NeckConfig, NetworkConfig, RoutingConfig, Target, TaskConfig
from strnet.models import ClinicalScaling, ScreeningNetwork, build_network

CLASSES = ("normal", "osteopenia", "osteoporosis")


@pytest.fixture(autouse=True)
def _seeded():
    """Dropout draws from torch's own generator; every test starts it anew, and leaves it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def tasks() -> tuple[TaskConfig, ...]:
    return (
        TaskConfig(
            name="bone_loss",
            kind="binary",
            target=Target(column="t_score", below=-1.0),
            clinical=("age", "sex"),
        ),
        TaskConfig(
            name="osteoporosis_given_loss", kind="binary", target=Target(column="t_score", at_most=-2.5)
        ),
        TaskConfig(
            name="t_score",
            kind="regression",
            target=Target(column="t_score"),
            coupling=0.1,
            clinical=("sex",),
        ),
        TaskConfig(name="grade", kind="ordinal", target=Target(column="diagnosis", classes=CLASSES)),
        TaskConfig(name="category", kind="multiclass", target=Target(column="diagnosis", classes=CLASSES)),
    )


@pytest.fixture
def clinical() -> ClinicalScaling:
    return ClinicalScaling(columns=("age", "sex"), means=(60.0, 0.25), stds=(10.0, 0.5))


@pytest.fixture
def make_network(tasks, clinical):
    """Builds a small network; tasks, clinical scaling and statistics can be others."""

    def make(
        routing="gate", pooling="average", features=16, backbone="test_resnet", dropout=0.0, **others
    ) -> ScreeningNetwork:
        config = NetworkConfig(
            backbone=BackboneConfig(name=backbone),
            pooling=pooling,
            neck=NeckConfig(features=features, dropout=dropout),
            routing=RoutingConfig(kind=routing, experts=3),
        )
        return build_network(
            config,
            others.get("tasks", tasks),
            others.get("clinical", clinical),
            others.get("statistics"),
            seed=others.get("seed", 0),
        )

    return make


@pytest.fixture
def films() -> torch.Tensor:
    return torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def values() -> torch.Tensor:
    """Age and sex of four patients; the second lacks both, the third her sex."""
    nan = torch.nan
    return torch.tensor([[50.0, 1.0], [nan, nan], [70.0, nan], [66.0, 0.0]])


@pytest.fixture
def targets() -> dict[str, torch.Tensor]:
    nan = torch.nan
    return {
        "bone_loss": torch.tensor([1.0, 0.0, nan, 1.0]),
        "osteoporosis_given_loss": torch.tensor([0.0, nan, nan, 1.0]),
        "t_score": torch.tensor([-1.4, nan, nan, -2.8]),
        "grade": torch.tensor([1.0, 0.0, nan, 2.0]),
        "category": torch.tensor([1.0, 0.0, nan, 2.0]),
    }
