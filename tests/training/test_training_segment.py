"""A segmenter from masks to its regions table, resumed to the same bits, and masks that cannot be used."""

import json

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from strnet.cohort import make_split, write_manifest, write_split
from strnet.config import override_recipe, parse_recipe
from strnet.data.regions import read_regions
from strnet.errors import ConfigError, ManifestError, TrainingError
from strnet.imaging.mask_files import read_mask
from strnet.training import crossval, fit, recorder, tune

SIZE = (72, 56)
NAMES = ["upper", "lower"]


def ellipses(random) -> tuple[np.ndarray, np.ndarray]:
    """A film with two bright ellipses, one above the other, and its labels."""
    labels = np.zeros(SIZE, np.uint8)
    across, down = random.integers(22, 34), random.integers(18, 24)
    cv2.ellipse(labels, (int(across), int(down)), (9, 7), 0, 0, 360, 1, -1)
    cv2.ellipse(labels, (int(across), int(down) + 26), (10, 8), 0, 0, 360, 2, -1)
    film = random.normal(60, 5, SIZE) + 60.0 * (labels == 1) + 110.0 * (labels == 2)
    return film.clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def masked(tmp_path):
    """Folder of 24 films with masks; the last two have boxes only, and none, and are test films."""
    folder = tmp_path / "cohort"
    (folder / "masks").mkdir(parents=True)
    random = np.random.default_rng(2)
    rows = []
    for number in range(24):
        film, labels = ellipses(random)
        assert cv2.imwrite(str(folder / f"f{number:02d}.png"), film)
        assert cv2.imwrite(str(folder / "masks" / f"f{number:02d}.png"), labels)
        rows.append(
            {
                "image_id": f"f{number:02d}",
                "patient_id": f"p{number:02d}",
                "path": f"f{number:02d}.png",
                "mask": f"masks/f{number:02d}.png",
                "rows": SIZE[0],
                "columns": SIZE[1],
                "box": None,
            }
        )
    save(folder, rows)
    return folder


def save(folder, rows):
    manifest = write_manifest(pl.DataFrame(rows, infer_schema_length=None), folder / "manifest.csv")
    ratios = {"train": 0.5, "validation": 0.25, "test": 0.25}
    write_split(make_split(manifest, seed=1, ratios=ratios), folder / "split.csv")


def rows_of(folder):
    return pl.read_csv(folder / "manifest.csv", infer_schema=False).to_dicts()


RECIPE = {
    "name": "bones",
    "seed": 3,
    "baselines": False,
    "preprocessing": {"height": 64, "width": 48, "crop_to_field": False, "normalisation": "none"},
    "augmentation": {"rotation_degrees": 5},
    "network": {"unet": {"channels": [8, 16, 32], "residual_units": 1}},
    "tasks": [{"name": "bones", "kind": "segmentation", "target": {"column": "mask", "classes": NAMES}}],
    "trainer": {
        "max_epochs": 40,
        "batch_size": 4,
        "learning_rate": 0.02,
        "loggers": ["csv"],
        "monitor": "validation/bones_dice",
        "monitor_mode": "max",
        "precision": "32-true",
    },
}


def run(folder, out, recipe=None, **keys):
    recipe = recipe or parse_recipe(RECIPE)
    return fit(recipe, folder / "manifest.csv", folder / "split.csv", out, progress=False, **keys)


def short(**changes):
    return override_recipe(parse_recipe(RECIPE), {"trainer.max_epochs": 1, **changes})


def test_a_segmenter_finds_what_its_masks_show_and_tables_it(masked, tmp_path):
    done = run(masked, tmp_path / "run")
    table = read_regions(done.folder.regions)
    assert table.frame.height == 48
    assert table.names == ("upper", "lower")
    assert set(table.frame["status"]) == {"found"}
    assert table.frame["segmenter_sha256"].n_unique() == 1
    figures = json.loads(done.folder.segmentation.read_text())
    assert figures.keys() == {"train", "validation", "test"}
    for name in NAMES:
        told = figures["test"]["labels"][name]
        assert told["dice"]["value"] > 0.85
        assert told["dice"]["clusters"] == figures["test"]["films"] == 6
        assert told["iou"]["value"] > 0.75
        assert told["box_error"]["value"] < 2
    # Every figure is of the files on the disk: counted again from the masks, film by film.
    for row in table.frame.filter(region="upper").iter_rows(named=True):
        found = read_mask(table.folder / row["mask"], SIZE).labels == row["label"]
        rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        assert (row["top"], row["bottom"]) == (rows[0], rows[-1] + 1)
        assert (row["left"], row["right"]) == (columns[0], columns[-1] + 1)
    order = done.summary["plausibility"]["order"]
    assert {"axis": 0, "first": "upper", "second": "lower"} in order
    assert done.summary["best"]["quantity"] == "validation/bones_dice"


def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(masked, tmp_path, monkeypatch):
    recipe = short(**{"trainer.max_epochs": 3})
    whole = run(masked, tmp_path / "whole", recipe)

    class StopError(Exception):
        pass

    kept = recorder.AtomicCheckpointIO.save_checkpoint
    epochs = []

    def stopping(self, *arguments, **options):
        kept(self, *arguments, **options)
        epochs.append(1)
        if len(epochs) == 2:
            raise StopError

    monkeypatch.setattr(recorder.AtomicCheckpointIO, "save_checkpoint", stopping)
    with pytest.raises(StopError):
        run(masked, tmp_path / "cut", recipe)
    monkeypatch.undo()
    resumed = run(masked, tmp_path / "cut", recipe, resume=True)
    first, second = load_file(whole.folder.weights), load_file(resumed.folder.weights)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert read_regions(whole.folder.regions).frame.equals(read_regions(resumed.folder.regions).frame)
    assert whole.folder.segmentation.read_bytes() == resumed.folder.segmentation.read_bytes()


