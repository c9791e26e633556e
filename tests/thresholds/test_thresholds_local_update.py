from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import ThresholdError
from strnet.thresholds import certify, fit_threshold
from strnet.thresholds.local_update import updated
from strnet.thresholds.rows import RowColumns, fittable_rows
from strnet.thresholds.threshold_request import read_request

PARENT = "a" * 64


@pytest.fixture(scope="module")
def parent():
    """A threshold of 0.5 for scores on [0, 1]; 100 positives of its own."""
    score = np.concatenate([np.linspace(0.5, 1, 100), np.linspace(0, 0.6, 100)])
    return replace(fit_threshold(np.repeat([1, 0], 100), score), threshold=0.5)


def site(scores, negatives=(0.1, 0.6), **columns):
    """Checked rows of a site with these scores of positives."""
    target = np.repeat([1, 0], [len(scores), len(negatives)])
    return fittable_rows(target, np.concatenate([scores, negatives]), RowColumns(**columns))


def update(parent, rows, allow_raise=False, **options):
    return updated(parent, PARENT, rows, read_request(**options), allow_raise=allow_raise)


def test_a_frozen_threshold_that_is_shown_to_hold_is_kept_bit_for_bit(parent):
    # 100 positives, floor .86, confidence .95: the binomial law allows 8 misses, and 7 are made
    found = update(parent, site(np.concatenate([np.full(7, 0.4), np.full(93, 0.9)])))
    assert (found.update.decision, found.status, found.threshold) == ("keep", "guaranteed", 0.5)
    assert (found.update.parent_misses, found.misses_made, found.update.local_threshold) == (7, 7, 0.9)
    assert found.expected_sensitivity.value == pytest.approx(0.93)
    assert found.update.parent_sha256 == PARENT


def test_a_frozen_threshold_that_misses_too_many_is_lowered_to_what_the_local_positives_allow(parent):
    scores = np.arange(1, 101) / 100  # 49 below 0.5; the ninth lowest is 0.09
    found = update(parent, site(scores))
    assert (found.update.decision, found.status, found.threshold) == ("lower", "guaranteed", 0.09)
    assert (found.update.parent_misses, found.misses_made) == (49, 8)
    assert found.update.parent_specificity.value == 0.5  # of 0.1 and 0.6, at 0.5
    assert found.specificity.value == 0


def test_a_threshold_is_raised_only_if_that_is_asked_for(parent):
    rows = site(np.linspace(0.7, 0.9, 50))
    assert update(parent, rows).threshold == 0.5
    raised = update(parent, rows, allow_raise=True)
    alone = fit_threshold(rows.target, rows.score)
    assert (raised.update.decision, raised.threshold) == ("raise", alone.threshold)
    assert raised.expected_sensitivity == alone.expected_sensitivity


def test_too_few_positives_keep_the_threshold_without_a_promise_and_say_how_many_it_takes(parent):
    found = update(parent, site(np.full(12, 0.9)))
    assert (found.update.decision, found.status, found.threshold) == ("keep", "point only", 0.5)
    assert found.update.more_positives == 8  # 20 for a floor of .86 at .95
    assert "It takes 20 positives: add 8" in found.update.reason
    assert found.confidence_reached == pytest.approx(1 - 0.86**12)
    assert found.update.local_threshold is None


def test_too_few_positives_that_speak_against_the_threshold_lower_it_to_the_lowest_of_them(parent):
    # 5 of 10 missed: P(X >= 5), X ~ Binomial(10, .14), is 0.0073; 4 have 0.0403; 3 have 0.1545
    for missed, decision in ((3, "keep"), (4, "lower"), (5, "lower")):
        found = update(
            parent, site(np.concatenate([np.linspace(0.2, 0.4, missed), np.full(10 - missed, 0.9)]))
        )
        assert (found.update.decision, found.status) == (decision, "point only")
        assert found.threshold == (0.2 if decision == "lower" else 0.5)
    assert "a floor of at most 0.741" in found.update.reason  # .05 ** (1 / 10)


def test_two_films_of_a_patient_that_are_both_missed_speak_once_against_the_threshold(parent):
    scores = np.concatenate([np.full(6, 0.3), np.full(14, 0.9)])
    as_films = update(parent, site(scores[:19]))
    patients = np.concatenate([np.repeat(np.arange(10), 2), [90, 91]])
    as_patients = update(parent, site(scores, clusters=patients), cluster_method="worst")
    assert as_films.update.decision == "lower"  # 6 of 19 films
    assert as_patients.update.decision == "keep"  # 3 of 10 patients


@pytest.mark.parametrize("sign", [1, -1])
@given(data=st.data())
def test_the_decision_is_the_certificate_of_the_frozen_threshold(parent, sign, data):
    """Kept with a promise just where the exact test certifies it, on rows with ties, in both directions."""
    scores = sign * np.array(data.draw(st.lists(st.integers(0, 10), min_size=20, max_size=60))) / 10
    point = replace(parent, threshold=sign * 0.5, operator=">=" if sign > 0 else "<=")
    rows = site(scores, negatives=(sign * 0.05, sign * 0.65), higher_is_positive=sign > 0)
    found = update(point, rows)
    verdict = certify(point, rows.target, rows.score).verdict
    assert (found.update.decision == "keep") == (verdict == "certified")
    assert sign * found.threshold <= sign * point.threshold


@given(scores=st.lists(st.integers(0, 30), min_size=1, max_size=80), allow=st.booleans())
def test_a_promised_threshold_is_never_above_what_the_local_positives_alone_allow(parent, scores, allow):
    rows = site(np.array(scores) / 30)
    found = update(parent, rows, allow_raise=allow)
    if found.status != "guaranteed":
        assert len(scores) < 20
        return
    assert found.threshold <= fit_threshold(rows.target, rows.score).threshold
    assert allow or found.threshold <= 0.5


def test_the_second_update_is_counted_and_says_that_chances_of_error_add_up(parent):
    first = update(parent, site(np.full(30, 0.9)))
    second = update(first, site(np.full(31, 0.9)))
    assert (first.update.number, second.update.number) == (1, 2)
    assert not first.notes
    assert "Update number 2" in second.notes[-1]


def test_what_the_parent_promised_of_groups_is_said_to_be_gone():
    target, score = (
        np.repeat([1, 0], 100),
        np.concatenate([np.linspace(0.5, 1, 100), np.linspace(0, 0.6, 100)]),
    )
    sites = np.tile(["a", "b"], 100)
    found = update(fit_threshold(target, score, groups=sites), site(np.full(30, 0.9)))
    assert "every group" in found.notes[-1]
    assert found.groups == ()


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"threshold": None}, {}, "one threshold per group"),
        ({}, {"method": "empirical"}, "expected exact"),
    ],
)
def test_what_cannot_be_updated_is_refused(parent, change, options, message):
    with pytest.raises(ThresholdError, match=message):
        update(replace(parent, **change), site(np.full(30, 0.9)), **options)


def test_broken_promises_are_rare_over_all_decisions_together(parent):
    """True sensitivity of the frozen threshold just below the floor, where a wrong keep is likeliest."""
    rng = np.random.default_rng(3)
    wrong, decisions = 0, set()
    for _ in range(600):
        found = update(replace(parent, threshold=0.145), site(rng.random(60)))
        wrong += found.threshold > 0.14  # of uniform scores the true sensitivity is 1 - t
        decisions.add(found.update.decision)
    assert decisions == {"keep", "lower"}
    assert wrong / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5
