import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from strnet.data import RadiographDataset, Samples, build_cache
from strnet.data.dataset import BatchKey
from strnet.errors import BundleError, ConfigError, ImageError, PartialResultError
from strnet.inference import (
    Predictor,
    column_notes,
    load_network,
    open_onnx,
    open_torch,
    require_all,
    write_bundle,
)
from strnet.inference.film_files import read_films
from strnet.inference.results import result_columns
from strnet.schema import diagnosis_from_t_score
from strnet.tables import read_table, write_table


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle)


@pytest.fixture
def films(tmp_path, write_dicom, write_picture):
    """Five films in two folders: three DICOM, a PNG and a JPEG."""
    (tmp_path / "films" / "b").mkdir(parents=True)
    uids = {
        name: write_dicom(tmp_path / "films" / name, seed, PatientID=f"p{seed}")
        for seed, name in enumerate(["0.dcm", "1.dcm", "b/2"])
    }
    write_picture(tmp_path / "films" / "b" / "3.png", 3)
    write_picture(tmp_path / "films" / "b" / "4.jpg", 4)
    return tmp_path / "films", uids


class Recorder:
    """An engine that keeps what it is given."""

    def __init__(self, engine):
        self.engine = engine
        self.images, self.clinical = [], []

    def run(self, image, clinical):
        self.images.append(image)
        self.clinical.append(clinical)
        return self.engine.run(image, clinical)


def test_a_film_gives_the_dataset_and_the_predictor_the_same_bits(bundle, films, tmp_path):
    folder, _ = films
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    cache = build_cache(
        [(path.name, path) for path in paths], bundle.preprocessing, tmp_path / "cache", workers=0
    )
    samples = Samples(tuple(path.name for path in paths), np.full((5, 3), np.nan), {})
    trained_on = RadiographDataset(samples, cache, bundle.preprocessing)[BatchKey(0, np.arange(5))].image
    recorder = Recorder(open_torch(bundle))
    Predictor(bundle, recorder).predict_files(paths, batch_size=5)
    assert torch.equal(torch.from_numpy(recorder.images[0]), trained_on)
    assert trained_on.std() > 0.5


def test_every_file_has_a_row_in_the_order_given_and_folders_are_sorted(predictor, films):
    folder, uids = films
    table = predictor.predict_files([folder / "b" / "4.jpg", folder])
    assert [Path(path).name for path in table["path"]] == ["4.jpg", "0.dcm", "1.dcm", "2", "3.png"]
    assert table["image_id"].to_list() == table["case_id"].to_list() == ["4", "0", "1", "2", "3"]
    assert table["sop_instance_uid"].to_list() == [None, uids["0.dcm"], uids["1.dcm"], uids["b/2"], None]
    assert table["patient_id"].to_list() == [None, "p0", "p1", "p2", None]
    assert table["body_part"].to_list() == [None, "KNEE", "KNEE", "KNEE", None]
    assert set(table["status"]) == {"ok"}
    assert table.columns == list(column_notes(predictor.bundle))


def test_the_numbers_are_those_of_the_network(predictor, films, bundle):
    folder, _ = films
    table = predictor.predict_files([folder])
    prepared = np.stack(
        [film.pixels for film in read_films([Path(p) for p in table["path"]], bundle.preprocessing)]
    )
    grey = (prepared / 65535.0 - 0.5) / 0.25
    image = torch.from_numpy(grey.astype(np.float32))[:, None]
    with torch.no_grad():
        raw = {task: output.numpy() for task, output in load_network(bundle)(image).items()}
    np.testing.assert_allclose(table["logit.bone_loss"], raw["bone_loss"], atol=1e-4)
    line = bundle.calibrators["bone_loss"]
    p = 1 / (1 + np.exp(-(line.slope * raw["bone_loss"] + line.intercept)))
    q = 1 / (1 + np.exp(-raw["osteoporosis_given_loss"]))
    np.testing.assert_allclose(table["prob.bone_loss"], p, atol=1e-4)
    np.testing.assert_allclose(table["prob.osteoporosis_given_loss"], q, atol=1e-4)
    expected = np.stack([1 - p, p - p * q, p * q], axis=1)
    names = ["normal", "osteopenia", "osteoporosis"]
    np.testing.assert_allclose(table.select(f"prob.{name}" for name in names), expected, atol=1e-4)
    assert table["class"].to_list() == [names[i] for i in expected.argmax(axis=1)]
    np.testing.assert_allclose(table["pred.t_score"], raw["t_score"], atol=1e-4)
    beyond = 1 / (1 + np.exp(-raw["grade"]))
    np.testing.assert_allclose(table["prob.grade.normal"], 1 - beyond[:, 0], atol=1e-4)
    np.testing.assert_allclose(table["prob.grade.osteoporosis"], beyond[:, 0] * beyond[:, 1], atol=1e-4)
    odds = np.exp(raw["finding"])
    np.testing.assert_allclose(table["prob.finding.osteopenia"], odds[:, 1] / odds.sum(axis=1), atol=1e-4)


