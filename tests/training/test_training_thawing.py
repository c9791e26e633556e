"""Stages of the backbone that thaw one after the other, from the output on."""

import pytest
import torch
from safetensors.torch import load_file

from strnet.config import override_recipe
from strnet.data.randomness import Stream, torch_seed
from strnet.errors import ModelError
from strnet.models import ClinicalScaling, build_network, freeze_backbone, thaw_stages
from strnet.models.parameters import backbone_stages
from strnet.training import fit

SCALING = ClinicalScaling(("age", "sex"), (60.0, 0.5), (1.0, 1.0))


@pytest.fixture
def network(recipe):
    """Five stages: the stem and four layers of one block."""
    seed = torch_seed(recipe.seed, Stream.INITIALISATION)
    return build_network(recipe.network, recipe.tasks, SCALING, seed=seed).train()


def learning(network):
    stages = backbone_stages(network)
    return {stages[name] for name, p in network.named_parameters() if name in stages and p.requires_grad}


@pytest.mark.parametrize(
    ("count", "stages"),
    [(0, set()), (1, {4}), (2, {3, 4}), (5, {0, 1, 2, 3, 4}), (9, {0, 1, 2, 3, 4})],
)
def test_the_last_stages_learn_and_the_others_do_not(network, count, stages):
    thaw_stages(network, count)
    assert learning(network) == stages
    assert all(p.requires_grad for n, p in network.named_parameters() if not n.startswith("backbone."))


def test_batch_statistics_of_frozen_stages_do_not_move_and_those_of_others_do(network):
    thaw_stages(network, 2)
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items() if k.endswith("running_mean")}
    network(torch.randn(4, 1, 32, 32))
    moved = {k for k, v in before.items() if not torch.equal(v, network.state_dict()[k])}
    assert {k.split(".")[2] for k in moved if k.startswith("backbone.")} == {"layer3", "layer4"}


def test_a_backbone_thaws_whole_after_it_was_thawed_in_part(network):
    thaw_stages(network, 1)
    thaw_stages(network, 5)
    assert all(module.training for module in network.modules())
    thaw_stages(network, 1)
    freeze_backbone(network, False)
    assert all(module.training for module in network.modules())


def test_stages_learn_from_their_epochs_on(recipe, cohort, tmp_path, network):
    """The last stage from the first epoch, the one before it from the third; the others never."""
    changed = override_recipe(recipe, {"trainer.unfreeze": [0, 2]})
    run = fit(changed, cohort.manifest, cohort.split, tmp_path / "run", progress=False)
    state = torch.load(run.folder.last_checkpoint, weights_only=True)["state_dict"]
    fresh = network.state_dict()
    moved = {
        name.split(".")[2]
        for name in fresh
        if name.startswith("backbone.") and not torch.equal(state[f"network.{name}"], fresh[name])
    }
    assert moved == {"layer3", "layer4"}
    counts = {name: value.item() for name, value in state.items() if name.endswith("num_batches_tracked")}
    batches = {
        layer: {count for name, count in counts.items() if f"network.backbone.model.{layer}." in name}
        for layer in ("layer2", "layer3", "layer4")
    }
    assert batches == {"layer2": {0}, "layer3": {3}, "layer4": {9}}
    assert load_file(run.folder.weights).keys() == fresh.keys()


def test_more_epochs_than_stages_are_refused_before_any_film_is_read(recipe, cohort, tmp_path):
    changed = override_recipe(recipe, {"trainer.unfreeze": [0, 1, 2, 3, 4, 5]})
    with pytest.raises(ModelError, match=r"trainer.unfreeze: 6 epochs, but this backbone has 5 stage"):
        fit(changed, cohort.manifest, cohort.split, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_balanced_training_draws_both_classes_alike(recipe, cohort, tmp_path, monkeypatch):
    from strnet.training.module import ScreeningModule

    seen = []
    whole = ScreeningModule.training_step

    def watched(self, batch, batch_idx):
        seen.append(batch.targets["bone_loss"])
        return whole(self, batch, batch_idx)

    monkeypatch.setattr(ScreeningModule, "training_step", watched)
    changes = {"trainer.balanced_task": "bone_loss", "trainer.max_epochs": 1}
    fit(override_recipe(recipe, changes), cohort.manifest, cohort.split, tmp_path / "run", progress=False)
    positives, rows = int(torch.cat(seen).sum()), torch.cat(seen).numel()
    assert abs(positives - rows / 2) <= 1
