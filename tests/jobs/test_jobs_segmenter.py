"""From masks to a segmenter, and from a segmenter to a network that finds its region itself."""

import json
import shutil

import cv2
import numpy as np
import onnxruntime
import polars as pl
import pytest

from strnet.cohort import make_split, write_manifest, write_split
from strnet.config import override_recipe, parse_recipe
from strnet.errors import BundleError, ConfigError, TrainingError
from strnet.imaging import prepare, read_radiograph, to_network_input
from strnet.imaging.film_parts import film_shape
from strnet.imaging.preparation import labels_on_film
from strnet.inference import film_regions, read_bundle
from strnet.inference.film_files import read_films
from strnet.inference.film_regions import region_plan
from strnet.inference.segmenter import RegionFinder, patient_sha256, read_segmenter
from strnet.jobs import combine, crossval, evaluate, export, predict, report, train
from strnet.trust import ANY_FILM

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
    from strnet.data.regions import read_regions
    from strnet.imaging.region_rows import SIDES

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


def screening(folder, source, **region):
    return recipe_of(
        folder,
        name="screen",
        region={"source": str(source), **region},
        preprocessing={"height": 32, "width": 32, "normalisation": "none"},
        network={"backbone": {"name": "test_resnet"}, "neck": {"features": 8}},
        tasks=[
            {
                "name": "osteoporosis",
                "kind": "binary",
                "target": {"column": "diagnosis", "positive": ["osteoporosis"]},
            }
        ],
        trainer={"max_epochs": 1, "batch_size": 4, "loggers": [], "precision": "32-true"},
        applicability={"false_refusal": 0.5},
    )


def logits(table):
    return dict(table.select("image_id", "logit.osteoporosis").rows())


@pytest.mark.parametrize(
    "region",
    [
        {"outside": "blank", "names": ["lower"]},
        {"use": "each", "combine": "mean"},
        {"use": "each", "combine": "largest", "outside": "blank"},
    ],
    ids=["union", "each", "largest"],
)
def test_a_network_finds_its_region_itself_with_the_segmenter_in_its_bundle(
    segmented, cohort, tmp_path, region
):
    source = shutil.copytree(segmented[1] / "segmenter", tmp_path / "segmenter")
    told = train(screening(cohort, source, **region), tmp_path / "run", progress=False)
    assert told["regions"]["films"] == {"test": 6, "train": 12, "validation": 6}
    shutil.rmtree(source)  # the bundle has its own
    bundle = shutil.move(told["bundle"], tmp_path / "moved")
    trained = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert trained["image_id"].n_unique() == trained.height == FILMS
    done = predict(bundle, [cohort / f"f{n:02d}.png" for n in range(FILMS)], tmp_path / "r.csv", workers=0)
    assert done.table["status"].to_list() == ["ok"] * FILMS
    again = logits(done.table)
    for image_id, logit in logits(trained).items():
        assert again[image_id] == pytest.approx(logit, abs=1e-5)


def test_networks_that_find_their_region_answer_together_with_their_segmenters(segmented, cohort, tmp_path):
    source = shutil.copytree(segmented[1] / "segmenter", tmp_path / "segmenter")
    for use, seed in (("union", 3), ("each", 4)):
        recipe = override_recipe(screening(cohort, source, use=use), {"seed": seed})
        train(recipe, tmp_path / use, progress=False)
    runs = [tmp_path / "union", tmp_path / "each"]
    with pytest.raises(ConfigError, match="looks at regions of its films"):
        combine(runs, tmp_path / "mirrored", mirrored=True)
    told = combine(runs, tmp_path / "both")
    for path in (source, *runs):
        shutil.rmtree(path)  # the ensemble has its own
    done = predict(
        told["bundle"], [cohort / f"f{n:02d}.png" for n in range(4)], tmp_path / "r.csv", workers=0
    )
    assert done.table["members"].to_list() == [2] * 4
    trained = logits(pl.read_parquet(tmp_path / "both" / "predictions.parquet"))
    assert logits(done.table) == pytest.approx({name: trained[name] for name in logits(done.table)}, abs=1e-5)


def test_several_regions_are_rows_of_one_case_whose_logits_are_averaged(segmented, cohort, tmp_path):
    recipe = screening(cohort, segmented[1] / "segmenter", use="each")
    train(recipe, tmp_path / "run", progress=False)
    rows = pl.read_parquet(tmp_path / "run" / "predictions_regions.parquet")
    films = pl.read_parquet(tmp_path / "run" / "predictions.parquet")
    assert rows.height == 2 * FILMS
    assert set(rows["region"]) == {"upper", "lower"}
    means = rows.group_by("image_id").agg(pl.col("logit.osteoporosis").mean())
    assert logits(films) == pytest.approx(logits(means))
    assert train(recipe, tmp_path / "run", resume=True, progress=False)["regions"]["names"] == [
        "upper",
        "lower",
    ]
    assert logits(pl.read_parquet(tmp_path / "run" / "predictions.parquet")) == logits(films)