def test_a_decision_is_the_score_against_the_threshold(predictor, bundle, films):
    scores = predictor.predict_files([films[0]])
    middle = {name: scores[name].median() for name in ("prob.bone_loss", "logit.bone_loss")}
    points = [replace(point, threshold=middle[point.score.column]) for point in bundle.operating_points]
    between = Predictor(replace(bundle, operating_points=tuple(points)), predictor.engine)
    table = between.predict_files([films[0]])
    for method, score in (("empirical", "prob.bone_loss"), ("exact", "logit.bone_loss")):
        assert set(table[f"threshold.bone_loss.{method}"]) == {middle[score]}
        expected = ["positive" if value >= middle[score] else "negative" for value in scores[score]]
        assert table[f"decision.bone_loss.{method}"].to_list() == expected
        assert expected.count("positive") == 3, "the film on the threshold counts as positive"


def test_a_t_score_in_another_class_than_the_diagnosis_is_marked(predictor, films):
    table = predictor.predict_files([films[0]])
    by_t_score = [diagnosis_from_t_score(value) for value in table["pred.t_score"]]
    named = table["class"].to_list()
    contradicts = [a != b for a, b in zip(by_t_score, named, strict=True)]
    assert table["t_score_contradicts_class"].to_list() == contradicts


def test_of_two_equally_probable_diagnoses_the_sicker_is_named_as_in_the_report(bundle):
    columns = result_columns(
        replace(bundle, calibrators={}, operating_points=()),
        {
            "bone_loss": np.zeros(1, np.float32),  # normal 0.5
            "osteoporosis_given_loss": np.full(1, -1000, np.float32),  # osteopenia 0.5
            "t_score": np.full(1, -1.5, np.float32),
            "grade": np.zeros((1, 2), np.float32),
            "finding": np.zeros((1, 3), np.float32),
        },
    )
    assert (columns["class"].tolist(), columns["t_score_contradicts_class"].tolist()) == (
        ["osteopenia"],
        [False],
    )


def test_every_row_says_what_the_labels_were_measured_with(predictor, films):
    assert set(predictor.predict_files([films[0]])["reference_standard"]) == {"phantom (knee)"}
    assert "by phantom (knee)" in column_notes(predictor.bundle)["pred.t_score"]


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_a_film_gets_the_same_bits_whatever_else_is_in_the_job(bundle, films, exported, engine):
    folder, _ = films
    predictor = Predictor(
        bundle, open_torch(bundle) if engine == "torch" else open_onnx(bundle, exported.path)
    )
    scores = ["logit.bone_loss", "pred.t_score", "prob.finding.normal"]
    together = predictor.predict_files([folder], batch_size=4).select(scores)
    for row, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        alone = predictor.predict_files([path], batch_size=4).select(scores)
        assert alone.row(0) == together.row(row)


def test_torch_and_onnx_runtime_agree_on_files(predictor, films, bundle, exported):
    served = Predictor(bundle, open_onnx(bundle, exported.path))
    table, other = (p.predict_files([films[0]]) for p in (predictor, served))
    for name in ("logit.bone_loss", "prob.osteoporosis", "pred.t_score"):
        np.testing.assert_allclose(other[name], table[name], atol=1e-4)
    assert other["class"].to_list() == table["class"].to_list()


def test_bf16_is_an_option_and_is_near(bundle, films):
    exact = Predictor(bundle).predict_files([films[0]])
    reduced = Predictor(bundle, open_torch(bundle, precision="bf16")).predict_files([films[0]])
    difference = np.abs(reduced["logit.bone_loss"] - exact["logit.bone_loss"])
    assert 0 < difference.max() < 0.2


