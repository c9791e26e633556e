"""Multi-task loss over targets of which any may be unknown."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.config import Target, TaskConfig
from strnet.errors import ModelError
from strnet.models import TargetStatistics, multi_task_loss
from strnet.models.losses import masked_mean, task_loss
from strnet.stats.coherence import ordinal_probabilities

NAN = torch.nan
CLASSES = ("normal", "osteopenia", "osteoporosis")
LOSSES = [
    ("binary", "bce"),
    ("binary", "focal"),
    ("multiclass", "cross_entropy"),
    ("ordinal", "corn"),
    ("ordinal", "cross_entropy"),
    ("regression", "huber"),
    ("regression", "mse"),
    ("regression", "mae"),
]


def task_of(kind, loss="default", **settings):
    targets = {
        "binary": Target(column="t_score", below=-1.0),
        "regression": Target(column="t_score"),
        "ordinal": Target(column="diagnosis", classes=CLASSES),
        "multiclass": Target(column="diagnosis", classes=CLASSES),
    }
    return TaskConfig(name="task", kind=kind, target=targets[kind], loss=loss, **settings)


def case_of(kind, rows, seed=0):
    """Outputs (a leaf) and targets of some rows."""
    generator = torch.Generator().manual_seed(seed)
    width = {"multiclass": (3,), "ordinal": (2,)}.get(kind, ())
    output = torch.randn(rows, *width, generator=generator).requires_grad_()
    if kind == "regression":
        return output, torch.randn(rows, generator=generator)
    return output, torch.randint(0, 2 if kind == "binary" else 3, (rows,), generator=generator).float()


@pytest.mark.parametrize(("kind", "loss"), LOSSES)
@given(balance=st.booleans(), known=st.lists(st.booleans(), min_size=1, max_size=9), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_an_unknown_label_moves_neither_loss_nor_gradient(kind, loss, balance, known, seed):
    task = task_of(kind, loss, balance=balance and kind != "regression")
    statistics = TargetStatistics(counts=(3, 5, 2), sd=0.7)
    if kind == "binary":
        statistics = TargetStatistics(counts=(3, 5))
    output, target = case_of(kind, len(known), seed)
    mask = torch.tensor(known)
    found = task_loss(task, output, torch.where(mask, target, NAN), statistics)
    found.backward()

    other = output.detach().clone()
    other[~mask] = 1e4  # whatever the network says there
    other.requires_grad_()
    moved = task_loss(task, other, torch.where(mask, target, NAN), statistics)
    moved.backward()
    assert torch.equal(found, moved)
    assert torch.equal(output.grad, other.grad)
    assert (output.grad[~mask] == 0).all()

    if mask.any():
        alone = output.detach()[mask].requires_grad_()
        expected = task_loss(task, alone, target[mask], statistics)
        expected.backward()
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(output.grad[mask], alone.grad)


@pytest.mark.parametrize(("kind", "loss"), LOSSES)
def test_a_task_unknown_in_the_whole_batch_gives_a_zero_that_can_be_backpropagated(kind, loss):
    output, target = case_of(kind, 4)
    found = task_loss(task_of(kind, loss), output, torch.full_like(target, NAN))
    found.backward()
    assert found.item() == 0.0
    assert torch.equal(output.grad, torch.zeros_like(output))


@pytest.mark.parametrize(("kind", "loss"), LOSSES)
def test_the_order_of_the_rows_does_not_matter(kind, loss):
    output, target = case_of(kind, 6)
    target[2] = NAN
    order = torch.tensor([5, 2, 0, 4, 1, 3])
    torch.testing.assert_close(
        task_loss(task_of(kind, loss), output[order], target[order]),
        task_loss(task_of(kind, loss), output, target),
    )


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("bce", (math.log(4 / 3) + math.log(4)) / 2),
        ("focal", ((1 / 4) ** 2 * math.log(4 / 3) + (3 / 4) ** 2 * math.log(4)) / 2),
    ],
)
def test_binary_losses_by_hand(loss, expected):
    logits = torch.tensor([math.log(3), math.log(3)])  # p = 3/4
    found = task_loss(task_of("binary", loss), logits, torch.tensor([1.0, 0.0]))
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "expected"), [("huber", (0.125 + 1.5) / 2), ("mse", (0.25 + 4) / 2), ("mae", (0.5 + 2) / 2)]
)
def test_regression_losses_by_hand_count_in_sds_of_the_training_target(loss, expected):
    # Errors of 20 and 80 mg/cm3 where the SD is 40: half an SD and two.
    found = task_loss(
        task_of("regression", loss),
        torch.tensor([100.0, 200.0]),
        torch.tensor([120.0, 120.0]),
        TargetStatistics(mean=110.0, sd=40.0),
    )
    assert found.item() == pytest.approx(expected)


def test_multiclass_cross_entropy_by_hand():
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]))
    found = task_loss(task_of("multiclass"), logits, torch.tensor([2.0, 0.0]))
    assert found.item() == pytest.approx(-(math.log(0.5) + math.log(0.7)) / 2, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_ordinal_losses_are_the_likelihood_of_the_ordinal_probabilities(seed):
    logits, target = case_of("ordinal", 8, seed)
    probs = ordinal_probabilities(logits.detach().numpy())
    likelihood = -sum(math.log(probs[row, int(label)]) for row, label in enumerate(target))
    per_row = task_loss(task_of("ordinal", "cross_entropy"), logits, target)
    assert per_row.item() == pytest.approx(likelihood / 8, rel=1e-5)
    # A row of class 0 is asked one question, the others two.
    questions = sum(1 if label == 0 else 2 for label in target)
    per_question = task_loss(task_of("ordinal", "corn"), logits, target)
    assert per_question.item() == pytest.approx(likelihood / questions, rel=1e-5)


def test_a_balanced_loss_over_the_training_rows_gives_each_class_the_same_say():
    # Three negatives, one positive: the mean loss of each class, halved and added.
    logits = torch.tensor([0.3, -0.2, 1.1, 0.4])
    target = torch.tensor([0.0, 0.0, 0.0, 1.0])
    found = task_loss(task_of("binary", balance=True), logits, target, TargetStatistics(counts=(3, 1)))
    negative = sum(math.log1p(math.exp(x)) for x in (0.3, -0.2, 1.1)) / 3
    positive = math.log1p(math.exp(-0.4))
    assert found.item() == pytest.approx((negative + positive) / 2, rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "ordinal"])
def test_balance_without_class_counts_is_refused(kind):
    output, target = case_of(kind, 4)
    with pytest.raises(ModelError, match="task task: balance needs the class counts"):
        task_loss(task_of(kind, balance=True), output, target)


def test_extreme_logits_give_finite_losses_and_gradients():
    logits = torch.tensor([80.0, -80.0, 80.0, -80.0]).requires_grad_()
    target = torch.tensor([0.0, 1.0, 1.0, 0.0])
    for loss in ("bce", "focal"):
        task_loss(task_of("binary", loss), logits, target).backward()
        assert logits.grad.isfinite().all()


def test_the_total_is_the_weighted_sum_and_the_parts_are_unweighted():
    tasks = [
        TaskConfig(name="a", kind="binary", target=Target(column="x", below=0.0), weight=2.0),
        TaskConfig(name="b", kind="regression", target=Target(column="x"), loss="mse", weight=0.25),
    ]
    outputs = {"a": torch.zeros(2, requires_grad=True), "b": torch.tensor([1.0, 3.0], requires_grad=True)}
    targets = {"a": torch.tensor([1.0, NAN]), "b": torch.tensor([0.0, 0.0])}
    losses = multi_task_loss(outputs, targets, tasks)
    assert losses.per_task["a"].item() == pytest.approx(math.log(2))
    assert losses.per_task["b"].item() == pytest.approx(5.0)
    assert losses.total.item() == pytest.approx(2 * math.log(2) + 0.25 * 5)
    losses.total.backward()
    torch.testing.assert_close(outputs["a"].grad, torch.tensor([-1.0, 0.0]))


def test_a_masked_mean_divides_by_the_known_rows():
    loss = torch.tensor([4.0, 100.0, 2.0])
    assert masked_mean(loss, torch.tensor([True, False, True])).item() == 3.0
    assert masked_mean(loss, torch.tensor([False, False, False])).item() == 0.0
