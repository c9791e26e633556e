"""Ensembles: what they answer, what of it is their members', and what is refused."""

import json
import shutil
from datetime import UTC, datetime
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from strnet.calibration import Calibrated, Combination, combine
from strnet.calibration.combined_answers import Stack
from strnet.config import CombinationConfig, EnsembleRecipe
from strnet.errors import BundleError
from strnet.inference import (
    EnsemblePredictor,
    EnsembleProvenance,
    Predictor,
    ReferenceStandard,
    export_ensemble,
    film_files,
    named_members,
    open_bundle,
    read_bundle,
    read_ensemble,
    write_bundle,
    write_ensemble,
)
from strnet.inference.bundle_document import DOCUMENT
from strnet.inference.ensemble_results import ensemble_notes
from strnet.inference.journal import prediction_journal
from strnet.inference.roster import film_roster
from strnet.models import build_network
from strnet.schema import member_column
from strnet.stats import Calibrator
from strnet.trust import Applicability, ApplicabilityFiles, TrainedOn

SEEN = {"anatomies": ("knee",), "modalities": ("DX",)}


@pytest.fixture(scope="module")
def members(recipe, parts, tmp_path_factory):
    """Networks: for AP films of 64 by 48, for lateral films of 32 by 40, and a second one for AP films."""
    home = tmp_path_factory.mktemp("members")

    def member(name, view, seed, size=(64, 48), order=1, **seen):
        own = recipe.model_copy(
            update={
                "name": name,
                "preprocessing": recipe.preprocessing.model_copy(
                    update={"height": size[0], "width": size[1]}
                ),
                "tasks": recipe.tasks[::order],
            }
        )
        trunk = own.network.backbone.model_copy(update={"weights": None})
        config = own.network.model_copy(update={"backbone": trunk})
        network = build_network(config, own.tasks, parts["clinical"], seed=seed)
        return write_bundle(
            home / name,
            **{
                **parts,
                "recipe": own,
                "state_dict": network.state_dict(),
                "operating_points": [],
                "calibrators": {"bone_loss": Calibrator("platt", slope=seed, intercept=0.5)},
                "applicability": ApplicabilityFiles(
                    Applicability(trained_on=TrainedOn(views=view.split(), **SEEN, **seen))
                ),
            },
        )

    return {
        "ap": member("ap", "AP", 3),
        "lateral": member("lateral", "LATERAL", 4, (32, 40), order=-1),
        "ap2": member("ap2", "AP", 5),
        "any": member("any", "AP LATERAL", 6),
        "young": member("young", "AP", 7, ages=(20.0, 30.0)),
        "young_lateral": member("young_lateral", "LATERAL", 8, ages=(20.0, 30.0)),
    }


