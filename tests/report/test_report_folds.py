"""Figures by fold: their mean and SD, beside the figure of all rows together."""

import statistics

import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.report import evaluate_predictions, from_json, summary_tables, to_json, write_report
from strnet.thresholds import fit_threshold

TASKS = (
    TaskConfig(name="loss", kind="binary", target=Target(column="t_score", below=-1.0)),
    TaskConfig(name="value", kind="regression", target=Target(column="t_score")),
)


def table(targets, scores, folds):
    count = len(targets)
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(count)],
            "patient_id": [f"p{n}" for n in range(count)],
            "split": ["test"] * count,
            "fold": folds,
            "target.loss": targets,
            "logit.loss": scores,
            "target.value": scores,
            "pred.value": [score + 0.1 * (fold + 1) for score, fold in zip(scores, folds, strict=True)],
        }
    )


def test_each_figure_by_fold_has_its_mean_its_sd_and_the_pooled_figure():
    # fold 0 is ranked perfectly, fold 1 wrongly, fold 2 has one of its two pairs right
    targets = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]
    scores = [2.0, 1.0, 1.0, 2.0, 1.5, 1.0, 2.0]
    found = evaluate_predictions(table(targets, scores, [0, 0, 1, 1, 2, 2, 2]), tasks=TASKS)
    area, *_ = [spread for spread in found.by_fold if spread.figure == "auroc"]
    assert area.of_folds == (1.0, 0.0, 0.5)
    assert area.mean == pytest.approx(0.5)
    assert area.sd == pytest.approx(statistics.stdev([1.0, 0.0, 0.5]))
    assert area.pooled == found.binary()[0].scorers[0].auroc
    (error,) = [spread for spread in found.by_fold if spread.figure == "mae"]
    assert error.of_folds == pytest.approx((0.1, 0.2, 0.3))
    assert (error.mean, error.sd) == (pytest.approx(0.2), pytest.approx(0.1))
    assert error.pooled.value == pytest.approx((2 * 0.1 + 2 * 0.2 + 3 * 0.3) / 7)
    assert from_json(to_json(found)) == found


def test_a_fold_with_one_class_has_no_area_and_the_mean_is_of_the_others():
    targets = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    found = evaluate_predictions(
        table(targets, [2.0, 1.0, 1.0, 2.0, 1.0, 3.0], [0, 0, 1, 1, 2, 2]), tasks=TASKS
    )
    area = found.by_fold[0]
    assert area.of_folds == (1.0, None, 1.0)
    assert (area.mean, area.sd) == (1.0, 0.0)


def test_sensitivity_and_specificity_of_an_operating_point_stand_by_fold(tmp_path):
    rng = np.random.default_rng(4)
    targets = (rng.random(120) < 0.5).astype(float)
    scores = targets + rng.normal(0, 0.5, 120)
    point = fit_threshold(targets, scores, min_sensitivity="0.8", method="empirical")
    frame = table(targets, scores, [n % 4 for n in range(120)])
    found = evaluate_predictions(frame, tasks=TASKS, operating_points={"floor": point})
    called = scores >= point.threshold
    by_hand = [float(np.mean(called[(np.arange(120) % 4 == fold) & (targets == 1)])) for fold in range(4)]
    (sensitivity,) = [spread for spread in found.by_fold if spread.figure == "floor.sensitivity"]
    assert sensitivity.of_folds == pytest.approx(tuple(by_hand))
    assert sensitivity.mean == pytest.approx(statistics.mean(by_hand))
    shown = next(one for one in summary_tables(found) if one.title == "Loss: by fold")
    assert shown.columns == (
        "Figure",
        "Fold 0",
        "Fold 1",
        "Fold 2",
        "Fold 3",
        "Mean",
        "SD",
        "All rows together",
    )
    assert shown.rows[1][0] == "Floor, sensitivity"
    assert "no standard error" in shown.notes[0]
    page = write_report(tmp_path, found, frame, title="folds")
    assert "Loss: by fold" in page.read_text()


def test_rows_of_one_network_have_no_figures_by_fold():
    found = evaluate_predictions(table([1.0, 0.0], [2.0, 1.0], [0, 0]).drop("fold"), tasks=TASKS)
    assert found.by_fold == ()
