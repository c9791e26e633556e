"""What the fields of a recipe are made of: the frozen model, and the numbers and cells it takes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Fraction01 = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Percentile = Annotated[float, Field(ge=0.0, le=100.0)]


class Frozen(BaseModel):
    """A configuration object: immutable, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _as_written_in_a_cell(value: object) -> object:
    """The text of a whole or other number as a table has it; `positive: [1]` means the cell 1, not a text."""
    if isinstance(value, bool):
        raise ValueError("write 0 or 1, or put the word in quotes: true and yes are not text in YAML")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


Cell = Annotated[str, BeforeValidator(_as_written_in_a_cell)]
