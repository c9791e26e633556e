"""The recipe: frozen models of everything a training run depends on. Unknown keys are errors.

A recipe is data. Nothing in `models/` or `imaging/` sees more of it than the part it needs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from strnet.dotted_keys import set_dotted
from strnet.errors import ConfigError
from strnet.workers import FILE_MEMORY_GIB, FILE_SECONDS
from strnet.yaml_text import explain, read_yaml, read_yaml_file

Fraction01 = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Percentile = Annotated[float, Field(ge=0.0, le=100.0)]


class Frozen(BaseModel):
    """A configuration object: immutable, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Preprocessing(Frozen):
    """How a film becomes a network input; one object, one digest, for training and serving alike."""

    version: Literal[1] = 1
    height: int = Field(256, ge=32, le=2048, description="rows of the network input, pixels")
    width: int = Field(256, ge=32, le=2048, description="columns of the network input, pixels")
    crop_to_field: bool = Field(True, description="crop to the collimated field before the resize")
    normalisation: Literal["percentile", "minmax", "none"] = Field(
        "percentile", description="grey values to [0, 1]: by `percentiles`, by extremes, or as displayed"
    )
    percentiles: tuple[Percentile, Percentile] = Field(
        (0.5, 99.5), description="of the grey values: those that become 0 and 1"
    )
    mean: float = Field(0.5, description="subtracted from the grey values in [0, 1] before the network")
    std: Positive = 0.25

    @model_validator(mode="after")
    def _percentiles_in_order(self) -> Self:
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError("percentiles: expected the lower one first")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the version and of all fields that are not at their default.

        So a field added later, at its default, leaves every digest as it was; a default that changes is a
        new version.
        """
        content = {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class Augmentation(Frozen):
    """Random changes of a training image; every draw comes from (seed, epoch, index)."""

    horizontal_flip: Fraction01 = Field(0.5, description="probability")
    rotation_degrees: float = Field(7.0, ge=0.0, le=180.0, description="largest angle, either way")
    scale: float = Field(0.08, ge=0.0, lt=1.0, description="largest relative change of size")
    translation: float = Field(0.05, ge=0.0, lt=1.0, description="largest shift, fraction of the side")
    brightness: float = Field(0.1, ge=0.0, description="largest shift of grey values in [0, 1]")
    contrast: float = Field(0.15, ge=0.0, lt=1.0, description="largest relative change of contrast")
    gamma: float = Field(0.15, ge=0.0, lt=1.0, description="largest relative change of the exponent")
    noise: float = Field(0.0, ge=0.0, description="SD of added Gaussian noise, grey values in [0, 1]")


class BackboneConfig(Frozen):
    """The trunk: a timm name and where its weights come from."""

    name: str = "resnet18"
    weights: Path | None = Field(
        None, description="local weights file (.safetensors, .pth); never a pickle of code"
    )
    pretrained: bool = Field(False, description="fetch timm's weights from its hub; an error if it fails")
    drop_path: Fraction01 = 0.0


class NeckConfig(Frozen):
    """Linear, norm, GELU, dropout between pooling and routing."""

    features: int = Field(256, ge=1)
    dropout: Fraction01 = 0.1


class RoutingConfig(Frozen):
    """One representation per task from the shared one."""

    kind: Literal["shared", "gate", "film", "experts"] = "gate"
    experts: int = Field(4, ge=2, description="only for kind experts")


class NetworkConfig(Frozen):
    """Backbone, pooling, neck and routing."""

    backbone: BackboneConfig = BackboneConfig()
    pooling: Literal["average", "gem", "attention"] = "average"
    neck: NeckConfig = NeckConfig()
    routing: RoutingConfig = RoutingConfig()


def _as_written_in_a_cell(value: object) -> object:
    """The text of a whole or other number as a table has it; `positive: [1]` means the cell 1, not a text."""
    if isinstance(value, bool):
        raise ValueError("write 0 or 1, or put the word in quotes: true and yes are not text in YAML")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


Cell = Annotated[str, BeforeValidator(_as_written_in_a_cell)]


class Given(Frozen):
    """The rows where a task is defined: those whose `column` holds one of `values`."""

    column: str
    values: tuple[Cell, ...] = Field(min_length=1)


class Target(Frozen):
    """What a task predicts: a manifest column, and how it becomes a number.

    Binary: `positive` lists the values that count as 1, or `at_most` / `below` is a cut-off on a numeric
    column. Multiclass and ordinal: `classes` in order. Regression: the column itself.
    """

    column: str
    positive: Annotated[tuple[Cell, ...], Field(min_length=1)] | None = None
    at_most: float | None = None
    below: float | None = None
    classes: Annotated[tuple[Cell, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        if self.classes and len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must differ, found {', '.join(self.classes)}")
        return self


class TaskConfig(Frozen):
    """One question the network answers. Tasks are data, not code."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["binary", "multiclass", "ordinal", "regression"]
    target: Target
    given: Given | None = None
    loss: Literal["default", "bce", "focal", "cross_entropy", "corn", "huber", "mse", "mae"] = "default"
    weight: float = Field(1.0, ge=0.0)
    coupling: Fraction01 = Field(1.0, description="scale of this task's gradient into the shared trunk")
    clinical: tuple[str, ...] = Field((), description="clinical columns given to this head")
    balance: bool = Field(
        False, description="weigh classes inversely to their frequency in the training rows"
    )

    @model_validator(mode="after")
    def _is_no_other_output(self) -> Self:
        if self.name in ("image", "clinical", "features", "atypicality"):
            raise ValueError(f"task {self.name}: the network has another input or output of this name")
        return self

    @model_validator(mode="after")
    def _target_fits_kind(self) -> Self:
        rules = ("positive", "at_most", "below")
        given = {name for name in (*rules, "classes") if getattr(self.target, name) is not None}
        if self.kind == "binary" and (len(given) != 1 or "classes" in given):
            raise ValueError(f"task {self.name}: a binary target needs exactly one of {', '.join(rules)}")
        if self.kind in ("multiclass", "ordinal") and given != {"classes"}:
            raise ValueError(
                f"task {self.name}: a {self.kind} target needs two or more `classes` and no cut-off"
            )
        if self.kind == "regression" and given:
            raise ValueError(f"task {self.name}: a regression target takes a column only")
        if self.kind == "regression" and self.balance:
            raise ValueError(f"task {self.name}: balance is for classes; a regression target has none")
        if self.loss not in _LOSSES[self.kind]:
            raise ValueError(
                f"task {self.name}: loss {self.loss} is not for {self.kind}; valid: {_LOSSES[self.kind]}"
            )
        return self


