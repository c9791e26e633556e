"""How the numbers of an operating point stand in its file: exactly, and undefined as null."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    WrapSerializer,
)

from strnet.stats.estimates import Estimate

STRICT: Final = ConfigDict(extra="forbid")
"""What pydantic reads of every part of a file: unknown keys are errors."""
HEX = r"^-?0x[01]\.?[0-9a-f]*p[+-][0-9]+$"


def _exactly(value: float) -> dict[str, Any]:
    return {"decimal": value, "hex": float(value).hex()}


def _from_both(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    if sorted(found) != ["decimal", "hex"]:
        raise ValueError(f"found {sorted(found)}, expected decimal and hex")
    value = float.fromhex(found["hex"])
    if value != found["decimal"]:
        raise ValueError(f"threshold {found['decimal']!r} is not {found['hex']}")
    return value


def _null_where_undefined(estimate: Estimate, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
    written: dict[str, Any] = handler(estimate)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in written.items()
    }


def _undefined_where_null(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    limits = {name: math.nan for name in ("value", "low", "high") if found.get(name, 0) is None}
    return found | limits


Threshold = Annotated[
    float,
    BeforeValidator(_from_both),
    PlainSerializer(_exactly),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "decimal": {"type": "number"},
                "hex": {"type": "string", "pattern": HEX, "description": "float.hex() of the same number"},
            },
            "required": ["decimal", "hex"],
            "additionalProperties": False,
        }
    ),
]
"""A threshold, in the file both as a decimal and as `float.hex()`."""

StatedEstimate = Annotated[
    Estimate, BeforeValidator(_undefined_where_null), WrapSerializer(_null_where_undefined)
]
"""An estimate; what is undefined (NaN) is null in the file."""