def stacks_of(tasks, names):
    """A stack of every binary task for every set of members that may have spoken."""
    sets = [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
    return tuple(
        Stack(
            task=task.name,
            members=some,
            intercept=-0.3 - place / 7,
            coefficients=tuple(0.9 / (number + place + 1) for number in range(len(some))),
            count=60,
            positives=20,
        )
        for task in tasks
        if task.kind == "binary"
        for place, some in enumerate(sets)
    )


@pytest.fixture
def ensemble_of(members, recipe, tmp_path):
    """A function that writes an ensemble of the members named."""

    def made(*names, rule="mean", by="examination", missing="allow", **changes):
        bundles = named_members([members[name] for name in names])
        wanted = CombinationConfig(rule=rule, by=by, missing=missing)
        about = EnsembleRecipe(name="both", tasks=recipe.tasks, combination=wanted, **changes)
        provenance = EnsembleProvenance(
            created=datetime(2025, 3, 1, 12, tzinfo=UTC),
            strnet_version="0.1.0",
            reference_standard=ReferenceStandard(standards=("phantom",)),
        )
        stacks = stacks_of(recipe.tasks, tuple(bundles)) if rule == "stack" else ()
        rule_of = Combination(**wanted.model_dump(), members=tuple(bundles), stacks=stacks)
        done = Calibrated({"bone_loss": Calibrator("platt", slope=0.7)}, (), {}, pl.DataFrame())
        return write_ensemble(tmp_path / "ensemble", about, bundles, rule_of, done, provenance)

    return made


@pytest.fixture
def films(tmp_path, write_dicom):
    """Three examinations: both views, two AP films and a lateral one, an AP film alone; ages 60."""
    folder = tmp_path / "films"
    folder.mkdir()
    for seed, (name, exam, view) in enumerate(
        [
            *(("a1", "1.1", "AP"), ("a2", "1.1", "LATERAL"), ("b1", "1.2", "AP"), ("b2", "1.2", "AP")),
            *(("b3", "1.2", "LATERAL"), ("c1", "1.3", "AP")),
        ]
    ):
        write_dicom(
            folder / f"{name}.dcm", seed, ViewPosition={"AP": "AP", "LATERAL": "LL"}[view],
            PatientID=f"p{exam}", StudyInstanceUID=exam, PatientAge="060Y",
        )  # fmt: skip
    return folder


def predicted(ensemble, films, engine="torch", **options):
    return EnsemblePredictor(ensemble, engine).predict_files([films], workers=0, **options)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
@pytest.mark.parametrize("rule", ["mean", "largest", "stack"])
def test_an_ensemble_s_answers_are_the_combination_of_its_members_to_the_last_bit(
    ensemble_of, films, rule, engine
):
    ensemble = ensemble_of("lateral", "ap", "ap2", rule=rule)
    table = predicted(ensemble, films, engine)
    said = []
    for name, member in ensemble.members.items():
        own = Predictor(member, engine).predict_files([films], workers=0)
        said.append(own.filter(pl.col("status") == "ok").with_columns(pl.lit(name).alias("member")))
    binary = [task for task in ensemble.tasks if task.kind in ("binary", "regression")]
    shared = ("image_id", "patient_id", "exam_id", "member")
    columns = [*shared, "logit.bone_loss", "logit.osteoporosis_given_loss", "pred.t_score"]
    long = pl.concat([part.select(columns) for part in said])
    expected = combine(long, binary, ensemble.combination).table
    assert table["case_id"].to_list() == ["1.1", "1.2", "1.3"] == expected["case_id"].to_list()
    assert set(table["status"]) == {"ok"}
    compared = [name for name in expected.columns if name in table.columns and name not in shared]
    assert {"logit.bone_loss", "pred.t_score", "disagreement.t_score", "members"} <= set(compared)
    assert table.select(compared).equals(expected.select(compared))
    prob = ensemble.calibrators["bone_loss"].prob(expected["logit.bone_loss"].to_numpy())
    assert (table["prob.bone_loss"].to_numpy() == prob).all()


def test_every_film_is_decoded_once_for_all_members(ensemble_of, films, monkeypatch):
    decoded = []

    def counted(path):
        decoded.append(path.name)
        return read_radiograph(path)

    read_radiograph = film_files.read_radiograph
    monkeypatch.setattr(film_files, "read_radiograph", counted)
    predicted(ensemble_of("ap", "ap2", "lateral"), films)
    assert sorted(decoded) == sorted(path.name for path in films.iterdir())


def test_the_table_has_the_columns_that_its_notes_explain(ensemble_of, films):
    ensemble = ensemble_of("ap", "lateral")
    (films / "notes.txt").write_text("no film")
    table = predicted(ensemble, films)
    assert table.columns == list(ensemble_notes(ensemble))
    assert table.filter(pl.col("status") == "skipped")["path"].to_list() == [str(films / "notes.txt")]


def test_several_films_and_a_missing_view_are_told_in_the_row(ensemble_of, films):
    ensemble = ensemble_of("ap", "lateral")
    lateral = next(name for name in ensemble.members if name.startswith("lateral"))
    both, three, alone = predicted(ensemble, films).rows(named=True)
    assert [row["films"] for row in (both, three, alone)] == [2, 3, 1]
    assert (both["members"], both["missing_members"], both["view"], both["path"]) == (2, None, None, None)
    assert (three["members"], three["patient_id"], three["age"]) == (2, "p1.2", 60.0)
    assert (alone["members"], alone["missing_members"]) == (1, lateral)
    assert (alone["image_id"], alone["view"], alone["disagreement.t_score"]) == ("c1", "AP", None)
    assert alone[member_column(lateral, "logit.bone_loss")] is None


def test_where_every_member_is_needed_a_missing_view_is_a_refusal(ensemble_of, films):
    table = predicted(ensemble_of("ap", "lateral", missing="refuse"), films)
    row = table.row(2, named=True)
    assert (row["status"], row["reason_code"], row["logit.bone_loss"]) == ("refused", "missing_member", None)
    assert row["reason"].startswith("no answer of lateral-")
    assert table["status"].to_list()[:2] == ["ok", "ok"]


def test_a_film_whose_view_nothing_tells_is_nobody_s(ensemble_of, films, write_dicom, tmp_path):
    write_dicom(films / "c2.dcm", 9, PatientID="p1.3", StudyInstanceUID="1.3", PatientAge="060Y")
    write_dicom(films / "d1.dcm", 9, PatientID="p4", StudyInstanceUID="1.4", PatientAge="060Y")
    table = predicted(ensemble_of("ap", "lateral"), films)
    with_it, alone = table.rows(named=True)[2:]
    assert (with_it["status"], with_it["members"], with_it["films"]) == ("ok", 1, 2)
    assert "film_not_used" in with_it["flags"].split()
    assert "c2.dcm: which view it is stays open" in with_it["reason"]
    assert (alone["status"], alone["reason_code"]) == ("refused", "view_not_told_apart")
    same_view = predicted(ensemble_of("ap", "ap2"), films).rows(named=True)[3]
    assert (same_view["status"], same_view["flags"]) == ("ok", "view_unknown")


def test_a_film_of_an_open_view_is_not_left_to_the_only_member_that_can_answer_it(
    ensemble_of, films, write_dicom
):
    shutil.rmtree(films)
    films.mkdir()
    write_dicom(films / "d1.dcm", 9, PatientID="p4", StudyInstanceUID="1.4", PatientAge="060Y")
    for other in ("young_lateral", "lateral"):
        row = predicted(ensemble_of("ap", other), films).row(0, named=True)
        assert (row["status"], row["reason_code"]) == ("refused", "view_not_told_apart")
        assert row["logit.bone_loss"] is None


def test_accepting_anyway_does_not_let_a_network_answer_for_another_view(ensemble_of, films):
    ensemble = ensemble_of("ap", "lateral")
    usual, forced = predicted(ensemble, films), predicted(ensemble, films, accept_anyway=True)
    assert forced["accept_anyway"].all()
    scores = [name for name in usual.columns if name.startswith(("logit.", "prob.", "pred.", "member"))]
    assert forced.select(scores).equals(usual.select(scores))


def test_an_examination_of_two_patients_fails_and_the_others_are_done(ensemble_of, films, write_dicom):
    write_dicom(films / "c2.dcm", 9, PatientID="p9", StudyInstanceUID="1.3", ViewPosition="LL")
    row = predicted(ensemble_of("ap", "lateral"), films).row(2, named=True)
    assert (row["status"], row["reason_code"], row["logit.bone_loss"]) == ("failed", "no_case", None)
    assert "examination '1.3' has films of several patients, p1.3, p9" in row["reason"]


def test_a_film_without_examination_and_a_broken_one_have_rows_of_their_own(ensemble_of, films, write_dicom):
    write_dicom(films / "d1.dcm", 9, PatientID="p4", ViewPosition="AP", PatientAge="060Y")
    (films / "e1.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"broken")
    nameless, broken = predicted(ensemble_of("ap", "lateral"), films).rows(named=True)[3:]
    assert (nameless["status"], nameless["case_id"]) == ("failed", None)
    assert "no exam_id, and films are combined by examination" in nameless["reason"]
    assert (broken["status"], broken["image_id"]) == ("failed", "e1")


def test_mirrored_films_count_half(ensemble_of, films, members):
    plain = predicted(ensemble_of("ap", "ap2"), films)
    both = predicted(ensemble_of("ap", "ap2", mirrored=True), films)
    member = named_members([members["ap"]])
    (name,) = member
    column = member_column(name, "pred.t_score")
    film = film_files.read_film(films / "c1.dcm", member[name].preprocessing)
    unknown = np.full((1, 3), np.nan, np.float32)
    unknown[0, 0] = 60
    predictor = Predictor(member[name])
    straight, turned = (
        predictor.predict_prepared(pixels[None], unknown)["t_score"][0]
        for pixels in (film.pixels, film.pixels[:, ::-1])
    )
    assert plain[column].to_list()[-1] == straight != turned
    mean = np.float32((np.float64(straight) + np.float64(turned)) / 2)
    assert both[column].to_list()[-1] == mean


def test_a_prediction_goes_on_after_the_films_that_any_member_has_done(ensemble_of, films, tmp_path):
    ensemble = ensemble_of("ap", "lateral")
    predictor = EnsemblePredictor(ensemble)
    whole = predicted(ensemble, films, batch_size=2)
    roster = film_roster(ensemble, [films])
    journals = {}
    for name in predictor.members:
        with pytest.raises(KeyboardInterrupt), prediction_journal(tmp_path / name, {}) as journals[name]:
            raise KeyboardInterrupt
    seen = []

    def stop(done, _):
        seen.append(done)
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predictor.predict_roster(roster, batch_size=2, workers=0, progress=stop, journals=journals)
    seen.clear()
    again = predictor.predict_roster(
        roster, batch_size=2, workers=0, progress=lambda done, _: seen.append(done), journals=journals
    )
    assert seen[0] > 1
    assert again.equals(whole)


def test_a_table_may_name_the_examination_and_the_view(ensemble_of, films, write_picture):
    shutil.rmtree(films)
    films.mkdir()
    write_picture(films / "x.png", 1)
    write_picture(films / "y.png", 2)
    clinical = pl.DataFrame(
        {
            "image_id": ["x", "y"],
            "patient_id": ["p", "p"],
            "exam_id": ["e", "e"],
            "view": ["AP", "LATERAL"],
            "age": [60.0, 60.0],
        }
    )
    table = predicted(ensemble_of("ap", "lateral"), films, clinical=clinical)
    assert table.select("case_id", "status", "members").rows() == [("e", "ok", 2)]


def test_a_member_that_was_edited_is_noticed(ensemble_of):
    ensemble = ensemble_of("ap", "lateral")
    home = ensemble.folder / "members" / ensemble.members[next(iter(ensemble.members))].sha256
    weights = home / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(BundleError, match="weights were changed"):
        open_bundle(ensemble.folder)


def test_a_member_that_was_put_in_the_place_of_another_is_noticed(ensemble_of, members):
    ensemble = ensemble_of("ap", "lateral")
    name = next(name for name in ensemble.members if name.startswith("ap"))
    home = ensemble.folder / "members" / ensemble.members[name].sha256
    shutil.rmtree(home)
    shutil.copytree(members["ap2"].folder, home)
    with pytest.raises(BundleError, match="expected the member ap-"):
        read_ensemble(ensemble.folder)


def test_a_document_that_was_edited_is_noticed(ensemble_of):
    ensemble = ensemble_of("ap", "lateral")
    path = ensemble.folder / DOCUMENT
    path.write_text(path.read_text().replace('"rule": "mean"', '"rule": "largest"'))
    with pytest.raises(BundleError, match="edited after it was written"):
        read_ensemble(ensemble.folder)


def test_an_ensemble_is_no_bundle_of_one_network(ensemble_of):
    with pytest.raises(BundleError, match="an ensemble of several networks"):
        read_bundle(ensemble_of("ap", "lateral").folder)


def test_a_member_is_given_once(members, tmp_path):
    copy = shutil.copytree(members["ap"].folder, tmp_path / "copy")
    with pytest.raises(BundleError, match="is the same bundle as"):
        named_members([members["ap"], read_bundle(copy)])


def test_the_scores_are_named_after_members_and_rule(ensemble_of):
    mean = ensemble_of("ap", "ap2")
    assert mean.scores_sha256 == ensemble_of("ap2", "ap").scores_sha256
    others = [ensemble_of("ap", "lateral"), ensemble_of("ap", "ap2", rule="largest")]
    others += [ensemble_of("ap", "ap2", mirrored=True), ensemble_of("ap", "ap2", missing="refuse")]
    assert len({mean.scores_sha256, *(other.scores_sha256 for other in others)}) == 5


def test_an_export_has_a_file_per_member_and_says_how_they_answer_together(ensemble_of, tmp_path):
    ensemble = ensemble_of("ap", "lateral")
    done = export_ensemble(ensemble, tmp_path / "onnx")
    about = json.loads(done.document.read_text())
    assert about["bundle_sha256"] == ensemble.sha256
    assert about["combination"]["members"] == list(ensemble.members)
    for entry in about["members"]:
        report = done.members[entry["name"]]
        assert (tmp_path / "onnx" / entry["file"]).is_file()
        assert entry["sha256"] == report.sha256
        assert max(report.differences.values()) <= report.tolerance
    with pytest.raises(BundleError, match="exported to a folder"):
        export_ensemble(ensemble, tmp_path / "network.onnx")


def test_a_member_for_several_views_speaks_beside_one_for_a_single_view(ensemble_of, films, write_dicom):
    write_dicom(films / "d1.dcm", 9, PatientID="p4", StudyInstanceUID="1.4")
    table = predicted(ensemble_of("ap", "any", by="image"), films)
    told = dict(table.select("image_id", "members").rows())
    assert told == {"a1": 2, "a2": 1, "b1": 2, "b2": 2, "b3": 1, "c1": 2, "d1": None}
    assert table["reason_code"].to_list()[-1] == "view_not_told_apart"


def test_a_member_that_refuses_a_film_of_its_view_is_named_with_its_reason(ensemble_of, films):
    ensemble = ensemble_of("ap", "young", by="image")
    young = next(name for name in ensemble.members if name.startswith("young"))
    row = predicted(ensemble, films).row(0, named=True)
    assert (row["status"], row["members"], row["missing_members"]) == ("ok", 1, young)
    assert row["reason"].startswith(f"{young}: age 60; the training rows are 20 to 30 years")
    needed = predicted(ensemble_of("ap", "young", by="image", missing="refuse"), films).row(0, named=True)
    assert needed["status"] == "refused"
    assert f"no answer of {young}" in needed["reason"]
    assert "age 60" in needed["reason"]


def test_what_any_member_flags_or_lacks_is_told(ensemble_of, films):
    row = predicted(ensemble_of("ap", "lateral"), films).row(0, named=True)
    assert row["missing_clinical"].split() == ["sex", "bmi"]
