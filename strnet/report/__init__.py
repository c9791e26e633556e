"""Evaluations of predictions with intervals and baselines; tables, figures and one HTML page made from them.

`evaluate_predictions` reads only a predictions table, of any model; nothing here needs torch.
"""

from __future__ import annotations

from strnet.report.compared_rows import rows_to_compare
from strnet.report.evaluate import evaluate_predictions
from strnet.report.evaluation import Evaluation, RowUse, from_json, read_evaluation, to_json, write_evaluation
from strnet.report.figures.course import Course
from strnet.report.figures.film_pictures import ExampleFilm
from strnet.report.figures.flow_chart import CohortFlow, FlowBox
from strnet.report.honesty import banners
from strnet.report.measures import Measure
from strnet.report.network_comparison import (
    TaskComparison,
    compare_networks,
    comparison_rows,
    comparison_table,
)
from strnet.report.page import Enclosures, write_report
from strnet.report.paper import compare_with_paper, named_figures
from strnet.report.settings import EvaluationSettings
from strnet.report.summary_tables import summary_tables
from strnet.report.table import Table

__all__ = [
    "CohortFlow",
    "Course",
    "Enclosures",
    "Evaluation",
    "EvaluationSettings",
    "ExampleFilm",
    "FlowBox",
    "Measure",
    "RowUse",
    "Table",
    "TaskComparison",
    "banners",
    "compare_networks",
    "compare_with_paper",
    "comparison_rows",
    "comparison_table",
    "evaluate_predictions",
    "from_json",
    "named_figures",
    "read_evaluation",
    "rows_to_compare",
    "summary_tables",
    "to_json",
    "write_evaluation",
    "write_report",
]
