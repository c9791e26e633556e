from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from strnet.phantom import observer
from strnet.phantom.knee.knee_film import draw_shape
from strnet.phantom.knee.planting import FEATURE_SD, KNEE_SD, Knee, belief, draw_knee
from strnet.phantom.people import (
    MEASUREMENT_SD,
    RESIDUAL_SD,
    draw_clinical,
    draw_patient,
    expected_t_score,
)


@pytest.fixture(scope="module")
def population():
    """A cohort of 40,000 knees without films: clinical features, measured T-score, feature scores."""
    generator = np.random.default_rng(4)
    age, female, bmi = draw_clinical(generator, 40_000)
    expected = expected_t_score(age, female, bmi)
    true = expected + RESIDUAL_SD * generator.standard_normal(age.size)
    measured = true + MEASUREMENT_SD * generator.standard_normal(age.size)
    scores = np.array([draw_knee(value, generator).scores for value in true])
    return {"clinical": np.column_stack([age, female, bmi]), "expected": expected, "true": true,
            "measured": measured, "scores": scores}  # fmt: skip


def test_sixty_percent_lose_bone_and_a_third_or_more_of_them_have_osteoporosis(population):
    loss = population["measured"] < -1.0
    assert loss.mean() == pytest.approx(0.60, abs=0.015)
    assert 0.35 < (population["measured"][loss] <= -2.5).mean() < 0.40


def test_age_sex_and_bmi_alone_are_a_strong_but_not_a_sufficient_baseline(population):
    loss = population["measured"] < -1.0
    half = loss.size // 2
    model = LogisticRegression(max_iter=1000).fit(population["clinical"][:half], loss[:half])
    auroc = roc_auc_score(loss[half:], model.decision_function(population["clinical"][half:]))
    assert 0.75 < auroc < 0.85


def test_bmi_alone_says_little(population):
    loss = population["measured"] < -1.0
    assert roc_auc_score(loss, -population["clinical"][:, 2]) < 0.62


def test_the_ideal_observer_is_near_but_not_at_certainty(population):
    loss = population["measured"] < -1.0
    believed = belief(population["expected"], population["scores"])
    assert 0.965 < roc_auc_score(loss, observer.bone_loss_logit(believed)) < 0.98
    severity = observer.osteoporosis_given_loss_logit(believed)[loss]
    assert 0.92 < roc_auc_score(population["measured"][loss] <= -2.5, severity) < 0.97


def test_no_single_feature_comes_up_to_the_ideal_observer(population):
    loss = population["measured"] < -1.0
    ideal = roc_auc_score(
        loss, observer.bone_loss_logit(belief(population["expected"], population["scores"]))
    )
    assert max(roc_auc_score(loss, -score) for score in population["scores"].T) < ideal - 0.01


@pytest.mark.parametrize(
    ("logit", "rows", "cut"),
    [
        (observer.bone_loss_logit, np.isfinite, lambda t: t < -1.0),
        (observer.osteoporosis_given_loss_logit, lambda t: t < -1.0, lambda t: t <= -2.5),
    ],
)
def test_what_the_ideal_observer_believes_happens_that_often(population, logit, rows, cut):
    prob = 1.0 / (1.0 + np.exp(-logit(belief(population["expected"], population["scores"]))))
    among = rows(population["measured"])
    prob, happened = prob[among], cut(population["measured"][among])
    edges = np.quantile(prob, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        bin_rows = (prob >= low) & (prob <= high)
        error = 4.0 * np.sqrt(0.25 / bin_rows.sum())
        assert happened[bin_rows].mean() == pytest.approx(prob[bin_rows].mean(), abs=error)


def test_the_observers_t_score_misses_by_its_own_standard_deviation(population):
    believed = belief(population["expected"], population["scores"])
    miss = population["true"] - believed.mean
    assert miss.std() == pytest.approx(np.sqrt(believed.variance), rel=0.02)
    assert abs(np.corrcoef(miss, believed.mean)[0, 1]) < 0.02


def test_the_posterior_is_bayes_rule_on_a_lattice():
    # Brute force over true T-score and knee deviation, densities multiplied out point by point.
    expected, scores = -0.7, np.array([-2.0, -1.1, 0.3])
    t, knee = np.meshgrid(np.linspace(-8, 6, 1401), np.linspace(-1.2, 1.2, 241), indexing="ij")
    log_density = -0.5 * ((t - expected) / RESIDUAL_SD) ** 2 - 0.5 * (knee / KNEE_SD) ** 2
    for score, sd in zip(scores, FEATURE_SD.values(), strict=True):
        log_density -= 0.5 * ((score - t - knee) / sd) ** 2
    weight = np.exp(log_density - log_density.max())
    mean = (weight * t).sum() / weight.sum()
    variance = (weight * (t - mean) ** 2).sum() / weight.sum()
    believed = belief(np.array([expected]), scores[None, :])
    assert believed.mean[0] == pytest.approx(mean, abs=1e-4)
    assert believed.variance == pytest.approx(variance, rel=1e-3)


def test_the_logits_stay_finite_for_the_healthiest_and_the_sickest():
    believed = observer.Posterior(np.array([-30.0, 30.0]), 0.1)
    assert np.isfinite(observer.bone_loss_logit(believed)).all()
    assert np.isfinite(observer.osteoporosis_given_loss_logit(believed)).all()
    assert np.diff(observer.osteoporosis_given_loss_logit(believed))[0] < 0


def test_a_patient_does_not_depend_on_the_others():
    assert draw_patient(5, 7, 0.7, 2) == draw_patient(5, 7, 0.7, 2)
    assert draw_patient(5, 7, 0.7, 2) != draw_patient(5, 8, 0.7, 2)
    assert draw_patient(5, 7, 0.7, 2) != draw_patient(6, 7, 0.7, 2)


def test_withheld_t_scores_change_nobody():
    known, withheld = draw_patient(5, 7, 1.0, 2), draw_patient(5, 7, 0.0, 2)
    assert (known.t_score_known, withheld.t_score_known) == (True, False)
    assert (known.true_t_score, known.age, known.site) == (
        withheld.true_t_score,
        withheld.age,
        withheld.site,
    )


def test_site_sidedness_and_missing_t_scores_have_nothing_to_do_with_bone():
    people = [draw_patient(9, number, 0.7, 2) for number in range(4000)]
    loss = np.array([person.measured_t_score < -1.0 for person in people])
    for name in ("site", "t_score_known", "days_to_reference"):
        value = np.array([float(getattr(person, name)) for person in people])
        assert roc_auc_score(loss, value) == pytest.approx(0.5, abs=0.03)
    assert np.mean([person.t_score_known for person in people]) == pytest.approx(0.7, abs=0.03)


def test_denser_bone_is_fuller_thicker_and_better_connected():
    low, high = Knee(-3.0, -3.0, -3.0, -3.0), Knee(1.0, 1.0, 1.0, 1.0)
    assert high.bone_volume_fraction > low.bone_volume_fraction
    assert high.cortical_index > low.cortical_index
    assert high.trabecular_spacing_mm < low.trabecular_spacing_mm
    assert high.transverse_share > low.transverse_share


def test_a_leg_is_shaped_by_sex_and_bmi_and_not_by_bone():
    well = draw_patient(3, 1, 1.0, 2)
    sick, heavy = replace(well, true_t_score=-4.0), replace(well, bmi=well.bmi + 8.0)
    shape, same, thick = (draw_shape(person, np.random.default_rng(0)) for person in (well, sick, heavy))
    assert same == shape
    assert thick.girth_mm > shape.girth_mm
    assert thick.fat_mm > shape.fat_mm
