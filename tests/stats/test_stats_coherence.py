"""Coherence of a network's answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet import schema
from strnet.errors import StatsError
from strnet.stats.answers import class_probabilities
from strnet.stats.coherence import (
    contradiction_share,
    contradicts_t_score,
    diagnosis_probabilities,
    most_probable,
    most_probable_diagnosis,
    ordinal_probabilities,
)

unit = st.floats(0, 1)


def test_the_three_diagnoses_of_a_hand_computed_case():
    found = diagnosis_probabilities([0.8, 0.0, 1.0], [0.25, 0.9, 1.0])
    np.testing.assert_allclose(found, [[0.2, 0.6, 0.2], [1, 0, 0], [0, 0, 1]], atol=1e-15)


@given(st.lists(st.tuples(unit, unit), min_size=1, max_size=20))
def test_the_diagnoses_sum_to_one_and_both_sick_ones_sum_to_bone_loss(pairs):
    p, q = np.array(pairs).T
    found = diagnosis_probabilities(p, q)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(found[:, 1] + found[:, 2], p, atol=1e-12)


def test_a_logit_taken_for_a_probability_is_refused():
    with pytest.raises(StatsError, match=r"osteoporosis_given_loss.*outside"):
        diagnosis_probabilities([0.5], [2.3])


def test_probabilities_of_different_patients_are_refused():
    with pytest.raises(StatsError, match="found 2 rows, expected 1"):
        diagnosis_probabilities([0.5], [0.3, 0.2])


def test_ordinal_probabilities_of_a_hand_computed_case():
    # P(y > 0) = 3/4, P(y > 1 | y > 0) = 1/3.
    found = ordinal_probabilities(np.log([[3.0, 0.5]]))
    np.testing.assert_allclose(found, [[1 / 4, 3 / 4 * 2 / 3, 3 / 4 * 1 / 3]])


def test_one_ordinal_question_is_the_binary_case():
    np.testing.assert_allclose(ordinal_probabilities([[np.log(4)]]), [[0.2, 0.8]])


def test_ordinal_probabilities_keep_their_digits_at_extreme_logits():
    first, second, last = ordinal_probabilities([[40.0, -40.0]])[0]
    assert first == pytest.approx(np.exp(-40), rel=1e-12)
    assert last == pytest.approx(np.exp(-40), rel=1e-12)
    assert second == pytest.approx(1)


def test_ordinal_logits_without_a_class_axis_are_refused():
    with pytest.raises(StatsError, match="shape"):
        ordinal_probabilities([0.1, 0.2])


def test_the_most_probable_diagnosis_of_equal_ones_is_the_sicker():
    found = most_probable_diagnosis([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.4, 0.2, 0.4]])
    assert found.tolist() == [schema.OSTEOPENIA, schema.OSTEOPENIA, schema.OSTEOPOROSIS]


def test_two_columns_are_not_three_diagnoses():
    with pytest.raises(StatsError, match="one column for each of normal, osteopenia, osteoporosis"):
        most_probable_diagnosis([[0.5, 0.5]])


@given(st.floats(-6, 6))
def test_exactly_one_diagnosis_agrees_with_a_t_score(t_score):
    contradictions = contradicts_t_score(schema.DIAGNOSES, [t_score] * 3)
    agreeing = schema.DIAGNOSES[int(np.flatnonzero(~contradictions)[0])]
    assert contradictions.sum() == 2
    assert agreeing == schema.diagnosis_from_t_score(t_score)


def test_t_scores_at_the_cut_offs_are_not_rounded():
    t_score = [-1.0, -1.0000001, -2.5, -2.4999999]
    diagnosis = ["normal", "osteopenia", "osteoporosis", "osteopenia"]
    assert not contradicts_t_score(diagnosis, t_score).any()


def test_the_share_of_contradictions_carries_its_counts_and_interval():
    share = contradiction_share(["normal", "normal", "osteopenia", "osteoporosis"], [0.3, -1.7, -1.2, -3.0])
    assert (share.events, share.count, share.value) == (1, 4, 0.25)
    # Wilson by hand: z = 1.95996, n = 4, p = 1/4.
    assert share.low == pytest.approx(0.0456, abs=5e-4)
    assert share.high == pytest.approx(0.6994, abs=5e-4)


def test_a_misspelt_diagnosis_is_named_with_the_nearest_one():
    with pytest.raises(StatsError, match="'osteopenic', did you mean 'osteopenia'"):
        contradicts_t_score(["osteopenic"], [-2.0])


def test_of_equally_probable_classes_the_sicker_one_is_meant():
    assert most_probable([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.5, 0.25, 0.25], [1 / 3] * 3]).tolist() == [
        1,
        2,
        0,
        2,
    ]
    # P(no, some) = .5, .5 of one logit at 0: both the ordinal and the multiclass form
    assert most_probable(class_probabilities([0.0], ordinal=True)).tolist() == [1]
    assert most_probable(class_probabilities([[3.0, 3.0]], ordinal=False)).tolist() == [1]
    assert most_probable_diagnosis([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]]).tolist() == [
        "osteopenia",
        "osteoporosis",
    ]


@given(st.lists(st.tuples(*[st.floats(-30, 30)] * 3), min_size=1, max_size=9))
def test_a_row_s_probabilities_are_the_same_bits_alone_and_among_others(rows):
    logits = np.array(rows)
    for ordinal in (False, True):
        together = class_probabilities(np.asfortranarray(logits), ordinal=ordinal)
        alone = np.vstack(
            [class_probabilities(logits[[place]], ordinal=ordinal) for place in range(len(rows))]
        )
        assert (together == alone).all()
        np.testing.assert_allclose(together.sum(axis=1), 1)


def test_no_rows_have_no_probabilities_of_as_many_classes():
    assert class_probabilities(np.empty((0, 3)), ordinal=False).shape == (0, 3)
    assert class_probabilities(np.empty((0, 2)), ordinal=True).shape == (0, 3)
    assert class_probabilities(np.empty(0), ordinal=True).shape == (0, 2)