_LOSSES = {
    "binary": ("default", "bce", "focal"),
    "multiclass": ("default", "cross_entropy"),
    "ordinal": ("default", "corn", "cross_entropy"),
    "regression": ("default", "huber", "mse", "mae"),
}


class CohortConfig(Frozen):
    """Where the rows come from, and which are used. Relative paths are relative to the recipe file."""

    manifest: Path | None = None
    split: Path | None = None
    cache: Path | None = Field(None, description="sample cache; default: a folder beside the manifest")
    where: str | None = Field(None, description="rows that are used, as an SQL condition on the manifest")
    workers: int | None = Field(None, ge=0, description="processes that read films; default: one per core")
    file_seconds: Positive | None = Field(FILE_SECONDS, description="for one film to be read; null: no limit")
    file_memory_gib: Positive | None = Field(FILE_MEMORY_GIB, description="for one film to be read; on Linux")


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
    loggers: tuple[Literal["csv", "tensorboard", "mlflow"], ...] = ("csv", "tensorboard")


class CalibrationConfig(Frozen):
    """Probability calibration, fitted on the validation rows."""

    method: Literal["temperature", "platt", "isotonic", "none"] = "temperature"


def _decimal_text(given: Any) -> str:
    # The shortest decimal of a float is what the recipe says: 0.86, not the binary number beside it.
    if not re.fullmatch(r"0?\.\d*[1-9]\d*|1(\.0*)?", str(given)):
        raise ValueError("expected a decimal above 0 and at most 1, such as 0.86")
    return str(given)