def test_a_broken_file_fails_with_its_reason_and_the_others_are_done(predictor, films):
    folder, _ = films
    whole = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(whole[: len(whole) // 2])
    (folder / "b" / "3.png").write_bytes(b"")
    (folder / "notes.txt").write_text("seen by Dr. X")
    (folder / "DICOMDIR").write_bytes(whole)
    table = predictor.predict_files([folder, folder / "missing.dcm"], batch_size=2)
    status = {Path(path).name: status for path, status in zip(table["path"], table["status"], strict=True)}
    assert status == {
        "0.dcm": "ok",
        "1.dcm": "failed",
        "2": "ok",
        "3.png": "failed",
        "4.jpg": "ok",
        "missing.dcm": "failed",
        "DICOMDIR": "skipped",
        "notes.txt": "skipped",
    }
    failed = table.filter(pl.col("status") != "ok")
    assert all(failed["reason"].str.len_chars() > 10)
    assert failed["logit.bone_loss"].null_count() == failed["class"].null_count() == 5
    with pytest.raises(PartialResultError, match=r"3 of 6 films.*\n.*1\.dcm") as caught:
        require_all(table)
    assert caught.value.exit_code == 4
    assert str(caught.value).count(str(folder / "1.dcm")) == 1, "a reason says its path, once"


def test_skipped_files_alone_are_no_failure(predictor, films):
    (films[0] / "notes.txt").write_text("x")
    require_all(predictor.predict_files([films[0]]))


def test_a_folder_without_any_film_still_gives_the_table(predictor, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    table = predictor.predict_files([tmp_path])
    assert table.columns == list(column_notes(predictor.bundle))
    assert table["status"].to_list() == ["skipped"]


@pytest.mark.parametrize("paths", [[], ["empty"]])
def test_no_file_at_all_is_an_error(predictor, tmp_path, paths):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="No files"):
        predictor.predict_files([tmp_path / name for name in paths])


def test_a_file_named_twice_is_predicted_once(predictor, films):
    folder, _ = films
    (folder / "link.dcm").symlink_to(folder / "0.dcm")
    table = predictor.predict_files([folder, folder / "0.dcm", f"{folder}/b/../0.dcm"])
    assert table.height == 5


@pytest.mark.parametrize(
    "name", ["ünï-人.png", "-rf.png", "a b\n2.png", "=1+1.png", "; rm x.png", os.fsdecode(b"\xff\xfe.png")]
)
def test_a_hostile_name_is_only_a_name(predictor, tmp_path, write_picture, name):
    folder = tmp_path / "in"
    folder.mkdir()
    try:
        write_picture(folder / name, 1)
    except (OSError, UnicodeError) as error:
        pytest.skip(f"this file system refuses the name: {error}")
    (folder / name).with_name(f"{name}-broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = predictor.predict_files([folder])
    assert table["status"].to_list() == ["ok", "failed"]
    write_table(table, tmp_path / "results.csv")
    write_table(table, tmp_path / "results.parquet")
    again = read_table(tmp_path / "results.csv")
    assert again["path"].to_list() == table["path"].to_list()


def test_a_pipe_in_a_folder_does_not_block(predictor, films):
    os.mkfifo(films[0] / "pipe.dcm")
    table = predictor.predict_files([films[0]])
    assert table.filter(pl.col("status") == "skipped")["reason"].to_list() == ["not a regular file"]


def test_progress_counts_every_file_once(predictor, films):
    calls = []
    predictor.predict_files(
        [films[0]], batch_size=2, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(i + 1, 5) for i in range(5)]


def test_an_unknown_engine_is_named(bundle):
    with pytest.raises(ConfigError, match="did you mean 'torch'"):
        Predictor(bundle, "torhc")
    with pytest.raises(ConfigError, match="precision 'fp16'"):
        open_torch(bundle, precision="fp16")


def test_a_batch_of_nothing_is_refused(predictor, films):
    with pytest.raises(ConfigError, match="batch_size is 0"):
        predictor.predict_files([films[0]], batch_size=0)
    with pytest.raises(ConfigError, match="workers is -1"):
        predictor.predict_files([films[0]], workers=-1)


def test_weights_that_do_not_fit_the_recipe_are_refused(parts, tmp_path, bundle):
    network = parts["recipe"].network
    wider = network.model_copy(update={"neck": network.neck.model_copy(update={"features": 17})})
    recipe = parts["recipe"].model_copy(update={"network": wider})
    other = write_bundle(tmp_path / "bundle", **{**parts, "recipe": recipe})
    with pytest.raises(BundleError, match=r"does not fit the network(.|\n)*torch 2\.14\.1"):
        load_network(other)
