import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load

from strnet.config import CohortConfig
from strnet.errors import BundleError
from strnet.files import canonical_json, sha256_bytes
from strnet.inference import (
    ReferenceStandard,
    read_bundle,
    reference_standard_of,
    weights_sha256,
    write_bundle,
)
from strnet.inference.readme import MEASURED_BY
from strnet.models import ClinicalScaling
from strnet.schema import REFERENCE_STANDARDS
from strnet.thresholds import fit_threshold


def edit(folder: Path, change, *, seal: bool) -> None:
    """Changes the JSON of a bundle, with or without a new hash."""
    path = folder / "bundle.json"
    content = json.loads(path.read_text())
    change(content)
    if seal:
        content.pop("sha256")
        content["sha256"] = sha256_bytes(canonical_json(content))
    path.write_text(json.dumps(content))


def test_what_was_written_is_read_back(bundle, parts):
    read = read_bundle(bundle.folder)
    assert read.sha256 == bundle.sha256
    assert read.tasks == parts["recipe"].tasks
    assert read.preprocessing == parts["recipe"].preprocessing
    assert read.calibrators == parts["calibrators"]
    assert list(read.operating_points) == parts["operating_points"]
    assert read.provenance == parts["provenance"]
    assert [(v.name, v.mean, v.std) for v in read.clinical] == [
        ("age", 64.0, 9.0),
        ("sex", 0.3, 0.45),
        ("bmi", 26.0, 4.0),
    ]


def test_the_weights_are_read_back_bit_for_bit(bundle, state_dict):
    weights = load(bundle.weights())
    assert weights.keys() == state_dict.keys()
    assert all(torch.equal(weights[name], tensor) for name, tensor in state_dict.items())
    assert bundle.document.weights.sha256 == weights_sha256(state_dict)


def test_the_folder_holds_four_files_and_none_is_a_pickle(bundle):
    names = {path.name for path in bundle.folder.iterdir()}
    assert names == {"bundle.json", "weights.safetensors", "picture.safetensors", "README.md"}
    header = int.from_bytes((bundle.folder / "weights.safetensors").read_bytes()[:8], "little")
    assert json.loads((bundle.folder / "weights.safetensors").read_bytes()[8 : 8 + header])


def test_no_path_of_the_machine_that_trained_is_published(bundle):
    for name in ("bundle.json", "README.md"):
        assert "/home/someone" not in (bundle.folder / name).read_text()
    assert str(bundle.recipe.network.backbone.weights) == "imagenet.pth"


def test_which_rows_were_chosen_is_published(bundle):
    assert bundle.recipe.cohort == CohortConfig(where="view = 'AP'")
    assert "Rows chosen: `view = 'AP'`" in (bundle.folder / "README.md").read_text()


def test_the_same_parts_make_the_same_bytes(bundle, parts, tmp_path):
    again = write_bundle(tmp_path / "again", **parts)
    assert again.sha256 == bundle.sha256
    for path in bundle.folder.iterdir():
        assert (again.folder / path.name).read_bytes() == path.read_bytes()


def test_the_readme_says_what_the_bundle_is_not(bundle):
    text = (bundle.folder / "README.md").read_text()
    assert "Not a medical device" in text
    assert "The films are not of people" in text
    assert "DXA" not in text
    assert "`prob.bone_loss` >= " in text
    assert "`logit.bone_loss` >= " in text
    assert bundle.sha256 in text


def test_the_readme_says_that_ultrasound_is_not_dxa(parts, tmp_path):
    ultrasound = ReferenceStandard(standards=("qus",), sites=("calcaneus",))
    origin = parts["provenance"].model_copy(update={"reference_standard": ultrasound})
    bundle = write_bundle(tmp_path / "bundle", **{**parts, "provenance": origin})
    assert "not a DXA T-score" in (bundle.folder / "README.md").read_text()


