import re

import numpy as np
import pytest

from strnet.errors import ThresholdError
from strnet.report.figures.operating_points import confidence_curve, plot_comparison, roc_points
from strnet.thresholds import fit_threshold
from strnet.thresholds.comparison import compare
from strnet.thresholds.rows import RowColumns, fittable_rows
from strnet.thresholds.threshold_request import read_request


@pytest.fixture
def rows(binormal):
    target, score = binormal(300, seed=4)
    return fittable_rows(target, score, RowColumns())


def test_the_curve_is_the_specificity_of_each_confidence(rows):
    curve = confidence_curve(rows, read_request())
    for confidence, specificity in zip(curve.confidence, curve.specificity, strict=True):
        point = fit_threshold(rows.target, rows.score, confidence=round(float(confidence), 2))
        assert specificity == point.specificity.value
    assert np.all(np.diff(curve.specificity) <= 0)
    assert np.all((curve.low <= curve.specificity) & (curve.specificity <= curve.high))


def test_confidences_that_the_rows_cannot_give_are_left_out(binormal):
    target, score = binormal(60, seed=1)
    curve = confidence_curve(fittable_rows(target, score, RowColumns()), read_request(min_sensitivity="0.95"))
    assert 0 < curve.confidence.size < 20
    assert curve.confidence.max() <= 1 - 0.95 ** target.sum()


def test_the_roc_runs_through_every_threshold_of_few_rows(binormal):
    target, score = binormal(40, seed=2)
    false_positive, sensitivity = roc_points(fittable_rows(target, score, RowColumns()))
    assert (false_positive[0], sensitivity[0], false_positive[-1], sensitivity[-1]) == (0, 0, 1, 1)
    found = set(zip(np.round(false_positive, 9), np.round(sensitivity, 9), strict=True))
    for threshold in score:
        point = np.mean(score[~target] >= threshold), np.mean(score[target] >= threshold)
        assert tuple(np.round(point, 9)) in found


def test_the_picture_is_an_svg_with_its_text_and_the_same_each_time(rows, tmp_path):
    request = read_request()
    for name in ("one.svg", "two.svg"):
        plot_comparison(rows, request, compare(rows, request), tmp_path / name)
    text = (tmp_path / "one.svg").read_text()
    assert "exact, guaranteed" in text
    assert "true sensitivity is at least 0.86" in text
    assert text == (tmp_path / "two.svg").read_text()
    assert len(re.findall(r"<path", text)) > 10


def test_the_same_rule_twice_is_drawn_once_and_other_formats_are_written(rows, tmp_path):
    request = read_request(method="empirical")
    plot_comparison(rows, request, compare(rows, request), tmp_path / "op.svg")
    assert "guaranteed" not in (tmp_path / "op.svg").read_text()
    plot_comparison(rows, request, compare(rows, request), tmp_path / "op.png")
    assert (tmp_path / "op.png").read_bytes().startswith(b"\x89PNG")


def test_without_negatives_there_is_nothing_to_draw(tmp_path):
    rows = fittable_rows(np.ones(50), np.arange(50.0), RowColumns())
    request = read_request()
    with pytest.raises(ThresholdError, match="no negatives"):
        plot_comparison(rows, request, compare(rows, request), tmp_path / "op.svg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["op.txt", "op"])
def test_a_picture_of_another_format_is_refused_with_those_that_can_be_drawn(rows, tmp_path, name):
    request = read_request()
    with pytest.raises(ThresholdError, match=r"expected a name in \.svg, \.pdf, \.png"):
        plot_comparison(rows, request, compare(rows, request), tmp_path / name)
    assert not list(tmp_path.iterdir())
