"""Figures of nproc, scikit-learn, pROC, cutpointr, OptimalCutpoints and of the rules written apart."""

import numpy as np
import pytest
from scipy.stats import t

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import fit_threshold
from strnet.thresholds.effective import korn_graubard
from strnet.thresholds.rows import RowColumns, checked_rows

SETS = {
    "g01_small": ("y", "score"),
    "g02_heavy_ties": ("y", "score"),
    "g03_perfect": ("y", "score"),
    "g04_one_class": ("y", "score"),
    "g05_100k": ("y", "score"),
    "g06_clustered": ("y", "score"),
    "g07_weights": ("y", "score"),
    "g08_paired": ("y", "score_a"),
    "g12_collinear_ties": ("y", "score"),
    "g13_near_ties": ("y", "score"),
    "g14_reversed": ("y", "score"),
    "g15_single_pos": ("y", "score"),
}
RULES = {
    "empirical": {"method": "empirical"},
    "crc": {"method": "crc"},
    "exact_0.1": {"confidence": "0.9"},
    "exact_0.05": {"confidence": "0.95"},
    "exact_0.025": {"confidence": "0.975"},
}


def arrays(table, name):
    target, score = SETS[name]
    return table[target].to_numpy(), table[score].to_numpy()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", SETS)
def test_each_rule_gives_the_golden_threshold_and_counts(golden, golden_set, name, rule):
    expected = golden[name]["rules"][rule]
    target, score = arrays(golden_set(name), name)
    if "threshold" not in expected:
        with pytest.raises(ImpossibleError):
            fit_threshold(target, score, **RULES[rule])
        return
    point = fit_threshold(target, score, **RULES[rule])
    assert point.threshold == expected["threshold"]
    assert point.misses_allowed == expected["misses_allowed"]
    assert point.observed_sensitivity.value == pytest.approx(expected["sensitivity"], abs=1e-10)
    assert point.confidence_reached == pytest.approx(expected["confidence"], abs=1e-10)
    assert point.expected_sensitivity.value == pytest.approx(expected["expected_sensitivity"], abs=1e-10)
    specificity = None if point.specificity is None else point.specificity.value
    assert specificity == (expected["specificity"] and pytest.approx(expected["specificity"], abs=1e-10))


def test_bone_loss_of_three_classes_has_the_golden_threshold(golden, golden_set):
    table = golden_set("g10_three_class")
    point = fit_threshold(table["y"].to_numpy() > 0, 1 - table["p_normal"].to_numpy())
    assert point.threshold == golden["g10_three_class"]["rules"]["exact_0.05"]["threshold"]


@pytest.mark.parametrize("name", [name for name in SETS if name != "g05_100k"])
def test_the_empirical_rule_is_as_specific_as_the_best_of_all_observed_thresholds(golden, golden_set, name):
    expected = golden[name]["brute_force"]
    point = fit_threshold(*arrays(golden_set(name), name), method="empirical")
    assert point.threshold == expected["highest"]
    assert (point.specificity and point.specificity.value) == expected["specificity"]


@pytest.mark.parametrize("name", [name for name in SETS if name not in ("g04_one_class", "g05_100k")])
def test_the_exact_rule_agrees_with_the_neyman_pearson_package(golden, golden_set, name):
    expected = golden[name]["nproc_0.05"]
    target, score = arrays(golden_set(name), name)
    if expected is None:
        with pytest.raises(ImpossibleError):
            fit_threshold(target, score)
    else:
        assert fit_threshold(target, score).threshold == expected


@pytest.mark.parametrize(
    "name", ["g02_heavy_ties", "g06_clustered", "g07_weights", "g08_paired", "g10_three_class"]
)
def test_the_exact_rule_is_never_below_what_mapie_finds_on_its_grid(golden, golden_set, name):
    """MAPIE tests a grid of 100 thresholds with corrections; the order statistic needs neither."""
    table = golden_set(name)
    if name == "g10_three_class":
        target, score = table["y"].to_numpy() > 0, 1 - table["p_normal"].to_numpy()
    else:
        target, score = arrays(table, name)
    assert fit_threshold(target, score).threshold >= golden[name]["mapie_0.05"] - 1e-12


