"""The tables of a report and of the console, made from an evaluation alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from strnet.report.applicability_shares import applicability_table
from strnet.report.bmd_tables import category_table
from strnet.report.evaluation import Evaluation
from strnet.report.fold_tables import fold_table
from strnet.report.group_tables import group_tables
from strnet.report.measures import Measure
from strnet.report.site_tables import site_tables
from strnet.report.table import MeasureRow, Table, measure_table
from strnet.report.task_results import (
    BinaryEvaluation,
    CategoricalEvaluation,
    PointResult,
    RegressionEvaluation,
)
from strnet.report.wording import (
    MISSING,
    counted,
    counted_text,
    estimate_text,
    number,
    p_text,
    plain_name,
    scorer_name,
    sentence,
    task_name,
    unit_text,
)


def summary_tables(evaluation: Evaluation, groups: Collection[str] = ()) -> tuple[Table, ...]:
    """What the console shows: scorers and operating points of binary tasks, classes, T-score figures.

    Groups are those of the columns `groups`; the report shows all.
    """
    standards = evaluation.subject.reference_standards
    tables = []
    for task in evaluation.binary():
        tables.append(scorer_table(task))
        if task.points:
            tables.append(decision_table(task))
        tables += site_tables(task.task, evaluation.sites)
        tables += fold_table(task, evaluation.by_fold, standards)
        tables += group_tables(task, standards, groups)
    if evaluation.diagnosis is not None:
        three = evaluation.diagnosis.three_classes
        tables += [class_table(three), class_summary_table(three, evaluation.diagnosis.contradictions)]
        tables += fold_table(three, evaluation.by_fold)
        tables += group_tables(three, standards, groups)
    for several in evaluation.categorical():
        tables += [class_table(several), class_summary_table(several)]
        tables += [class_baseline_table(several)] if several.baselines else []
        tables += fold_table(several, evaluation.by_fold)
        tables += group_tables(several, standards, groups)
    for values in evaluation.regression():
        tables += [agreement_table(values, standards)]
        tables += fold_table(values, evaluation.by_fold, standards)
        tables += group_tables(values, standards, groups)
    if evaluation.bmd is not None:
        tables.append(category_table(evaluation.bmd))
    if evaluation.applicability is not None:
        tables.append(applicability_table(evaluation.applicability))
    return tuple(tables)


def scorer_table(task: BinaryEvaluation) -> Table:
    """The network, the ideal observer and the baselines: AUROC, AUPRC, and the paired difference."""
    columns = ("Scores of", "Cases", "AUROC", "AUPRC", "Network's AUROC minus this", "p")
    rows = []
    for result in task.scorers:
        against = result.against_network
        rows.append(
            (
                scorer_name(result.scorer),
                str(result.rows),
                estimate_text(result.auroc),
                estimate_text(result.auprc),
                MISSING if against is None else estimate_text(against.difference),
                MISSING if against is None else p_text(against.p_value),
            )
        )
    figures = [
        MeasureRow(
            (scorer_name(result.scorer), ""),
            (
                result.auroc,
                result.auprc,
                result.against_network.difference if result.against_network else Measure(),
            ),
        )
        for result in task.scorers
    ]
    reasons = measure_table("", columns[:5], figures).notes
    title = f"{sentence(task_name(task.task))}: {task.positives:,} of {counted(task.rows, 'case')} positive"
    return Table(title, columns, tuple(rows), (*reasons, _method_note(task.scorers[0].auroc)))


def decision_table(task: BinaryEvaluation) -> Table:
    """Each operating point on each split in one line: what it promises, sensitivity and specificity."""
    columns = ("Operating point", "Split", "Threshold", "Sensitivity", "Specificity")
    rows = [
        (
            point_name(point),
            decisions.split,
            threshold_text(point),
            counted_text(decisions.sensitivity),
            counted_text(decisions.specificity),
        )
        for point in task.points
        for decisions in point.on
    ]
    notes = [f"{point_name(point)}: {promise(point)}." for point in task.points]
    return Table(f"{sentence(task_name(task.task))}: operating points", columns, tuple(rows), tuple(notes))


def point_table(task: BinaryEvaluation) -> Table:
    """Operating points in columns, one per split; figures with counts and intervals in rows."""
    cells = [(point, decisions) for point in task.points for decisions in point.on]
    columns = ("", *(f"{point_name(point)}, {decisions.split}" for point, decisions in cells))
    rows = [(label, *(text(point, decisions) for point, decisions in cells)) for label, text in _POINT_ROWS]
    notes = dict.fromkeys(
        measure.note
        for _, decisions in cells
        for measure in (
            decisions.sensitivity,
            decisions.specificity,
            decisions.ppv,
            decisions.npv,
            decisions.f1,
        )
        if measure.note
    )
    return Table("Operating points: every figure with its counts", columns, tuple(rows), tuple(notes))


def calibration_table(task: BinaryEvaluation) -> Table:
    """Brier score, slope, intercept and expected calibration error before and after calibration."""
    columns = (
        "Probabilities",
        "Brier score",
        "Slope (ideal 1)",
        "Intercept at slope 1 (ideal 0)",
        "Expected calibration error",
    )
    rows = [
        MeasureRow((f"{stage.stage} calibration",), (stage.brier, stage.slope, stage.intercept, stage.ece))
        for stage in task.calibration
    ]
    return measure_table("Calibration", columns, rows)


def agreement_table(task: RegressionEvaluation, reference_standards: tuple[str, ...]) -> Table:
    """Agreement with the reference, limits of agreement included; a column per scorer."""
    names = tuple(scorer_name(result.scorer) for result in task.scorers)
    cases = ("Cases", *(str(result.rows) for result in task.scorers))
    figures = [
        MeasureRow((label,), tuple(getattr(result, name) for result in task.scorers))
        for label, name in _AGREEMENT
    ]
    title = f"{sentence(task_name(task.task, reference_standards))}: agreement{unit_text(task.unit)}"
    table = measure_table(title, ("Figure", *names), figures)
    return replace(table, rows=(cases, *table.rows))


def class_table(task: CategoricalEvaluation) -> Table:
    """Recall, precision and AUROC of each class against the rest."""
    columns = ("Class", "Cases", "Recall", "Precision", "AUROC against the rest")
    rows = [
        MeasureRow((plain_name(entry.label), str(entry.rows)), (entry.recall, entry.precision, entry.auroc))
        for entry in task.classes
    ]
    title = f"{sentence(task_name(task.task))}: {counted(task.rows, 'case')} in {len(task.labels)} classes"
    return measure_table(title, columns, rows)


def class_baseline_table(task: CategoricalEvaluation) -> Table:
    """Macro AUROC of each baseline, and the network's minus it."""
    rows = [MeasureRow((scorer_name("network"), str(task.rows)), (task.macro_auroc, Measure()))]
    rows += [
        MeasureRow(
            (scorer_name(baseline.scorer), str(baseline.rows)),
            (baseline.macro_auroc, baseline.against_network.difference),
        )
        for baseline in task.baselines
    ]
    columns = ("Scores of", "Cases", "Macro AUROC", "Network's minus this")
    return measure_table(f"{sentence(task_name(task.task))}: baselines", columns, rows)


