"""The tables of the experiment's README, from evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strnet.report import Evaluation, named_figures, summary_tables
from strnet.report.measures import Measure
from strnet.stats import proportion

TASK = "osteoporosis"
_HEAD = ("Network", "AUROC", "Sensitivity", "Wald's", "Specificity", "Wald's")


def view_table(evaluations: Mapping[str, Evaluation], paper: Mapping[str, Any]) -> str:
    """A row per network, the paper's network and the ideal observer among them, in Markdown."""
    rows = [_row(name, named_figures(one), f"{TASK}.empirical") for name, one in evaluations.items()]
    first = named_figures(next(iter(evaluations.values())))
    rows.append(("ideal observer", _area(first[f"{TASK}.observer.auroc"]), "", "", "", ""))
    rows.append(("clinical variables only", _area(first[f"{TASK}.clinical.auroc"]), "", "", "", ""))
    rows.append(tuple(paper["row"]))
    return _markdown(_HEAD, rows)


def member_section(evaluation: Evaluation) -> str:
    """Every table of the ensemble's evaluation."""
    return "\n\n".join(table.markdown() for table in summary_tables(evaluation))


def comparison_section(compared: Any) -> str:
    """The tables of a comparison, and how they are to be read."""
    parts = [table.markdown() for table in compared.tables]
    return "\n\n".join([*parts, *(f"- {note}" for note in compared.notes)])


def shortcut_table(made: Mapping[str, Any]) -> str:
    """What can be guessed of the phantom without looking at bone, beside its ideal observers."""
    rows = []
    for name in ("ideal_observer", "clinical_only", "grey_levels_only"):
        for task, found in _by_task(made[name]).items():
            value = "" if found["auroc"] is None else f"{found['auroc']:.3f}"
            rows.append(
                (name.replace("_", " "), task, value, str(found["positives"]), str(found["negatives"]))
            )
    return _markdown(("Scores of", "What", "AUROC", "Positive", "Negative"), rows)


def _by_task(found: Mapping[str, Any], prefix: str = "") -> dict[str, Mapping[str, Any]]:
    if "auroc" in found:
        return {prefix or "bone loss": found}
    parts: dict[str, Mapping[str, Any]] = {}
    for name, inner in found.items():
        if isinstance(inner, Mapping):
            parts |= _by_task(inner, f"{prefix} {name}".strip().replace("_", " "))
    return parts


def _row(name: str, figures: Mapping[str, Measure], point: str) -> tuple[str, ...]:
    sensitivity, specificity = figures[f"{point}.sensitivity"], figures[f"{point}.specificity"]
    area = _area(figures[f"{TASK}.auroc"])
    return (name, area, _share(sensitivity), _wald(sensitivity), _share(specificity), _wald(specificity))


def _area(measure: Measure) -> str:
    return _with_limits(measure.value, measure.low, measure.high)


def _share(measure: Measure) -> str:
    return f"{measure.events}/{measure.count} = {_with_limits(measure.value, measure.low, measure.high)}"


def _wald(measure: Measure) -> str:
    if measure.events is None or not measure.count:
        return ""
    bounds = proportion(measure.events, measure.count, method="wald")
    return f"{bounds.low:.3f} to {bounds.high:.3f}"


def _with_limits(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
