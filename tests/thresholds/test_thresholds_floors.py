import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from strnet.errors import BundleError, ImpossibleError, ThresholdError
from strnet.thresholds import (
    ScoreIdentity,
    certify_floors,
    fit_floor,
    fit_threshold,
    read_operating_point,
    write_operating_point,
)
from strnet.thresholds.fixed_cutoffs import default_cutoffs, predictive
from strnet.thresholds.stated_prevalence import read_prevalence


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0.12", (0.12, 0.12)),
        (0.12, (0.12, 0.12)),
        ("0.10-0.15", (0.10, 0.15)),
        ("0.10 to 0.15", (0.10, 0.15)),
        ("24/200", proportion_confint(24, 200, alpha=0.1, method="beta")),
        ("24 of 200", proportion_confint(24, 200, alpha=0.1, method="beta")),
    ],
)
def test_a_prevalence_is_a_number_or_limits_or_counts(given, expected):
    assert read_prevalence(given).bounds(0.05) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("12", "write 12 percent as 0.12"),
        ("0", "strictly between 0 and 1"),
        ("0/20", "some of them diseased and not all"),
        ("20/20", "some of them diseased and not all"),
        ("0.3-0.1", "the lower limit first"),
        ("often", "found 'often'"),
        ("-0.1", "strictly between 0 and 1"),
        ("nan", "strictly between 0 and 1"),
    ],
)
def test_another_prevalence_is_refused_with_what_can_be_written(given, message):
    with pytest.raises(ThresholdError, match=message):
        read_prevalence(given)


def test_fifty_nine_negatives_prove_a_specificity_of_095_when_none_of_them_is_an_alarm():
    negatives, positives = np.arange(59.0), np.array([40.0, 58.0, 58.5, 70.0])
    target = np.repeat([0, 1], [59, 4])
    point = fit_floor(target, np.append(negatives, positives), min_specificity="0.95")
    assert point.threshold == np.nextafter(58.0, np.inf)
    assert (point.false_alarms_allowed, point.units, point.status) == (0, 59, "guaranteed")
    assert (point.promise, point.speaks_of) == ("if_answered", "films")
    assert point.sensitivity.events == 2
    assert point.confidence_reached == pytest.approx(1 - 0.95**59)
    with pytest.raises(ImpossibleError, match=r"min_specificity 0.95 .* 58 negatives.* It takes 59"):
        fit_floor(target[1:], np.append(negatives, positives)[1:], min_specificity="0.95")


@given(seed=st.integers(0, 10_000), steps=st.sampled_from([None, 1, 4]))
def test_the_threshold_of_a_specificity_floor_is_the_lowest_that_its_negatives_allow(seed, steps):
    rng = np.random.default_rng(seed)
    target = rng.random(150) < 0.4
    score = rng.normal(size=150) + 1.5 * target
    score = score if steps is None else np.round(score * steps) / steps
    point = fit_floor(target, score, min_specificity="0.8")
    negatives = np.sort(score[~target])
    alarms = np.count_nonzero(negatives >= point.threshold)
    assert alarms <= point.false_alarms_allowed
    lower = np.nextafter(point.threshold, -np.inf)
    assert np.count_nonzero(negatives >= lower) > point.false_alarms_allowed
    low, _ = proportion_confint(
        negatives.size - point.false_alarms_allowed, negatives.size, alpha=0.1, method="beta"
    )
    assert low >= 0.8
    more, _ = proportion_confint(
        negatives.size - point.false_alarms_allowed - 1, negatives.size, alpha=0.1, method="beta"
    )
    assert more < 0.8


def test_a_specificity_floor_is_the_mirror_of_a_sensitivity_floor(binormal):
    target, score = binormal(300, seed=3)
    point = fit_floor(target, score, min_specificity="0.85")
    mirrored = fit_threshold(~target, -score, min_sensitivity="0.85")
    assert point.threshold == np.nextafter(-mirrored.threshold, np.inf)
    assert point.confidence_reached == mirrored.confidence_reached
    assert point.expected_specificity.low == mirrored.expected_sensitivity.low
    assert point.specificity.value == mirrored.observed_sensitivity.value
    assert point.sensitivity.low == mirrored.specificity.low


