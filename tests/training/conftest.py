"""A cohort of small PNG films whose disc is the brighter the denser the bone, and a tiny recipe for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch

from strnet.cohort import make_split, write_manifest, write_split
from strnet.config import Recipe, parse_recipe
from strnet.schema import diagnosis_from_t_score
from strnet.training import RunResult, fit

PATIENTS = 48


@dataclass(frozen=True)
class Cohort:
    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.csv"

    @property
    def split(self) -> Path:
        return self.folder / "split.csv"

    @property
    def folds(self) -> Path:
        return self.folder / "folds.csv"

    @property
    def films(self) -> list[Path]:
        return sorted(self.folder.glob("*.png"))


def make_cohort(folder: Path) -> Cohort:
    random = np.random.default_rng(3)
    rows = []
    for number in range(PATIENTS):
        t_score = float(np.linspace(-4.0, 1.0, PATIENTS)[number])
        film = random.normal(90, 6, (40, 44))
        cv2.circle(film, (20 + number % 3, 20), 11, 165 + 14 * t_score, -1)
        name = f"film{number:02d}.png"
        assert cv2.imwrite(str(folder / name), film.clip(0, 255).astype(np.uint8))
        rows.append(
            {
                "image_id": f"image{number:02d}",
                "patient_id": f"patient{number:02d}",
                "path": name,
                "site": "ab"[number % 2],
                "age": 70.0 - 4 * t_score + random.normal(0, 4) if number % 5 else None,
                "sex": "FM"[number % 2],
                "t_score": t_score if number % 3 else None,
                "diagnosis": diagnosis_from_t_score(t_score),
                "reference_standard": "dxa",
                "file_format": "png",
                "rows": 40,
                "columns": 44,
                "bits_stored": 8,
                "photometric": "L",
            }
        )
    manifest = write_manifest(pl.DataFrame(rows), folder / "manifest.csv")
    ratios = {"train": 0.5, "validation": 0.25, "test": 0.25}
    write_split(make_split(manifest, seed=1, ratios=ratios), folder / "split.csv")
    write_split(make_split(manifest, seed=1, folds=3), folder / "folds.csv")
    return Cohort(folder)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Nets this small gain nothing from a second thread, and lose much where the machine is shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def cohort(tmp_path_factory) -> Cohort:
    """Read only; take `own_cohort` to change it."""
    return make_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture
def own_cohort(tmp_path) -> Cohort:
    folder = tmp_path / "own"
    folder.mkdir()
    return make_cohort(folder)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    loss = ["osteopenia", "osteoporosis"]
    return parse_recipe(
        {
            "name": "tiny",
            "seed": 5,
            "preprocessing": {"height": 32, "width": 32, "crop_to_field": False, "normalisation": "none"},
            "network": {"backbone": {"name": "test_resnet"}, "neck": {"features": 8}},
            "tasks": [
                {
                    "name": "bone_loss",
                    "kind": "binary",
                    "target": {"column": "diagnosis", "positive": loss},
                    "clinical": ["age", "sex"],
                },
                {
                    "name": "osteoporosis_given_loss",
                    "kind": "binary",
                    "target": {"column": "diagnosis", "positive": ["osteoporosis"]},
                    "given": {"column": "diagnosis", "values": loss},
                    "balance": True,
                },
                {"name": "t_score", "kind": "regression", "target": {"column": "t_score"}, "coupling": 0.2},
                {
                    "name": "grade",
                    "kind": "ordinal",
                    "target": {"column": "diagnosis", "classes": ["normal", *loss]},
                },
            ],
            "trainer": {"max_epochs": 3, "batch_size": 8, "learning_rate": 3e-3, "loggers": ["csv"]},
        }
    )


@pytest.fixture(scope="session")
def finished(recipe, cohort, tmp_path_factory) -> RunResult:
    """A complete run; read only."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    return fit(recipe, cohort.manifest, cohort.split, run, progress=False)
