"""The operating point as a strict JSON file that notices when it was edited.

The file holds every threshold twice, as a decimal and as `float.hex()`. Fields that the published schema does
not require are left out at their default, so that a field added later changes no file that does not use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from strnet.errors import BundleError
from strnet.files import read_json, write_json
from strnet.sealed import Format, read_sealed, seal, unseal
from strnet.stats.estimates import Estimate
from strnet.thresholds.cascade import CascadePoint
from strnet.thresholds.point import GroupRow, OperatingPoint, Ties
from strnet.thresholds.score_identity import ScoreIdentity

FORMAT: Final = Format(
    name="strnet operating point",
    version=2,
    noun="an operating point",
    source="Give the file of threshold fit.",
    remake="Fit the operating point again; a threshold changed by hand carries no guarantee.",
)
SCHEMA_FILE: Final = Path(__file__).with_name("operating_point.schema.json")

THRESHOLDS: Final = ("threshold", "own_threshold")
DEFINITIONS: Final[Mapping[type, str]] = MappingProxyType(
    {
        CascadePoint: "cascade",
        OperatingPoint: "point",
        ScoreIdentity: "score",
        GroupRow: "group",
        Estimate: "estimate",
        Ties: "ties",
    }
)
"""Where the published schema describes each part of a file."""
ESTIMATES: Final = ("expected_sensitivity", "observed_sensitivity", "sensitivity", "specificity")


def write_operating_point(point: OperatingPoint | CascadePoint, path: Path | str) -> None:
    """Write the point to `path`: whole, or the file is what it was before."""
    write_json(path, to_document(point))


def read_operating_point(path: Path | str) -> OperatingPoint | CascadePoint:
    """The point that a file holds.

    Raises: BundleError: not such a file, of another schema version, incomplete, or edited since.
    """
    return _point(read_sealed(path, FORMAT).content, str(path))


def read_threshold(path: Path | str) -> OperatingPoint:
    """The single threshold that a file holds.

    Raises: BundleError: as `read_operating_point`, or the file holds a cascade.
    """
    point = read_operating_point(path)
    if isinstance(point, CascadePoint):
        raise BundleError(
            f"{path}: holds a cascade of two thresholds, expected one. It can be shown and applied; certify "
            "each of two thresholds fitted by themselves."
        )
    return point


def to_document(point: OperatingPoint | CascadePoint) -> dict[str, Any]:
    """The JSON value of a point, hash included."""
    kind = "cascade" if isinstance(point, CascadePoint) else "threshold"
    return seal({"kind": kind, "point": _plain(point)}, FORMAT)


def from_document(content: Any, *, where: str = "operating point") -> OperatingPoint | CascadePoint:
    """The point that a JSON value holds.

    Raises: BundleError: as `read_operating_point`; `where` names the source in the message.
    """
    return _point(unseal(content, FORMAT, where=where).content, where)


@cache
def published_schema() -> dict[str, Any]:
    """The JSON Schema of the file (draft 2020-12)."""
    schema: dict[str, Any] = read_json(SCHEMA_FILE)
    return schema


def _point(content: dict[str, Any], where: str) -> OperatingPoint | CascadePoint:
    _require_schema(seal(content, FORMAT), where)
    point = content["point"]
    return _cascade(point, where) if content["kind"] == "cascade" else _single(point, where)


def _require_schema(content: dict[str, Any], where: str) -> None:
    from jsonschema import Draft202012Validator

    error = next(iter(Draft202012Validator(published_schema()).iter_errors(content)), None)
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "top level"
        raise BundleError(f"{where}: {place}: {error.message}. Fit the operating point again.")


def _plain(value: Any, name: str = "") -> Any:
    """JSON values of a point, without the fields at their default that the schema does not require."""
    if name in THRESHOLDS and value is not None:
        return {"decimal": value, "hex": float(value).hex()}
    if type(value) in DEFINITIONS:
        required = published_schema()["$defs"][DEFINITIONS[type(value)]]["required"]
        told = [(field, getattr(value, field.name)) for field in fields(value)]
        return {
            field.name: _plain(item, field.name)
            for field, item in told
            if field.name in required or item != field.default
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cascade(content: dict[str, Any], where: str) -> CascadePoint:
    parts = {name: _single(content[name], where) for name in ("bone_loss", "osteoporosis")}
    return CascadePoint(**{**content, **parts})


def _single(content: dict[str, Any], where: str) -> OperatingPoint:
    groups = content.get("groups", ())
    return OperatingPoint(
        **{
            **content,
            **_numbers(content, where),
            "ties": Ties(**content["ties"]),
            "score": ScoreIdentity(**content["score"]),
            "groups": tuple(GroupRow(**{**row, **_numbers(row, where)}) for row in groups),
            "notes": tuple(content.get("notes", ())),
        }
    )


def _numbers(content: dict[str, Any], where: str) -> dict[str, Any]:
    thresholds = {name: _threshold(content[name], where) for name in THRESHOLDS if name in content}
    return thresholds | {name: _estimate(content[name]) for name in ESTIMATES if name in content}


def _threshold(content: dict[str, Any] | None, where: str) -> float | None:
    if content is None:
        return None
    value = float.fromhex(content["hex"])
    if value != content["decimal"]:
        raise BundleError(
            f"{where}: threshold {content['decimal']!r} is not {content['hex']}. "
            "Fit the operating point again."
        )
    return value


def _estimate(content: dict[str, Any] | None) -> Estimate | None:
    if content is None:
        return None
    return Estimate(**{**content, **{key: _nan(content[key]) for key in ("value", "low", "high")}})


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
