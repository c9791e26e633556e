"""Every golden number with a counterpart in `strnet.stats`; the others stand in tests/golden/README.md."""

from __future__ import annotations

import numpy as np
import pytest

from strnet import stats
from strnet.errors import StatsError

CLOSED = {"abs": 1e-10, "rel": 1e-10}
FITTED = {"abs": 1e-6, "rel": 1e-6}
PLAIN = ["g01_small", "g02_heavy_ties", "g03_perfect", "g06_clustered", "g07_weights", "g12_collinear_ties"]
SCORED = [*PLAIN, "g13_near_ties", "g14_reversed"]
METHODS = ["clopper_pearson", "wilson", "wald", "agresti_coull", "jeffreys"]


def limits(estimate):
    return [estimate.low, estimate.high]


def closed(value):
    return pytest.approx(value, **CLOSED)


def fitted(value):
    return pytest.approx(value, **FITTED)


@pytest.mark.parametrize("name", SCORED)
def test_auroc_with_delong_interval_is_that_of_proc(name, scored, r):
    expected = r[name]["discrimination"]
    found = stats.auroc(*scored(name))

    assert found.value == closed(expected["auroc"])
    assert found.standard_error**2 == closed(expected["delong_variance"])
    assert limits(found) == closed(expected["delong_interval"])
    assert (found.count, found.events) == (expected["n"], expected["positives"])


def test_auroc_of_1e5_rows_is_that_of_proc_and_scikit_learn(scored, r, python):
    found = stats.auroc(*scored("g05_100k"))

    assert found.value == closed(r["g05_100k"]["auroc"])
    assert found.standard_error**2 == pytest.approx(r["g05_100k"]["delong_variance"], rel=1e-10)
    assert limits(found) == closed(r["g05_100k"]["delong_interval"])
    assert found.value == closed(python["g05_100k"]["auroc"])


def test_auroc_and_average_precision_of_every_set_are_those_of_scikit_learn(table, python):
    for name in [*SCORED, "g05_100k", "g15_single_pos"]:
        frame = table(name)
        assert stats.auroc(frame["y"], frame["score"]).value == closed(python[name]["auroc"])
        assert stats.auprc(frame["y"], frame["score"]).value == closed(python[name]["average_precision"])


def test_a_single_positive_has_an_area_but_no_delong_interval_as_in_proc(scored, r):
    found = stats.auroc(*scored("g15_single_pos"))

    assert found.value == r["g15_single_pos"]["discrimination"]["auroc"]
    assert r["g15_single_pos"]["discrimination"]["delong_variance"] == "NA"
    assert not found.has_interval
    assert "newcombe" in found.note


def test_one_class_is_refused_as_by_proc(scored, r):
    assert r["g04_one_class"]["discrimination"]["error"] == "No control observation."
    with pytest.raises(StatsError, match="0 negatives"):
        stats.auroc(*scored("g04_one_class"))


def test_scores_that_are_not_finite_are_refused_with_their_count(scored):
    with pytest.raises(StatsError, match="found 4 of 9 NaN or infinite values"):
        stats.auroc(*scored("g09_nan_inf"))


@pytest.mark.parametrize("name", SCORED)
def test_partial_areas_are_those_of_proc(name, scored, r):
    expected = r[name]["discrimination"]
    plain = {"at_least": 0.8, "standardised": False}

    assert stats.partial_auroc(*scored(name), **plain) == closed(expected["partial_specificity_0.8"])
    found = stats.partial_auroc(*scored(name), of="sensitivity", **plain)
    assert found == closed(expected["partial_sensitivity_0.8"])


@pytest.mark.parametrize("name", SCORED)
def test_the_standardised_partial_area_is_that_of_scikit_learn(name, scored, python):
    found = stats.partial_auroc(*scored(name), at_least=0.8)

    assert found == closed(python[name]["partial_auroc_fpr_0.2_mcclish"])


