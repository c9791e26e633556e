"""The sections of a report: which tables and figures answer which question, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from strnet.report import summary_tables
from strnet.report.bmd_tables import category_table
from strnet.report.drawings import binary_drawings, confusion_drawing, regression_drawings
from strnet.report.evaluation import Evaluation
from strnet.report.figures.canvas import Drawing, draw
from strnet.report.figures.course import Course, learning_curves, quantities
from strnet.report.figures.flow_chart import CohortFlow, cohort_flow
from strnet.report.fold_tables import fold_table
from strnet.report.group_tables import group_tables
from strnet.report.site_tables import site_tables
from strnet.report.table import Table
from strnet.report.task_results import (
    BinaryEvaluation,
    CategoricalEvaluation,
    DiagnosisEvaluation,
    RegressionEvaluation,
)
from strnet.report.task_rows import TaskRows, task_rows
from strnet.report.wording import MISSING, counted, sentence, task_name, unit_text


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report under a heading: `leading` tables, then figures, then `tables`."""

    anchor: str
    title: str
    lead: str = ""
    leading: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()


def flow_section(flow: CohortFlow) -> Section:
    """Who came in, who was left out, who was used for what."""
    drawing = draw(
        "cohort_flow", "Cohort flow", "Films and patients at each step.", partial(cohort_flow, flow)
    )
    return Section("cohort", "Cohort", drawings=(drawing,), tables=(_flow_table(flow),))


def _flow_table(flow: CohortFlow) -> Table:
    """The same counts in words: what every step left, and why it did not leave more."""
    before = ((), *flow.excluded, *((),) * len(flow.stages))
    rows = tuple(
        (
            stage.label,
            f"{stage.films:,}",
            MISSING if stage.patients is None else f"{stage.patients:,}",
            "; ".join(", ".join([f"{box.films:,} {box.label}", *box.lines]) for box in why) or MISSING,
        )
        for stage, why in zip(flow.stages, before, strict=False)
    )
    return Table("Cohort flow", ("Step", "Films", "Patients", "Films left out before it"), rows, flow.notes)


def task_sections(evaluation: Evaluation, frame: pl.DataFrame) -> Iterator[Section]:
    """A section per task, then the three diagnoses; `frame` holds the rows of the reported split."""
    for task in evaluation.tasks:
        if isinstance(task, BinaryEvaluation):
            yield binary_section(task, task_rows(frame, task.task, "binary"), evaluation)
        elif isinstance(task, RegressionEvaluation):
            yield regression_section(task, task_rows(frame, task.task, "regression"), evaluation)
        else:
            yield class_section(task, evaluation)
    if evaluation.diagnosis is not None:
        yield class_section(evaluation.diagnosis.three_classes, evaluation, evaluation.diagnosis)
    if evaluation.bmd is not None:
        yield Section("bmd", "Categories from predicted BMD", leading=(category_table(evaluation.bmd),))


def binary_section(task: BinaryEvaluation, rows: TaskRows, evaluation: Evaluation) -> Section:
    """How well a binary task is answered, at which operating points, and with what probabilities."""
    split = evaluation.subject.split
    unknown = f" The target of {counted(task.unknown, 'case')} is unknown or does not apply."
    lead = (
        f"{task.positives:,} of {counted(task.rows, 'case')} of {counted(task.patients, 'patient')} are "
        f"positive in the split '{split}'.{unknown if task.unknown else ''}"
    )
    after = [summary_tables.point_table(task)] if task.points else []
    after += [summary_tables.calibration_table(task)] if task.calibration else []
    after += site_tables(task.task, evaluation.sites)
    after += fold_table(task, evaluation.by_fold)
    after += group_tables(task, evaluation.subject.reference_standards)
    return Section(
        anchor=f"task-{task.task}",
        title=sentence(task_name(task.task)),
        lead=lead,
        leading=(summary_tables.scorer_table(task),),
        drawings=tuple(binary_drawings(task, rows, split)),
        tables=tuple(after),
    )


def regression_section(task: RegressionEvaluation, rows: TaskRows, evaluation: Evaluation) -> Section:
    """How well values agree with the reference."""
    standards = evaluation.subject.reference_standards
    name = task_name(task.task, standards)
    after = (*fold_table(task, evaluation.by_fold, standards), *group_tables(task, standards))
    lead = (
        f"The reference value is known for {counted(task.rows, 'case')} of "
        f"{counted(task.patients, 'patient')} and unknown for {counted(task.unknown, 'case')}."
    )
    table = summary_tables.agreement_table(task, standards)
    drawings = tuple(regression_drawings(task, rows, name + unit_text(task.unit)))
    return Section(f"task-{task.task}", sentence(name), lead, (table,), drawings, after)


def class_section(
    task: CategoricalEvaluation, evaluation: Evaluation, several: DiagnosisEvaluation | None = None
) -> Section:
    """How well several classes are told apart; `several` where they are the three coherent diagnoses."""
    contradictions = None if several is None else several.contradictions
    cases = f"{counted(task.rows, 'case')} of {counted(task.patients, 'patient')}."
    after = [summary_tables.class_summary_table(task, contradictions)]
    after += [summary_tables.class_baseline_table(task)] if task.baselines else []
    after += fold_table(task, evaluation.by_fold)
    after += group_tables(task, ())
    return Section(
        anchor=f"task-{task.task}",
        title=sentence(task_name(task.task)),
        lead=cases if several is None else _COHERENCE,
        leading=(summary_tables.class_table(task),),
        drawings=(confusion_drawing(task),),
        tables=tuple(after),
    )


def training_section(course: Course) -> Section | None:
    """How training went; None where the table holds no quantity to draw."""
    if not quantities(course):
        return None
    told = "One panel per quantity; every point is an epoch."
    if len(course.runs) > 1:
        told = "Loss and what chose the epoch; every line is a fold."
    drawing = draw(
        "training_curves", "Training curves", " ".join(filter(None, (told, course.note))),
        partial(learning_curves, course), wide=True,
    )  # fmt: skip
    return Section("training", "Training", drawings=(drawing,))


_COHERENCE = (
    "Probabilities of the three classes follow from the two binary tasks, p = P(bone loss) and "
    "q = P(osteoporosis | bone loss): normal 1 − p, osteopenia p(1 − q), osteoporosis pq."
)
