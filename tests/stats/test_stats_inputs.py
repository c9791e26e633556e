from __future__ import annotations

import numpy as np
import pytest

from strnet.errors import StatsError
from strnet.stats import inputs


def test_targets_of_any_number_type_become_the_same_bools():
    expected = [True, False, True]

    for kind in (bool, np.int8, np.uint8, np.int64, np.float32, np.float64):
        found = inputs.checked_target(np.array([1, 0, 1], dtype=kind))
        assert found.dtype == np.bool_
        assert found.tolist() == expected


def test_other_targets_are_counted_and_their_first_rows_are_named():
    with pytest.raises(StatsError, match=r"found 2 of 4 values other than 0 and 1 \(row 1: 2, row 3: -1\)"):
        inputs.checked_target([0, 2, 1, -1])


def test_an_unknown_target_is_to_be_left_out():
    with pytest.raises(StatsError, match="leave out the rows whose target is unknown"):
        inputs.checked_target([0, 1, np.nan])


def test_a_target_of_words_says_how_to_code_it():
    with pytest.raises(StatsError, match="Code the positive class as 1"):
        inputs.checked_target(["yes", "no"])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_named_by_its_row(bad):
    with pytest.raises(StatsError, match=r"found 1 of 3 NaN or infinite values \(row 2:"):
        inputs.checked_finite([0.1, 0.2, bad])


def test_infinities_that_cancel_in_the_sum_are_still_found():
    with pytest.raises(StatsError, match="found 2 of 3"):
        inputs.checked_finite([np.inf, -np.inf, 0.0])


def test_finite_scores_whose_sum_overflows_are_accepted():
    found = inputs.checked_finite([1.7e308, 1.7e308])

    assert found.tolist() == [1.7e308, 1.7e308]


def test_only_the_first_rows_of_many_are_shown():
    with pytest.raises(StatsError, match=r"found 100 of 100 .*row 4: nan, \.\.\.\)"):
        inputs.checked_finite(np.full(100, np.nan))


def test_a_float64_score_is_not_copied():
    score = np.array([0.1, 0.2])

    assert inputs.checked_finite(score) is score


def test_percentages_are_told_from_logits():
    with pytest.raises(StatsError, match="Divide percentages by 100"):
        inputs.checked_probability([12.0, 80.0])
    with pytest.raises(StatsError, match="Calibrate logits first"):
        inputs.checked_probability([-2.0, 0.4])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0], "negative values"),
        ([0.0, 0.0], "every weight is 0"),
        ([1.0], "found 1 rows, expected 2"),
    ],
)
def test_unusable_weights_are_refused(weights, message):
    with pytest.raises(StatsError, match=message):
        inputs.checked_weights(weights, 2)


@pytest.mark.parametrize("labels", [[0, 3, 3, 1], [5, 5, 0, 15], [7, 1000, -2, 7], [2**40, 1, 1, 3]])
def test_whole_numbers_are_numbered_as_their_names_would_be(labels):
    found = inputs.checked_clusters(np.array(labels), 4)

    places = sorted(set(labels))
    assert found.codes.tolist() == [places.index(label) for label in labels]
    assert found.count == len(places)


def test_clusters_of_any_label_are_numbered():
    for labels in (["b", "a", "b"], np.array(["b", "a", "b"], dtype=object), [7, 3, 7], [2.5, 1.5, 2.5]):
        found = inputs.checked_clusters(labels, 3)
        assert found.count == 2
        assert found.codes[0] == found.codes[2] != found.codes[1]


@pytest.mark.parametrize("labels", [[1.0, np.nan, 2.0], np.array(["a", None, "b"], dtype=object)])
def test_a_row_without_a_patient_is_refused(labels):
    with pytest.raises(StatsError, match=r"found 1 of 3 missing labels \(row 1"):
        inputs.checked_clusters(labels, 3)


def test_one_class_says_which_is_missing():
    with pytest.raises(StatsError, match="found 2 positives and 0 negatives"):
        inputs.require_both_classes(np.array([True, True]), purpose="auroc")
    with pytest.raises(StatsError, match="undefined without positives"):
        inputs.require_both_classes(np.array([False]), purpose="auroc")


def test_a_constant_score_names_its_value():
    with pytest.raises(StatsError, match=r"all 3 scores are 0\.5"):
        inputs.require_varied(np.full(3, 0.5), purpose="calibration")


def test_a_patient_with_both_targets_is_named_by_its_first_row():
    target = np.array([True, False, True, True])
    inputs.require_one_target_per_cluster(target, inputs.checked_clusters([1, 2, 3, 3], 4))
    with pytest.raises(StatsError, match=r"1 clusters hold both targets \(first rows \[1\]\)"):
        inputs.require_one_target_per_cluster(target, inputs.checked_clusters([1, 2, 2, 3], 4))


def test_a_percentage_for_a_fraction_says_what_to_write():
    assert inputs.checked_fraction(0.95, name="confidence") == 0.95
    with pytest.raises(StatsError, match=r"Write 0\.95 for 95%"):
        inputs.checked_fraction(95, name="confidence")
    with pytest.raises(StatsError, match="expected a fraction between 0 and 1"):
        inputs.checked_fraction(0, name="confidence")


@pytest.mark.parametrize("values", [[], [[0, 1]]])
def test_an_array_of_another_shape_is_refused(values):
    with pytest.raises(StatsError, match="target: found"):
        inputs.checked_target(values)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(StatsError, match="prob: found 2 rows, expected 3"):
        inputs.checked_predictions([0, 1, 1], [0.1, 0.2])
