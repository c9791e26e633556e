import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import ThresholdError
from strnet.thresholds import fit_cost, read_operating_point, write_operating_point


def expected_cost(target, score, threshold, miss_cost, prevalence, weights=None):
    weights = np.ones(target.size) if weights is None else weights
    reached = score >= threshold
    missed = np.average(~reached[target], weights=weights[target])
    alarms = np.average(reached[~target], weights=weights[~target])
    return prevalence * miss_cost * missed + (1 - prevalence) * alarms


def test_ten_cases_by_hand():
    # at 3 one of 4 positives is missed and 1 of 6 negatives alarms: 0.2 x 5 x 1/4 + 0.8 x 1/6 = 0.3833
    target = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    score = np.array([4.0, 4, 3, 0, 3, 2, 1, 1, 1, 0])
    point = fit_cost(target, score, miss_cost=5, prevalence=0.2)
    assert point.threshold == 3
    assert point.cost == pytest.approx(0.25 + 0.8 / 6)
    assert (point.cost_all_positive, point.cost_none_positive) == pytest.approx((0.8, 1.0))
    assert (point.sensitivity.events, point.specificity.events) == (3, 5)


@given(
    seed=st.integers(0, 10_000),
    miss_cost=st.sampled_from([0.01, 1, 10, 1000]),
    weighted=st.booleans(),
)
def test_no_threshold_costs_less_and_the_lowest_of_the_cheapest_is_taken(seed, miss_cost, weighted):
    rng = np.random.default_rng(seed)
    target = np.append(rng.random(58) < 0.5, [True, False])
    score = np.append(np.round(2 * (rng.normal(size=58) + target[:58])) / 2, [9.0, -9.0])
    weights = rng.integers(1, 4, 60).astype(float) if weighted else None
    point = fit_cost(target, score, miss_cost=miss_cost, prevalence=0.3, weights=weights)
    cuts = np.append(np.unique(score), 10.0)
    costs = [expected_cost(target, score, cut, miss_cost, 0.3, weights) for cut in cuts]
    assert point.cost == pytest.approx(min(costs))
    cheapest = cuts[np.flatnonzero(np.isclose(costs, min(costs), rtol=0, atol=1e-10))[0]]
    assert np.array_equal(point.apply(score), score >= cheapest)
    assert point.cost <= min(point.cost_all_positive, point.cost_none_positive) + 1e-12


def test_it_says_that_it_promises_nothing(binormal, tmp_path):
    point = fit_cost(*binormal(200), miss_cost=10, prevalence="24/200")
    assert point.status == "point only"
    assert "promises nothing" in point.notes[0]
    write_operating_point(point, tmp_path / "op.json")
    assert read_operating_point(tmp_path / "op.json") == point


def test_scores_that_fall_with_disease_cost_the_same(binormal):
    target, score = binormal(200)
    up = fit_cost(target, score, miss_cost=10, prevalence=0.2)
    down = fit_cost(target, -score, miss_cost=10, prevalence=0.2, higher_is_positive=False)
    assert down.cost == pytest.approx(up.cost)
    assert np.array_equal(up.apply(score), down.apply(-score))


@pytest.mark.parametrize("miss_cost", [0, -1, np.nan, np.inf])
def test_a_cost_that_is_none_is_refused(binormal, miss_cost):
    with pytest.raises(ThresholdError, match="miss_cost: found"):
        fit_cost(*binormal(100), miss_cost=miss_cost, prevalence=0.1)


def test_rows_without_negatives_have_no_cost(binormal):
    with pytest.raises(ThresholdError, match="found no negative"):
        fit_cost(np.ones(5), np.arange(5.0), miss_cost=2, prevalence=0.1)
