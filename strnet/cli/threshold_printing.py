"""How `strnet threshold` shows operating points and verdicts to people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from strnet.cli.console import print_pairs, print_table, print_text

UPDATE_PROMISE = (
    "The confidence is that of the update as a whole, whatever it decides: among thresholds that were kept "
    "it can be less. It holds for one update, with a number of positives planned before."
)


def print_comparison(found: Any, title: str, method: str) -> None:
    """Print the empirical and the chosen threshold side by side, with what the promise costs."""
    print_table(title, ["", "empirical", method], [list(row) for row in found.table()])
    print_groups(found.chosen)
    print_left_out(found.chosen.rows_without_target)
    cost = found.specificity_cost
    print_text(
        f"The empirical threshold keeps the floor with probability {found.chance_empirical_holds:.2f}."
        + ("" if cost is None else f" The promise costs {cost:.3f} of specificity.")
    )
    for note in found.chosen.notes:
        print_text(f"Note: {note}")


def told(point: Any) -> dict[str, Any]:
    """JSON values of an operating point, or of both of a cascade, without the hashes that its file holds."""
    fields = asdict(point)
    for step in (fields, *(fields.get(name, {}) for name in ("bone_loss", "osteoporosis"))):
        for known in ("known_rows", "known_films"):
            if step.get(known) is not None:
                step[known] = {"total": step[known]["total"]}
    return fields


def print_point(point: Any, title: str) -> None:
    """Print the operating point, or both of a cascade."""
    steps = (
        {"bone loss": point.bone_loss, "osteoporosis": point.osteoporosis}
        if hasattr(point, "bone_loss")
        else {}
    )
    if steps:
        joint = f"{point.confidence} asked, {point.confidence_reached:.4f} reached, for both floors together"
        print_pairs(title, {"status": point.status, "confidence": joint})
    for name, step in (steps or {"": point}).items():
        heading = f"{title}: {name}" if name else title
        allowed = "" if step.misses_allowed is None else f", {step.misses_allowed} allowed"
        left_out = f"{step.rows_without_target} rows, left out" if step.rows_without_target else None
        pairs = {
            "status": step.status,
            "promise": step.promised,
            "whose sensitivity": step.speaks_of,
            "seed": step.seed,
            "positive if score": f"{step.operator} {step.threshold}"
            if step.threshold is not None
            else "one per group",
            "score": str(step.score),
            "method": step.method,
            "floor": step.min_sensitivity,
            "confidence": f"{step.confidence} asked, {step.confidence_reached:.4f} reached",
            "positives": f"{step.positives}, {step.misses_made} missed{allowed}",
            "negatives": step.negatives,
            "without target": left_out,
            "sensitivity": f"{step.observed_sensitivity} on these rows; expected {step.expected_sensitivity}",
            "specificity": step.specificity,
            "rows": step.rows_sha256,
            "known again": None if step.known_rows is None else str(step.known_rows),
            "code": step.code_version,
        }
        print_pairs(heading, pairs)
        print_groups(step)
        if step.update is not None:
            print_update(step.update)
        for note in step.notes:
            print_text(f"  Note: {note}")


def print_update(update: Any) -> None:
    """Print what was decided of a frozen threshold, and why."""
    pairs = {
        "decision": update.decision,
        "reason": update.reason,
        "threshold before": repr(update.parent_threshold),
        "its misses here": update.parent_misses,
        "its specificity here": update.parent_specificity,
        "more positives": update.more_positives,
        "operating point before": update.parent_sha256,
        "number of the update": update.number,
    }
    print_pairs("Update", pairs)
    if update.local_threshold is not None:
        print_text(f"  {UPDATE_PROMISE}")


def print_groups(point: Any) -> None:
    """Print the groups of an operating point, if it has any."""
    if not point.groups:
        return
    common = point.group_policy == "common"
    threshold = "alone it would be" if common else "threshold"
    columns = ["group", "certified", threshold, "positives", "missed", "sensitivity", "specificity", "note"]
    rows = [
        [
            f"{row.column} {row.name}" if row.column else row.name,
            "yes" if row.certified else "no",
            _group_threshold(row, common=common),
            str(row.positives),
            str(row.misses_made),
            str(row.sensitivity or "undefined"),
            str(row.specificity or "undefined"),
            _group_note(row),
        ]
        for row in point.groups
    ]
    everyone = common and not any(row.sets_threshold for row in point.groups)
    print_table("Groups", columns, rows, "All groups together set the threshold." if everyone else "")


def _group_threshold(row: Any, *, common: bool) -> str:
    if common:
        return "none" if row.own_threshold is None else f"{row.own_threshold:.6g}"
    return "none" if row.threshold is None else repr(row.threshold)


def _group_note(row: Any) -> str:
    if row.sets_threshold:
        return "sets the threshold"
    return "" if row.certified else f"takes {row.positives_needed} positives"


def print_left_out(rows: int) -> None:
    """Print the number of rows without a target, if there are any."""
    if rows:
        print_text(f"{rows} rows without a target were left out.")
