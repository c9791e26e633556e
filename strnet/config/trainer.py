"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
    unfreeze: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="epochs from which the last, the last but one, ... backbone stage is trained too"
    )
    balanced_task: str | None = Field(None, description="the task whose classes are drawn equally often")
    balanced_by: Literal["image", "patient"] = Field(
        "image", description="what is drawn alike within a class of the balanced task"
    )
    mixup: float = Field(0.0, ge=0.0, description="alpha of the blends of two films; 0 does not mix")
    averaging: Literal["none", "ema", "swa"] = Field(
        "none", description="which average of the weights over the training is judged, kept and exported"
    )
    averaging_decay: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.999, description="of ema: what is kept of the average at each step"
    )
    averaging_start: int = Field(0, ge=0, description="first epoch that enters the average")
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

    @model_validator(mode="after")
    def _thaws_in_one_order(self) -> Self:
        if list(self.unfreeze) != sorted(self.unfreeze):
            raise ValueError(f"unfreeze: {list(self.unfreeze)}, but no stage thaws before the one above it")
        if self.unfreeze and self.frozen_epochs:
            raise ValueError("frozen_epochs and unfreeze both say when the backbone thaws: keep one of them")
        return self

    @model_validator(mode="after")
    def _averages_something(self) -> Self:
        if self.averaging == "none":
            return self
        if self.averaging_start >= self.max_epochs:
            raise ValueError(
                f"averaging_start: {self.averaging_start}, but the last epoch is {self.max_epochs - 1}"
            )
        if self.averaging == "swa" and self.averaging_start < max(1.0, self.warmup_epochs):
            raise ValueError(
                f"averaging_start: {self.averaging_start}, but swa averages after the warm-up, which ends "
                f"with epoch {max(1.0, self.warmup_epochs):g}"
            )
        return self