def test_a_specificity_floor_of_single_precision_holds_where_it_is_compared_in_it(binormal):
    target, score = binormal(300, seed=3)
    score = score.astype(np.float32)
    point = fit_floor(target, score, min_specificity="0.85")
    assert np.float32(point.threshold) == point.threshold
    alarms = np.count_nonzero(score[~target] >= np.float32(point.threshold))
    assert alarms == point.false_alarms_allowed


@pytest.mark.parametrize(
    "options",
    [
        {"min_specificity": "0.8"},
        {"min_ppv": "0.3", "prevalence": 0.2},
        {"min_npv": "0.9", "prevalence": 0.2},
    ],
)
def test_scores_that_fall_with_disease_give_the_same_decisions(binormal, options):
    target, score = binormal(400, seed=4)
    cutoffs = {} if "min_specificity" in options else {"cutoffs": [0.0, 0.5, 1.0, 1.5, 2.0]}
    up = fit_floor(target, score, **options, **cutoffs)
    turned = {name: [-cut for cut in cuts] for name, cuts in cutoffs.items()}
    down = fit_floor(target, -score, higher_is_positive=False, **options, **turned)
    assert (up.operator, down.operator) == (">=", "<=")
    assert down.threshold == -up.threshold
    assert np.array_equal(up.apply(score), down.apply(-score))
    assert np.array_equal(up.apply(score.astype(np.float32)), score.astype(np.float32) >= up.threshold)


def _lower(found, total, tail):
    return proportion_confint(found, total, alpha=2 * tail, method="beta")[0] if found else 0.0


@pytest.mark.parametrize("of", ["ppv", "npv"])
@pytest.mark.parametrize("prevalence", ["0.2", "40/200", "0.15-0.25"])
def test_a_predictive_value_is_proven_at_every_cut_off_by_brute_force(binormal, of, prevalence):
    target, score = binormal(500, seed=5)
    cutoffs, delta, floor = np.linspace(-1, 3, 9), 0.05, {"ppv": 0.3, "npv": 0.9}[of]
    parts = 3 if "/" in prevalence else 2
    tail = delta / (parts * cutoffs.size)
    low, high = {
        "0.2": (0.2, 0.2),
        "0.15-0.25": (0.15, 0.25),
        "40/200": proportion_confint(40, 200, alpha=2 * delta / 3, method="beta"),
    }[prevalence]
    kept = []
    for cut in cutoffs:
        hit = _lower(np.sum(score[target] >= cut), target.sum(), tail)
        reject = _lower(np.sum(score[~target] < cut), (~target).sum(), tail)
        if of == "ppv":
            value = low * hit / (low * hit + (1 - low) * (1 - reject))
        else:
            value = (1 - high) * reject / ((1 - high) * reject + high * (1 - hit))
        if value >= floor:
            kept.append((cut, value))
    point = fit_floor(target, score, cutoffs=cutoffs, prevalence=prevalence, **{f"min_{of}": floor})
    expected = min(kept) if of == "ppv" else max(kept)
    assert (point.threshold, point.lower_bound) == pytest.approx(expected)
    assert len(kept) > 1  # the choice among several is what is tested
    assert (point.promise, point.cutoffs_tried, point.prevalence) == ("wrong_or_silent", 9, prevalence)
    shown = getattr(point, of)
    assert shown.low <= point.lower_bound <= shown.value <= shown.high


def test_a_predictive_value_at_hand_computed_rates():
    # 0.1 x 0.8 / (0.1 x 0.8 + 0.9 x 0.1) = 8 / 17, and 0.9 x 0.9 / (0.9 x 0.9 + 0.1 x 0.2) = 81 / 83
    assert predictive(0.8, 0.9, 0.1) == pytest.approx(8 / 17)
    assert predictive(0.9, 0.8, 0.9) == pytest.approx(81 / 83)
    assert predictive(0.0, 1.0, 0.5) == 0  # nobody gets the result, so that nothing is proven of it


