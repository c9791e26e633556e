"""The record, beside a split, of what its external rows have judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from strnet.data.records import append_lines, complete_lines, drop_torn_tail
from strnet.errors import OutputError
from strnet.files import writing_to
from strnet.inference import AnyBundle
from strnet.thresholds.point_file import to_document

EXTERNAL: Final = "external"
_WEIGHTS, _POINTS = "weights_sha256", "operating_points"


def record_path(split: Path) -> Path:
    """Where the scorings of the external rows of a split are recorded, a line each."""
    return split.with_name(f"{split.stem}.external.jsonl")


def external_remarks(run: Path, split: Path | None, bundle: AnyBundle) -> tuple[str, ...]:
    """What a reader of external figures must know; the scoring is recorded beside the split.

    An external site is scored once, with a frozen operating point: an earlier scoring of the same rows with
    another network or another point is told. The same one again is neither told nor recorded twice.
    """
    now = {
        "run": run.resolve().name,
        "scored": datetime.now(UTC).isoformat(timespec="seconds"),
        _WEIGHTS: bundle.scores_sha256,
        _POINTS: {p.method: to_document(p)["sha256"] for p in bundle.operating_points},
    }
    if split is None or not split.exists():
        return ("This scoring of external rows was not recorded: the split is not where it was.",)
    record = record_path(split)
    earlier = [json.loads(line) for line in complete_lines(record)]
    remarks = [_told(before, now, record) for before in earlier if not _same(before, now)]
    if not any(_same(before, now) for before in earlier):
        try:
            with writing_to(record):
                drop_torn_tail(record)
                append_lines(record, [json.dumps(now) + "\n"])
        except OutputError as error:
            remarks.append(f"This scoring of external rows was not recorded: {error}")
    return tuple(remarks)


def _same(before: dict[str, Any], now: dict[str, Any]) -> bool:
    return all(before.get(key) == now[key] for key in (_WEIGHTS, _POINTS))


def _told(before: dict[str, Any], now: dict[str, Any], record: Path) -> str:
    other = "another operating point" if before.get(_WEIGHTS) == now[_WEIGHTS] else "another network"
    return (
        f"The external rows of this split were scored with {other} before (run {before.get('run')}, "
        f"{before.get('scored')}; {record.name}). Where figures on them chose between the two, that of the "
        "better one is no external validation."
    )
