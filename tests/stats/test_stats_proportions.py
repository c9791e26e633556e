from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from strnet import stats
from strnet.errors import StatsError
from strnet.stats.proportions import PROPORTION_METHODS

quick = settings(max_examples=40, deadline=None)  # the machine may be busy
counts = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
methods = st.sampled_from(sorted(PROPORTION_METHODS))


@quick
@given(counts, methods, st.floats(0.5, 0.999))
def test_limits_lie_in_the_unit_interval_in_order(count, method, confidence):
    found = stats.proportion(*count, method=method, confidence=confidence)

    assert 0 <= found.low <= found.high <= 1


@quick
@given(counts, methods)
def test_exchanging_successes_and_failures_mirrors_the_limits(count, method):
    x, n = count
    found, mirrored = stats.proportion(x, n, method=method), stats.proportion(n - x, n, method=method)

    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert found.high == pytest.approx(1 - mirrored.low, abs=1e-12)


@quick
@given(counts, st.sampled_from(["wilson", "clopper_pearson", "agresti_coull", "wald"]))
def test_the_proportion_lies_between_its_limits(count, method):
    found = stats.proportion(*count, method=method)

    assert found.low <= found.value + 1e-12
    assert found.high >= found.value - 1e-12


@quick
@given(counts)
def test_at_an_exact_limit_the_tail_of_the_binomial_is_what_the_confidence_leaves(count):
    x, n = count
    found = stats.proportion(x, n, method="clopper_pearson", confidence=0.9)
    one_sided = float(stats.clopper_pearson_lower(x, n, confidence=0.95))

    if x > 0:
        assert binom.sf(x - 1, n, found.low) == pytest.approx(0.05, rel=1e-6)
        assert one_sided == pytest.approx(found.low, rel=1e-12)
    if x < n:
        assert binom.cdf(x, n, found.high) == pytest.approx(0.05, rel=1e-6)
        upper = float(stats.clopper_pearson_upper(x, n, confidence=0.95))
        assert upper == pytest.approx(found.high, rel=1e-12)


@quick
@given(counts)
def test_at_a_wilson_limit_the_score_test_is_just_significant(count):
    x, n = count
    found = stats.proportion(x, n, method="wilson")

    for limit in {found.low, found.high} - {0.0, 1.0}:
        z = (x / n - limit) / math.sqrt(limit * (1 - limit) / n)
        assert abs(z) == pytest.approx(1.959963984540054, rel=1e-6)


def test_no_success_and_all_successes_have_exact_ends():
    for method in ("wilson", "clopper_pearson"):
        assert stats.proportion(0, 20, method=method).low == 0
        assert stats.proportion(20, 20, method=method).high == 1


def test_the_interval_of_the_str_net_paper_is_wilsons():
    found = stats.proportion(123, 136)

    assert (round(found.low, 3), round(found.high, 3)) == (0.843, 0.943)


def test_many_counts_at_once_give_what_each_gives_alone():
    x, n = np.array([0, 5, 7]), np.array([10, 7, 7])
    low, high = stats.proportion_bounds(x, n, method="jeffreys")

    for i in range(3):
        alone = stats.proportion(int(x[i]), int(n[i]), method="jeffreys")
        assert (low[i], high[i]) == (alone.low, alone.high)


@pytest.mark.parametrize("count", [(1, 0), (5, 4), (-1, 4), (math.nan, 4)])
def test_impossible_counts_are_refused(count):
    with pytest.raises(StatsError, match=r"proportion: found|expected 0 <= successes <= total"):
        stats.proportion(*count)


def test_half_a_success_is_refused_but_an_effective_number_is_not():
    with pytest.raises(StatsError, match="expected whole numbers"):
        stats.proportion(2.5, 4)
    low, high = stats.proportion_bounds(2.5, 4.2, method="clopper_pearson")
    assert low < 2.5 / 4.2 < high


def test_an_unknown_method_suggests_the_nearest():
    with pytest.raises(StatsError, match="did you mean 'wilson'"):
        stats.proportion(1, 2, method="willson")


def test_an_estimate_carries_its_counts_into_text_and_json():
    found = stats.proportion(124, 136)

    assert str(found) == "0.912 (0.852 to 0.949; 124/136)"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["events"] == 124


def test_an_estimate_without_interval_says_why_and_has_no_nan_in_json():
    found = stats.auroc([1, 0, 0], [0.4, 0.2, 0.6])

    assert "no interval: the variance needs two rows or patients of each class" in str(found)
    assert found.to_dict()["low"] is None
