"""The rule file of a selection: which images of a cohort a study uses, and in words why not the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from strnet.config import Frozen
from strnet.errors import ConfigError
from strnet.files import sha256_bytes
from strnet.schema import EXAM_ID, PATIENT_ID
from strnet.yaml_text import explain, read_yaml

DAYS = "days_to_reference"
Unknown = Literal["keep", "exclude"]


class Limit(Frozen):
    """The numbers of a column that are kept; several bounds hold together."""

    column: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    within: float | None = Field(None, ge=0, description="Largest distance from 0, either way.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if all(getattr(self, name) is None for name in BOUNDS):
            raise ValueError(f"no bound. Give one or more of {', '.join(BOUNDS)}")
        return self


BOUNDS = ("at_least", "above", "at_most", "below", "within")


class OnePer(Frozen):
    """One image of those that agree in `columns`: the `first` or the `nearest` to 0 by a column's values."""

    columns: tuple[str, ...] = Field(description="Such as [patient_id, view].")
    choose: Literal["first", "nearest"]
    by: str = Field(
        "", description=f"Column that decides; of `nearest` {DAYS}, unless said. Equal ones: by image_id."
    )

    @model_validator(mode="after")
    def _of_somebody(self) -> Self:
        if not {PATIENT_ID, EXAM_ID} & set(self.columns):
            raise ValueError(f"columns: one image of the whole cohort. Name {PATIENT_ID} or {EXAM_ID} too")
        if self.choose == "first" and not self.by:
            raise ValueError("by: which comes first? Name a column, such as study_date")
        return self

    @property
    def decided_by(self) -> str:
        """The column that decides."""
        return self.by or DAYS


class SelectionRule(Frozen):
    """One reason to leave images out, as a condition, a limit, or one image of several."""

    name: str = Field(min_length=1, description="What stands in tables, such as dxa_within_a_year.")
    reason: str = Field(min_length=1, description="Why an image is left out, in words.")
    unknown: Unknown = Field(description="What becomes of images with an empty cell in the rule's columns.")
    keep: str | None = Field(None, description="SQL condition on the manifest of the images that stay.")
    exclude: str | None = Field(None, description="SQL condition of those that go.")
    limit: Limit | None = None
    one_per: OnePer | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in ("keep", "exclude", "limit", "one_per") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"found {found}, expected one of keep, exclude, limit, one_per")
        return self


class _RuleFile(Frozen):
    rules: tuple[SelectionRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _different_names(self) -> Self:
        doubled = [name for name, count in Counter(rule.name for rule in self.rules).items() if count > 1]
        if doubled:
            raise ValueError(f"two rules are called {doubled[0]}. Give each its own name")
        return self


@dataclass(frozen=True, slots=True)
class SelectionRules:
    """Rules in the order in which they are applied, and the file they stand in."""

    rules: tuple[SelectionRule, ...]
    file: str
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """JSON values of the rules: what is not given is left out."""
        rules = [rule.model_dump(mode="json", exclude_none=True) for rule in self.rules]
        return {"file": self.file, "sha256": self.sha256, "rules": rules}


def read_rules(path: Path) -> SelectionRules:
    """The rules in a YAML file.

    Raises: ConfigError: it cannot be read, or each problem with its key.
    """
    try:
        content = path.read_bytes()
        found = read_yaml(content.decode(), where=str(path))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a rule file."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8 ({error.reason}, byte {error.start}).") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected the key rules with a list of rules below it.")
    try:
        rules = _RuleFile.model_validate(found).rules
    except ValidationError as error:
        lines = "\n  ".join(explain(error, _RuleFile))
        raise ConfigError(f"{path}: the rules cannot be used.\n  {lines}") from error
    return SelectionRules(rules, path.name, sha256_bytes(content))
