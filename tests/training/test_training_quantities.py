"""Validation quantities by hand, over the whole epoch, never as a mean of batches."""

import math

import numpy as np
import pytest
import torch

from strnet.config import TaskConfig
from strnet.models import TargetStatistics
from strnet.training.module import learning_rate_factor
from strnet.training.quantities import predicted_class, quantity_modes, validation_quantities


def task(kind, **target) -> TaskConfig:
    return TaskConfig.model_validate({"name": "answer", "kind": kind, "target": {"column": "x", **target}})


BINARY = task("binary", below=0)
REGRESSION = task("regression")
ORDINAL = task("ordinal", classes=["a", "b", "c"])
MULTICLASS = task("multiclass", classes=["a", "b", "c"])


def quantities(of, output, target, statistics=None):
    outputs = {"answer": torch.tensor(output, dtype=torch.float32)}
    targets = {"answer": torch.tensor(target, dtype=torch.float32)}
    return validation_quantities([of], outputs, targets, {"answer": statistics or TargetStatistics()})


def test_auroc_is_that_of_all_rows_and_unknown_ones_are_left_out():
    # Positives 2, 0.5 over negatives 1, 0: three of four pairs in order. The unknown row would change it.
    found = quantities(BINARY, [2.0, 0.5, 1.0, 0.0, 9.0], [1, 1, 0, 0, math.nan])
    assert found["validation/answer_auroc"] == 0.75
    logits = np.array([2.0, 0.5, -1.0, 0.0])
    expected = np.log1p(np.exp(-logits * [1, 1, 1, -1])).mean()
    logits = [2.0, 0.5, -1.0, 0.0]
    found = quantities(BINARY, logits, [1, 1, 1, 0])
    assert found["validation/answer_loss"] == pytest.approx(expected, abs=1e-6)
    assert found["validation/loss"] == pytest.approx(expected, abs=1e-6)


def test_average_precision_of_four_rows_is_that_worked_out_by_hand():
    # Ranked 1, 0, 1, 0: precision 1 at the first positive, 2/3 at the second.
    found = quantities(BINARY, [4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0])
    assert found["validation/answer_auprc"] == pytest.approx((1 + 2 / 3) / 2)


def test_a_regression_is_judged_in_its_own_unit():
    found = quantities(REGRESSION, [-1.0, -2.0, -4.0], [-1.5, -2.0, -3.0], TargetStatistics(mean=-2, sd=2.0))
    assert found["validation/answer_mae"] == pytest.approx(0.5)
    assert found["validation/answer_pearson"] == pytest.approx(np.corrcoef([1, 2, 4], [1.5, 2, 3])[0, 1])


def test_a_correlation_that_is_not_defined_is_left_out():
    assert "validation/answer_pearson" not in quantities(REGRESSION, [1.0, 1.0], [0.0, 2.0])


def test_the_class_of_conditional_logits_is_the_most_probable_one():
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    # P(a, b, c) = .4, .6 x .9, .6 x .1; .3, .7 x .2, .7 x .8; .6, ...
    output = np.array([[logit(0.6), logit(0.1)], [logit(0.7), logit(0.8)], [logit(0.4), logit(0.99)]])
    assert predicted_class(ORDINAL, output).tolist() == [1, 2, 0]
    assert predicted_class(MULTICLASS, np.array([[0.1, 0.3, 0.2]])).tolist() == [1]


def test_accuracy_and_kappa_of_a_perfect_and_of_a_constant_answer():
    perfect = quantities(MULTICLASS, (5 * np.eye(3)).tolist(), [0, 1, 2])
    assert perfect["validation/answer_accuracy"] == 1.0
    assert perfect["validation/answer_kappa"] == pytest.approx(1.0)
    constant = quantities(MULTICLASS, [[1.0, 0.0, 0.0]] * 3, [0, 1, 2])
    assert constant["validation/answer_accuracy"] == pytest.approx(1 / 3)
    assert constant["validation/answer_kappa"] == pytest.approx(0.0)


@pytest.mark.parametrize("of", [BINARY, REGRESSION, ORDINAL, MULTICLASS], ids=lambda t: t.kind)
def test_every_quantity_that_can_be_monitored_is_computed(of):
    output = {"binary": [1.0, 0.0], "regression": [1.0, 0.0]}.get(of.kind, [[1.0, 0.0], [0.0, 1.0]])
    if of.kind == "multiclass":
        output = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert set(quantities(of, output, [1, 0])) == set(quantity_modes([of]))


def test_losses_and_errors_are_best_small_and_figures_of_agreement_large():
    modes = quantity_modes([BINARY, ORDINAL, REGRESSION])
    small = {name for name, mode in modes.items() if mode == "min"}
    assert small == {"validation/loss", "validation/answer_loss", "validation/answer_mae"}


def test_the_learning_rate_rises_evenly_then_falls_along_a_cosine_to_zero():
    factors = [learning_rate_factor(step, 12, 3.0) for step in range(13)]
    np.testing.assert_allclose(factors[:3], [0.25, 0.5, 0.75])
    assert factors[3] == 1.0
    assert factors[3 + 3] == pytest.approx(0.75)  # a third of the way: (1 + cos 60 degrees) / 2
    assert factors[12] == pytest.approx(0.0, abs=1e-12)
    assert learning_rate_factor(0, 5, 0.0) == 1.0
    assert learning_rate_factor(0, 2, 2.0) < learning_rate_factor(1, 2, 2.0) < 1.0
