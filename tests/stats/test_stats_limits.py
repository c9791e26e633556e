"""What every interval has to do: hold its own value, have a width, and stay where the figure can be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet import stats
from strnet.errors import StatsError
from strnet.report.measures import measured
from strnet.stats.jackknife import Jackknife, student_estimate
from strnet.stats.scales import DIFFERENCE, PLAIN


def near_perfect(seed):
    """Target, scores that separate but for a few, weights over nine decades, and patients with films."""
    rng = np.random.default_rng(seed)
    positives, negatives = rng.integers(2, 30, 2)
    target = np.repeat([1, 0], [positives, negatives])
    score = np.concatenate([rng.integers(1, 4, positives), -rng.integers(0, 4, negatives)]).astype(float)
    wrong = rng.integers(0, 3)
    score[:wrong] = rng.choice([0.0, -0.5, -1.0], wrong)
    weights = rng.choice([1e-9, 1e-4, 0.01, 1.0], target.size)
    patients = rng.integers(0, max(2, target.size // 2), target.size)
    return target, score * rng.choice([-1, 1]), weights, patients


def areas_and_shares(target, score, weights, patients):
    """Every kind of area and share of the same rows, as far as these define it."""
    asked = [
        lambda known: stats.auroc(target, score, interval="jackknife", **known),
        *(
            lambda known, method=method: stats.clustered_proportion(score > 0, method=method, **known)
            for method in ("jeffreys", "korn_graubard", "gee", "wald")
        ),
    ]
    for known in (
        {},
        {"clusters": patients},
        {"weights": weights},
        {"clusters": patients, "weights": weights},
    ):
        for figure in asked:
            try:
                yield figure(known)
            except StatsError:  # one patient, or weights of a class that vanish
                continue
    for clusters in (None, patients):
        yield stats.auprc(target, score, interval="jackknife", clusters=clusters)
        yield from stats.binary_metrics(target, score > 0, clusters=clusters).values()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_interval_leaves_out_the_value_that_it_is_printed_with(seed):
    for found in areas_and_shares(*near_perfect(seed)):
        assert not found.has_interval or found.low <= found.value <= found.high, found


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_area_or_share_exceeds_1_by_the_rounding_of_its_weights(seed):
    target, score, weights, patients = near_perfect(seed)
    for found in areas_and_shares(target, score, weights, patients):
        assert not found.value > 1 or found.method == "log", found


ALIKE = np.tile([0.0, 1.0], 6)
TURNS = np.arange(12) % 4 < 2


def without_spread(interval):
    """Figures of rows that all say the same, so that their estimated error is 0."""
    measured = np.arange(12.0)
    yield stats.mean_estimate(np.full(12, 0.1), 0.95, None)
    yield stats.mean_estimate(np.full(12, 0.1), 0.95, np.arange(12) // 2)
    yield from stats.regression_errors(measured, measured + 0.3, interval=interval).values()
    yield stats.brier(ALIKE, np.full(12, 0.5), interval="normal" if interval == "student" else interval)
    yield stats.kappa_of_rows(ALIKE.astype(int), ALIKE.astype(int), 2)
    yield stats.paired_multiclass_auroc(ALIKE.astype(int), *[np.column_stack([1 - ALIKE, ALIKE])] * 2)
    asked = "delong" if interval == "student" else interval
    yield stats.paired_delong(ALIKE, measured, measured, interval=asked).difference


def test_an_error_of_0_makes_no_interval_of_students_and_says_so():
    for found in without_spread("jackknife"):
        assert not found.has_interval, found
        assert found.note, found


def test_an_interval_of_no_width_says_so():
    perfect = stats.auroc(ALIKE, ALIKE)
    of_limits = stats.bland_altman(np.arange(6.0), np.arange(6.0) + 0.25)
    for found in (
        *without_spread("student"),
        perfect,
        stats.unpaired_delong(perfect, perfect).difference,
        stats.paired_delong(ALIKE, ALIKE, ALIKE).first,
        stats.mcnemar(TURNS, TURNS).difference,
        stats.proportion(0, 12, method="wald"),
        stats.clustered_proportion(ALIKE, np.arange(12) // 2, method="wald"),
        stats.cohen_kappa([[5, 0], [0, 7]]),
        stats.binary_metrics(ALIKE, np.ones(12, bool))["positive_likelihood_ratio"],
        stats.net_benefit(ALIKE, np.zeros(12), 0.5),
        of_limits.lower_limit,
        of_limits.slope,
    ):
        assert found.note or found.low < found.high, found


def test_a_difference_of_shares_or_areas_stays_between_minus_1_and_1(rng):
    target = np.repeat([0, 1], [3, 3])
    right, wrong = target + rng.normal(0, 0.35, 6), -target + rng.normal(0, 0.35, 6)
    chances = [np.column_stack([-score, score]) for score in (right, wrong)]
    differences = {
        "paired": stats.paired_delong(target, right, wrong).difference,
        "left out": stats.paired_delong(target, right, wrong, interval="jackknife").difference,
        "unpaired": stats.unpaired_delong(stats.auroc(target, right), stats.auroc(target, wrong)).difference,
        "several classes": stats.paired_multiclass_auroc(target, *chances),
        "McNemar": stats.mcnemar(np.ones(6), [0, 0, 0, 0, 0, 1]).difference,
    }
    for name, found in differences.items():
        assert -1 <= found.low < found.high <= 1, name


@pytest.mark.parametrize(("value", "half", "limits"), [(0.9, 0.3, (0.6, 1.0)), (-0.9, 0.3, (-1.0, -0.6))])
def test_the_scale_of_differences_ends_at_1_on_either_side(value, half, limits):
    assert DIFFERENCE.limits(value, half) == pytest.approx(limits)
    assert all(map(math.isnan, DIFFERENCE.limits(value, math.nan)))


def test_no_reason_is_told_to_be_no_interval_twice():
    unknown = Jackknife(math.nan, 3.0, 3.0, 4)
    lost = student_estimate(0.4, unknown, PLAIN, confidence=0.95, count=4)
    whole = stats.kappa_of_rows(ALIKE.astype(int), ALIKE.astype(int), 2)

    for found in (lost, whole, stats.mean_estimate(np.full(12, 0.1), 0.95, None)):
        assert not found.has_interval
        assert str(found).count("no interval") == measured(found).note.count("no interval") == 1
