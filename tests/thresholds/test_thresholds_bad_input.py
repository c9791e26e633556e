import numpy as np
import pytest

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import fit_threshold

TARGET = np.array([0, 0, 1, 1, 1])
SCORE = np.array([0.1, 0.2, 0.3, 0.4, 0.5])


def refused(message, target=TARGET, score=SCORE, error=ThresholdError, **options):
    with pytest.raises(error, match=message):
        fit_threshold(target, score, **{"method": "empirical", **options})


def test_scores_that_are_not_finite_are_counted_and_shown():
    refused(
        r"2 of 5 NaN or infinite values \(row 1: nan, row 3: inf\)", score=[0.1, np.nan, 0.3, np.inf, 0.5]
    )
    refused("NaN or infinite", score=np.array([0.1, np.nan, 0.3, 0.4, 0.5], dtype=np.float32))


def test_targets_other_than_0_and_1_are_counted_and_shown():
    refused(r"2 of 5 values other than 0 and 1 \(row 0: 2, row 4: 3\)", target=[2, 0, 1, 1, 3])
    refused("leave out the rows whose target is unknown", target=[np.nan, 0, 1, 1, 1.0])
    refused("expected 0 and 1", target=["no", "no", "yes", "yes", "yes"])


def test_rows_without_a_positive_are_refused():
    refused("no positive among 5 rows", target=np.zeros(5, dtype=int))
    refused("no positive among 2 rows", weights=[1, 1, 0, 0, 0])


def test_rows_without_a_negative_have_a_threshold_but_no_specificity():
    point = fit_threshold(np.ones(5), SCORE, method="empirical")
    assert point.threshold == 0.1
    assert point.specificity is None


def test_a_constant_score_is_refused():
    refused(r"all 5 rows have the score 0\.5, expected several", score=np.full(5, 0.5))


def test_a_percentage_is_refused_with_the_fraction_to_write():
    refused("Write 86 percent as 0.86", min_sensitivity="86")
    refused("Write 95 percent as 0.95", confidence=95)


def test_columns_of_other_lengths_are_refused():
    refused("found 4 rows, expected 5", score=SCORE[:4])
    refused("weights: found 2 rows, expected 5", weights=[1, 1])
    refused("clusters: found 3 rows, expected 5", clusters=["a", "b", "c"])
    refused("groups: found 3 rows, expected 5", groups=["a", "b", "c"])


def test_arrays_that_are_no_columns_are_refused():
    refused("shape", target=TARGET.reshape(1, -1))
    refused("shape", score=SCORE.reshape(1, -1))
    refused("no rows", target=[], score=[])


def test_a_cluster_with_both_targets_is_an_error_of_its_own_unless_it_is_meant():
    patients = ["a", "b", "b", "c", "d"]
    refused("1 clusters hold both targets.*mixed_clusters=True", clusters=patients)
    point = fit_threshold(TARGET, SCORE, method="empirical", clusters=patients, mixed_clusters=True)
    assert point.threshold == 0.3


def test_rows_without_a_patient_or_group_are_refused():
    refused("clusters: found 1 of 5 missing labels", clusters=["a", None, "b", "c", "d"])
    refused("groups: found 1 of 5 missing labels", groups=[1.0, np.nan, 2.0, 2.0, 2.0])


def test_a_negative_weight_is_refused():
    refused(r"1 of 5 negative values \(row 2: -1.0\)", weights=[1, 1, -1, 1, 1])


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [
        ("method", "exakt", "exact"),
        ("cluster_method", "beting", "betting"),
        ("group_policy", "per_grup", "per_group"),
        ("anchor", "midgab", "midgap"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(option, value, near):
    refused(f"did you mean '{near}'", **{option: value})


def test_a_negative_seed_is_refused():
    refused("seed: found -1, expected 0 or more", seed=-1)


def test_weights_do_not_go_with_methods_that_are_not_defined_for_them():
    refused("not defined for", clusters=list("abcde"), weights=np.ones(5), cluster_method="worst")


def test_weights_of_patients_need_a_bound_that_the_design_gives():
    weighted = {"weights": [1.0, 1.0, 2.0, 1.0, 1.0], "method": "exact"}
    refused("largest weight of these rows is no bound", clusters=list("abcde"), **weighted)
    refused("1 of 3 positives weigh more than max_weight 1.5 .the largest 2.", max_weight=1.5, **weighted)
    refused("given, but no weights", max_weight=3.0)
    refused("expected a number above 0", max_weight=0.0, **weighted)


def test_an_impossible_request_is_told_apart_by_its_class_and_exit_code():
    with pytest.raises(ImpossibleError, match="It takes 20 positives: add 17") as caught:
        fit_threshold(TARGET, SCORE)
    assert caught.value.exit_code == 3
    assert ThresholdError.exit_code == 2