@pytest.mark.parametrize(
    "name", ["g02_heavy_ties", "g03_perfect", "g06_clustered", "g07_weights", "g13_near_ties"]
)
def test_cutpointr_and_optimalcutpoints_choose_among_the_same_thresholds(golden_r, golden_set, name):
    point = fit_threshold(*arrays(golden_set(name), name), method="empirical")
    thresholds = np.atleast_1d(golden_r[name]["cutpointr"]["threshold"])
    assert point.threshold == pytest.approx(max(thresholds), abs=1e-12)
    assert point.specificity.value == pytest.approx(
        golden_r[name]["OptimalCutpoints"]["specificity"], abs=1e-10
    )


@pytest.mark.parametrize(
    "name",
    ["g01_small", "g02_heavy_ties", "g03_perfect", "g06_clustered", "g07_weights", "g12_collinear_ties"],
)
def test_the_middle_of_the_gap_is_the_threshold_that_proc_prints(golden_r, golden_set, name):
    expected = golden_r[name]["discrimination"]["at_floor"]["least_sensitive"]
    point = fit_threshold(*arrays(golden_set(name), name), method="empirical", anchor="midgap")
    assert point.threshold == pytest.approx(expected["threshold"], abs=1e-12)
    assert point.observed_sensitivity.value == pytest.approx(expected["sensitivity"], abs=1e-10)
    assert point.specificity.value == pytest.approx(expected["specificity"], abs=1e-10)


def test_neighbours_one_unit_in_the_last_place_apart_are_told_apart(golden_set, golden_r):
    target, score = arrays(golden_set("g13_near_ties"), "g13_near_ties")
    tight = fit_threshold(target, score, method="empirical")
    middle = fit_threshold(target, score, method="empirical", anchor="midgap")
    assert middle.threshold == tight.threshold == np.nextafter(0.653549466997938588442, 1)
    expected = golden_r["g13_near_ties"]["discrimination"]["at_floor"]["least_sensitive"]
    assert tight.observed_sensitivity.value == pytest.approx(expected["sensitivity"], abs=1e-10)


def test_weights_give_the_threshold_and_rates_of_scikit_learn(golden, golden_set):
    table = golden_set("g07_weights")
    point = fit_threshold(table["y"], table["score"], weights=table["weight"], method="empirical")
    expected = golden["g07_weights"]["weighted"]
    assert point.threshold == expected["roc_curve"]["threshold"]
    assert point.observed_sensitivity.value == pytest.approx(expected["roc_curve"]["sensitivity"], abs=1e-10)
    assert point.specificity.value == pytest.approx(expected["roc_curve"]["specificity"], abs=1e-10)
    assert point.effective_positives == pytest.approx(expected["kish_effective_positives"], abs=1e-10)


def test_the_variance_between_patients_is_that_of_the_survey_package(golden_r, golden_set):
    """Linearised standard error of the sensitivity at 0.5, without the correction of degrees of freedom."""
    expected = golden_r["g06_clustered"]["sensitivity_at_0.5"]
    table = golden_set("g06_clustered")
    columns = RowColumns(clusters=table["patient"].to_numpy(), mixed_clusters=True)
    positives = checked_rows(table["y"].to_numpy(), table["score"].to_numpy(), columns).positives()
    hits = positives.score >= 0.5
    worth = korn_graubard(hits, positives.clusters, None, 0.05)
    student = (t.ppf(0.95, expected["films"] - 1) / t.ppf(0.95, expected["patients"] - 1)) ** 2
    share = expected["value"]
    assert worth / student == pytest.approx(share * (1 - share) / expected["se_linearised"] ** 2, rel=1e-9)


def test_scores_that_are_not_finite_are_refused_with_their_rows(golden_set):
    table = golden_set("g09_nan_inf")
    with pytest.raises(ThresholdError, match=r"4 of 9 NaN or infinite values \(row 1: nan, row 2: inf"):
        fit_threshold(table["y"], table["score"].cast(float))
