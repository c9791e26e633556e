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
def test_the_fixed_verdict_is_the_rule_for_every_count_of_misses(point, positives):
    tails = stats.binom.cdf(np.arange(positives + 1), positives, 0.14)
    allowed = np.sum(tails <= 0.05) - 1
    alarm_above = stats.binom.ppf(0.95, positives, 0.14)
    for missed in range(positives + 1):
        found = certify(point, *site(positives - missed, missed), test="fixed")
        expected = "certified" if missed <= allowed else "alarm" if missed > alarm_above else "insufficient"
        assert found.verdict == expected
        assert found.misses == missed
        assert found.alarm_from == alarm_above + 1
        assert found.misses_allowed == (None if allowed < 0 else allowed)


@pytest.mark.parametrize("test", ["anytime", "fixed"])
def test_the_positives_still_needed_decide_it_if_none_of_them_is_missed(point, test):
    found = certify(point, *site(27, 4), test=test)
    assert found.verdict == "insufficient"
    assert certify(point, *site(27 + found.more_if_none_missed, 4), test=test).verdict == "certified"
    almost = certify(point, *site(27 + found.more_if_none_missed - 1, 4), test=test)
    assert almost.verdict == "insufficient"
    assert almost.more_if_none_missed == 1


@pytest.mark.parametrize("test", ["anytime", "fixed"])
def test_at_the_rate_seen_so_far_the_number_needed_is_larger_or_there_is_none(point, test):
    fair = certify(point, *site(27, 3), test=test)
    assert fair.more_at_this_rate > fair.more_if_none_missed
    total = 30 + fair.more_at_this_rate
    missed = int(0.1 * total)
    assert certify(point, *site(total - missed, missed), test=test).verdict == "certified"
    assert certify(point, *site(25, 5), test=test).more_at_this_rate is None


def test_a_site_without_positives_is_insufficient_and_needs_the_fewest(point):
    found = certify(point, [0, 0, 0], [0.1, -0.2, 0.3], test="fixed")
    assert (found.verdict, found.positives, found.sensitivity) == ("insufficient", 0, None)
    assert found.more_if_none_missed == 20
    assert (found.lower, found.upper) == (0, 1)
    running = certify(point, [0, 0, 0], [0.1, -0.2, 0.3], clusters=["a", "b", "c"])
    assert (running.verdict, running.lower, running.upper) == ("insufficient", 0, 1)
    assert certify(point, *site(running.more_if_none_missed, 0)).verdict == "certified"
    assert found.specificity.value == pytest.approx(1 / 3)


def test_the_local_specificity_stands_beside_the_verdict(point):
    target, score = site(40, 0, negatives=10)
    score[-4:] = 2.0
    assert certify(point, target, score).specificity.value == pytest.approx(0.6)


def test_the_bounds_of_the_fixed_test_are_those_of_clopper_and_pearson(point):
    found = certify(point, *site(93, 7), test="fixed")
    assert found.lower == pytest.approx(stats.binomtest(93, 100).proportion_ci(0.90, "exact").low)
    assert found.upper == pytest.approx(stats.binomtest(93, 100).proportion_ci(0.90, "exact").high)


@pytest.mark.parametrize(
    ("test", "method"), [("anytime", "betting"), ("fixed", "one_per_cluster"), ("fixed", "worst")]
)
def test_two_films_of_every_patient_prove_no_more_than_one(point, test, method):
    target, score = site(60, 2, negatives=0)
    twice = {
        "target": np.repeat(target, 2),
        "score": np.repeat(score, 2),
        "clusters": np.repeat(np.arange(62), 2),
    }
    single = certify(point, target, score, test=test)
    double = certify(point, test=test, cluster_method=method, **twice)
    assert double.positives == 124
    for name in ("verdict", "patients", "lower", "upper", "miss_share"):
        assert getattr(double, name) == getattr(single, name)


def test_a_patient_counts_as_the_share_of_films_missed_one_film_or_any(point):
    # 30 patients with two films, one of them missed, and 30 with one film that is found
    score = np.concatenate([np.tile([1.0, -1.0], 30), np.ones(30)])
    clusters = np.concatenate([np.repeat(np.arange(30), 2), np.arange(30, 60)])
    found = {
        method: certify(point, np.ones(90), score, clusters=clusters, cluster_method=method)
        for method in ("betting", "worst", "one_per_cluster")
    }
    assert found["betting"].miss_share == 0.25
    assert found["worst"].miss_share == 0.5
    assert 0.1 < found["one_per_cluster"].miss_share < 0.4
    assert found["one_per_cluster"].miss_share * 60 % 1 == pytest.approx(0)


