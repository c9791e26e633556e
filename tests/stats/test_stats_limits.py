"""What every interval has to do: hold its own value, have a width, and stay where the figure can be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet import stats
from strnet.errors import StatsError


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
