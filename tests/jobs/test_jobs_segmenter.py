"""From masks to a segmenter, and from a segmenter to a network that finds its region itself."""

import shutil

import cv2
import numpy as np
import polars as pl
import pytest

from strnet.cohort import make_split, write_manifest, write_split
from strnet.config import parse_recipe
from strnet.errors import BundleError
from strnet.inference.segmenter import RegionFinder, patient_sha256, read_segmenter
from strnet.jobs import train

SIZE = (72, 56)
FILMS = 24


def film_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A film with two ellipses, of which the lower one is bright in every other one; and labels."""
    random = np.random.default_rng(number)
    labels = np.zeros(SIZE, np.uint8)
    across, down = int(random.integers(22, 34)), int(random.integers(18, 24))
    cv2.ellipse(labels, (across, down), (9, 7), 0, 0, 360, 1, -1)
    cv2.ellipse(labels, (across, down + 26), (10, 8), 0, 0, 360, 2, -1)
    shades = 60.0 * (labels == 1) + (90.0 + 40 * (number % 2)) * (labels == 2)
    return (random.normal(60, 5, SIZE) + shades).clip(0, 255).astype(np.uint8), labels


def make_cohort(folder):
    (folder / "masks").mkdir(parents=True)
    rows = []
    for number in range(FILMS):
        film, labels = film_of(number)
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
                "diagnosis": "osteoporosis" if number % 2 else "normal",
                "reference_standard": "phantom",
            }
        )
    manifest = write_manifest(pl.DataFrame(rows), folder / "manifest.csv")
    ratios = {"train": 0.5, "validation": 0.25, "test": 0.25}
    write_split(make_split(manifest, seed=1, ratios=ratios), folder / "split.csv")
    return folder


def recipe_of(folder, **keys):
    shared = {
        "seed": 3,
        "baselines": False,
        "cohort": {
            "manifest": str(folder / "manifest.csv"),
            "split": str(folder / "split.csv"),
            "workers": 0,
        },
        "augmentation": {"rotation_degrees": 3},
    }
    return parse_recipe(shared | keys)


def segmentation(folder, epochs=30):
    return recipe_of(
        folder,
        name="bones",
        preprocessing={"height": 64, "width": 48, "crop_to_field": False, "normalisation": "none"},
        network={"unet": {"channels": [8, 16, 32], "residual_units": 1}},
        tasks=[
            {
                "name": "bones",
                "kind": "segmentation",
                "target": {"column": "mask", "classes": ["upper", "lower"]},
            }
        ],
        trainer={
            "max_epochs": epochs,
            "batch_size": 4,
            "learning_rate": 0.02,
            "loggers": [],
            "precision": "32-true",
        },
    )


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return make_cohort(tmp_path_factory.mktemp("bones") / "cohort")


@pytest.fixture(scope="module")
def segmented(cohort, tmp_path_factory):
    """What `strnet train` says of a segmenter, and its run folder."""
    run = tmp_path_factory.mktemp("runs") / "segmenter"
    return train(segmentation(cohort), run, progress=False), run


def test_a_segmenter_is_a_folder_of_its_own_that_needs_nothing_of_its_run(segmented, cohort, tmp_path):
    told, run = segmented
    assert told["status"] == {"found": 2 * FILMS}
    assert told["test lower"].startswith("Dice 0.9")
    assert "box error (pixels)" in told["test upper"]
    moved = shutil.copytree(run / "segmenter", tmp_path / "moved")
    segmenter = read_segmenter(moved)
    assert segmenter.regions == ("upper", "lower")
    split = pl.read_csv(cohort / "split.csv", comment_prefix="#")
    seen = split.filter(pl.col("split").is_in(["train", "validation"]))["patient_id"]
    assert set(segmenter.document.patients) == {patient_sha256(patient) for patient in seen}
    assert str(cohort) not in (moved / "segmenter.json").read_text()


def test_a_segmenter_finds_again_what_its_run_wrote(segmented, cohort):
    from strnet.data.regions import SIDES, read_regions
    from strnet.imaging import prepare, read_radiograph
    from strnet.imaging.film_parts import film_shape

    segmenter = read_segmenter(segmented[1] / "segmenter")
    table = read_regions(segmented[1] / "regions.parquet").frame
    film = read_radiograph(cohort / "f05.png")
    found = RegionFinder(segmenter).find(prepare(film.pixels, segmenter.preprocessing), film_shape(film))
    rows = table.filter(image_id="f05").select("region", *SIDES, "status").rows(named=True)
    assert [{key: row[key] for key in rows[0]} for row in found.rows(segmenter.regions)] == rows
    assert set(table["segmenter_sha256"]) == {segmenter.weights_sha256}


def test_a_segmenter_that_was_edited_or_is_something_else_is_refused(segmented, tmp_path):
    broken = shutil.copytree(segmented[1] / "segmenter", tmp_path / "broken")
    (broken / "segmenter.json").write_text((broken / "segmenter.json").read_text().replace("upper", "Upper"))
    with pytest.raises(BundleError, match="was edited"):
        read_segmenter(broken)
    weights = shutil.copytree(segmented[1] / "segmenter", tmp_path / "weights")
    content = bytearray((weights / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (weights / "weights.safetensors").write_bytes(content)
    with pytest.raises(BundleError, match="the weights were changed"):
        read_segmenter(weights)
    with pytest.raises(BundleError, match=r"no segmenter\.json"):
        read_segmenter(tmp_path)
