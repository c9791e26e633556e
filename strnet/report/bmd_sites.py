"""Categories from predicted BMD: by DXA site, and by the lowest T-score of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from strnet import schema
from strnet.config import TaskConfig, YoungAdults
from strnet.report.decisions import decide
from strnet.report.evaluation import BmdEvaluation, SiteCategory
from strnet.report.settings import EvaluationSettings
from strnet.report.task_rows import Bools, Floats, clusters_of, numbers, require_finite

LOWEST = "lowest"
TScores = tuple[Floats, Floats]
"""Of the reference (n,), NaN where it is unknown, and of the prediction (n,)."""


def evaluate_bmd(
    frame: pl.DataFrame, tasks: Sequence[TaskConfig], split: str, settings: EvaluationSettings
) -> BmdEvaluation | None:
    """Sensitivity and specificity of categories from predicted BMD; None without such a task.

    Bone loss is T < -1.0, osteoporosis T <= -2.5, both unrounded. `lowest` takes the lowest T-score of the
    sites among lumbar spine, total hip and femoral neck, in rows where all of them are known.

    Raises: ManifestError: a prediction that is not finite.
    Source: WHO 1994; ISCD 2023 official positions, adult, for the lowest site.
    """
    asked = [(task.name, task.young_adults) for task in tasks if task.young_adults is not None]
    if not asked:
        return None
    known: dict[str, TScores] = {young.site: _t_scores(frame, name, young) for name, young in asked}
    central = [known[site] for site in schema.LOWEST_OF if site in known]
    if len(central) > 1:
        known[LOWEST] = (_lowest([t for t, _ in central]), _lowest([t for _, t in central]))
    categories = tuple(
        category
        for site, (reference, predicted) in known.items()
        for category in _categories(site, reference, predicted, frame, split, settings)
    )
    return BmdEvaluation(categories, {young.site: str(young) for _, young in asked})


def _t_scores(frame: pl.DataFrame, task: str, young: YoungAdults) -> TScores:
    target = numbers(frame, schema.target_column(task))
    column = schema.prediction_column(task)
    rows = frame.filter(~np.isnan(target))
    require_finite(rows, numbers(rows, column), column)
    return young.t_score(target), young.t_score(numbers(frame, column))


def _lowest(t_scores: Sequence[Floats]) -> Floats:
    # NaN where any site is unknown: the lowest of some is not the lowest of all.
    return np.asarray(np.min(np.stack(t_scores), axis=0))


def _categories(
    site: str,
    reference: Floats,
    predicted: Floats,
    frame: pl.DataFrame,
    split: str,
    settings: EvaluationSettings,
) -> Iterator[SiteCategory]:
    known = ~np.isnan(reference)
    if not known.any():
        return
    patients = frame[schema.PATIENT_ID].cast(pl.String).to_numpy()
    for finding, below in (("bone_loss", _loss), ("osteoporosis", _osteoporosis)):
        for fold, rows in _parts(frame, known):
            decisions = decide(
                split,
                below(reference[rows]),
                below(predicted[rows]),
                clusters_of(patients[rows]),
                settings.confidence,
            )
            yield SiteCategory(site, finding, int(rows.sum()), decisions, fold)  # type: ignore[arg-type]


def _parts(frame: pl.DataFrame, known: Bools) -> Iterator[tuple[int | None, Bools]]:
    """All known rows, then those of each fold."""
    yield None, known
    folds = frame[schema.FOLD].drop_nulls().unique().sort().to_list() if schema.FOLD in frame.columns else []
    for fold in folds if len(folds) > 1 else []:
        rows = known & (frame[schema.FOLD] == fold).fill_null(value=False).to_numpy()
        if rows.any():
            yield int(fold), rows


def _loss(t_score: Floats) -> Bools:
    return np.asarray(t_score < schema.NORMAL_AT_LEAST)


def _osteoporosis(t_score: Floats) -> Bools:
    return np.asarray(t_score <= schema.OSTEOPOROSIS_AT_MOST)
