import numpy as np
import pytest
from matplotlib.axes import Axes

from strnet.errors import ThresholdError
from strnet.report.figures.operating_points import share_reaching
from strnet.report.figures.threshold_cuts import plot_cuts, plot_networks, rates_at
from strnet.thresholds import fit_best
from strnet.thresholds.rows import ClassRows, RowColumns, checked_rows


def test_the_share_that_reaches_each_score_is_counted_with_its_weights():
    scores, at = ClassRows(np.array([2.0, 1.0, 2.0, 5.0])), np.array([0.0, 1.0, 2.0, 3.0, 5.0, 6.0])
    assert share_reaching(scores, at).tolist() == [1, 1, 0.75, 0.25, 0.25, 0]
    weighted = ClassRows(np.array([1.0, 5.0]), weights=np.array([3.0, 1.0]))
    assert share_reaching(weighted, np.array([1.0, 5.0])).tolist() == [1, 0.25]


def test_the_rates_of_a_threshold_are_those_of_its_decisions_in_either_direction():
    target, score = [0, 0, 1, 1], np.array([1.0, 3.0, 3.0, 4.0])
    assert rates_at(checked_rows(target, score, RowColumns()), 3.0) == (0.5, 1.0)
    falling = checked_rows(target, -score, RowColumns(higher_is_positive=False))
    assert rates_at(falling, -3.5) == (0.0, 0.5)


def test_the_curves_step_where_the_scores_are(binormal, tmp_path, monkeypatch):
    drawn = []
    plain = Axes.plot
    monkeypatch.setattr(
        Axes, "plot", lambda axes, *xy, **how: drawn.append((xy, how)) or plain(axes, *xy, **how)
    )
    target, score = binormal(100)
    rows = checked_rows(target, -score, RowColumns(higher_is_positive=False))
    plot_cuts(rows, {"rule out": -0.5, "rule in": -1.5}, tmp_path / "zone.svg")
    (scores, share), how = drawn[0]
    assert how["drawstyle"] == "steps-pre"  # a share holds from the score before up to its own
    assert share[0] == 1
    for at, expected in zip(scores, share, strict=True):
        assert np.mean(-score[target] <= at) == pytest.approx(expected)


def test_the_same_networks_are_the_same_picture_with_each_name(binormal, tmp_path):
    target, score = binormal(300)
    scores = {"steady": score, "noisy": score + np.random.default_rng(0).normal(size=300)}
    rows = {name: checked_rows(target, one, RowColumns()) for name, one in scores.items()}
    _, point = fit_best(target, scores)
    for name in ("one.svg", "two.svg"):
        plot_networks(rows, point, tmp_path / name)
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "steady (chosen)" in text
    assert "noisy" in text


def test_another_kind_of_picture_is_refused(binormal, tmp_path):
    rows = checked_rows(*binormal(50), RowColumns())
    with pytest.raises(ThresholdError, match="cannot draw"):
        plot_cuts(rows, {"threshold": 1.0}, tmp_path / "op.gif")