@pytest.mark.parametrize("name", [*PLAIN, "g14_reversed", "g15_single_pos"])
def test_stratified_bootstrap_limits_are_those_of_proc(name, scored, r, rng):
    expected = r[name]["discrimination"]
    threshold = expected["at_floor"]["most_sensitive"]["threshold"]
    lowest = -np.inf if threshold == "-Inf" else threshold

    found = stats.bootstrap_operating_point(*scored(name), lowest, rng=rng)

    # limits of few cases jump by whole pairs or cases, whatever the number of draws
    pair = 1 / (expected["positives"] * expected["negatives"])
    assert limits(found["auroc"]) == pytest.approx(expected["bootstrap_interval"], abs=max(0.01, pair))
    for share in ("sensitivity", "specificity"):
        case = 1.000001 / found[share].count
        low, _, high = expected["bootstrap_at_floor"][share]
        assert limits(found[share]) == pytest.approx([low, high], abs=max(0.01, case))


@pytest.mark.parametrize("model", ["a", "b"])
def test_both_models_of_the_paired_set_have_their_areas(model, scored, r):
    expected = r["g08_paired"]["model_a"]["discrimination"] if model == "a" else r["g08_paired"]["model_b"]
    found = stats.auroc(*scored("g08_paired", f"score_{model}"))

    assert found.value == closed(expected["auroc"])
    assert limits(found) == closed(expected["delong_interval"])


def test_areas_by_site_are_those_of_proc(table, r):
    for (site,), rows in table("g08_paired").group_by("site"):
        expected = r["g08_paired"]["by_site"][site]
        found = stats.auroc(rows["y"], rows["score_a"])
        assert found.value == closed(expected["auroc"])
        assert limits(found) == closed(expected["delong_interval"])


def test_the_interval_of_confidenceinterval_agrees_to_its_single_precision(scored, python):
    found = stats.auroc(*scored("g08_paired", "score_a"))

    assert limits(found) == pytest.approx(python["g08_paired"]["confidenceinterval_delong"], abs=1e-7)


def test_the_paired_delong_test_is_that_of_proc_and_mlstatkit(table, r, python):
    frame = table("g08_paired")
    found = stats.paired_delong(frame["y"], frame["score_a"], frame["score_b"])
    expected = r["g08_paired"]["delong_paired"]

    assert found.test.statistic == closed(expected["z"])
    assert found.test.p_value == closed(expected["p"])
    assert limits(found.difference) == closed(expected["interval"])
    variances = [e.standard_error**2 for e in (found.first, found.second, found.difference)]
    assert (variances[0] + variances[1] - variances[2]) / 2 == closed(expected["covariance"])
    other = python["g08_paired"]["MLstatkit_delong"]
    assert found.test.statistic == closed(other["z"])
    assert limits(found.first) == closed(other["interval_a"])
    assert limits(found.second) == closed(other["interval_b"])


def test_the_unpaired_delong_test_is_that_of_proc(scored, r):
    found = stats.unpaired_delong(*(stats.auroc(*scored("g08_paired", f"score_{m}")) for m in "ab"))
    expected = r["g08_paired"]["delong_unpaired"]

    assert found.test.statistic == closed(expected["statistic"])
    assert found.test.degrees_of_freedom == pytest.approx(expected["df"], rel=1e-10)
    assert found.test.p_value == closed(expected["p"])


def test_the_paired_bootstrap_test_is_that_of_proc(table, r, rng):
    frame = table("g08_paired")
    found = stats.paired_bootstrap(frame["y"], frame["score_a"], frame["score_b"], rng=rng)

    assert found.test.p_value == pytest.approx(r["g08_paired"]["bootstrap_paired_p"], abs=0.01)
    assert limits(found.difference) == pytest.approx(r["g08_paired"]["delong_paired"]["interval"], abs=0.01)


