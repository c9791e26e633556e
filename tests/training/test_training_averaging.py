"""Averages of weights: their formulas, and that they are what is judged, kept and resumed."""

import copy
from contextlib import nullcontext

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from strnet.config import TrainerConfig, override_recipe
from strnet.errors import ConfigError
from strnet.training import fit
from strnet.training.averaging import averaged_network, measure_batch_norm
from strnet.training.module import learning_rate_factor
from strnet.training.recorder import EpochRecorder

EMA = {"trainer.averaging": "ema", "trainer.averaging_decay": 0.6}
SWA = {"trainer.averaging": "swa", "trainer.averaging_start": 1}


def train(recipe, cohort, run, **how):
    return fit(recipe, cohort.manifest, cohort.split, run, progress=False, **how)


def checkpoint(run):
    return torch.load(run.folder.last_checkpoint, weights_only=True)["state_dict"]


def part(state, prefix):
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


class Point(nn.Module):
    """One weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


def path_of(averaged, network, values):
    found = []
    for value in values:
        with torch.no_grad():
            network.weight.fill_(value)
        averaged.update_parameters(network)
        found.append(averaged.module.weight.item())
    return found


def test_the_moving_average_by_hand():
    """The first value is taken; then decay 2/11 and 3/12 of the warm-up, and 0.25 as asked from there on."""
    network = Point()
    averaged = averaged_network(network, TrainerConfig(averaging="ema", averaging_decay=0.25))
    second = 2 / 11 * 1 + 9 / 11 * 3
    third = 0.25 * second + 0.75 * 5
    fourth = 0.25 * third + 0.75 * 2
    found = path_of(averaged, network, [1.0, 3.0, 5.0, 2.0])
    assert found == pytest.approx([1.0, second, third, fourth], rel=1e-6)


def test_the_mean_of_epochs_by_hand():
    network = Point()
    averaged = averaged_network(network, TrainerConfig(averaging="swa", averaging_start=1, max_epochs=9))
    assert path_of(averaged, network, [1.0, 3.0, 5.0]) == pytest.approx([1.0, 2.0, 3.0])


def test_measured_batch_statistics_are_those_of_all_films_and_leave_frozen_norms_alone():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.BatchNorm2d(1)).eval()
    frozen = network[2]
    frozen.train = lambda _: frozen
    frozen.running_mean.fill_(7.0)
    batches = [torch.randn(4, 1, 5, 5, generator=torch.Generator().manual_seed(k)) + k for k in range(3)]
    measure_batch_norm(network, batches, nullcontext())
    expected = torch.stack([batch.mean() for batch in batches]).mean()
    torch.testing.assert_close(network[0].running_mean, expected[None])
    variance = torch.stack([batch.var(correction=1) for batch in batches]).mean()
    torch.testing.assert_close(network[0].running_var, variance[None])
    assert frozen.running_mean.item() == 7.0
    assert network[0].momentum == 0.1
    assert not network.training


def test_the_kept_weights_are_the_average_and_not_the_last_ones(recipe, cohort, tmp_path):
    run = train(override_recipe(recipe, EMA | {"trainer.max_epochs": 1}), cohort, tmp_path / "run")
    state = checkpoint(run)
    averaged, raw = part(state, "averaged.module."), part(state, "network.")
    kept = load_file(run.folder.weights)
    assert kept.keys() == averaged.keys() == raw.keys()
    assert all(torch.equal(kept[name], averaged[name]) for name in kept)
    assert not torch.equal(kept["neck.0.weight"], raw["neck.0.weight"])
    assert int(state["averaged.n_averaged"]) == 3, "24 films in batches of 8"


def test_the_average_of_epochs_is_the_mean_of_their_ends(recipe, cohort, tmp_path, monkeypatch):
    ends = []
    whole = EpochRecorder.on_train_epoch_end

    def watched(self, trainer, module):
        ends.append(copy.deepcopy(module.network.state_dict()))
        whole(self, trainer, module)

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", watched)
    run = train(override_recipe(recipe, SWA), cohort, tmp_path / "run")
    averaged = part(checkpoint(run), "averaged.module.")
    for name in ("backbone.model.conv1.0.weight", "neck.0.weight"):
        torch.testing.assert_close(averaged[name], (ends[1][name] + ends[2][name]) / 2)
    norm = "neck.1.running_mean"
    assert not torch.equal(averaged[norm], ends[2][norm]), "measured anew for the averaged weights"


@pytest.mark.parametrize("changes", [EMA, SWA], ids=["ema", "swa"])
def test_what_is_judged_is_the_average(recipe, cohort, tmp_path, monkeypatch, changes):
    """The validation quantities of the best epoch are those of the kept weights, computed anew."""
    run = train(override_recipe(recipe, changes), cohort, tmp_path / "run")
    best = run.summary["best"]
    rows = run.predictions.filter(pl.col("split") == "validation")
    error = (rows["pred.t_score"] - rows["target.t_score"]).drop_nulls().abs().mean()
    curves = pl.read_csv(run.folder.metrics)
    assert curves["validation/t_score_mae"][best["epoch"]] == pytest.approx(error, rel=1e-3)
    later = curves.filter(pl.col("epoch") >= changes.get("trainer.averaging_start", 0))
    assert best["value"] == pytest.approx(later["validation/loss"].min())


def test_an_epoch_before_the_average_begins_is_never_the_best_one(recipe, cohort, tmp_path):
    """Weights that get worse and worse: raw, the first epoch would be the best."""
    changes = EMA | {
        "trainer.averaging_start": 2,
        "trainer.learning_rate": 0.3,
        "trainer.warmup_epochs": 0,
        "trainer.early_stopping": 1,
    }
    run = train(override_recipe(recipe, changes), cohort, tmp_path / "run")
    curves = pl.read_csv(run.folder.metrics)
    assert curves["epoch"].to_list() == [0, 1, 2], "patience counts from the first average on"
    assert run.summary["best"]["epoch"] == 2
    assert int(checkpoint(run)["averaged.n_averaged"]) == 3


@pytest.mark.parametrize(
    "changes",
    [
        EMA,
        SWA | {"network.neck.dropout": 0.3},
        {"trainer.mixup": 0.4, "trainer.balanced_task": "bone_loss", "trainer.balanced_by": "patient"},
        {"trainer.unfreeze": [0, 1, 2], "trainer.averaging": "ema"},
    ],
    ids=["ema", "swa", "mixup and balance", "thawing ema"],
)
def test_a_run_interrupted_between_epochs_ends_as_if_it_had_not_been(
    recipe, cohort, tmp_path, monkeypatch, changes
):
    changed = override_recipe(recipe, changes)
    expected = train(changed, cohort, tmp_path / "whole")
    whole = EpochRecorder.on_train_epoch_end

    def interrupted(self, trainer, module):
        whole(self, trainer, module)
        if trainer.current_epoch == 1:
            raise RuntimeError("the power went")

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", interrupted)
    with pytest.raises(RuntimeError, match="the power went"):
        train(changed, cohort, tmp_path / "run")
    monkeypatch.undo()
    run = train(changed, cohort, tmp_path / "run", resume=True)
    assert run.predictions.equals(expected.predictions)
    assert run.folder.metrics.read_text() == expected.folder.metrics.read_text()
    assert run.folder.weights.read_bytes() == expected.folder.weights.read_bytes()


def test_a_run_without_averaging_keeps_no_copy_of_its_network(finished):
    state = checkpoint(finished)
    assert not [name for name in state if name.startswith("averaged")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (EMA | {"trainer.averaging_start": 3}, "averaging_start: 3, but the last epoch is 2"),
        (SWA | {"trainer.averaging_start": 0}, "swa averages after the warm-up"),
        ({"trainer.unfreeze": [2, 1]}, "no stage thaws before the one above it"),
        ({"trainer.unfreeze": [1], "trainer.frozen_epochs": 1}, "keep one of them"),
        ({"trainer.balanced_task": "t_score"}, "no task 't_score' with classes"),
        ({"trainer.balanced_task": "osteoporosis_given_loss"}, "evened twice"),
    ],
)
def test_a_recipe_that_contradicts_itself_is_refused(recipe, changes, message):
    with pytest.raises(ConfigError, match=message):
        override_recipe(recipe, changes)


def test_the_rate_is_held_where_epochs_are_averaged(recipe, cohort, tmp_path):
    changes = SWA | {"trainer.max_epochs": 4, "trainer.averaging_start": 2}
    run = train(override_recipe(recipe, changes), cohort, tmp_path / "run")
    rates = pl.read_csv(run.folder.metrics)["learning_rate"].to_list()
    held = recipe.trainer.learning_rate * learning_rate_factor(6, 12, 3)
    assert rates[0] > rates[1] == pytest.approx(held)
    assert rates[1:] == pytest.approx([held] * 3)
