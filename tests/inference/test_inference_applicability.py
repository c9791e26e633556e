"""What a bundle refuses, flags and answers, from the file to the results table and the exit code."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import BundleError, PartialResultError, RefusedFilmsError
from strnet.inference import (
    Predictor,
    column_notes,
    film_files,
    load_network,
    open_onnx,
    open_torch,
    read_bundle,
    require_all,
    write_bundle,
)
from strnet.trust import REASONS, Screen

SCORES = ("logit.", "prob.", "pred.", "class", "decision.", "threshold.", "t_score_contradicts")
FINE = {"BodyPartExamined": "KNEE", "ViewPosition": "AP", "PatientAge": "070Y"}


def scores_of(table):
    return [name for name in table.columns if name.startswith(SCORES)]


@pytest.fixture
def film(tmp_path, write_dicom):
    def write(name="a.dcm", seed=1, **header):
        write_dicom(tmp_path / name, seed, **{**FINE, **header})
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def predictor(bundle):
    return Predictor(bundle)


def with_limit(bundle, threshold, *, refuses):
    """The bundle with another limit of its picture layer."""
    applicability = bundle.applicability
    limit = applicability.picture.model_copy(update={"threshold": threshold})
    changed = applicability.model_copy(update={"picture": limit, "picture_refuses": refuses})
    return replace(bundle, document=bundle.document.model_copy(update={"applicability": changed}))


def test_a_film_of_the_kind_trained_on_is_answered_without_a_flag(predictor, film):
    row = predictor.predict_files([film()]).row(0, named=True)
    assert (row["status"], row["reason_code"], row["flags"]) == ("ok", None, "")
    assert row["accept_anyway"] is False
    assert 0.1 < row["atypicality"] < predictor.bundle.applicability.picture.threshold


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"BodyPartExamined": "HAND"}, "another_body_part"),
        ({"ViewPosition": "LL"}, "another_view"),
        ({"Modality": "MG"}, "another_modality"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for_processing"),
        ({"PatientAge": "034Y"}, "another_age"),
        ({"PatientAge": "096Y"}, "another_age"),
        ({"BodyPartExamined": "", "StudyDescription": "XR CHEST"}, "another_body_part"),
    ],
)
def test_a_film_of_another_kind_has_a_reason_and_no_score_at_all(predictor, film, header, code):
    table = predictor.predict_files([film(), film("b.dcm", 2, **header)])
    fine, row = table.rows(named=True)
    assert (fine["status"], row["status"], row["reason_code"]) == ("ok", "refused", code)
    assert row["reason"]
    assert all(row[name] is None for name in scores_of(table)), "somebody would put a threshold on it"
    assert all(fine[name] is not None for name in scores_of(table))
    with pytest.raises(RefusedFilmsError, match="1 of 2 films were refused") as caught:
        require_all(table)
    assert caught.value.exit_code == 5


def test_accept_anyway_answers_and_is_written_into_every_row(predictor, film):
    paths = [film(), film("b.dcm", 2, BodyPartExamined="HAND", ViewPosition="PA")]
    table = predictor.predict_files(paths, accept_anyway=True)
    assert table["status"].to_list() == ["ok", "ok"]
    assert table["accept_anyway"].to_list() == [True, True]
    assert table["reason_code"].to_list() == [None, "another_body_part another_view"]
    assert table.select(scores_of(table)).null_count().sum_horizontal().item() == 0
    require_all(table)


@pytest.mark.parametrize("value", [0, 1000, 4095])
def test_a_blank_film_is_refused_and_cannot_be_answered_anyway(predictor, tmp_path, film, value):
    path = film()
    import pydicom

    header = pydicom.dcmread(path)
    header.PixelData = np.full((header.Rows, header.Columns), value, np.uint16).tobytes()
    header.save_as(path)
    row = predictor.predict_files([path]).row(0, named=True)
    assert (row["status"], row["reason_code"]) == ("refused", "blank")
    anyway = predictor.predict_files([path], accept_anyway=True).row(0, named=True)
    assert anyway["status"] == "failed"
    assert anyway["logit.bone_loss"] is None


def test_a_header_that_refuses_spares_the_decoding(bundle, film, monkeypatch):
    decoded = []
    real = film_files.read_radiograph
    monkeypatch.setattr(film_files, "read_radiograph", lambda path: decoded.append(path.name) or real(path))
    screen = Screen(bundle.applicability)
    films = [film(), film("b.dcm", 2, BodyPartExamined="CHEST")]
    read = [film_files.read_film(path, bundle.preprocessing, screen=screen) for path in films]
    assert [one.status for one in read] == ["ok", "refused"]
    assert decoded == ["a.dcm"]


def test_the_age_of_the_clinical_table_comes_before_that_of_the_header(predictor, film):
    path = film(PatientID="p", PatientAge="")
    clinical = pl.DataFrame({"patient_id": ["p"], "age": [20.0], "sex": ["F"], "bmi": [25.0]})
    row = predictor.predict_files([path], clinical=clinical).row(0, named=True)
    assert (row["status"], row["reason_code"]) == ("refused", "another_age")


@pytest.mark.parametrize(
    ("said", "status", "codes", "flags"),
    [
        ({"anatomy": "chest", "view": "AP"}, "refused", "another_body_part", ""),
        ({"anatomy": "knee", "view": "LATERAL"}, "refused", "another_view", ""),
        ({"anatomy": "knee", "view": "AP"}, "ok", None, ""),
        ({"anatomy": "knee", "view": None}, "ok", None, "view_unknown"),
        ({"anatomy": None, "view": None}, "ok", None, "body_part_unknown view_unknown"),
    ],
)
def test_the_clinical_table_says_of_a_silent_film_what_it_shows(predictor, film, said, status, codes, flags):
    path = film(PatientID="p", BodyPartExamined="", ViewPosition="")
    clinical = pl.DataFrame({"image_id": ["a"], **{name: [word] for name, word in said.items()}})
    row = predictor.predict_files([path], clinical=clinical).row(0, named=True)
    assert (row["status"], row["reason_code"], row["flags"]) == (status, codes, flags)


def test_a_table_cannot_lift_what_a_header_refuses(predictor, film):
    path = film(BodyPartExamined="CHEST")
    clinical = pl.DataFrame({"image_id": ["a"], "anatomy": ["knee"]})
    row = predictor.predict_files([path], clinical=clinical).row(0, named=True)
    assert (row["status"], row["reason_code"]) == ("refused", "another_body_part")


def test_an_atypical_picture_is_flagged_and_by_recipe_refused_without_a_score(bundle, film):
    paths = [film(), film("b.dcm", 2)]
    atypicality = Predictor(bundle).predict_files(paths)["atypicality"]
    between = float(np.mean(atypicality.to_numpy()))
    beyond = [value > between for value in atypicality]
    assert sorted(beyond) == [False, True]
    flagged = Predictor(with_limit(bundle, between, refuses=False)).predict_files(paths)
    assert flagged["flags"].to_list() == ["atypical_picture" if own else "" for own in beyond]
    assert set(flagged["status"]) == {"ok"}
    refused = Predictor(with_limit(bundle, between, refuses=True)).predict_files(paths)
    assert refused["status"].to_list() == ["refused" if own else "ok" for own in beyond]
    assert refused["atypicality"].to_list() == atypicality.to_list(), "it is the reason, and no score"
    left = refused.filter(pl.col("status") == "refused").select(scores_of(refused))
    assert left.null_count().row(0) == (1,) * left.width
    kept = refused.filter(pl.col("status") == "ok")
    same = flagged.filter(pl.col("flags") == "")
    assert kept.select(scores_of(kept)).row(0) == same.select(scores_of(same)).row(0), (
        "scores keep their rows"
    )


def test_a_picture_of_noise_and_a_turned_film_are_more_atypical_than_the_limit(predictor, tmp_path):
    import cv2

    noise = np.random.default_rng(0).integers(0, 255, (80, 60), dtype=np.uint8)
    stripes = np.tile(np.array([0, 255], np.uint8), (80, 30))
    for name, picture in (("noise", noise), ("stripes", stripes)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    table = predictor.predict_files([tmp_path])
    assert all("atypical_picture" in flags for flags in table["flags"])
    assert all("body_part_unknown" in flags for flags in table["flags"])


def test_both_engines_find_the_same_atypicality(bundle, film, exported):
    paths = [film(f"{seed}.dcm", seed) for seed in range(4)]
    one, two = (
        Predictor(bundle, engine).predict_files(paths)["atypicality"].to_numpy()
        for engine in (open_torch(bundle), open_onnx(bundle, exported.path))
    )
    np.testing.assert_allclose(one, two, rtol=1e-3)
    assert one.std() > 0.01


def test_features_come_from_the_same_pass_and_do_not_depend_on_clinical_values(bundle):
    import torch

    network = load_network(bundle)
    image = torch.randn(3, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        outputs, features = network.forward_with_features(image, torch.randn(3, 3))
        others, same = network.forward_with_features(image)
        pooled = network.pooling(network.backbone(image))
    assert torch.equal(features, same)
    assert torch.equal(features, pooled)
    assert not torch.equal(outputs["bone_loss"], others["bone_loss"])


def test_failed_films_decide_the_exit_code_over_refused_ones(predictor, film, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = predictor.predict_files([film(BodyPartExamined="HIP"), tmp_path / "broken.png"])
    with pytest.raises(PartialResultError, match="1 of 2 films could not be predicted, 1 were refused"):
        require_all(table)


@pytest.mark.parametrize("flags", [[], ["--accept-anyway"]])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_the_command_counts_refusals_and_ends_with_5(bundle, film, tmp_path, flags, as_json):
    paths = [film(), film("b.dcm", 2, BodyPartExamined="HIP"), film("c.dcm", 3, ViewPosition="")]
    out = tmp_path / "results.csv"
    done = CliRunner().invoke(
        app, ["predict", str(bundle.folder), *map(str, paths), "-o", str(out), *flags, *as_json]
    )
    code = done.exit_code if done.exception is None else getattr(done.exception, "exit_code", done.exit_code)
    assert code == (0 if flags else 5)
    written = pl.read_csv(out)
    assert written["status"].to_list() == ["ok", "ok" if flags else "refused", "ok"]
    assert written["accept_anyway"].to_list() == [bool(flags)] * 3
    if as_json:
        told = json.loads(done.stdout)
        assert told["by_reason"] == {"another_body_part": 1}
        assert (told["flagged"], told["by_flag"]["view_unknown"]) == (1, 1)
        assert told.get("refused") == (None if flags else 1)


def test_the_bundle_reads_back_what_it_was_given(bundle, applicability):
    again = read_bundle(bundle.folder)
    assert again.applicability == applicability.document
    assert again.picture_model() is not None
    assert "picture" in (bundle.folder / "README.md").read_text()


def test_a_picture_file_that_was_changed_or_lost_is_refused(copied):
    path = copied / "picture.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"picture\.safetensors: SHA-256 is .* the picture layer's numbers"):
        read_bundle(copied)
    path.unlink()
    with pytest.raises(BundleError, match="the picture layer's numbers cannot be read"):
        read_bundle(copied)


def test_a_bundle_without_a_picture_layer_still_decides_by_header(parts, applicability, tmp_path, film):
    bare = applicability.document.model_copy(update={"picture": None})
    files = replace(applicability, document=bare, picture=None)
    bundle = write_bundle(tmp_path / "bundle", **{**parts, "applicability": files})
    table = Predictor(bundle).predict_files([film(), film("b.dcm", 2, BodyPartExamined="HIP")])
    assert table["status"].to_list() == ["ok", "refused"]
    assert table["atypicality"].null_count() == 2
    assert "not checked" in (bundle.folder / "README.md").read_text()


def test_the_notes_name_every_code(bundle):
    note = column_notes(bundle)["reason_code"]
    assert all(code in note for code in REASONS)