def test_the_film_that_stands_for_a_patient_follows_from_the_id_alone(point):
    rng = np.random.default_rng(3)
    score, clusters = rng.normal(size=300), rng.integers(0, 100, size=300)
    order = rng.permutation(300)
    asked = {"cluster_method": "one_per_cluster", "test": "fixed"}
    first = certify(point, np.ones(300), score, clusters=clusters, **asked)
    again = certify(point, np.ones(300), score[order], clusters=clusters[order].astype(str), **asked)
    assert first.miss_share == again.miss_share
    other = certify(point, np.ones(300), score, clusters=clusters + 1000, **asked)
    assert other.miss_share != first.miss_share


def test_a_point_that_speaks_of_patients_without_a_miss_is_certified_for_them(point):
    of_worst = replace(point, cluster_method="worst")
    score, clusters = np.tile([1.0, -1.0], 60), np.repeat(np.arange(60), 2)
    for test in ("anytime", "fixed"):
        found = certify(of_worst, np.ones(120), score, clusters=clusters, test=test)
        assert (found.cluster_method, found.miss_share, found.verdict) == ("worst", 1, "alarm")


def test_weights_certify_only_up_to_a_declared_largest(point):
    target, score = site(300, 3)
    weights = np.resize([1.0, 1.0, 10.0], target.size)
    with pytest.raises(ThresholdError, match="--max-weight"):
        certify(point, target, score, weights=weights)
    with pytest.raises(ThresholdError, match="found 10, expected at most the 9"):
        certify(point, target, score, weights=weights, max_weight=9)
    ten = certify(point, target, score, weights=weights, max_weight=10)
    fifty = certify(point, target, score, weights=weights, max_weight=50)
    assert ten.verdict == "certified"
    assert fifty.lower < ten.lower
    share = np.sum(weights[300:303]) / np.sum(weights[:303])
    assert [ten.miss_share, fifty.miss_share] == pytest.approx([share, share])


def test_a_test_that_does_not_go_with_the_rows_is_refused(point):
    target, score = site(30, 2, 0)
    with pytest.raises(ThresholdError, match="weights"):
        certify(point, target, score, weights=np.ones(32), max_weight=1, test="fixed")
    halves = {"clusters": np.repeat(np.arange(16), 2), "test": "fixed", "cluster_method": "betting"}
    with pytest.raises(ThresholdError, match="missed in part"):
        certify(point, np.ones(32), np.tile([1.0, -1.0], 16), **halves)
    with pytest.raises(ThresholdError, match="korn_graubard"):
        certify(point, target, score, clusters=np.arange(32), cluster_method="korn_graubard")
    with pytest.raises(ThresholdError, match="anytime"):
        certify(point, target, score, test="any_time")


def test_a_table_pasted_below_itself_is_refused_also_under_new_names_of_the_patients(point, binormal):
    target, score = (np.tile(column, 2) for column in binormal(120, seed=4))
    renamed = np.repeat(np.arange(120), 2)  # two films each, the second half of them the first once more
    once = {"clusters": renamed[:120], "mixed_clusters": True}
    assert certify(point, target[:120], score[:120], **once)
    for asked in (certify, fit_threshold):
        with pytest.raises(ThresholdError, match=r"60 of 60 different patients .* pasted"):
            asked(
                *([point] if asked is certify else []), target, score, clusters=renamed, mixed_clusters=True
            )


def test_a_table_pasted_below_itself_is_refused_where_films_stand_for_themselves(point, binormal):
    target, score = (np.tile(column, 2) for column in binormal(60, seed=4))
    with pytest.raises(ThresholdError, match="pasted"):
        certify(point, target, score)
    with pytest.raises(ThresholdError, match="pasted"):
        fit_threshold(target, score)
    once = certify(point, target[:60], score[:60], clusters=np.arange(60))
    assert certify(point, target, score, clusters=np.tile(np.arange(60), 2)).lower == once.lower


def test_the_rows_that_chose_a_threshold_cannot_certify_it(binormal):
    target, score = binormal(226, seed=9)
    chosen = fit_threshold(target, score)
    with pytest.raises(ThresholdError, match=r"200 of 200 rows .* chosen from"):
        certify(chosen, target[:200], score[:200])
    assert certify(chosen, *binormal(226, seed=10))


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
        assert (found.verdict, found.patients) == ("insufficient", 1)