def test_every_reference_standard_has_its_words_in_the_readme():
    assert set(MEASURED_BY) == {*REFERENCE_STANDARDS, "unknown"}


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["operating_points"][0]["point"]["threshold"].update(decimal=0.1),
        lambda c: c["clinical"][0].update(mean=65.0),
        lambda c: c["calibrators"]["bone_loss"].update(slope=2.0),
        lambda c: c["provenance"]["reference_standard"].update(standards=["dxa"]),
        lambda c: c.update(sha256="0" * 64),
        lambda c: c.pop("sha256"),
    ],
)
def test_an_edited_document_is_refused(copied, change):
    edit(copied, change, seal=False)
    with pytest.raises(BundleError, match=r"bundle\.json.*was edited"):
        read_bundle(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(schema_version=3), "schema version 3.*Update strnet"),
        (lambda c: c.update(schema_version=1), "schema version 1.*write it again from its run"),
        (lambda c: c.update(format="other"), "not a bundle"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c.pop("provenance"), "provenance"),
        (lambda c: c["weights"].update(file="../weights.safetensors"), "weights.file"),
        (lambda c: c["recipe"]["preprocessing"].update(height=96), "would preprocess films"),
        (lambda c: c["recipe"]["preprocessing"].update(version=2), "version"),
        (lambda c: c["clinical"].pop(), "clinical variables.*expected those of the recipe"),
        (lambda c: c["clinical"][0].update(std=0.0), "clinical.0.std"),
        (lambda c: c["calibrators"].update(t_score=c["calibrators"]["bone_loss"]), "binary task 't_score'"),
        (
            lambda c: c["calibrators"]["bone_loss"].update(slope=-1.0),
            "json: calibrator of bone_loss: .*slope",
        ),
        (
            lambda c: c["operating_points"][0].update(sha256="0" * 64),
            "json: operating point 1: .*was edited",
        ),
        (lambda c: c["provenance"]["reference_standard"].update(standards=["dexa"]), "dexa"),
        (lambda c: c["provenance"].update(manifest_sha256="abc"), "manifest_sha256"),
    ],
)
def test_a_document_that_contradicts_itself_is_refused_even_with_a_new_hash(copied, change, message):
    edit(copied, change, seal=True)
    with pytest.raises(BundleError, match=message):
        read_bundle(copied)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": NaN}', "\x00\x01"])
def test_a_document_that_is_no_bundle_is_refused(copied, content):
    (copied / "bundle.json").write_text(content)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        read_bundle(copied)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ({"kind": None}, "does not say the kind of its score"),
        ({"kind": "logit"}, r"is for prob\.bone_loss \(logit\); found prob\.bone_loss \(probability\)"),
        ({"column": "prob.osteoporosis_given_loss"}, "is for column 'prob.osteoporosis_given_loss'"),
        ({"model_sha256": None, "calibrator_sha256": None}, "the model_sha256, calibrator_sha256 of"),
        ({"calibrator_sha256": "d" * 64}, "belongs to another score"),
    ],
)
def test_an_operating_point_that_does_not_say_whose_score_it_is_for_is_refused(
    parts, tmp_path, score, message
):
    point = parts["operating_points"][0]
    spoilt = replace(point, score=replace(point.score, **score))
    with pytest.raises(BundleError, match=message):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": [spoilt]})


def test_one_flipped_bit_in_the_weights_is_refused(copied):
    path = copied / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match="the weights were changed"):
        read_bundle(copied)


@pytest.mark.parametrize("name", ["bundle.json", "weights.safetensors"])
def test_an_incomplete_folder_is_refused(copied, name):
    (copied / name).unlink()
    with pytest.raises(BundleError, match=name):
        read_bundle(copied)


def test_a_bundle_without_its_readme_is_still_a_bundle(copied, bundle):
    (copied / "README.md").unlink()
    assert read_bundle(copied).sha256 == bundle.sha256


