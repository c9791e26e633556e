"""The tables of the experiment's README, from evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from strnet.report import Evaluation, named_figures
from strnet.report.measures import Measure
from strnet.report.summary_tables import class_summary_table, class_table

TASK = "osteoporosis"
_FIGURES = ("accuracy", "ppv", "sensitivity", "f1")
_HEAD = ("Network", "Films", "AUROC", "Accuracy", "Precision", "Recall", "F1", "TP, FN, TN, FP")


def network_table(found: Mapping[str, Evaluation], more: Sequence[Sequence[str]]) -> str:
    """A row per network with its counts, then the ideal observer and the rows `more`, in Markdown."""
    rows = [_row(name, evaluation) for name, evaluation in found.items()]
    observer = named_figures(next(iter(found.values()))).get(f"{TASK}.observer.auroc")
    if observer is not None:
        rows.append(("ideal observer", str(observer.count), _text(observer), "", "", "", "", ""))
    lines = [_HEAD, tuple("---" for _ in _HEAD), *rows, *map(tuple, more)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def class_section(evaluation: Evaluation) -> str:
    """Figures and confusion matrix of the three classes, in Markdown."""
    (task,) = evaluation.categorical()
    head = ("Reference, then called", *task.labels)
    counts = [(label, *map(str, row)) for label, row in zip(task.labels, task.confusion, strict=True)]
    lines = [head, tuple("---" for _ in head), *counts]
    matrix = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([class_table(task).markdown(), matrix, class_summary_table(task).markdown()])


def _row(name: str, evaluation: Evaluation) -> tuple[str, ...]:
    figures = named_figures(evaluation)
    (task,) = evaluation.binary()
    point = next(point for point in task.points if point.name == "empirical")
    (table,) = (one.confusion for one in point.on if one.split == evaluation.subject.split)
    counts = (table.true_positives, table.false_negatives, table.true_negatives, table.false_positives)
    shown = [_text(figures[f"{TASK}.empirical.{figure}"]) for figure in _FIGURES]
    return (name, str(sum(counts)), _text(figures[f"{TASK}.auroc"]), *shown, ", ".join(map(str, counts)))


def _text(measure: Measure) -> str:
    if measure.value is None:
        return "–"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.3f}"
    return f"{measure.value:.3f} ({measure.low:.3f} to {measure.high:.3f})"