@pytest.mark.parametrize("rows", ["all", "positives", "negatives"])
def test_mcnemar_is_that_of_r(rows, table, r):
    frame = table("g08_paired")
    target = frame["y"].to_numpy() == 1
    keep = {"all": np.ones_like(target), "positives": target, "negatives": ~target}[rows]
    a, b = (((frame[f"score_{m}"].to_numpy() >= 0.5) == target)[keep] for m in "ab")
    expected = r["g08_paired"]["mcnemar"][rows]

    exact, corrected = stats.mcnemar(a, b), stats.mcnemar(a, b, exact=False)

    assert (exact.only_first, exact.only_second) == (expected["only_a"], expected["only_b"])
    assert exact.test.p_value == closed(expected["exact_p"])
    assert corrected.test.p_value == closed(expected["corrected_p"])


@pytest.mark.parametrize("method", METHODS)
def test_intervals_of_proportions_are_those_of_r_cut_at_0_and_1(method, r):
    for expected in r["proportions"]:
        x, n = expected["x"], expected["n"]
        if method == "wilson" and 1 in (x, n - x):
            continue  # Hmisc replaces one limit there; statsmodels has the plain one, below
        found = stats.proportion(x, n, method=method)
        assert limits(found) == closed(np.clip(expected[method], 0, 1))
        assert stats.clopper_pearson_lower(x, n) == closed(expected["clopper_pearson_lower"])


@pytest.mark.parametrize("method", METHODS)
def test_intervals_of_proportions_are_those_of_statsmodels(method, python):
    for counts, expected in python["proportions"].items():
        x, n = map(int, counts.split("/"))
        assert limits(stats.proportion(x, n, method=method)) == closed(expected[method])


@pytest.mark.parametrize("share", ["sensitivity", "specificity", "ppv", "npv", "accuracy"])
def test_the_shares_of_a_table_are_those_of_r(share, table, r):
    frame, expected = table("g08_paired"), r["g08_paired"]["at_0.5"]
    called = frame["score_a"].to_numpy() >= 0.5
    cells = stats.confusion(frame["y"], called)
    found = [cells.true_positives, cells.false_negatives, cells.false_positives, cells.true_negatives]
    assert found == [expected[cell] for cell in ("tp", "fn", "fp", "tn")]

    for method in METHODS:
        estimate = stats.binary_metrics(frame["y"], called, method=method)[share]
        assert (estimate.events, estimate.count) == (expected[share]["x"], expected[share]["n"])
        assert limits(estimate) == closed(expected[share][method])


def test_the_ratios_of_a_table_are_those_of_epir(r):
    detail = {row["statistic"]: row for row in r["g08_paired"]["at_0.5"]["epiR"]}
    found = stats.table_metrics(stats.Confusion(124, 13, 20, 69), method="clopper_pearson")
    names = {
        "se": "sensitivity",
        "sp": "specificity",
        "pv.pos": "ppv",
        "pv.neg": "npv",
        "diag.ac": "accuracy",
        "tp": "prevalence",
        "lr.pos": "positive_likelihood_ratio",
        "lr.neg": "negative_likelihood_ratio",
        "diag.or": "diagnostic_odds_ratio",
    }
    for theirs, ours in names.items():
        estimate, row = found[ours], detail[theirs]
        assert [estimate.value, *limits(estimate)] == closed([row["est"], row["lower"], row["upper"]])


def test_f1_is_that_of_scikit_learn(table, python):
    frame = table("g08_paired")
    found = stats.binary_metrics(frame["y"], frame["score_a"].to_numpy() >= 0.5)["f1"]

    assert found.value == closed(python["g08_paired"]["f1_at_0.5"])


@pytest.mark.parametrize("coefficient", ["slope", "weak_intercept", "in_the_large"])
def test_the_calibration_line_is_that_of_glm_and_val_prob(coefficient, scored, r):
    expected = r["g08_paired"]["calibration_a"]
    line = stats.calibration_slope_intercept(*scored("g08_paired", "score_a"))
    found = getattr(line, coefficient)

    assert found.value == fitted(expected[coefficient])
    assert limits(found) == fitted(expected[f"{coefficient}_interval"])
    theirs = {"slope": "Slope", "weak_intercept": "Intercept"}.get(coefficient)
    assert theirs is None or found.value == fitted(expected["val_prob"][theirs])