class OperatingPointConfig(Frozen):
    """The floor a task's sensitivity must keep, fitted on the validation rows."""

    task: str = "bone_loss"
    min_sensitivity: Annotated[str, BeforeValidator(_decimal_text)] = Field(
        "0.86", description="above 0 and at most 1; kept as decimal text, so that it is exact"
    )
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    method: Literal["empirical", "exact"] = Field("exact", description="which of the two decides")


class ApplicabilityConfig(Frozen):
    """Which films a network refuses, beyond what their headers say."""

    false_refusal: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.02, description="share of films like the training ones that the picture layer may find atypical"
    )
    picture: Literal["flag", "refuse"] = Field(
        "flag", description="what becomes of a film that looks unlike the training films"
    )
    age_margin: float = Field(
        5.0, ge=0.0, description="years outside the ages of the training rows that are still answered"
    )


class Recipe(Frozen):
    """Everything a training run depends on."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    description: str = ""
    seed: int = Field(0, ge=0, lt=2**32)
    cohort: CohortConfig = CohortConfig()
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    network: NetworkConfig = NetworkConfig()
    tasks: tuple[TaskConfig, ...] = Field(min_length=1)
    trainer: TrainerConfig = TrainerConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    operating_point: OperatingPointConfig | None = None
    applicability: ApplicabilityConfig = ApplicabilityConfig()
    baselines: bool = Field(
        True, description="fit the clinical-only and metadata-only baselines beside the network"
    )

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError(f"task names must differ, found {names}")
        point = self.operating_point
        if point is not None and point.task not in {t.name for t in self.tasks if t.kind == "binary"}:
            raise ValueError(f"operating_point.task: no binary task '{point.task}' among {names}")
        return self

    @property
    def clinical_columns(self) -> tuple[str, ...]:
        """Clinical columns that any task uses, each once, in order of first use."""
        return tuple(dict.fromkeys(column for task in self.tasks for column in task.clinical))


def load_recipe(path: Path | str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe in a YAML file, with dotted `overrides` such as {"trainer.max_epochs": 5} applied.

    Relative paths inside are relative to the file's folder, those in `overrides` to the working folder; all
    of them are absolute in the recipe that comes back, so that it means the same wherever it is written.

    Raises: ConfigError: unreadable file, unknown key (with the nearest valid one), or invalid value.
    """
    path = Path(path)
    content = read_yaml_file(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of keys, found {type(content).__name__}.")
    _resolve_paths(content, path.parent)
    for dotted, value in (overrides or {}).items():
        set_dotted(content, dotted, value)
    _resolve_paths(content, Path.cwd())
    return parse_recipe(content, source=str(path))


def parse_recipe(content: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """The recipe in a mapping.

    Raises: ConfigError: each problem with its key; an unknown key comes with the nearest valid one.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        lines = explain(error, Recipe)
        raise ConfigError(
            f"{source}: {len(lines)} problem(s) in the recipe.\n  " + "\n  ".join(lines)
        ) from error


def override_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """`recipe` with dotted `changes` such as {"trainer.learning_rate": 3e-4} applied.

    Raises: ConfigError: unknown key (with the nearest valid one), or invalid value.
    """
    content = recipe.model_dump(mode="json")
    for dotted, value in changes.items():
        set_dotted(content, dotted, value)
    _resolve_paths(content, Path.cwd())
    return parse_recipe(content, source=f"recipe {recipe.name}")


def parse_override(text: str) -> tuple[str, Any]:
    """Key and value of `trainer.max_epochs=5`; the value is read as YAML.

    Raises: ConfigError: no `=`, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: expected KEY=VALUE, for example trainer.max_epochs=5.")
    return key.strip(), read_yaml(value, where=f"--set {text}")


def dump_recipe(recipe: Recipe) -> str:
    """YAML of every field of `recipe`, defaults included; `load_recipe` reads it back."""
    import yaml

    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


_PATHS = (
    ("cohort", "manifest"),
    ("cohort", "split"),
    ("cohort", "cache"),
    ("network", "backbone", "weights"),
)


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    for keys in _PATHS:
        part: Any = content
        for key in keys[:-1]:
            part = part.get(key) if isinstance(part, dict) else None
        if isinstance(part, dict) and isinstance(part.get(keys[-1]), str):
            part[keys[-1]] = str(folder.absolute() / Path(part[keys[-1]]).expanduser())