def test_the_default_cut_offs_of_a_logit_are_those_of_its_probability(binormal):
    target, score = binormal(600, seed=8)
    logit = 2 * score - 2
    asked = {"min_ppv": "0.3", "prevalence": "0.15"}
    as_logit = fit_floor(target, logit, score_kind="logit", **asked)
    as_prob = fit_floor(target, 1 / (1 + np.exp(-logit)), score_kind="probability", **asked)
    assert as_logit.threshold == pytest.approx(np.log(as_prob.threshold / (1 - as_prob.threshold)))
    assert as_logit.lower_bound == as_prob.lower_bound
    assert as_prob.cutoffs_tried == 99
    for kind in (None, "value"):
        with pytest.raises(ThresholdError, match="cut-offs that could be fixed beforehand"):
            default_cutoffs(kind)


def test_what_is_impossible_says_how_many_times_the_rows_it_takes(binormal):
    target, score = binormal(200, seed=9)
    asked = {"min_ppv": "0.6", "prevalence": "0.2", "cutoffs": "1,1.5,2"}
    with pytest.raises(ImpossibleError, match=r"about ([\d.]+) times the rows") as refusal:
        fit_floor(target, score, **asked)
    times = int(np.ceil(float(str(refusal.value).split("about ")[1].split(" times")[0]) * 1.06))
    assert times > 1
    assert fit_floor(np.tile(target, times), np.tile(score, times), **asked).lower_bound >= 0.6
    with pytest.raises(ImpossibleError, match="no number of rows would"):
        fit_floor(target, score, min_ppv="0.99", prevalence="0.01", cutoffs=[0.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "found none, expected exactly one of min_specificity, min_ppv, min_npv"),
        ({"min_ppv": 0.3, "min_npv": 0.9, "prevalence": 0.1}, "found min_ppv and min_npv"),
        ({"min_ppv": 0.3}, "no prevalence given"),
        ({"min_specificity": 0.9, "prevalence": 0.1}, "specificity does not depend on prevalence"),
        ({"min_specificity": 0.9, "cutoffs": "1,2"}, "every score is tried"),
        ({"min_specificity": "90%"}, "min_specificity: found '90%'"),
        ({"min_ppv": 30, "prevalence": 0.1}, "Write 30 percent as 0.3"),
        ({"min_ppv": 0.3, "prevalence": 0.1, "cutoffs": "1,x"}, "expected numbers such as"),
        ({"min_ppv": 0.3, "prevalence": 0.1, "cutoffs": [1.0, 1.0]}, "the same one stands twice"),
        ({"min_ppv": 0.3, "prevalence": 0.1, "cutoffs": [np.nan]}, "expected finite numbers"),
        ({"min_ppv": 0.3, "prevalence": 0.1, "cutoffs": [1.0], "weights": np.ones(200)}, "equal weight"),
        (
            {"min_ppv": 0.3, "prevalence": 0.1, "cutoffs": [1.0], "clusters": np.arange(200)}
            | {"cluster_method": "korn_graubard"},
            "Use one_per_cluster or worst",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(binormal, options, message):
    with pytest.raises(ThresholdError, match=message):
        fit_floor(*binormal(200), **options)


def test_worst_counts_a_patient_as_right_only_if_every_film_of_it_is():
    # patients: positives a (3, 1), b (2, 2); negatives c (0, 2), d (0, 0)
    target = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    score = np.array([3.0, 1, 2, 2, 0, 2, 0, 0])
    patients = np.repeat([0, 1, 2, 3], 2)
    target, score = np.tile(target, 30), np.tile(score, 30)
    patients = np.concatenate([patients + 4 * copy for copy in range(30)])
    point = fit_floor(
        target,
        score,
        min_ppv=0.1,
        prevalence=0.3,
        cutoffs=[1.5],
        clusters=patients,
        cluster_method="worst",
    )
    assert (point.sensitivity.events, point.sensitivity.count) == (30, 60)
    assert (point.specificity.events, point.specificity.count) == (30, 60)
    assert point.speaks_of == "patients"


@pytest.mark.parametrize(
    ("method", "whose"),
    [
        ("one_per_cluster", "patients"),
        ("worst", "patients without a false alarm"),
        ("betting", "patients"),
    ],
)
def test_a_specificity_floor_knows_every_way_to_treat_patients(binormal, method, whose):
    target, score = binormal(200, seed=2)
    target, score, patients = np.repeat(target, 2), np.repeat(score, 2), np.repeat(np.arange(200), 2)
    point = fit_floor(target, score, min_specificity="0.7", clusters=patients, cluster_method=method)
    assert (point.status, point.speaks_of, point.clusters) == ("guaranteed", whose, 200)


def test_weights_promise_a_specificity_only_if_the_design_says_how_large_they_get(binormal):
    target, score = binormal(800, seed=2)
    weights = np.where(np.arange(800) % 2, 1.0, 3.0)
    seen = fit_floor(target, score, min_specificity="0.7", weights=weights)
    assert (seen.status, seen.promise) == ("point only", None)
    proven = fit_floor(target, score, min_specificity="0.7", weights=weights, max_weight=3.0)
    assert (proven.status, proven.speaks_of) == ("guaranteed", "weighted films")
    with pytest.raises(ThresholdError, match="negatives weigh more than max_weight 2"):
        fit_floor(target, score, min_specificity="0.7", weights=weights, max_weight=2.0)


def test_what_is_written_is_what_is_read(binormal, tmp_path):
    target, score = binormal(400)
    for options in (
        {"min_specificity": "0.8"},
        {"min_npv": "0.9", "prevalence": "40/200", "cutoffs": "0.1,0.5,1"},
    ):
        point = fit_floor(target, score, **options)
        write_operating_point(point, tmp_path / "op.json")
        assert read_operating_point(tmp_path / "op.json") == point


def test_a_site_is_certified_by_exact_limits_and_alarmed_by_them(binormal):
    point = fit_floor(*binormal(600, seed=1), min_specificity="0.8")
    negatives = np.zeros(100, bool)
    threshold = point.threshold
    # 100 negatives: at most 13 alarms prove 0.8 at 0.95, and 28 disprove it
    for alarms, verdict in ((13, "certified"), (14, "insufficient"), (27, "insufficient"), (28, "alarm")):
        score = np.where(np.arange(100) < alarms, threshold, threshold - 1)
        found = certify_floors(point, negatives, score)["specificity"]
        assert (found.verdict, found.rejected) == (verdict, 100 - alarms)
        assert found.low == pytest.approx(_lower(100 - alarms, 100, 0.05))
    assert found.times_the_rows is None


def test_a_predictive_value_is_certified_at_the_prevalence_of_the_site(binormal):
    point = fit_floor(*binormal(800, seed=1), min_ppv="0.4", prevalence="0.2", cutoffs=[0.5, 1.0, 1.5])
    target, score = binormal(800, seed=2)
    assert certify_floors(point, target, score)["ppv"].prevalence == "0.2"
    rare = certify_floors(point, target, score, prevalence="0.01")["ppv"]
    assert rare.verdict == "alarm"
    common = certify_floors(point, target, score, prevalence="0.5")["ppv"]
    assert common.verdict == "certified"
    few = certify_floors(point, target[:30], score[:30])["ppv"]
    assert few.verdict == "insufficient"
    times = int(np.ceil(few.times_the_rows * 1.02))
    more = certify_floors(point, np.tile(target[:30], times), np.tile(score[:30], times))["ppv"]
    assert more.verdict == "certified"
    with pytest.raises(ThresholdError, match="found no negative"):
        certify_floors(point, np.ones(50), np.ones(50))


def test_an_alarm_of_patients_counts_them_generously(binormal):
    point = fit_floor(*binormal(600, seed=1), min_specificity="0.8")
    # every patient has one film above and one below: the films may be right, so that nothing is disproved
    score = np.tile([point.threshold, point.threshold - 1], 100)
    clusters = np.repeat(np.arange(100), 2)
    found = certify_floors(point, np.zeros(200), score, clusters=clusters)["specificity"]
    assert (found.verdict, found.rejected, found.high) == ("insufficient", 0, 1.0)


def test_scores_of_another_model_are_refused(binormal):
    from dataclasses import replace

    point = replace(
        fit_floor(*binormal(200), min_specificity="0.7"), score=ScoreIdentity(column="a", kind="logit")
    )
    with pytest.raises(BundleError, match="is for a"):
        point.apply([0.1], source=ScoreIdentity(column="b", kind="logit"))
    with pytest.raises(ThresholdError, match="NaN or infinite"):
        point.apply([np.nan])
