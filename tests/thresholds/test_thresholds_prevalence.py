import math
from dataclasses import replace

import numpy as np
import pytest

from strnet.errors import ThresholdError
from strnet.thresholds import ScoreIdentity, fit_threshold, prevalence_offset, shift_prevalence


def test_predictive_values_follow_bayes_by_hand(binormal):
    point = fit_threshold(*binormal(400))
    sensitivity, specificity = point.expected_sensitivity.value, point.specificity.value
    shifted = shift_prevalence(point, 0.1)
    positive = 0.1 * sensitivity + 0.9 * (1 - specificity)
    assert shifted.ppv.value == pytest.approx(0.1 * sensitivity / positive)
    assert shifted.npv.value == pytest.approx(0.9 * specificity / (1 - positive))
    assert shifted.test_positives_per_1000 == pytest.approx(1000 * positive)
    assert shifted.ppv.low < shifted.ppv.value < shifted.ppv.high
    assert shifted.ppv.confidence == pytest.approx(0.9)
    assert shifted.point is point


def test_rarer_disease_lowers_the_ppv_and_raises_the_npv(binormal):
    point = fit_threshold(*binormal(400))
    values = [shift_prevalence(point, share) for share in (0.05, 0.2, 0.5)]
    assert values[0].ppv.value < values[1].ppv.value < values[2].ppv.value
    assert values[0].npv.value > values[1].npv.value > values[2].npv.value


def test_a_logit_offset_moves_scores_and_threshold_alike(binormal):
    target, score = binormal(400)
    point = replace(fit_threshold(target, score), score=ScoreIdentity(task="t", calibrator_sha256="a" * 64))
    offset = prevalence_offset(0.6, 0.1)
    assert offset == pytest.approx(math.log(0.1 / 0.9) - math.log(0.6 / 0.4))
    moved = shift_prevalence(point, 0.1, logit_offset=offset).point
    assert np.array_equal(moved.apply(score + offset), point.apply(score))
    assert moved.score == ScoreIdentity(task="t")
    probability = replace(point, score=ScoreIdentity(column="p", kind="probability"))
    assert shift_prevalence(probability, 0.1).point == probability
    with pytest.raises(ThresholdError, match="moves logits only"):
        shift_prevalence(probability, 0.1, logit_offset=1.0)


def test_thresholds_of_groups_move_too(binormal):
    target, score = binormal(600)
    point = fit_threshold(target, score, groups=np.arange(600) % 2, group_policy="per_group")
    moved = shift_prevalence(point, 0.1, logit_offset=1.5).point
    assert [row.threshold for row in moved.groups] == [row.threshold + 1.5 for row in point.groups]


def test_a_prevalence_outside_its_range_or_an_unknown_specificity_is_refused(binormal):
    with pytest.raises(ThresholdError, match="prevalence"):
        shift_prevalence(fit_threshold(*binormal(400)), 30)
    with pytest.raises(ThresholdError, match="prevalence"):
        prevalence_offset(0.5, 1.0)
    with pytest.raises(ThresholdError, match="without negatives"):
        shift_prevalence(fit_threshold(np.ones(40), np.arange(40.0)), 0.1)


def test_where_each_group_has_its_threshold_the_missing_interval_is_explained(binormal):
    target, score = binormal(600, seed=7)
    point = fit_threshold(target, score, groups=np.arange(600) % 2, group_policy="per_group")
    shifted = shift_prevalence(point, 0.05)
    assert not shifted.ppv.has_interval
    assert shifted.ppv.note == "sensitivity or specificity has none"