def test_boxes_stand_in_for_masks_and_films_without_either_are_still_searched(masked, tmp_path):
    rows = rows_of(masked)
    for row in rows[:12]:
        row |= {"mask": None, "box": "upper: 20 10 40 28; lower: 20 38 42 56; other: 1 1 2 2"}
    rows[-1] |= {"mask": None}
    save(masked, rows)
    done = run(masked, tmp_path / "run", short())
    assert read_regions(done.folder.regions).frame["image_id"].n_unique() == 24
    figures = json.loads(done.folder.segmentation.read_text())
    assert sum(part["with_truth"] for part in figures.values()) == 23
    assert sum(part["films"] for part in figures.values()) == 24


def test_a_mask_of_another_size_or_with_an_unnamed_label_leaves_its_film_out(masked, tmp_path):
    assert cv2.imwrite(str(masked / "masks" / "f03.png"), np.ones((36, 28), np.uint8))
    assert cv2.imwrite(str(masked / "masks" / "f05.png"), np.full(SIZE, 9, np.uint8))
    done = run(masked, tmp_path / "run", short())
    lost = dict(pl.read_csv(done.folder.quarantine).select("image_id", "reason").rows())
    assert "the mask has 36 x 28 pixels, its film 72 x 56 pixels" in lost["f03"]
    assert "the mask holds label 9, expected 1 upper, 2 lower" in lost["f05"]
    assert read_regions(done.folder.regions).frame["image_id"].n_unique() == 22


def test_a_film_saved_again_at_half_size_is_left_out(masked, tmp_path):
    half = cv2.resize(cv2.imread(str(masked / "f03.png"), 0), None, fx=0.5, fy=0.5)
    assert cv2.imwrite(str(masked / "f03.png"), half)
    done = run(masked, tmp_path / "run", short())
    assert "this one has 36 x 28 pixels" in pl.read_csv(done.folder.quarantine)["reason"][0]


def test_masks_that_are_not_there_or_shared_or_lack_a_label_are_errors_before_training(masked, tmp_path):
    rows = rows_of(masked)
    save(
        masked,
        [{**row, "mask": "masks/gone.png" if row["image_id"] == "f02" else row["mask"]} for row in rows],
    )
    with pytest.raises(ManifestError, match=r"image f02: .*gone\.png: the mask cannot be read"):
        run(masked, tmp_path / "run", short())
    with pytest.raises(ManifestError, match="mask of another row"):
        save(masked, [{**row, "mask": "masks/f00.png"} for row in rows])
    save(masked, [{**row, "mask": None} for row in rows])
    with pytest.raises(TrainingError, match="train rows: 0 films with a usable mask"):
        run(masked, tmp_path / "run", short())
    save(masked, rows)
    three = short(**{"tasks.bones.target.classes": [*NAMES, "third"]})
    with pytest.raises(TrainingError, match="no training mask holds third"):
        run(masked, tmp_path / "run", three)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baselines": True}, "set baselines: false"),
        ({"operating_point": {"task": "bones"}}, "no binary task 'bones'"),
        ({"region": {"source": "manifest"}}, r"region\.source: none"),
        ({"preprocessing": {"height": 64, "width": 48}}, "crop_to_field"),
        (
            {"tasks": [*RECIPE["tasks"], {"name": "t", "kind": "regression", "target": {"column": "age"}}]},
            "the only task",
        ),
        ({"tasks": [{**RECIPE["tasks"][0], "clinical": ["age"]}]}, "clinical"),
        ({"tasks": [{**RECIPE["tasks"][0], "target": {"column": "age", "classes": ["a"]}}]}, "mask or box"),
        ({"tasks": [{**RECIPE["tasks"][0], "loss": "bce"}]}, "loss bce is not for segmentation"),
    ],
)
def test_a_recipe_that_asks_a_segmenter_for_more_than_regions_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        parse_recipe({**RECIPE, **changes})


@pytest.mark.parametrize(
    ("key", "value"),
    [("trainer.averaging", "ema"), ("trainer.mixup", 0.2), ("trainer.frozen_epochs", 1)],
)
def test_what_a_segmenter_would_pass_over_is_refused(masked, tmp_path, key, value):
    with pytest.raises(ConfigError, match=rf"{key}: a segmenter has no backbone"):
        run(masked, tmp_path / "run", short(**{key: value}))


def test_sides_that_the_levels_do_not_halve_and_folds_are_refused(masked, tmp_path):
    with pytest.raises(ConfigError, match="62 x 48 pixels, expected multiples of 4 from 8"):
        run(masked, tmp_path / "run", short(**{"preprocessing.height": 62}))
    arguments = (short(), masked / "manifest.csv", masked / "split.csv", tmp_path / "run")
    with pytest.raises(ConfigError, match="trained once"):
        crossval(*arguments)
    with pytest.raises(ConfigError, match="trained once"):
        tune(short(), tmp_path / "space.yaml", *arguments[1:])