def class_summary_table(task: CategoricalEvaluation, contradictions: Measure | None = None) -> Table:
    """The figures over all classes of a task."""
    figures = [
        ("Macro AUROC, one against the rest", task.macro_auroc),
        ("AUROC after Hand and Till, mean over pairs", task.hand_till),
        ("Accuracy of the most probable class", task.accuracy),
        ("Weighted kappa", task.weighted_kappa),
    ]
    if contradictions is not None:
        figures.append(("Predicted T-score contradicts predicted class", contradictions))
    rows = tuple((label, counted_text(figure)) for label, figure in figures)
    notes = tuple(f"{label}: {figure.note}" for label, figure in figures if figure.note)
    title = f"{sentence(task_name(task.task))}: over all classes"
    return Table(title, ("Figure", "Value"), rows, notes)


def point_name(point: PointResult) -> str:
    """The name of an operating point, and whether it is the one that decides."""
    return f"{point.name} (decides)" if point.decides else point.name


def threshold_text(point: PointResult, digits: int = 3) -> str:
    """The threshold, or that each fold has its own."""
    return "by fold" if point.threshold is None else number(point.threshold, digits)


_AGREEMENT: Final = (
    ("r", "r"),
    ("MAE", "mae"),
    ("RMSE", "rmse"),
    ("Bias (predicted minus reference)", "bias"),
    ("Lower limit of agreement", "lower_limit"),
    ("Upper limit of agreement", "upper_limit"),
    ("Concordance correlation", "ccc"),
)
_POINT_ROWS: Final = (
    ("Decided on", lambda point, _: point.score),
    ("Threshold", lambda point, _: threshold_text(point, 4)),
    ("Floor of the sensitivity", lambda point, _: point.min_sensitivity),
    ("What is promised", lambda point, _: promise(point)),
    (
        "True positives, false negatives",
        lambda _, d: f"{d.confusion.true_positives}, {d.confusion.false_negatives}",
    ),
    (
        "True negatives, false positives",
        lambda _, d: f"{d.confusion.true_negatives}, {d.confusion.false_positives}",
    ),
    ("Sensitivity", lambda _, d: estimate_text(d.sensitivity)),
    ("Specificity", lambda _, d: estimate_text(d.specificity)),
    ("PPV", lambda _, d: estimate_text(d.ppv)),
    ("NPV", lambda _, d: estimate_text(d.npv)),
    ("F1", lambda _, d: estimate_text(d.f1)),
    ("Accuracy", lambda _, d: estimate_text(d.accuracy)),
)


def promise(point: PointResult) -> str:
    """What an operating point says of the population, in words."""
    if point.status == "guaranteed" and point.confidence is not None:
        return f"floor kept with confidence {point.confidence:g}"
    if point.status == "approximate" and point.confidence is not None:
        return f"floor kept with confidence about {point.confidence:g}"
    return "no promise beyond the rows that chose it"


def _method_note(area: Measure) -> str:
    unit = f"{area.clusters} patients are the unit" if area.clusters else "cases are the unit"
    return f"Interval of the AUROC: {area.method or 'none'}; {unit}."
