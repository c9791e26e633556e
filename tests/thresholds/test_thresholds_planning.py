import numpy as np
import pytest
from scipy import integrate, stats

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import plan
from strnet.thresholds.planning import expected_specificity, specificity_at


def test_the_best_specificity_of_the_paper_is_that_of_two_normals():
    assert plan(auroc=0.933).best_specificity == pytest.approx(0.851, abs=5e-4)


@pytest.mark.parametrize(
    ("positives", "cost"), [(50, 0.14), (100, 0.07), (136, 0.06), (300, 0.04), (1000, 0.02), (5000, 0.01)]
)
def test_the_printed_cost_is_the_specificity_lost_at_the_expected_sensitivity(positives, cost):
    promise = plan(positives=positives, auroc=0.933).with_positives
    lost = specificity_at(0.86, 0.933) - specificity_at(promise.expected_sensitivity, 0.933)
    assert lost == pytest.approx(cost, abs=5e-3)
    assert (
        promise.specificity_loss >= lost
    )  # the ROC is concave: the mean loss is higher than that of the mean


def test_the_mean_specificity_is_the_integral_over_the_law():
    law = stats.beta(124, 13)
    exact, _ = integrate.quad(lambda s: law.pdf(s) * float(specificity_at(s, 0.933)), 0, 1, points=[0.9])
    assert expected_specificity(136, 12, 0.933) == pytest.approx(exact, abs=2e-4)


def test_the_needed_number_loses_no_more_from_there_on_and_one_fewer_does():
    answer = plan(auroc=0.933, max_specificity_loss=0.05)
    size = answer.needed.positives
    losses = [
        plan(positives=n, auroc=0.933).with_positives.specificity_loss for n in range(size - 1, size + 120)
    ]
    assert losses[0] > 0.05
    assert max(losses[1:]) <= 0.05


def test_films_and_rows_are_counted_up_by_design_effect_and_prevalence():
    answer = plan(auroc=0.933, max_specificity_loss=0.05, design_effect=1.5, prevalence=0.2)
    assert answer.rows_needed == int(np.ceil(answer.needed.positives * 1.5 / 0.2))
    assert answer.positives_needed == int(np.ceil(answer.needed.positives * 1.5))
    assert answer.fewest_positives == 30
    assert plan(positives=30, design_effect=1.5).with_positives.positives == 20


def test_what_cannot_be_promised_is_said_with_the_reason():
    answer = plan(positives=12)
    assert answer.with_positives is None
    assert "It takes 20 positives" in answer.reason
    assert answer.highest_floor == pytest.approx(0.05 ** (1 / 12))
    # one film of two knees is worth less than one independent positive
    less_than_one = plan(positives=1, design_effect=2)
    assert less_than_one.with_positives is None
    assert "It takes 20 positives" in less_than_one.reason
    assert plan(positives=136).reason is None


def test_a_floor_of_one_has_no_plan():
    answer = plan(min_sensitivity="1")
    assert answer.fewest_positives is None
    assert "impossible with any number of positives" in answer.reason
    with pytest.raises(ImpossibleError, match="Tolerate more"):
        plan(min_sensitivity="1", auroc=0.9, max_specificity_loss=0.1)


def test_a_hopeless_tolerance_is_impossible():
    with pytest.raises(ImpossibleError, match="Tolerate more"):
        plan(auroc=0.933, max_specificity_loss=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positives": 0}, "at least 1"),
        ({"max_specificity_loss": 0.1}, "needs an assumed auroc"),
        ({"auroc": 93}, "Write 0.93"),
        ({"prevalence": 0}, "prevalence"),
        ({"design_effect": 0.5}, "at least 1"),
        ({"min_sensitivity": "86"}, "percent"),
    ],
)
def test_a_plan_with_numbers_out_of_range_is_refused(options, message):
    with pytest.raises(ThresholdError, match=message):
        plan(**options)
