"""The recipe: everything a training run depends on. Unknown keys are errors."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from strnet.config.answering import ApplicabilityConfig, CalibrationConfig, OperatingPointConfig
from strnet.config.architecture import NetworkConfig
from strnet.config.frozen import Frozen, Positive
from strnet.config.preprocessing import Augmentation, Preprocessing
from strnet.config.region_use import RegionConfig
from strnet.config.tasks import TaskConfig
from strnet.config.trainer import TrainerConfig
from strnet.schema import t_score_column
from strnet.workers import FILE_MEMORY_GIB, FILE_SECONDS


class CohortConfig(Frozen):
    """Where the rows come from, and which are used. Relative paths are relative to the recipe file."""

    manifest: Path | None = None
    split: Path | None = None
    cache: Path | None = Field(None, description="sample cache; default: a folder beside the manifest")
    where: str | None = Field(None, description="rows that are used, as an SQL condition on the manifest")
    workers: int | None = Field(None, ge=0, description="processes that read films; default: one per core")
    file_seconds: Positive | None = Field(FILE_SECONDS, description="for one film to be read; null: no limit")
    file_memory_gib: Positive | None = Field(FILE_MEMORY_GIB, description="for one film to be read; on Linux")


class Recipe(Frozen):
    """Everything a training run depends on."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    description: str = ""
    seed: int = Field(0, ge=0, lt=2**32)
    cohort: CohortConfig = CohortConfig()
    region: RegionConfig = RegionConfig()
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

    @model_validator(mode="after")
    def _estimates_a_site_once(self) -> Self:
        sites = [task.young_adults.site for task in self.tasks if task.young_adults is not None]
        doubled = [site for site, count in Counter(sites).items() if count > 1]
        if doubled:
            raise ValueError(
                f"tasks: {doubled[0]} has several tasks with young_adults, and nobody knows whose T-score "
                f"{t_score_column(doubled[0])} is; leave it out of all but one"
            )
        return self

    @model_validator(mode="after")
    def _balances_classes_once(self) -> Self:
        name = self.trainer.balanced_task
        if name is None:
            return self
        classes = {task.name: task for task in self.tasks if task.kind != "regression"}
        if name not in classes:
            raise ValueError(f"trainer.balanced_task: no task '{name}' with classes among {list(classes)}")
        if classes[name].balance:
            raise ValueError(
                f"trainer.balanced_task: task {name} also has balance: its classes would be evened twice"
            )
        return self

    @model_validator(mode="after")
    def _segmentation_stands_alone(self) -> Self:
        if not self.segments:
            return self
        wrong = {
            "tasks: a segmentation is the only task of its recipe; make one recipe for it and one for the "
            "others, whose region.source is its segmenter": len(self.tasks) > 1,
            "operating_point: a segmentation decides nothing; leave it out": self.operating_point is not None,
            "baselines: nothing finds a region without the film; set baselines: false": self.baselines,
            "region: a segmenter looks at whole films; set region.source: none": self.region.used,
            "preprocessing.crop_to_field: masks lie on whole films; set it to false": (
                self.preprocessing.crop_to_field
            ),
        }
        found = [told for told, is_wrong in wrong.items() if is_wrong]
        if found:
            raise ValueError("; ".join(found))
        return self

    @property
    def segments(self) -> bool:
        """Whether this is the recipe of a segmenter."""
        return any(task.kind == "segmentation" for task in self.tasks)

    @property
    def clinical_columns(self) -> tuple[str, ...]:
        """Clinical columns that any task uses, each once, in order of first use."""
        return tuple(dict.fromkeys(column for task in self.tasks for column in task.clinical))
