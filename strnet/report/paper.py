"""A published table beside an evaluation: every figure of the paper, ours, and both intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from strnet.errors import StrnetError, unknown_name
from strnet.report.evaluation import Evaluation
from strnet.report.measures import Measure
from strnet.report.table import Table
from strnet.report.task_results import BinaryEvaluation, CategoricalEvaluation, RegressionEvaluation
from strnet.report.wording import counted_text, estimate_text, figure_words, number
from strnet.stats import proportion

NETWORK: Final = "network"


class PaperFigure(BaseModel):
    """A published figure: its interval, or the counts behind it, where the paper gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    low: float | None = None
    high: float | None = None
    events: int | None = Field(None, ge=0)
    count: int | None = Field(None, ge=1)
    label: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_number(cls, content: Any) -> Any:
        return {"value": content} if isinstance(content, int | float) else content


def compare_with_paper(
    evaluation: Evaluation, paper: Mapping[str, Any], *, title: str = "The paper beside ours"
) -> Table:
    """The paper's figures beside ours, a row each, in the paper's order.

    `paper` maps names such as `bone_loss.auroc`, `bone_loss.exact.sensitivity` or `t_score.r` (all of
    `named_figures`) to a number or to {value, low, high, events, count, label}.

    Raises: StrnetError: a name that the evaluation does not have, or a malformed figure.
    """
    ours = named_figures(evaluation)
    rows = []
    for name, published in _checked(paper).items():
        if name not in ours:
            raise StrnetError(f"paper table: {unknown_name('figure', name, ours)}")
        theirs, measure = _paper_text(published), ours[name]
        rows.append(
            (
                published.label or figure_words(name),
                theirs,
                counted_text(measure),
                _position(published, measure),
            )
        )
    notes = [f"Ours: split {evaluation.subject.split}, {100 * evaluation.subject.confidence:g}% intervals."]
    if any("[" in theirs for _, theirs, *_ in rows):
        notes.append("Square brackets: the paper gives no interval; this one is Wilson's, from its counts.")
    return Table(title, ("Figure", "Paper", "Ours", "Paper's value lies"), tuple(rows), tuple(notes))


def named_figures(evaluation: Evaluation) -> dict[str, Measure]:
    """Every figure of the reported split by its dotted name, such as `bone_loss.exact.sensitivity`."""
    found: dict[str, Measure] = {}
    for task in evaluation.binary():
        found |= _binary_figures(task, evaluation.subject.split)
    for regression in evaluation.regression():
        found |= _regression_figures(regression)
    for task_of_classes in evaluation.categorical():
        found |= _class_figures(task_of_classes, task_of_classes.task)
    if evaluation.diagnosis is not None:
        found |= _class_figures(evaluation.diagnosis.three_classes, "diagnosis")
        found["diagnosis.contradictions"] = evaluation.diagnosis.contradictions
    if evaluation.bmd is not None:
        for category in evaluation.bmd.categories:
            if category.fold is None:
                found |= _measures(category.decisions, f"bmd.{category.site}.{category.finding}")
    return found


def _measures(result: Any, prefix: str) -> dict[str, Measure]:
    values = ((field.name, getattr(result, field.name)) for field in fields(result))
    return {f"{prefix}.{name}": value for name, value in values if isinstance(value, Measure)}


def _binary_figures(task: BinaryEvaluation, split: str) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for scorer in task.scorers:
        found |= _measures(scorer, _scorer_prefix(task.task, scorer.scorer))
    for point in task.points:
        for decisions in point.on:
            found |= _measures(decisions, f"{task.task}.{point.name}.{decisions.split}")
            if decisions.split == split:
                found |= _measures(decisions, f"{task.task}.{point.name}")
    for stage in task.calibration:
        found |= _measures(stage, f"{task.task}.{stage.stage}")
    return found


def _regression_figures(task: RegressionEvaluation) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for scorer in task.scorers:
        found |= _measures(scorer, _scorer_prefix(task.task, scorer.scorer))
    return found


def _class_figures(task: CategoricalEvaluation, prefix: str) -> dict[str, Measure]:
    found = _measures(task, prefix)
    for entry in task.classes:
        found |= _measures(entry, f"{prefix}.{entry.label}")
    return found


def _scorer_prefix(task: str, scorer: str) -> str:
    return task if scorer == NETWORK else f"{task}.{scorer}"


def _checked(paper: Mapping[str, Any]) -> dict[str, PaperFigure]:
    try:
        return TypeAdapter(dict[str, PaperFigure]).validate_python(dict(paper))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StrnetError(
            f"paper table: {place}: {first['msg']}. Give a number, or value with low and high, or with "
            "events and count."
        ) from error


def _paper_text(figure: PaperFigure) -> str:
    if figure.low is not None and figure.high is not None:
        return estimate_text(Measure(figure.value, figure.low, figure.high))
    if figure.events is None or figure.count is None:
        return f"{number(figure.value)} (none given)"
    bounds = proportion(figure.events, figure.count)
    text = f"{number(figure.value)} [{number(bounds.low)} to {number(bounds.high)}]"
    return f"{figure.events}/{figure.count} = {text}"


def _position(published: PaperFigure, ours: Measure) -> str:
    """Where the paper's value lies relative to our interval."""
    if ours.low is None or ours.high is None:
        return "no interval of ours"
    if published.value < ours.low:
        return "below our interval"
    return "above our interval" if published.value > ours.high else "inside our interval"
