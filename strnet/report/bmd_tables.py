"""The table of categories from predicted BMD: pooled, and where there are folds their mean and SD."""

from __future__ import annotations

from typing import Final

import numpy as np

from strnet.report.evaluation import BmdEvaluation, SiteCategory
from strnet.report.table import Table
from strnet.report.wording import MISSING, counted_text, number, plain_name, sentence

_FINDINGS: Final = {"bone_loss": "T < −1.0", "osteoporosis": "T ≤ −2.5"}


def category_table(bmd: BmdEvaluation) -> Table:
    """Sensitivity and specificity of each site's category on all rows, beside mean and SD over folds."""
    rows = [_row(bmd, category) for category in bmd.categories if category.fold is None]
    columns = ("Site", "Finds", "Cases", "Sensitivity", "Specificity")
    folds = any(category.fold is not None for category in bmd.categories)
    by_fold = ("Sensitivity by fold, mean (SD)", "Specificity by fold, mean (SD)")
    notes = [f"{sentence(plain_name(site))}: young adults {told}" for site, told in bmd.young_adults.items()]
    return Table(
        "Categories from predicted BMD",
        (*columns, *by_fold) if folds else columns,
        tuple(row if folds else row[: len(columns)] for row in rows),
        tuple(notes),
    )


def _row(bmd: BmdEvaluation, pooled: SiteCategory) -> tuple[str, ...]:
    folds = [
        category.decisions
        for category in bmd.categories
        if (category.site, category.finding) == (pooled.site, pooled.finding) and category.fold is not None
    ]
    name = "lowest site" if pooled.site == "lowest" else plain_name(pooled.site)
    return (
        sentence(name),
        _FINDINGS[pooled.finding],
        str(pooled.rows),
        counted_text(pooled.decisions.sensitivity),
        counted_text(pooled.decisions.specificity),
        _over_folds([fold.sensitivity.value for fold in folds]),
        _over_folds([fold.specificity.value for fold in folds]),
    )


def _over_folds(values: list[float | None]) -> str:
    """Mean and SD; a dash where a fold has no such figure."""
    known = [value for value in values if value is not None]
    if len(known) < max(len(values), 2):
        return MISSING
    return f"{number(float(np.mean(known)))} ({number(float(np.std(known, ddof=1)))})"
