"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from strnet.config.frozen import Frozen, Positive


class TrainerConfig(Frozen):
    """Optimisation, stopping, and what the machine is asked for."""

    max_epochs: int = Field(20, ge=1)
    batch_size: int = Field(16, ge=2, description="two films or more: the neck normalises over them")
    learning_rate: Positive = 1e-3
    weight_decay: float = Field(0.02, ge=0.0)
    warmup_epochs: float = Field(1.0, ge=0.0, description="linear warm-up, then cosine to zero")
    backbone_learning_rate: Positive = Field(1.0, description="factor on the backbone's learning rate")
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        1.0, description="factor per backbone stage towards the input (layer-wise learning rates)"
    )
    frozen_epochs: int = Field(0, ge=0, description="epochs with the backbone frozen, then unfrozen")
    gradient_clip: float = Field(1.0, ge=0.0, description="largest gradient norm; 0 does not clip")
    early_stopping: int = Field(
        0, ge=0, description="epochs without improvement before stopping; 0 never stops"
    )
    monitor: str = Field("validation/loss", description="the validation quantity for stopping and checkpoint")
    monitor_mode: Literal["min", "max"] = "min"
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    channels_last: Literal["auto", True, False] = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int = Field(1, ge=1)
    threads: int | None = Field(
        None,
        ge=1,
        description="processor threads of a training; null: all cores, or of folds side by side their share",
    )
    loggers: tuple[Literal["csv", "tensorboard", "mlflow"], ...] = ("csv", "tensorboard")
