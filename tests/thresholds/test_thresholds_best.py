import numpy as np
import pytest

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import certify, fit_best, fit_threshold, read_operating_point, write_operating_point


@pytest.fixture
def networks(binormal):
    """Targets of 400 cases, and the scores of three networks; the second is the best."""
    target, score = binormal(400, seed=3)
    rng = np.random.default_rng(0)
    noise = {"a": 0.8, "b": 0.1, "c": 1.2}
    return target, {name: score + size * rng.normal(size=400) for name, size in noise.items()}


def test_the_threshold_of_the_best_is_its_own_at_a_third_of_the_error(networks):
    target, scores = networks
    name, point = fit_best(target, scores, min_sensitivity="0.8")
    own = {
        one: fit_threshold(target, score, min_sensitivity="0.8", confidence=1 - 0.05 / 3)
        for one, score in scores.items()
    }
    assert name == "b" == max(own, key=lambda one: own[one].specificity.value)
    assert point.threshold == own["b"].threshold
    assert point.confidence == 0.95
    assert point.confidence_reached == pytest.approx(
        1 - sum(1 - one.confidence_reached for one in own.values())
    )
    assert point.status == "guaranteed"


def test_every_network_stands_beside_it_with_an_interval_for_all_of_them(networks):
    target, scores = networks
    _, point = fit_best(target, scores)
    assert [one.name for one in point.candidates] == ["a", "b", "c"]
    assert [one.chosen for one in point.candidates] == [False, True, False]
    alone = fit_threshold(target, scores["b"], confidence=1 - 0.05 / 3)
    assert (point.specificity.low, point.specificity.high) == (alone.specificity.low, alone.specificity.high)
    assert "best of 3" in point.specificity.note
    assert point.candidates[1].threshold == point.threshold


def test_networks_that_are_alike_give_the_first(binormal):
    target, score = binormal(300)
    assert fit_best(target, {"x": score, "y": score.copy()})[0] == "x"


def test_the_point_is_an_ordinary_one_that_can_be_written_and_certified(networks, binormal, tmp_path):
    target, scores = networks
    _, point = fit_best(target, scores, min_sensitivity="0.8")
    write_operating_point(point, tmp_path / "op.json")
    assert read_operating_point(tmp_path / "op.json") == point
    new_target, new_score = binormal(2000, seed=9)
    assert certify(point, new_target, new_score, test="fixed").verdict == "certified"


def test_groups_are_kept_by_the_best_as_by_one(networks):
    target, scores = networks
    sites = np.arange(400) % 2
    _, point = fit_best(target, scores, groups=sites, min_sensitivity="0.8")
    alone = fit_threshold(target, scores["b"], groups=sites, min_sensitivity="0.8", confidence=1 - 0.05 / 3)
    assert point.threshold == alone.threshold
    assert [row.certified for row in point.groups] == [True, True]


def test_more_networks_than_the_positives_can_bear_are_impossible(binormal):
    target = np.repeat([True, False], [22, 50])
    score = np.arange(72.0)[::-1]
    assert fit_threshold(target, score).misses_allowed == 0  # 0.86 ** 22 = 0.036
    with pytest.raises(ImpossibleError, match=r"best of 2: confidence 0\.95 is shared among them"):
        fit_best(target, {"a": score, "b": score})


def test_what_cannot_be_compared_is_refused(binormal):
    target, score = binormal(100)
    with pytest.raises(ThresholdError, match="found 1 score, expected at least two"):
        fit_best(target, {"a": score})
    with pytest.raises(ThresholdError, match="the networks differ in specificity"):
        fit_best(np.ones(50), {"a": score[:50], "b": score[50:]})
