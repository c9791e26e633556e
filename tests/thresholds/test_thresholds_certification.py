from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from strnet.errors import BundleError, ThresholdError
from strnet.thresholds import ScoreIdentity, certify, fit_threshold


@pytest.fixture
def point(binormal):
    return replace(fit_threshold(*binormal(600, seed=3)), threshold=0.0)


def site(found, missed, negatives=20):
    """Target and score of a site where `missed` of the positives lie below 0."""
    target = np.repeat([True, True, False], [found, missed, negatives])
    return target, np.where(target & (np.arange(target.size) < found), 1.0, -1.0)


@pytest.mark.parametrize("positives", [1, 5, 19, 20, 33, 34, 60, 150])
def test_the_verdict_is_the_rule_for_every_count_of_misses(point, positives):
    tails = stats.binom.cdf(np.arange(positives + 1), positives, 0.14)
    allowed = np.sum(tails <= 0.05) - 1
    alarm_above = stats.binom.ppf(0.95, positives, 0.14)
    for missed in range(positives + 1):
        found = certify(point, *site(positives - missed, missed))
        expected = "certified" if missed <= allowed else "alarm" if missed > alarm_above else "insufficient"
        assert found.verdict == expected
        assert found.misses == missed
        assert found.alarm_from == alarm_above + 1
        assert found.misses_allowed == (None if allowed < 0 else allowed)


def test_the_positives_still_needed_decide_it_if_none_of_them_is_missed(point):
    found = certify(point, *site(27, 4))
    assert found.verdict == "insufficient"
    assert certify(point, *site(27 + found.more_if_none_missed, 4)).verdict == "certified"
    assert certify(point, *site(27 + found.more_if_none_missed - 1, 4)).verdict == "insufficient"


def test_at_the_rate_seen_so_far_the_number_needed_is_larger_or_there_is_none(point):
    fair = certify(point, *site(27, 3))
    assert fair.more_at_this_rate > fair.more_if_none_missed
    total = 30 + fair.more_at_this_rate
    assert stats.binom.cdf(np.floor(0.1 * total), total, 0.14) <= 0.05
    assert certify(point, *site(25, 5)).more_at_this_rate is None


def test_a_site_without_positives_is_insufficient_and_needs_the_fewest(point):
    found = certify(point, [0, 0, 0], [0.1, -0.2, 0.3])
    assert (found.verdict, found.positives, found.sensitivity) == ("insufficient", 0, None)
    assert found.more_if_none_missed == 20
    assert found.specificity.value == pytest.approx(1 / 3)


def test_the_local_specificity_stands_beside_the_verdict(point):
    target, score = site(40, 0, negatives=10)
    score[-4:] = 2.0
    assert certify(point, target, score).specificity.value == pytest.approx(0.6)


def test_a_certified_floor_that_does_not_hold_is_rare(point):
    """At a true sensitivity of just the floor, at most 5% of sites are certified, and as few alarmed."""
    rng = np.random.default_rng(0)
    verdicts = [certify(point, *site(136 - m, m)).verdict for m in rng.binomial(136, 0.14, size=400)]
    for wrong in ("certified", "alarm"):
        assert verdicts.count(wrong) / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


@pytest.mark.parametrize("method", ["korn_graubard", "one_per_cluster", "worst"])
def test_two_films_of_every_patient_prove_no_more_than_one(point, method):
    target, score = site(40, 2, negatives=0)
    twice = {
        "target": np.repeat(target, 2),
        "score": np.repeat(score, 2),
        "clusters": np.repeat(np.arange(42), 2),
    }
    single, double = certify(point, target, score), certify(point, cluster_method=method, **twice)
    assert double.verdict == single.verdict
    assert double.positives == 84
    assert double.units == pytest.approx(42, rel=0.05)
    assert double.approximate == (method == "korn_graubard")


def test_the_worst_film_decides_a_certificate_but_only_the_best_an_alarm(point):
    # every patient misses one of two films: no proof that the floor holds, none that patients are missed
    score = np.tile([1.0, -1.0], 60)
    found = certify(point, np.ones(120), score, clusters=np.repeat(np.arange(60), 2), cluster_method="worst")
    assert (found.unit_misses, found.verdict) == (60, "insufficient")
    alarm = certify(
        point, np.ones(120), -np.ones(120), clusters=np.repeat(np.arange(60), 2), cluster_method="worst"
    )
    assert alarm.verdict == "alarm"


def test_weights_enter_through_the_effective_number(point):
    target, score = site(100, 5)
    found = certify(point, target, score, weights=np.tile([0.5, 1.5], 63)[: target.size])
    assert found.approximate
    assert found.units == pytest.approx(105 * 0.8, rel=0.02)


def test_a_method_without_a_count_is_refused(point):
    with pytest.raises(ThresholdError, match="Use korn_graubard, one_per_cluster or worst"):
        certify(point, *site(10, 0, 0), clusters=np.arange(10), cluster_method="betting")


def test_a_point_of_another_model_is_refused_at_the_new_site(point):
    own = replace(point, score=ScoreIdentity(model_sha256="a" * 64))
    with pytest.raises(BundleError):
        certify(own, *site(30, 0), source=ScoreIdentity(model_sha256="b" * 64))


def test_each_site_is_held_against_its_own_threshold(binormal):
    target, score = binormal(600, seed=2)
    group = np.repeat(["A", "B"], 300)
    point = fit_threshold(target, score, groups=group, group_policy="per_group")
    new_target, new_score = binormal(300, seed=77)
    found = certify(point, new_target, new_score, groups=np.full(300, "B"))
    threshold = point.groups[1].threshold
    assert found.misses == np.sum(new_score[new_target] < threshold)


def test_lower_scores_are_positive_at_the_new_site_too(binormal):
    target, score = binormal(300)
    point = fit_threshold(target, -score, higher_is_positive=False)
    new_target, new_score = binormal(200, seed=8)
    found = certify(point, new_target, -new_score)
    assert found.misses == np.sum(-new_score[new_target] > point.threshold)


def test_a_site_of_one_patient_proves_nothing_either_way(point):
    for score in (np.ones(40), -np.ones(40)):
        found = certify(point, np.ones(40), score, clusters=np.zeros(40))
        assert (found.verdict, found.units) == ("insufficient", 1)


def test_misses_among_rows_that_weigh_more_are_worth_less_than_the_weights_alone_say(point):
    target = np.ones(100)
    weights = np.repeat([4.0, 1.0], [20, 80])
    kish = weights.sum() ** 2 / np.square(weights).sum()
    heavy = np.where(np.arange(100) < 5, -1.0, 1.0)  # 20 of 160 missed, in five rows
    light = np.where(np.arange(100) >= 80, -1.0, 1.0)  # as much, in twenty rows
    of_heavy, of_light = (certify(point, target, score, weights=weights) for score in (heavy, light))
    assert of_heavy.sensitivity.value == of_light.sensitivity.value == 0.875
    # the linearised variance of a weighted share is sum w^2 (hit - share)^2 / (sum w)^2
    variance = (5 * 16 * 0.875**2 + 15 * 16 * 0.125**2 + 80 * 0.125**2) / 160**2
    assert of_heavy.units == pytest.approx(0.875 * 0.125 / variance, rel=0.02)
    assert of_heavy.units < 0.8 * kish
    assert of_light.units == pytest.approx(kish)
