"""Mixup: blends of films that know the same, and the loss of the blended target."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from strnet.config import Target, TaskConfig
from strnet.data.dataset import Batch
from strnet.models import multi_task_loss
from strnet.training.mixup import mix

NAN = torch.nan
TASKS = (
    TaskConfig(name="a", kind="binary", target=Target(column="x", below=0)),
    TaskConfig(name="t", kind="regression", target=Target(column="x")),
    TaskConfig(name="c", kind="multiclass", target=Target(column="x", classes=("p", "q", "r"))),
)


def batch_of(rows=8, unknown=()) -> Batch:
    random = torch.Generator().manual_seed(2)
    targets = {
        "a": torch.tensor([0.0, 1.0] * (rows // 2)),
        "t": torch.linspace(-3, 1, rows),
        "c": torch.arange(rows) % 3.0,
    }
    for name, row in unknown:
        targets[name][row] = NAN
    clinical = torch.randn(rows, 2, generator=random)
    return Batch(torch.randn(rows, 1, 4, 4, generator=random), clinical, targets, torch.arange(rows))


def mixed_of(batch, alpha=1.0, seed=5):
    return mix(batch, TASKS, alpha, np.random.default_rng(seed))


def partners_of(batch, mixed) -> list[int]:
    """Each row's partner, found from the picture alone."""
    rest = (mixed.batch.image - mixed.share * batch.image) / (1 - mixed.share)
    distance = torch.cdist(rest.flatten(1), batch.image.flatten(1))
    assert distance.min(dim=1).values.max() < 1e-4
    return distance.argmin(dim=1).tolist()


def test_films_clinical_values_and_targets_are_blended_by_one_share_with_one_partner():
    batch = batch_of()
    mixed = mixed_of(batch)
    partner = partners_of(batch, mixed)
    assert sorted(partner) == list(range(8))
    assert partner != list(range(8))
    share = mixed.share
    expected = share * batch.clinical + (1 - share) * batch.clinical[partner]
    torch.testing.assert_close(mixed.batch.clinical, expected)
    assert torch.equal(mixed.partners["a"], batch.targets["a"][partner])
    torch.testing.assert_close(
        mixed.batch.targets["t"], share * batch.targets["t"] + (1 - share) * batch.targets["t"][partner]
    )
    assert torch.equal(mixed.batch.targets["t"], mixed.partners["t"])


def test_the_loss_of_classes_is_that_of_soft_targets_and_of_a_value_that_of_the_blended_value():
    """Against torch's own losses of soft targets, which know nothing of shares and partners."""
    batch = batch_of()
    mixed = mixed_of(batch)
    partner = partners_of(batch, mixed)
    random = torch.Generator().manual_seed(9)
    outputs = {
        "a": torch.randn(8, generator=random),
        "t": torch.randn(8, generator=random),
        "c": torch.randn(8, 3, generator=random),
    }
    found = mixed.loss(lambda targets: multi_task_loss(outputs, targets, TASKS).total)

    def soft(values):
        return mixed.share * values + (1 - mixed.share) * values[partner]

    classes = functional.one_hot(batch.targets["c"].long(), 3).float()
    expected = (
        functional.binary_cross_entropy_with_logits(outputs["a"], soft(batch.targets["a"]))
        + functional.huber_loss(outputs["t"], soft(batch.targets["t"]))
        + functional.cross_entropy(outputs["c"], soft(classes))
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("seed", range(6))
def test_known_is_mixed_with_known_only_and_no_label_is_lost_or_made_up(seed):
    batch = batch_of(unknown=[("a", 1), ("a", 4), ("t", 4), ("t", 6), ("c", 6)])
    batch.clinical[3, 1] = NAN
    mixed = mixed_of(batch, seed=seed)
    for name, target in batch.targets.items():
        unknown = target.isnan()
        assert torch.equal(mixed.batch.targets[name].isnan(), unknown)
        assert torch.equal(mixed.partners[name].isnan(), unknown)
    assert torch.equal(mixed.batch.clinical.isnan(), batch.clinical.isnan())
    for alone in (1, 3, 4, 6):  # no other film knows just what these do
        torch.testing.assert_close(mixed.batch.image[alone], batch.image[alone])


def test_the_blend_follows_from_its_generator_and_leaves_the_batch_as_it_was():
    batch = batch_of()
    before = batch.image.clone()
    first, again, other = mixed_of(batch), mixed_of(batch), mixed_of(batch, seed=6)
    assert torch.equal(first.batch.image, again.batch.image)
    assert not torch.equal(first.batch.image, other.batch.image)
    assert torch.equal(batch.image, before)


def test_alpha_says_how_far_films_are_blended():
    """Beta(alpha, alpha) has variance 1 / (4 (2 alpha + 1)): 0.208 for 0.1 and 0.0119 for 10."""
    batch = batch_of(2)
    for alpha, variance in ((0.1, 1 / 4.8), (10.0, 1 / 84)):
        shares = [mixed_of(batch, alpha, seed).share for seed in range(400)]
        assert np.var(shares) == pytest.approx(variance, rel=0.25)