def test_brier_and_calibration_errors_are_those_of_other_libraries(scored, r, python):
    rows, expected = scored("g08_paired", "score_a"), python["g08_paired"]

    assert stats.brier(*rows).value == closed(expected["brier"])
    assert stats.brier(*rows).value == closed(r["g08_paired"]["calibration_a"]["val_prob"]["Brier"])
    assert stats.expected_calibration_error(*rows) == closed(expected["ece_10_width"])
    assert stats.expected_calibration_error(*rows, bins=15) == closed(expected["ece_15_width"])
    quantile = stats.expected_calibration_error(*rows, binning="quantile")
    assert quantile == closed(expected["ece_10_quantile"])


@pytest.mark.parametrize("model", ["a", "b"])
def test_decision_curves_are_those_of_r_and_dcurves(model, scored, r, python):
    expected = r["g08_paired"]["net_benefit"]
    curve = stats.decision_curve(*scored("g08_paired", f"score_{model}"), expected["threshold"])

    assert curve.net_benefit == closed(expected[model])
    assert curve.treat_all == closed(expected["all"])
    theirs = np.array(python["g08_paired"]["dcurves_net_benefit"][f"score_{model}"])
    assert curve.net_benefit == closed(theirs[:, 1])


def test_obuchowskis_error_is_that_of_r(table, r):
    frame = table("g06_clustered")
    found = stats.auroc(frame["y"], frame["score"], clusters=frame["patient"])

    assert found.value == closed(r["g06_clustered"]["obuchowski"]["auroc"])
    assert found.standard_error == closed(r["g06_clustered"]["obuchowski"]["se"])
    assert found.clusters == 113


def test_the_clustered_sensitivity_is_that_of_geepack(table, r):
    frame, expected = table("g06_clustered"), r["g06_clustered"]["sensitivity_at_0.5"]
    sick = frame.filter(frame["y"] == 1)
    hit = sick["score"].to_numpy() >= 0.5

    found = stats.clustered_proportion(hit, sick["patient"], method="gee")

    assert found.value == closed(expected["value"])
    assert found.standard_error == closed(expected["se_linearised"])
    assert limits(found) == fitted(expected["gee_interval"])
    assert (found.count, found.clusters) == (expected["films"], expected["patients"])


def test_weighted_figures_are_those_of_scikit_learn(table, python):
    frame, expected = table("g07_weights"), python["g07_weights"]["weighted"]
    y, score, weights = (frame[name].to_numpy() for name in ("y", "score", "weight"))

    assert stats.auroc(y, score, weights=weights).value == closed(expected["auroc"])
    found = stats.average_precision(y, score, weights=weights)
    assert found == closed(expected["average_precision"])
    assert stats.brier(y, score, weights=weights).value == closed(expected["brier"])
    curve = stats.roc_curve(y, score, weights=weights)
    point = expected["roc_curve"]
    at = int(np.flatnonzero(curve.threshold == point["threshold"])[0])
    found = [curve.sensitivity[at], curve.specificity[at]]
    assert found == closed([point["sensitivity"], point["specificity"]])


def test_the_roc_curve_holds_the_optimum_that_scikit_learn_finds_without_dropping(table, python):
    for name in [*SCORED, "g15_single_pos"]:
        frame, point = table(name), python[name]["roc_curve"]
        curve = stats.roc_curve(frame["y"], frame["score"])
        at = int(np.flatnonzero(curve.threshold == point["threshold"])[0])
        assert curve.sensitivity[at] == closed(point["sensitivity"])
        assert curve.specificity[at] == closed(point["specificity"])


