"""A run whose weights were averaged: what leaves it are the averaged ones."""

import numpy as np
import pytest
import torch

from strnet.config import override_recipe
from strnet.inference import export_onnx, open_onnx, read_bundle
from strnet.inference.engines import load_network
from strnet.jobs import report, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def averaged(recipe, tmp_path_factory):
    """Folder of a run of one epoch with a moving average that lags."""
    changes = {
        "trainer.averaging": "ema",
        "trainer.averaging_decay": 0.9,
        "trainer.max_epochs": 1,
        "trainer.learning_rate": 0.02,
        "trainer.warmup_epochs": 0,
        "trainer.mixup": 0.2,
    }
    folder = tmp_path_factory.mktemp("averaged") / "run"
    train(override_recipe(recipe, changes), folder, progress=False)
    return folder


def network_of(bundle, folder, prefix):
    """The bundle's network with weights from the checkpoint, as `prefix` names them there."""
    state = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    network = load_network(bundle)
    own = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    network.load_state_dict(own)
    return network.eval()


def test_the_exported_file_holds_the_averaged_weights_and_not_the_last_ones(averaged, tmp_path):
    bundle = read_bundle(averaged / "bundle")
    exported = export_onnx(bundle, tmp_path / "network.onnx")
    random = np.random.default_rng(2)
    film = random.normal(size=(4, 1, 64, 64)).astype(np.float32)
    unknown = np.full((4, len(bundle.clinical)), np.nan, np.float32)
    found = open_onnx(bundle, exported.path).run(film, unknown)
    given = torch.from_numpy(film), torch.from_numpy(unknown)
    with torch.no_grad():
        average, last = (
            network_of(bundle, averaged, prefix)(*given) for prefix in ("averaged.module.", "network.")
        )
    for task in (task.name for task in bundle.tasks):
        np.testing.assert_allclose(found[task], average[task].numpy(), rtol=1e-3, atol=1e-4)
        assert np.abs(found[task] - last[task].numpy()).max() > 1e-2, task


def test_the_report_says_whose_curves_it_draws(averaged):
    page = report(averaged).read_text()
    assert "From epoch 0 on, validation is of the averaged weights (EMA)" in page
    assert "The training loss is that of blended films (mixup)." in page
