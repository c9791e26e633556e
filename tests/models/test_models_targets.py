"""Training statistics of targets, and where heads start."""

import math

import numpy as np
import pytest
import torch

from strnet.config import Target, TaskConfig
from strnet.errors import ModelError
from strnet.models import TargetStatistics, class_labels, output_size, target_statistics
from strnet.models.heads import build_head, prior_logits
from strnet.stats.coherence import ordinal_probabilities

NAN = np.nan
CLASSES = ("normal", "osteopenia", "osteoporosis")


def task_of(kind, **settings):
    targets = {
        "binary": Target(column="t_score", below=-1.0),
        "regression": Target(column="t_score"),
        "ordinal": Target(column="diagnosis", classes=CLASSES),
        "multiclass": Target(column="diagnosis", classes=CLASSES),
    }
    return TaskConfig(name="task", kind=kind, target=targets[kind], **settings)


@pytest.mark.parametrize(
    ("kind", "labels", "outputs"),
    [
        ("binary", ("negative", "positive"), 1),
        ("regression", (), 1),
        ("ordinal", CLASSES, 2),
        ("multiclass", CLASSES, 3),
    ],
)
def test_classes_and_outputs_of_a_task_follow_from_its_kind(kind, labels, outputs):
    assert class_labels(task_of(kind)) == labels
    assert output_size(task_of(kind)) == outputs


def test_statistics_leave_unknown_targets_out():
    assert target_statistics(task_of("binary"), np.array([1, NAN, 0, 1, 1])).counts == (1, 3)
    regression = target_statistics(task_of("regression"), np.array([-1.0, NAN, -3.0]))
    assert (regression.mean, regression.sd) == (-2.0, 1.0)


def test_class_weights_give_every_class_the_same_mass_and_rows_the_mean_one():
    statistics = TargetStatistics(counts=(2, 6, 4))
    mass = np.array(statistics.class_weights) * statistics.counts
    np.testing.assert_allclose(mass, [4, 4, 4])


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("binary", [0, 0, NAN], r"no training row is positive \(of 2 known\)"),
        ("ordinal", [0, 2, NAN], "no training row is osteopenia"),
        ("multiclass", [NAN, NAN], "normal or osteopenia or osteoporosis"),
        ("binary", [0, 1, 2], r"class numbers 0 to 1 or NaN, found \[0.0, 1.0, 2.0\]"),
        ("regression", [NAN, -1.0], "1 training row"),
        ("regression", [-1.0, -1.0], "do not differ"),
    ],
)
def test_targets_that_nothing_can_be_learned_from_are_refused(kind, values, message):
    with pytest.raises(ModelError, match=message):
        target_statistics(task_of(kind), np.array(values))


def test_prior_logits_give_back_the_class_frequencies():
    counts = (10, 30, 60)
    statistics = TargetStatistics(counts=counts)
    multiclass = np.exp(prior_logits(task_of("multiclass"), statistics))
    np.testing.assert_allclose(multiclass, [0.1, 0.3, 0.6])
    ordinal = ordinal_probabilities([prior_logits(task_of("ordinal"), statistics)])
    np.testing.assert_allclose(ordinal, [[0.1, 0.3, 0.6]])
    (binary,) = prior_logits(task_of("binary"), TargetStatistics(counts=(20, 80)))
    assert binary == pytest.approx(math.log(4))


def test_prior_logits_of_a_balanced_task_give_equal_classes():
    statistics = TargetStatistics(counts=(10, 30, 60))
    ordinal = ordinal_probabilities([prior_logits(task_of("ordinal", balance=True), statistics)])
    np.testing.assert_allclose(ordinal, [[1 / 3] * 3])
    assert prior_logits(task_of("binary", balance=True), TargetStatistics(counts=(1, 9))) == (0.0,)


def test_a_head_starts_at_the_training_mean_in_the_target_s_unit():
    head = build_head(
        task_of("regression"), features=8, columns=(), statistics=TargetStatistics(mean=120.0, sd=40.0)
    )
    output = head(torch.zeros(3, 8), torch.zeros(3, 0), torch.zeros(3, 0))
    torch.testing.assert_close(output, torch.full((3,), 120.0))


def test_a_head_takes_its_own_clinical_columns_by_name():
    head = build_head(
        task_of("binary", clinical=("bmi",)), features=4, columns=("age", "sex", "bmi"), statistics=None
    )
    with torch.no_grad():
        head.clinical.weight.copy_(torch.tensor([[2.0, -5.0]]))
    values = torch.tensor([[7.0, 7.0, 0.5], [7.0, 7.0, 0.0]])
    missing = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    output = head(torch.zeros(2, 4), values, missing)
    torch.testing.assert_close(output, torch.tensor([1.0, -5.0]))


def test_a_clinical_column_that_the_input_lacks_is_met_with_the_nearest():
    with pytest.raises(ModelError, match="task task: Unknown clinical column 'bmi_kg', did you mean 'bmi'"):
        build_head(
            task_of("binary", clinical=("bmi_kg",)), features=4, columns=("age", "bmi"), statistics=None
        )


def test_logits_keep_single_precision_under_bfloat16():
    head = build_head(task_of("binary"), features=64, columns=(), statistics=None)
    representation = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = head(representation, torch.zeros(64, 0), torch.zeros(64, 0))
    assert output.dtype == torch.float32
    by_hand = representation.float() @ head.representation.weight[0] + head.representation.bias
    torch.testing.assert_close(output, by_hand)