def test_a_film_without_the_region_gets_no_answer_but_a_reason(segmented, cohort, tmp_path):
    told = train(screening(cohort, segmented[1] / "segmenter"), tmp_path / "run", progress=False)
    blank = np.random.default_rng(0).normal(60, 5, SIZE).clip(0, 255).astype(np.uint8)
    assert cv2.imwrite(str(tmp_path / "blank.png"), blank)
    for anyway in (False, True):
        done = predict(
            told["bundle"],
            [cohort / "f00.png", tmp_path / "blank.png"],
            tmp_path / "r.csv",
            workers=0,
            accept_anyway=anyway,
        )
        first, second = done.table.rows(named=True)
        assert first["status"] == "ok"
        assert (second["status"], second["logit.osteoporosis"]) == ("failed", None)
        assert "no answer without its region: region upper was" in second["reason"]


def test_a_search_shows_how_far_it_is_and_keeps_what_it_did(segmented, cohort, tmp_path, monkeypatch):
    told = train(screening(cohort, segmented[1] / "segmenter"), tmp_path / "run", progress=False)
    films = [cohort / f"f{n:02d}.png" for n in range(12)]
    whole = predict(told["bundle"], films, tmp_path / "whole.csv", workers=0, batch_size=2)
    monkeypatch.setattr(film_regions, "_SEARCHED_AT_ONCE", 4)
    happened = []
    find = RegionFinder.find

    def noted(self, *film):
        happened.append("searched")
        if happened.count("searched") == 7:
            raise KeyboardInterrupt
        return find(self, *film)

    def asked():
        return predict(
            told["bundle"],
            films,
            tmp_path / "r.csv",
            workers=0,
            batch_size=2,
            progress=lambda done, of: happened.append(f"{done} of {of}"),
        )

    monkeypatch.setattr(RegionFinder, "find", noted)
    with pytest.raises(KeyboardInterrupt):
        asked()
    assert happened == ["searched"] * 4 + [f"{done} of 12" for done in range(1, 5)] + ["searched"] * 3
    before = happened.count("searched")
    assert logits(asked().table) == logits(whole.table)
    assert happened.count("searched") - before == 8


def test_finds_are_kept_by_the_hashes_of_film_and_segmenter(segmented, cohort, tmp_path, monkeypatch):
    own = shutil.copytree(cohort, tmp_path / "own", ignore=shutil.ignore_patterns("cache"))
    recipe = screening(own, segmented[1] / "segmenter")
    searched = []
    find = RegionFinder.find
    monkeypatch.setattr(RegionFinder, "find", lambda self, *a: searched.append(1) or find(self, *a))
    train(recipe, tmp_path / "one", progress=False)
    assert len(searched) == FILMS
    train(override_recipe(recipe, {"seed": 4}), tmp_path / "two", progress=False)
    assert len(searched) == FILMS
    journal = next((own / "cache").glob("regions-*/found.jsonl"))
    journal.write_bytes(journal.read_bytes()[:-300])  # as a kill leaves it
    train(override_recipe(recipe, {"seed": 5}), tmp_path / "three", progress=False)
    assert FILMS < len(searched) <= FILMS + 2


