"""Tasks: the questions a network answers, as data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from strnet.config.frozen import Cell, Fraction01, Frozen
from strnet.config.young_adults import YoungAdults, young_adults_of
from strnet.errors import ConfigError
from strnet.schema import DXA_SITES, T_SCORE, bmd_column, t_score_column

BMD_UNIT = "g/cm2"
"""Of an areal BMD."""

Loss = Literal["default", "bce", "focal", "cross_entropy", "corn", "huber", "mse", "mae", "dice"]


class Given(Frozen):
    """The rows where a task is defined: those whose `column` holds one of `values`."""

    column: str
    values: tuple[Cell, ...] = Field(min_length=1)


class Target(Frozen):
    """What a task predicts: a manifest column, and how it becomes a number.

    Binary: `positive` lists the values that count as 1, or `at_most` / `below` is a cut-off on a numeric
    column. Multiclass and ordinal: `classes` in order. Regression: the column itself. Segmentation: the
    column `mask`, with boxes drawn where a film has none, or `box` for boxes alone; `classes` name the labels
    1, 2, ...
    """

    column: str
    positive: Annotated[tuple[Cell, ...], Field(min_length=1)] | None = None
    at_most: float | None = None
    below: float | None = None
    classes: Annotated[tuple[Cell, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        if self.classes and len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must differ, found {', '.join(self.classes)}")
        return self


class TaskConfig(Frozen):
    """One question the network answers. Tasks are data, not code."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["binary", "multiclass", "ordinal", "regression", "segmentation"]
    target: Target
    given: Given | None = None
    loss: Loss = "default"
    weight: float = Field(1.0, ge=0.0)
    coupling: Fraction01 = Field(1.0, description="scale of this task's gradient into the shared trunk")
    clinical: tuple[str, ...] = Field((), description="clinical columns given to this head")
    balance: bool = Field(
        False, description="weigh classes inversely to their frequency in the training rows"
    )
    unit: str | None = Field(None, description="of a regression target, such as g/cm2; printed with it")
    young_adults: YoungAdults | None = Field(
        None,
        description="whose BMD makes the predicted one a T-score: a reference table's name, or site, mean, "
        "sd and source",
    )

    @model_validator(mode="before")
    @classmethod
    def _named_young_adults(cls, given: Any) -> Any:
        """Numbers in place of a table's name, so that a bundle needs no table."""
        if not isinstance(given, dict) or not isinstance(given.get("young_adults"), str):
            return given
        target = given.get("target")
        column = target.get("column") if isinstance(target, dict) else getattr(target, "column", None)
        site = next((site for site in DXA_SITES if bmd_column(site) == column), None)
        if site is None:
            names = ", ".join(map(bmd_column, DXA_SITES))
            raise ValueError(
                f"young_adults: a table is looked up by the target's column, one of {names}; found {column}"
            )
        try:
            return {**given, "young_adults": young_adults_of(given["young_adults"], site)}
        except ConfigError as error:
            raise ValueError(f"young_adults: {error}") from error

    @model_validator(mode="after")
    def _unit_fits_kind(self) -> Self:
        if self.kind != "regression" and (self.unit or self.young_adults):
            raise ValueError(f"task {self.name}: unit and young_adults are for regression, not {self.kind}")
        if self.young_adults is not None and self.unit != BMD_UNIT:
            raise ValueError(
                f"task {self.name}: young_adults turn a BMD in {BMD_UNIT} into a T-score; unit is {self.unit}"
            )
        return self

    @model_validator(mode="after")
    def _young_adults_are_of_its_site(self) -> Self:
        if self.young_adults is None:
            return self
        wanted = bmd_column(self.young_adults.site)
        others = {T_SCORE, *map(bmd_column, DXA_SITES), *map(t_score_column, DXA_SITES)} - {wanted}
        if self.target.column in others:
            raise ValueError(
                f"task {self.name}: young adults of the {self.young_adults.site} are for {wanted}, and "
                f"target.column is {self.target.column}"
            )
        return self

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
        several = len(self.target.classes or ()) > 1
        if self.kind in ("multiclass", "ordinal") and not (given == {"classes"} and several):
            raise ValueError(
                f"task {self.name}: a {self.kind} target needs two or more `classes` and no cut-off"
            )
        if self.kind == "segmentation" and not (given == {"classes"} and self.target.column in MASK_COLUMNS):
            raise ValueError(
                f"task {self.name}: a segmentation target is the column {' or '.join(MASK_COLUMNS)}, with "
                "`classes` that name the labels 1, 2, ..."
            )
        if self.kind == "segmentation" and (self.given or self.clinical or self.balance):
            raise ValueError(f"task {self.name}: given, clinical and balance are not for a segmentation")
        if self.kind == "regression" and given:
            raise ValueError(f"task {self.name}: a regression target takes a column only")
        if self.kind == "regression" and self.balance:
            raise ValueError(f"task {self.name}: balance is for classes; a regression target has none")
        if self.loss not in _LOSSES[self.kind]:
            raise ValueError(
                f"task {self.name}: loss {self.loss} is not for {self.kind}; valid: {_LOSSES[self.kind]}"
            )
        return self


MASK_COLUMNS = ("mask", "box")
"""Columns that a segmentation learns from."""
_LOSSES = {
    "binary": ("default", "bce", "focal"),
    "multiclass": ("default", "cross_entropy"),
    "ordinal": ("default", "corn", "cross_entropy"),
    "regression": ("default", "huber", "mse", "mae"),
    "segmentation": ("default", "dice"),
}