def test_the_weights_of_another_bundle_are_refused(copied, parts, state_dict, tmp_path):
    other = {name: tensor + 1 if name.endswith("bias") else tensor for name, tensor in state_dict.items()}
    strange = write_bundle(tmp_path / "other", **{**parts, "state_dict": other, "operating_points": []})
    (copied / "weights.safetensors").write_bytes(strange.weights())
    with pytest.raises(BundleError, match="belong to another bundle"):
        read_bundle(copied)


def test_weights_that_are_not_finite_are_never_published(parts, state_dict, tmp_path):
    name = next(iter(state_dict))
    broken = {**state_dict, name: torch.full_like(state_dict[name], torch.nan)}
    with pytest.raises(BundleError, match=f"'{name}' holds NaN"):
        write_bundle(tmp_path / "bundle", **{**parts, "state_dict": broken})
    assert not list(tmp_path.iterdir())


def test_an_operating_point_of_other_weights_is_refused(parts, points, tmp_path):
    strange = replace(points[0], score=replace(points[0].score, model_sha256="c" * 64))
    with pytest.raises(BundleError, match="belongs to another score"):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": [strange]})


def test_an_operating_point_of_another_calibrator_is_refused(parts, points, tmp_path):
    strange = replace(points[0], score=replace(points[0].score, calibrator_sha256="c" * 64))
    with pytest.raises(BundleError, match="belongs to another score"):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": [strange]})


def test_an_operating_point_on_a_calibrator_that_is_missing_is_refused(parts, points, tmp_path):
    with pytest.raises(BundleError, match="belongs to another score"):
        write_bundle(tmp_path / "bundle", **{**parts, "calibrators": {}, "operating_points": points[:1]})


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ({"task": "bone_lost"}, "did you mean 'bone_loss'"),
        ({"task": None}, "none named"),
        ({"task": "grade"}, "binary or regression task 'grade'"),
        ({"column": "score"}, "for column 'score', expected logit.bone_loss or prob.bone_loss"),
    ],
)
def test_an_operating_point_on_a_score_that_no_film_has_is_refused(parts, points, tmp_path, score, message):
    strange = replace(points[1], score=replace(points[1].score, **score))
    with pytest.raises(BundleError, match=message):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": [strange]})


def test_two_operating_points_with_one_name_are_refused(parts, points, tmp_path):
    with pytest.raises(BundleError, match="expected one of each"):
        write_bundle(tmp_path / "bundle", **{**parts, "operating_points": [points[0], points[0]]})


def test_a_threshold_per_group_is_refused(parts, points, tmp_path):
    score = np.linspace(0, 1, 400)
    target, groups = (score > 0.5).astype(int), np.tile(["a", "b"], 200)
    point = fit_threshold(target, score, groups=groups, group_policy="per_group")
    with pytest.raises(BundleError, match="Fit a common threshold"):
        write_bundle(
            tmp_path / "bundle", **{**parts, "operating_points": [replace(point, score=points[1].score)]}
        )


def test_clinical_variables_in_another_order_are_refused(parts, tmp_path):
    scaling = ClinicalScaling(("sex", "age", "bmi"), (0.3, 64.0, 26.0), (0.45, 9.0, 4.0))
    with pytest.raises(BundleError, match="clinical variables"):
        write_bundle(tmp_path / "bundle", **{**parts, "clinical": scaling})


def test_only_labelled_rows_say_what_was_measured():
    manifest = pl.DataFrame(
        {
            "t_score": [-1.2, None, None, -2.0],
            "diagnosis": ["osteopenia", "normal", None, "osteopenia"],
            "reference_standard": ["dxa", "qus", None, None],
            "reference_site": ["total_hip", "calcaneus", None, "total_hip"],
        }
    )
    found = reference_standard_of(manifest)
    assert found.standards == ("dxa", "qus", "unknown")
    assert str(found) == "dxa + qus + unknown (calcaneus + total_hip)"


def test_a_manifest_that_does_not_say_is_unknown():
    assert str(reference_standard_of(pl.DataFrame({"t_score": [-1.0]}))) == "unknown"
