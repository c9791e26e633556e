"""Writes manifest.schema.json and manifest.md from the columns in `strnet.cohort.columns`.

Run it from the repository after a change there: `python data_manifests/write_schema.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from strnet.cohort.columns import COLUMNS, Column
from strnet.files import write_json, write_text

_TYPES = {"text": "string", "number": "number", "integer": "integer"}

_PREFACE = """\
# The cohort manifest

One row per film, CSV (UTF-8, comma) or Parquet. A blank cell is unknown; nothing is guessed. This page and
`manifest.schema.json` (one row as JSON Schema) are written by `write_schema.py`.

| column | unit | values | meaning |
| --- | --- | --- | --- |
"""

_RULES = """
Columns in bold are required, the others may be absent. Further columns need no declaration: one whose cells
are all numbers can be a target or a clinical variable, any other is carried along. A name that comes close to
a column above (`tscore`, `gender`) is an error, never a further column.

A CSV file is refused, with the line, where a row has more or fewer cells than the header, or where it is not
UTF-8. Rows are refused, with file, line and patient, when
- `image_id` or `path` occurs twice, or a required cell is blank;
- a cell is outside its values or range, or holds text where a number stands;
- `diagnosis` contradicts `t_score` (normal T >= -1.0, osteoporosis T <= -2.5, on the unrounded T-score);
- `t_score` or `diagnosis` is given without `reference_standard`;
- one patient has two sexes, or one examination two patients.

A blank `diagnosis` is filled from `t_score`.
"""


def row_schema() -> dict[str, Any]:
    """JSON Schema of one manifest row, blank cells as null."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "strnet cohort manifest, one row",
        "type": "object",
        "required": [column.name for column in COLUMNS if column.required],
        "properties": {column.name: _property(column) for column in COLUMNS},
        "additionalProperties": True,
    }


def readable_schema() -> str:
    """The same as a Markdown page."""
    lines = []
    for column in COLUMNS:
        name = f"**{column.name}**" if column.required else column.name
        lines.append(f"| {name} | {column.unit or ''} | {_values(column)} | {column.meaning} |")
    return _PREFACE + "\n".join(lines) + "\n" + _RULES


def _property(column: Column) -> dict[str, Any]:
    kind = _TYPES[column.kind]
    content: dict[str, Any] = {
        "description": column.meaning,
        "type": kind if column.required else [kind, "null"],
    }
    if column.unit:
        content["x-unit"] = column.unit
    if column.values:
        content["enum"] = [*column.values, None]
    if column.pattern:
        content["pattern"] = f"^{column.pattern}$"
    if column.low is not None:
        content["minimum"], content["maximum"] = column.low, column.high
    if column.required:
        content["minLength"] = 1
    return content


def _values(column: Column) -> str:
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g}"
    return ", ".join(column.values) or (column.pattern_words if column.pattern else "text")


if __name__ == "__main__":
    folder = Path(__file__).parent
    write_json(folder / "manifest.schema.json", row_schema())
    write_text(folder / "manifest.md", readable_schema())