def test_a_segmenter_that_saw_the_test_patients_is_refused(segmented, cohort, tmp_path):
    own = shutil.copytree(cohort, tmp_path / "own", ignore=shutil.ignore_patterns("cache"))
    from strnet.cohort import read_manifest

    manifest = read_manifest(own / "manifest.csv")
    write_split(
        make_split(manifest, seed=2, ratios={"train": 0.5, "validation": 0.25, "test": 0.25}),
        own / "split.csv",
    )
    with pytest.raises(ConfigError, match=r"was trained or chosen on \d patients of the test.*p\d\d"):
        train(screening(own, segmented[1] / "segmenter"), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    write_split(make_split(manifest, seed=2, folds=3), own / "split.csv")
    with pytest.raises(ConfigError, match="was trained or chosen on 18 patients"):
        crossval(screening(own, segmented[1] / "segmenter"), tmp_path / "folds", progress=False)


def test_the_export_has_the_segmenter_beside_the_network(segmented, cohort, tmp_path):
    told = train(screening(cohort, segmented[1] / "segmenter"), tmp_path / "run", progress=False)
    report = export(told["bundle"], tmp_path / "net.onnx")
    assert report["segmenter"]["file"] == "net.segmenter.onnx"
    assert report["segmenter"]["difference_from_torch"] <= 1e-4
    told = json.loads((tmp_path / "net.json").read_text())
    beside = json.loads((tmp_path / "net.segmenter.json").read_text())
    assert told["segmenter_sha256"] == beside["segmenter_sha256"]
    assert told["region"]["names"] == ["upper", "lower"]
    assert beside["labels"] == ["background", "upper", "lower"]
    session = onnxruntime.InferenceSession(str(tmp_path / "net.segmenter.onnx"))
    segmenter = read_segmenter(segmented[1] / "segmenter")
    film = read_radiograph(cohort / "f03.png")
    image = to_network_input(prepare(film.pixels, segmenter.preprocessing), segmenter.preprocessing)
    (scores,) = session.run(None, {"image": image[None, None]})
    found = RegionFinder(segmenter).find(prepare(film.pixels, segmenter.preprocessing), film_shape(film))
    shares = np.exp(scores[0]) / np.exp(scores[0]).sum(axis=0)
    labels = labels_on_film(shares, SIZE, SIZE, segmenter.preprocessing)
    kept = found.labels > 0
    np.testing.assert_array_equal(labels[kept], found.labels[kept])
    assert (labels > 0).sum() <= 1.05 * kept.sum()  # specks beside the largest parts


def test_a_folder_without_a_segmenter_and_a_bundle_that_lost_its_own_are_told(segmented, cohort, tmp_path):
    with pytest.raises(ConfigError, match="holds no segmenter"):
        train(screening(cohort, tmp_path), tmp_path / "run", progress=False)
    told = train(screening(cohort, segmented[1] / "segmenter"), tmp_path / "run", progress=False)
    shutil.rmtree(f"{told['bundle']}/segmenter")
    with pytest.raises(BundleError, match=r"no segmenter\.json"):
        predict(told["bundle"], [cohort / "f00.png"], tmp_path / "r.csv", workers=0)


def boxed(cohort, folder):
    """The cohort with a box and a mark of its size in the manifest, and no mask."""
    own = shutil.copytree(cohort, folder, ignore=shutil.ignore_patterns("cache", "masks"))
    frame = pl.read_csv(own / "manifest.csv", infer_schema=False).drop("mask")
    cells = [f"upper: {n} 5 {n + 30} 40; lower: {n} 30 {n + 30} 70" for n in range(FILMS)]
    write_manifest(frame.with_columns(box=pl.Series(cells)), own / "manifest.csv")
    return own


@pytest.mark.parametrize("use", ["union", "each"])
def test_boxes_that_came_with_the_cohort_come_with_the_films_at_prediction(cohort, tmp_path, use):
    own = boxed(cohort, tmp_path / "own")
    told = train(screening(own, "manifest", use=use, outside="blank"), tmp_path / "run", progress=False)
    films = [own / f"f{n:02d}.png" for n in range(FILMS)]
    with_boxes = predict(told["bundle"], films, tmp_path / "r.csv", workers=0, clinical=own / "manifest.csv")
    trained = logits(pl.read_parquet(tmp_path / "run" / "predictions.parquet"))
    assert logits(with_boxes.table) == pytest.approx(trained, abs=1e-5)
    without = predict(told["bundle"], films[:1], tmp_path / "r.csv", workers=0).table.row(0, named=True)
    assert (without["status"], without["logit.osteoporosis"]) == ("failed", None)
    assert "give a table with the film's box" in without["reason"]
    frame = pl.read_csv(own / "manifest.csv", infer_schema=False)
    frame.with_columns(box=pl.lit("upper: 1 5 30 40")).write_csv(tmp_path / "one.csv")
    (tmp_path / "one.csv").rename(own / "one.csv")
    lacking = predict(told["bundle"], films[:1], tmp_path / "r.csv", workers=0, clinical=own / "one.csv")
    assert "region lower is not in the regions table" in lacking.table["reason"][0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"box": "1 5 0 30 40 9"}, "is one of a volume"),
        ({"box": "upper: 1 5 30 40; lower: 30 40 1 5"}, "has no extent"),
        ({"box": "upper: 1 5 30 40; lower: 2 5 57 40"}, "lies outside its image"),
        ({"rows": "71.5"}, "rows is '71.5', expected the pixels of the file"),
        ({"rows": "56", "columns": "72"}, "meant for a file of 56 x 72 pixels"),
        ({"image_id": None, "path": None}, "names a patient and no film"),
    ],
)
def test_a_box_that_is_none_of_its_film_costs_that_film_alone(boxes_used, cells, said):
    bundle, own = boxes_used
    films = [own / f"f{n:02d}.png" for n in range(2)]
    first, second = pl.read_csv(own / "manifest.csv", infer_schema=False).head(2).to_dicts()
    rows = [{**first, **cells}, second]
    with region_plan(bundle, films, rows, ANY_FILM) as plan:
        wrong, right = read_films(films, bundle.preprocessing, 0, regions=plan)
    assert (wrong.status, wrong.pixels) == ("failed", None)
    assert said in wrong.reason
    assert right.status == "ok"


