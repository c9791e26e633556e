"""The operating point as a strict JSON file that notices when it was edited.

The file holds every threshold twice, as a decimal and as `float.hex()`. Fields of a point that are
at their default are left out, so that a field added later changes no file that does not use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from strnet.errors import BundleError, unknown_name
from strnet.files import write_json
from strnet.sealed import Format, read_sealed, seal, unseal
from strnet.stats.estimates import Estimate
from strnet.thresholds.cascade import CascadePoint
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone
from strnet.thresholds.least_cost import CostPoint
from strnet.thresholds.point import OperatingPoint

FORMAT: Final = Format(
    name="strnet operating point",
    version=2,
    noun="an operating point",
    source="Give the file of threshold fit.",
    remake="Fit the operating point again; a threshold changed by hand carries no guarantee.",
)
Point = OperatingPoint | CascadePoint | FloorPoint | GreyZone | CostPoint
KINDS: Final[Mapping[str, type[Point]]] = MappingProxyType(
    {
        "threshold": OperatingPoint,
        "cascade": CascadePoint,
        "floor": FloorPoint,
        "grey zone": GreyZone,
        "least cost": CostPoint,
    }
)
"""What a file may hold, by its `kind`."""
ALWAYS: Final = ("score", "code_version")
"""Fields of an operating point that are written also at their default."""


def write_operating_point(point: Point, path: Path | str) -> None:
    """Write the point to `path`: whole, or the file is what it was before."""
    write_json(path, to_document(point))


def read_operating_point(path: Path | str) -> Point:
    """The point that a file holds.

    Raises: BundleError: not such a file, of another schema version, incomplete, or edited since.
    """
    return _point(read_sealed(path, FORMAT).content, str(path))


def read_threshold(path: Path | str) -> OperatingPoint:
    """The single threshold that a file holds.

    Raises: BundleError: as `read_operating_point`, or the file holds something else.
    """
    point = read_operating_point(path)
    if isinstance(point, CascadePoint):
        raise BundleError(
            f"{path}: holds a cascade of two thresholds, expected one. It can be shown and applied; certify "
            "each of two thresholds fitted by themselves."
        )
    if isinstance(point, CostPoint):
        raise BundleError(
            f"{path}: holds the threshold of least cost, which promises nothing that could be certified. Fit "
            "one under a floor."
        )
    if not isinstance(point, OperatingPoint):
        raise BundleError(
            f"{path}: holds a {_kind_of(point)}, expected a threshold under a sensitivity floor. Give the "
            "file of threshold fit."
        )
    return point


def to_document(point: Point) -> dict[str, Any]:
    """The JSON value of a point, hash included."""
    kind = _kind_of(point)
    written = _adapter(kind).dump_python(point, mode="json")
    return seal({"kind": kind, "point": _lean(written, KINDS[kind])}, FORMAT)


def from_document(content: Any, *, where: str = "operating point") -> Point:
    """The point that a JSON value holds.

    Raises: BundleError: as `read_operating_point`; `where` names the source in the message.
    """
    return _point(unseal(content, FORMAT, where=where).content, where)


def published_schema() -> dict[str, Any]:
    """The JSON Schema of the file (draft 2020-12)."""
    parts, shared = TypeAdapter.json_schemas([(kind, "validation", _adapter(kind)) for kind in KINDS])
    for name in ("value", "low", "high"):
        shared["$defs"][Estimate.__name__]["properties"][name] |= {"type": ["number", "null"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT.name,
        "type": "object",
        "properties": {
            "format": {"const": FORMAT.name},
            "schema_version": {"const": FORMAT.version},
            "kind": {"enum": list(KINDS)},
            "point": {"type": "object"},
            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
        "required": ["format", "schema_version", "kind", "point", "sha256"],
        "additionalProperties": False,
        "oneOf": [
            {"properties": {"kind": {"const": kind}, "point": parts[kind, "validation"]}} for kind in KINDS
        ],
        **shared,
    }


def _kind_of(point: Point) -> str:
    return next(name for name, held in KINDS.items() if isinstance(point, held))


def _point(content: dict[str, Any], where: str) -> Point:
    if sorted(content) != ["kind", "point"]:
        raise BundleError(f"{where}: found {sorted(content)}, expected kind and point. {FORMAT.remake}")
    if content["kind"] not in KINDS:
        raise BundleError(f"{where}: {unknown_name('kind', str(content['kind']), KINDS)} {FORMAT.remake}")
    try:
        return _adapter(content["kind"]).validate_python(content["point"])
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in ("point", *first["loc"]))
        raise BundleError(f"{where}: {place}: {first['msg']}. {FORMAT.remake}") from error


@cache
def _adapter(kind: str) -> TypeAdapter[Point]:
    return TypeAdapter(KINDS[kind])


def _defaults(held: type[Point]) -> Mapping[str, Any]:
    """The fields of such a point that a file may leave out, with the JSON value that they then have."""
    return {
        field.name: [] if field.default == () else field.default
        for field in fields(held)
        if field.default is not MISSING and field.name not in ALWAYS
    }


def _lean(written: Any, held: type[Point] = OperatingPoint) -> Any:
    """JSON values of a point `held` in a file, without its fields, and those of points in it, at default."""
    if not isinstance(written, dict):
        return written
    may_miss = _defaults(held) if "operator" in written else {}
    told = {name: value for name, value in written.items() if name not in may_miss or value != may_miss[name]}
    return {name: _lean(value) for name, value in told.items()}
