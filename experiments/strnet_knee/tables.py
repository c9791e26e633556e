"""The tables of the experiment's README, from evaluations."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from strnet.report import Evaluation, compare_with_paper, named_figures, summary_tables

COLUMNS = {
    "bone loss AUROC": "bone_loss.auroc",
    "severity AUROC": "osteoporosis_given_loss.auroc",
    "T-score r": "t_score.r",
    "T-score MAE": "t_score.mae",
}


def headline_table(evaluation: Evaluation, paper: Mapping[str, Any]) -> str:
    """The paper beside ours, then everything else with its intervals, in Markdown."""
    tables = [compare_with_paper(evaluation, paper), *summary_tables(evaluation)]
    return "\n\n".join(table.markdown() for table in tables)


def ablation_table(found: Mapping[str, Sequence[Evaluation]]) -> str:
    """One row per variant: mean over seeds, and smallest to largest, of each figure."""
    lines = [
        "| variant | seeds | " + " | ".join(COLUMNS) + " |",
        "| --- | ---: |" + " ---: |" * len(COLUMNS),
    ]
    for name, evaluations in found.items():
        cells = [_spread(evaluations, figure) for figure in COLUMNS.values()]
        lines.append(f"| {name.replace('_', ' ')} | {len(evaluations)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(evaluations: Sequence[Evaluation], figure: str) -> str:
    values = [named_figures(evaluation).get(figure) for evaluation in evaluations]
    known = [measure.value for measure in values if measure is not None and measure.value is not None]
    if not known:
        return ""
    return f"{statistics.mean(known):.3f} ({min(known):.3f} to {max(known):.3f})"