@pytest.fixture(scope="module")
def boxes_used(cohort, tmp_path_factory):
    """The bundle of a network on boxes of its cohort, and that cohort."""
    home = tmp_path_factory.mktemp("boxes")
    own = boxed(cohort, home / "own")
    told = train(screening(own, "manifest"), home / "run", progress=False)
    return read_bundle(told["bundle"]), own


def test_folds_on_regions_give_one_row_per_film_combined_by_the_fold_that_tested_it(cohort, tmp_path):
    from strnet.cohort import read_manifest

    own = boxed(cohort, tmp_path / "own")
    write_split(make_split(read_manifest(own / "manifest.csv"), seed=2, folds=3), own / "split.csv")
    crossval(screening(own, "manifest", use="each"), tmp_path / "folds", progress=False)
    table = pl.read_parquet(tmp_path / "folds" / "predictions.parquet")
    assert table["image_id"].n_unique() == table.height == FILMS
    assert "prob.osteoporosis" in table.columns
    for fold in range(3):
        own_rows = pl.read_parquet(tmp_path / "folds" / f"fold{fold}" / "predictions.parquet")
        tested = logits(own_rows.filter(pl.col("split") == "test"))
        assert logits(table.filter(fold=fold)) == tested


def test_masks_of_the_cohort_that_blanked_the_films_cannot_be_replaced_by_boxes(cohort, tmp_path):
    own = boxed(cohort, tmp_path / "own")
    shutil.copytree(cohort / "masks", own / "masks")
    frame = pl.read_csv(own / "manifest.csv", infer_schema=False)
    masks = [f"masks/f{n:02d}.png" for n in range(FILMS)]
    write_manifest(frame.with_columns(mask=pl.Series(masks)), own / "manifest.csv")
    told = train(screening(own, "manifest", outside="blank"), tmp_path / "run", progress=False)
    done = predict(
        told["bundle"], [own / "f00.png"], tmp_path / "r.csv", workers=0, clinical=own / "manifest.csv"
    )
    assert "a box cannot stand for them; train it with a segmenter" in done.table["reason"][0]
    plain = train(screening(own, "manifest"), tmp_path / "plain", progress=False)
    kept = predict(
        plain["bundle"], [own / "f00.png"], tmp_path / "r.csv", workers=0, clinical=own / "manifest.csv"
    )
    assert kept.table["status"].to_list() == ["ok"]


def test_a_table_that_some_segmenter_made_is_used_and_says_what_is_not_checked(segmented, cohort, tmp_path):
    told = train(screening(cohort, segmented[1] / "regions.parquet"), tmp_path / "run", progress=False)
    assert "trained on test patients" in told["regions"]["not_checked"]
    assert "What it looks at" in (tmp_path / "run" / "bundle" / "README.md").read_text()


def test_a_run_on_regions_is_evaluated_and_reported_and_that_of_a_segmenter_is_not(
    segmented, cohort, tmp_path
):
    recipe = override_recipe(
        screening(cohort, segmented[1] / "segmenter", use="each"),
        {"operating_point": {"task": "osteoporosis"}},
    )
    train(recipe, tmp_path / "run", progress=False)
    page = report(tmp_path / "run")
    assert "osteoporosis" in page.read_text()
    with pytest.raises(TrainingError, match=r"segmenter.*segmentation\.json"):
        evaluate(segmented[1])


def test_a_mask_that_was_changed_makes_another_segmentation_run(segmented, cohort, tmp_path):
    own = shutil.copytree(cohort, tmp_path / "own", ignore=shutil.ignore_patterns("cache"))
    train(segmentation(own, epochs=1), tmp_path / "run", progress=False)
    assert cv2.imwrite(str(own / "masks" / "f00.png"), film_of(1)[1])
    with pytest.raises(TrainingError, match="differs in regions_sha256"):
        train(segmentation(own, epochs=1), tmp_path / "run", resume=True, progress=False)
