from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from strnet.phantom import dxa_observer as observer
from strnet.phantom.lumbar.spine_shape import draw_spine_shape
from strnet.phantom.lumbar.vertebral_planting import FEATURE_SD, SEEN, Planted, draw_planted, joint_posterior
from strnet.phantom.people import MEASUREMENT_SD
from strnet.phantom.scanned_people import (
    RESIDUAL_COVARIANCE,
    draw_scanned_person,
    expected_t_scores,
)

ALL = tuple(FEATURE_SD)


@pytest.fixture(scope="module")
def population():
    """4,000 people without films: measured T-scores (N, 2), and each one's beliefs per view and for both."""
    generator = np.random.default_rng(8)
    people = [draw_scanned_person(6, number, 1.0, 2) for number in range(4000)]
    found = {"people": people, "measured": np.array([person.measured_t_scores for person in people])}
    planted = [draw_planted(person.true_t_scores[0], generator) for person in people]
    expected = [expected_t_scores(p.age, float(p.sex == "F"), p.bmi)[0] for p in people]
    for name, features in {**SEEN, "both": ALL}.items():
        found[name] = [
            joint_posterior(about, seen, features) for about, seen in zip(expected, planted, strict=True)
        ]
    return found


def aurocs(population, logit, target) -> dict[str, float]:
    return {
        name: roc_auc_score(target, [logit(belief) for belief in population[name]])
        for name in ("AP", "LATERAL", "both")
    }


def test_the_bmd_of_both_sites_correlates_at_seven_tenths(population):
    bmd = np.array([person.bmd for person in population["people"]])
    assert np.corrcoef(bmd.T)[0, 1] == pytest.approx(0.70, abs=0.04)


def test_a_t_score_is_the_bmd_in_young_standard_deviations():
    # By hand: a young woman's mean less two and a half SD of either site is T = -2.5 there.
    person = replace(draw_scanned_person(1, 0, 1.0, 2), bmd=(1.064 - 2.5 * 0.106, 0.858 - 2.5 * 0.120))
    assert person.measured_t_scores == pytest.approx((-2.5, -2.5))


def test_a_fifth_have_osteoporosis_and_three_quarters_lose_bone(population):
    lowest = population["measured"].min(axis=1)
    assert (lowest <= -2.5).mean() == pytest.approx(0.20, abs=0.03)
    assert (lowest < -1.0).mean() == pytest.approx(0.74, abs=0.03)


def test_bone_is_lost_with_age_and_in_women(population):
    people, measured = population["people"], population["measured"]
    age = np.array([person.age for person in people])
    female = np.array([person.sex == "F" for person in people])
    for site in range(2):
        assert np.corrcoef(age, measured[:, site])[0, 1] < -0.2
        assert measured[female, site].mean() < measured[~female, site].mean() - 0.3


def test_the_ceiling_is_higher_from_the_side_and_highest_with_both(population):
    lowest = population["measured"].min(axis=1)
    found = aurocs(population, observer.osteoporosis_logit, lowest <= -2.5)
    assert found["AP"] == pytest.approx(0.905, abs=0.02)
    assert found["AP"] < found["LATERAL"] < found["both"] < 0.95


def test_the_ceiling_of_the_bmd_lies_below_the_published_errors(population):
    bmd = np.array([person.bmd for person in population["people"]])
    for name in ("AP", "LATERAL", "both"):
        believed = np.array([observer.expected_bmd(belief) for belief in population[name]])
        lumbar, femur = np.abs(bmd - believed).mean(axis=0)
        assert 0.03 < lumbar < 0.06
        assert 0.05 < femur < 0.071


@pytest.mark.parametrize("view", ["AP", "LATERAL", "both"])
@pytest.mark.parametrize(
    ("logit", "among", "cut"),
    [
        (observer.bone_loss_logit, np.isfinite, lambda t: t < -1.0),
        (observer.osteoporosis_logit, np.isfinite, lambda t: t <= -2.5),
        (observer.osteoporosis_given_loss_logit, lambda t: t < -1.0, lambda t: t <= -2.5),
    ],
)
def test_what_the_observer_believes_happens_that_often(population, view, logit, among, cut):
    lowest = population["measured"].min(axis=1)
    rows = among(lowest)
    prob = 1.0 / (1.0 + np.exp(-np.array([logit(belief) for belief in population[view]])))[rows]
    happened = cut(lowest)[rows]
    for low, high in pairwise(np.quantile(prob, np.linspace(0, 1, 9))):
        inside = (prob >= low) & (prob <= high)
        error = 4.0 * np.sqrt(max(prob[inside].mean() * (1 - prob[inside].mean()), 0.002) / inside.sum())
        assert happened[inside].mean() == pytest.approx(prob[inside].mean(), abs=error)


