"""One small run, trained once for all tests of the jobs."""

from pathlib import Path

import pytest

from strnet.config import load_recipe
from strnet.jobs import phantom, split, train

RECIPE = Path(__file__).parents[2] / "experiments" / "strnet_knee" / "recipe.yaml"
SMALL = {
    "network.backbone.name": "resnet10t",
    "network.neck.features": 16,
    "preprocessing.height": 64,
    "preprocessing.width": 64,
    "trainer.max_epochs": 2,
    "trainer.loggers": ["csv"],
}


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Folder of a phantom cohort of 60 patients with its split."""
    folder = tmp_path_factory.mktemp("cohort")
    phantom(folder, patients=60, seed=3, size=(256, 224), workers=1)
    split(
        folder / "manifest.csv", folder / "split.csv", ratios={"train": 3, "validation": 1, "test": 1}, seed=1
    )
    return folder


@pytest.fixture(scope="session")
def recipe(cohort):
    """The STR-Net recipe, small, on the cohort."""
    files = {
        "cohort.manifest": str(cohort / "manifest.csv"),
        "cohort.split": str(cohort / "split.csv"),
        "cohort.cache": str(cohort / "cache"),
    }
    return load_recipe(RECIPE, {**SMALL, **files})


@pytest.fixture(scope="session")
def run(recipe, tmp_path_factory):
    """Folder of the trained run."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(recipe, folder, progress=False)
    return folder