def test_areas_of_three_classes_are_those_of_proc_and_scikit_learn(table, r, python, rng):
    frame = table("g10_three_class")
    prob = frame.select("p_normal", "p_osteopenia", "p_osteoporosis").to_numpy()
    few = stats.Resampling(draws=50)

    each = stats.one_vs_rest_auroc(frame["y"], prob)
    macro = stats.multiclass_auroc(frame["y"], prob, rng=rng, resampling=few)
    pairs = stats.multiclass_auroc(frame["y"], prob, average="hand_till", rng=rng, resampling=few)

    expected = r["g10_three_class"]
    assert [estimate.value for estimate in each] == closed(expected["ovr"])
    assert macro.value == closed(expected["ovr_macro"])
    by_prevalence = np.average([e.value for e in each], weights=[e.events for e in each])
    assert by_prevalence == closed(python["g10_three_class"]["ovr_weighted"])
    assert pairs.value == closed(expected["hand_till"])
    assert macro.value == closed(python["g10_three_class"]["ovr_macro"])
    assert pairs.value == closed(python["g10_three_class"]["hand_till"])


def test_kappa_is_that_of_psych_and_scikit_learn(table, r, python):
    frame = table("g10_three_class")
    prob = frame.select("p_normal", "p_osteopenia", "p_osteoporosis").to_numpy()
    matrix = stats.confusion_matrix(frame["y"], prob.argmax(1), 3)
    assert matrix.tolist() == r["g10_three_class"]["confusion"]

    found = {
        weights: stats.cohen_kappa(matrix, weights=weights) for weights in ("none", "linear", "quadratic")
    }

    assert found["none"].value == closed(r["g10_three_class"]["kappa"])
    assert found["none"].standard_error ** 2 == closed(r["g10_three_class"]["kappa_variance"])
    assert found["quadratic"].value == closed(r["g10_three_class"]["kappa_quadratic"])
    assert found["none"].value == closed(python["g10_three_class"]["kappa"])
    assert found["linear"].value == closed(python["g10_three_class"]["kappa_linear"])
    assert found["quadratic"].value == closed(python["g10_three_class"]["kappa_quadratic"])
    assert stats.macro_metrics(matrix)["f1"] == closed(python["g10_three_class"]["f1_macro"])


def test_bone_loss_of_the_three_classes_has_the_area_of_proc(table, r):
    frame = table("g10_three_class")
    found = stats.auroc(frame["y"].to_numpy() > 0, 1 - frame["p_normal"].to_numpy())
    expected = r["g10_three_class"]["bone_loss"]

    assert limits(found) == closed(expected["delong_interval"])
    assert found.standard_error**2 == closed(expected["delong_variance"])


def test_agreement_of_t_scores_is_that_of_r(table, r):
    frame, expected = table("g11_regression"), r["g11_regression"]
    true, predicted = frame["t_true"], frame["t_pred"]

    errors = stats.regression_errors(true, predicted)
    correlation, ccc = stats.pearson(true, predicted), stats.concordance(true, predicted)
    found = stats.bland_altman(true, predicted)

    assert [errors[k].value for k in ("mae", "rmse", "r2", "bias")] == closed(
        [expected[k] for k in ("mae", "rmse", "r2", "bias")]
    )
    assert limits(errors["bias"]) == closed(expected["bias_interval"])
    assert [correlation.value, *limits(correlation)] == closed(
        [expected["pearson"], *expected["pearson_interval"]]
    )
    assert stats.pearson_p_value(correlation) == pytest.approx(expected["pearson_p"], rel=1e-8)
    assert [ccc.value, *limits(ccc)] == closed(expected["ccc"])
    assert ccc.value / correlation.value == closed(expected["ccc_bias_correction"])
    assert found.standard_deviation == closed(expected["sd"])
    assert [found.lower_limit.value, found.upper_limit.value] == closed(expected["limits"])
    assert found.upper_limit.standard_error == closed(expected["limits_se"])
    assert found.slope.value == closed(expected["proportional_bias_slope"])