def test_the_joint_posterior_is_bayes_rule_on_a_lattice():
    expected = np.array([-0.8, -1.2])
    planted = Planted(-2.0, -3.0, 0.4, -1.0, -2.2, -0.3)
    lumbar, femur = np.meshgrid(np.linspace(-8, 6, 701), np.linspace(-8, 6, 701), indexing="ij")
    points = np.stack([lumbar, femur], axis=-1)
    log_density = multivariate_normal(expected, RESIDUAL_COVARIANCE).logpdf(points)
    for name in SEEN["LATERAL"]:
        log_density -= 0.5 * ((getattr(planted, name) - lumbar) / FEATURE_SD[name]) ** 2
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = np.array([(weight * lumbar).sum(), (weight * femur).sum()])
    gap = points - mean
    covariance = np.einsum("ij,ijk,ijl->kl", weight, gap, gap)
    belief = joint_posterior(expected, planted, SEEN["LATERAL"])
    np.testing.assert_allclose(belief.mean, mean, atol=1e-4)
    np.testing.assert_allclose(belief.covariance, covariance, atol=1e-4)


@pytest.mark.parametrize("mean", [(-2.5, -2.5), (-1.0, -3.5), (0.5, 0.2), (-4.0, -1.0), (-2.5, 0.0)])
def test_the_probability_of_both_sites_is_that_of_a_great_many_draws(mean):
    belief = observer.JointPosterior(np.array(mean), np.array([[0.5, 0.25], [0.25, 0.4]]))
    generator = np.random.default_rng(2)
    draws = generator.multivariate_normal(mean, belief.covariance, 400_000)
    draws += MEASUREMENT_SD * generator.standard_normal(draws.shape)
    found = observer.probability_of_both_above(belief, -2.5)
    assert found == pytest.approx((draws > -2.5).all(axis=1).mean(), abs=0.004)
    assert observer.expected_lowest(belief) == pytest.approx(draws.min(axis=1).mean(), abs=0.006)


def test_the_logits_stay_finite_for_the_healthiest_and_the_sickest():
    for value in (-30.0, 30.0):
        belief = observer.JointPosterior(np.full(2, value), 0.2 * np.eye(2))
        logits = [
            observer.bone_loss_logit(belief),
            observer.osteoporosis_logit(belief),
            observer.osteoporosis_given_loss_logit(belief),
        ]
        assert np.isfinite(logits).all()
        assert all((logit < 0) == (value > 0) for logit in logits[:2])


def test_denser_bone_is_fuller_thicker_and_better_linked():
    low, high = Planted(*[-3.0] * 6), Planted(*[1.0] * 6)
    for name in ("bone_volume_fraction", "endplate_mm", "side_wall_mm", "front_wall_mm"):
        assert getattr(high, name) > getattr(low, name)
    for view in SEEN:
        assert high.spacing_mm(view) < low.spacing_mm(view)
        assert high.transverse_share(view) > low.transverse_share(view)


def test_a_spine_is_shaped_worn_and_calcified_by_age_sex_and_bmi_and_not_by_bone():
    well = draw_scanned_person(3, 1, 1.0, 2)
    sick = replace(well, true_t_scores=(-4.0, -4.0), bmd=(0.6, 0.4))
    old, heavy = replace(well, age=well.age + 25), replace(well, bmi=well.bmi + 8.0)
    shape, same, aged, thick = (
        draw_spine_shape(person, np.random.default_rng(0)) for person in (well, sick, old, heavy)
    )
    assert same == shape
    assert np.mean(aged.worn) > np.mean(shape.worn)
    assert aged.calcium > shape.calcium
    assert thick.depth_mm > shape.depth_mm
    assert thick.fat_mm > shape.fat_mm


def test_withheld_bmd_changes_nobody():
    known, withheld = draw_scanned_person(5, 7, 1.0, 2), draw_scanned_person(5, 7, 0.0, 2)
    assert replace(withheld, bmd_known=True) == known
    assert not withheld.bmd_known
