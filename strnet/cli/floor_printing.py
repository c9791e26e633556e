"""How `strnet threshold` shows other floors, grey zones, costs and the best of several networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strnet.cli.console import print_pairs, print_table, print_text
from strnet.cli.threshold_printing import print_left_out, print_point

NAMES = {"sensitivity": "sensitivity", "specificity": "specificity", "ppv": "PPV", "npv": "NPV"}
PROMISES = {
    "if_answered": "P(the floor is kept, given that there is an answer) is at least the confidence",
    "wrong_or_silent": "P(there is an answer, and it breaks the floor) is at most 1 - confidence",
}


def print_any(point: Any, title: str) -> None:
    """Print any operating point that a file can hold."""
    for field, printed in PRINTED.items():
        if hasattr(point, field):
            printed(point, title)
            return
    print_point(point, title)
    _print_candidates(point)


def print_floor(point: Any, title: str) -> None:
    """Print the point under a floor of the specificity, PPV or NPV."""
    name = NAMES[point.floor_of]
    at = "" if point.prevalence is None else f" at prevalence {point.prevalence}"
    print_pairs(
        title,
        {
            "status": point.status,
            "positive if score": f"{point.operator} {point.threshold!r}",
            "score": str(point.score),
            "floor": f"{name} at least {point.floor}{at}",
            **_promise(point),
            "proven": _proven(point, name),
            "chosen from": _chosen_from(point),
            "sensitivity": point.sensitivity,
            "specificity": point.specificity,
            "expected specificity": point.expected_specificity,
            "PPV": point.ppv,
            "NPV": point.npv,
            **_origin(point),
        },
    )
    _print_notes(point)


def print_grey(point: Any, title: str) -> None:
    """Print the two thresholds, what each promises, and how many cases are left between."""
    name = NAMES[point.rule_in_of]
    at = "" if point.prevalence is None else f" at prevalence {point.prevalence}"
    below = "below" if point.operator == ">=" else "above"
    print_pairs(
        title,
        {
            "status": point.status,
            "ruled out": f"{below} {point.rule_out!r}: sensitivity at least {point.min_sensitivity}",
            "ruled in": f"{point.operator} {point.rule_in!r}: {name} at least {point.rule_in_floor}{at}",
            "grey zone": "none" if point.collapsed else "between them",
            "score": str(point.score),
            **_promise(point),
            **_origin(point),
        },
    )
    classes = {
        f"of {point.positives} positives": point.of_positives,
        f"of {point.negatives} negatives": point.of_negatives,
        "of all rows": point.of_rows,
    }
    rows = [[name, str(it.ruled_out), str(it.grey), str(it.ruled_in)] for name, it in classes.items()]
    print_table("These rows, which set both thresholds", ["", "ruled out", "grey zone", "ruled in"], rows)
    _print_notes(point)


def print_cost(point: Any, title: str) -> None:
    """Print the threshold of least cost, and that it promises nothing."""
    print_pairs(
        title,
        {
            "status": point.status,
            "positive if score": f"{point.operator} {point.threshold!r}",
            "score": str(point.score),
            "cost of a case": f"{point.cost:.4g} false alarms: one miss is {point.miss_cost:g}, "
            f"prevalence {point.prevalence}",
            "all positive": f"{point.cost_all_positive:.4g}",
            "none positive": f"{point.cost_none_positive:.4g}",
            "sensitivity": point.sensitivity,
            "specificity": point.specificity,
            **_origin(point),
        },
    )
    _print_notes(point)


def print_best(point: Any, title: str) -> None:
    """Print the best of several networks, and what each of them would have got."""
    print_point(point, title)
    _print_candidates(point)


def print_floor_certificates(found: Mapping[str, Any], point: Path) -> None:
    """Print the verdict on each floor."""
    rows = [
        [
            f"{NAMES[rate]} at least {one.floor}"
            + ("" if one.prevalence is None else f" at prevalence {one.prevalence}"),
            one.verdict,
            f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})",
            f"{one.found}/{one.positives}",
            f"{one.rejected}/{one.negatives}",
            "" if one.verdict != "insufficient" else _more(one.times_the_rows),
        ]
        for rate, one in found.items()
    ]
    first = next(iter(found.values()))
    if first.taken_for is not None:
        print_text(f"{first.score} is taken for {first.taken_for}, as --same-score says.")
    columns = ["floor", "verdict", "seen (one-sided limits)", "positives found", "negatives rejected", "more"]
    together = "Both share the error: together they are wrong with probability 1 - confidence at most."
    title = f"{point} at this site, confidence {first.confidence:g}"
    print_table(title, columns, rows, together if len(found) > 1 else "")
    print_text("The test of fixed size: for one look, at a number of rows planned beforehand.")
    print_left_out(first.rows_without_target)


def _print_candidates(point: Any) -> None:
    if not point.candidates:
        return
    rows = [
        [
            f"{one.name} (chosen)" if one.chosen else one.name,
            "none" if one.threshold is None else repr(one.threshold),
            str(one.specificity or one.note),
        ]
        for one in point.candidates
    ]
    caption = f"The promise and every interval hold for all {len(rows)} together, and so for the one chosen."
    print_table("Networks compared", ["network", "threshold", "specificity"], rows, caption)


def _promise(point: Any) -> dict[str, object]:
    return {
        "confidence": f"{point.confidence:g}",
        "promise": "none" if point.promise is None else f"{point.promise}: {PROMISES[point.promise]}",
        "silent": None if not point.chance_of_silence else f"{point.chance_of_silence:.4f} likely",
        "speaks of": point.speaks_of,
    }


def _proven(point: Any, name: str) -> str:
    if point.lower_bound is None:
        return f"the floor holds with probability {point.confidence_reached:.4f}"
    return f"{name} above {point.lower_bound:.4f}"


def _chosen_from(point: Any) -> str:
    if point.cutoffs_tried is None:
        return f"{point.units} negative {point.speaks_of}, {point.false_alarms_allowed} false alarms allowed"
    classes = f"{point.positives} positives, {point.negatives} negatives"
    return f"{point.cutoffs_tried} cut-offs fixed beforehand, {classes}"


def _origin(point: Any) -> dict[str, object]:
    left_out = point.rows_without_target
    return {
        "without target": f"{left_out} rows, left out" if left_out else None,
        "rows": point.rows_sha256,
        "code": point.code_version,
    }


def _print_notes(point: Any) -> None:
    for note in point.notes:
        print_text(f"  Note: {note}")


def _more(times: float | None) -> str:
    return "never at this rate" if times is None else f"about {times:.2g} times the rows at this rate"


PRINTED = {"floor_of": print_floor, "rule_in": print_grey, "miss_cost": print_cost}
"""By a field that only they have: points other than those under a sensitivity floor."""
