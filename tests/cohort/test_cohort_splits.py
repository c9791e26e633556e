from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from strnet.cohort import certify_split, make_split, read_manifest, read_split, write_manifest, write_split
from strnet.cohort.certificate import FORMAT
from strnet.cohort.splits import certificate_path
from strnet.errors import SplitError
from strnet.sealed import seal, unseal

RATIOS = {"train": 0.7, "validation": 0.15, "test": 0.15}


def refusal(function, *arguments, **options):
    with pytest.raises(SplitError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def sides_of_patients(split):
    side = pl.coalesce("split", pl.format("fold {}", "fold"))
    return split.frame.group_by("patient_id").agg(side.unique())


def identical(manifest, *images):
    """The manifest with one picture in several rows."""
    content = pl.when(pl.col("image_id").is_in(images)).then(pl.lit("a" * 64))
    return write_manifest(manifest.frame.with_columns(content.alias("pixel_sha256")), manifest.path)


def test_no_patient_stands_on_two_sides(cohort):
    manifest = cohort(200)
    for split in (make_split(manifest, seed=1, ratios=RATIOS), make_split(manifest, seed=1, folds=5)):
        assert sides_of_patients(split).filter(pl.col("split").list.len() != 1).height == 0
        assert split.frame["image_id"].to_list() == manifest.frame["image_id"].to_list()


def test_a_cohort_of_the_papers_size_splits_into_the_papers_numbers(cohort):
    manifest = cohort(786)
    manifest = write_manifest(manifest.frame.head(1570), manifest.path)
    split = make_split(manifest, seed=0, ratios={"train": 1120, "validation": 226, "test": 224})
    sizes = {name: side["images"] for name, side in split.certificate["sides"].items()}
    assert sum(sizes.values()) == 1570
    assert abs(sizes["train"] - 1120) <= 6
    assert abs(sizes["validation"] - 226) <= 4
    assert abs(sizes["test"] - 224) <= 4


def test_classes_are_balanced_over_parts_and_folds(cohort):
    manifest = cohort(300)
    overall = manifest.frame["diagnosis"].value_counts(normalize=True)
    share = dict(overall.rows())["osteoporosis"]
    for split in (make_split(manifest, seed=3, ratios=RATIOS), make_split(manifest, seed=3, folds=5)):
        for side in split.certificate["sides"].values():
            assert side["classes"]["osteoporosis"] / side["images"] == pytest.approx(share, abs=0.03)


def test_the_outcome_depends_on_the_seed_and_not_on_the_order_of_rows(cohort):
    manifest = cohort(80)
    for request in ({"ratios": RATIOS}, {"folds": 4}):
        one = make_split(manifest, seed=7, **request)
        shuffled = write_manifest(manifest.frame.sample(fraction=1, shuffle=True, seed=2), manifest.path)
        two = make_split(shuffled, seed=7, **request)
        other = make_split(manifest, seed=8, **request)
        assert one.frame.sort("image_id").equals(two.frame.sort("image_id"))
        assert one.certificate == two.certificate
        assert not one.frame.equals(other.frame)


def test_identical_pictures_of_two_patients_stay_on_one_side(cohort):
    for seed in range(6):
        manifest = identical(cohort(40), "film3_0", "film17_0", "film29_0")
        split = make_split(manifest, seed=seed, ratios=RATIOS)
        together = split.frame.filter(pl.col("patient_id").is_in(["p003", "p017", "p029"]))
        assert together["split"].n_unique() == 1
        assert split.certificate["disjoint"]["patients_joined_by_identical_images"] == 3


def test_external_sites_stand_apart_and_are_in_no_fold(cohort):
    site = pl.when(pl.col("patient_id") < "p015").then(pl.lit("north")).otherwise(pl.lit("south"))
    manifest = cohort(60, site=site)
    for request in ({"ratios": RATIOS}, {"folds": 3}):
        split = make_split(manifest, seed=0, external_sites=["north"], **request)
        external = split.frame.filter(pl.col("split") == "external")
        assert set(external["patient_id"]) == {f"p{n:03}" for n in range(15)}
        assert external["fold"].null_count() == external.height
    assert split.for_fold(0).frame.filter(pl.col("patient_id") < "p015")["split"].unique().to_list() == [
        "external"
    ]


def test_a_patient_at_an_external_site_and_at_another_is_refused_by_name(cohort):
    site = (
        pl.when(pl.col("image_id").is_in(["film0_0", "film1_0", "film2_0"]))
        .then(pl.lit("north"))
        .otherwise(pl.lit("south"))
    )
    manifest = identical(cohort(30, site=site), "film1_0", "film9_0")
    text = refusal(make_split, manifest, seed=0, ratios=RATIOS, external_sites=["north"])
    assert "patient p001" in text
    assert "patient p009" in text


def test_every_fold_is_test_once_and_validation_once(cohort):
    split = make_split(cohort(50), seed=0, folds=5)
    assert split.folds == 5
    for fold in range(5):
        part = split.for_fold(fold).frame
        by_split = {
            name: set(part.filter(pl.col("split") == name)["fold"])
            for name in ("train", "validation", "test")
        }
        assert by_split["test"] == {fold}
        assert by_split["validation"] == {(fold + 1) % 5}
        assert by_split["train"] == set(range(5)) - {fold, (fold + 1) % 5}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "either ratios or folds"),
        ({"ratios": RATIOS, "folds": 5}, "either ratios or folds"),
        ({"ratios": {"train": 1, "valid": 1}}, "did you mean 'validation'?"),
        ({"ratios": {"train": -1, "test": 2}}, "above 0"),
        ({"ratios": {"train": 0}}, "above 0"),
        ({"ratios": {"train": 1000, "validation": 0.001, "test": 1}}, "would be empty"),
        ({"folds": 2}, "expected 3"),
        ({"folds": 500}, "expected 3"),
        ({"folds": 3, "external_sites": ["north"]}, "names no sites"),
        ({"folds": 3, "stratify_by": "diagnosys"}, "did you mean 'diagnosis'?"),
    ],
)
def test_an_impossible_request_is_refused_with_what_is_possible(cohort, request_, message):
    assert message in refusal(make_split, cohort(20), seed=0, **request_)


def test_an_unknown_external_site_is_answered_with_the_nearest(cohort):
    manifest = cohort(20, site=pl.lit("north"))
    assert "did you mean 'north'?" in refusal(make_split, manifest, seed=0, folds=3, external_sites=["nort"])
    assert "nothing is left" in refusal(make_split, manifest, seed=0, folds=3, external_sites=["north"])


@pytest.mark.parametrize("request_", [{"ratios": RATIOS}, {"folds": 4}])
def test_a_written_split_is_read_back_the_same(cohort, tmp_path, request_):
    manifest = cohort(40)
    split = make_split(manifest, seed=0, **request_)
    certificate = write_split(split, tmp_path / "split.csv")
    assert certificate == tmp_path / "split.certificate.json"
    read = read_split(tmp_path / "split.csv", read_manifest(manifest.path))
    assert read.frame.equals(split.frame)
    assert read.certificate == split.certificate


@pytest.fixture
def written(cohort, tmp_path):
    manifest = cohort(40)
    path = tmp_path / "split.csv"
    write_split(make_split(manifest, seed=0, ratios=RATIOS), path)
    return manifest, path


def edit(path, **columns):
    pl.read_csv(path, infer_schema=False).with_columns(**columns).write_csv(path)


def test_a_patient_moved_to_both_sides_is_named(written):
    manifest, path = written
    patient = manifest.frame.filter(pl.col("patient_id").is_duplicated())["patient_id"][0]
    image = manifest.frame.filter(pl.col("patient_id") == patient)["image_id"][0]
    sides = pl.when(pl.col("image_id") == image).then(pl.lit("external")).otherwise("split")
    edit(path, split=sides)
    text = refusal(read_split, path, manifest)
    assert "1 patient(s) stand on two sides" in text
    assert f"patient {patient}: external" in text


def test_a_whole_patient_moved_to_another_side_is_noticed(written):
    manifest, path = written
    edit(path, split=pl.when(pl.col("patient_id") == "p000").then(pl.lit("external")).otherwise("split"))
    text = refusal(read_split, path, manifest)
    assert "the split file was edited" in text


def test_an_identical_picture_that_appears_on_two_sides_later_is_named(written):
    manifest, path = written
    sides = dict(pl.read_csv(path).select("split", "image_id").rows())
    changed = identical(manifest, sides["train"], sides["test"])
    text = refusal(read_split, path, changed)
    assert "1 identical picture(s) stand on two sides" in text
    assert f"image {sides['train']} (train)" in text
    assert f"image {sides['test']} (test)" in text


def test_a_manifest_with_other_films_or_patients_does_not_fit(written):
    manifest, path = written
    fewer = write_manifest(manifest.frame.slice(1), manifest.path)
    assert "image film0_0  patient in the manifest (none)" in refusal(read_split, path, fewer)
    renamed = manifest.frame.with_columns(patient_id=pl.col("patient_id").replace("p001", "p999"))
    text = refusal(read_split, path, write_manifest(renamed, manifest.path))
    assert "patient in the manifest p999  in the split p001" in text


def test_changed_labels_and_pictures_are_noticed(written):
    manifest, path = written
    relabelled = manifest.frame.with_columns(t_score=pl.lit(-3.0), diagnosis=pl.lit("osteoporosis"))
    assert "labels in the manifest have changed" in refusal(
        read_split, path, write_manifest(relabelled, manifest.path)
    )
    repainted = identical(write_manifest(manifest.frame, manifest.path), "film0_0")
    assert "image ids, patient ids or pictures have changed" in refusal(read_split, path, repainted)


def test_other_columns_may_change_without_harm(written):
    manifest, path = written
    aged = write_manifest(manifest.frame.with_columns(age=pl.lit(60.0)), manifest.path)
    assert read_split(path, aged).frame.height == manifest.frame.height


def test_a_split_without_or_with_a_foreign_certificate_is_refused(written):
    manifest, path = written
    claim = json.loads(certificate_path(path).read_text())
    for content, message in (
        ({**claim, "schema_version": 99}, "version 99, and this strnet reads 2. Update strnet."),
        ({**claim, "format": "other"}, "not a split certificate"),
        ([], "not a split certificate"),
        ({**claim, "images": 3}, "it was edited after it was written"),
        (seal({**unseal(claim, FORMAT, where="").content, "images": 3}, FORMAT), "'images' is 3, found"),
        (seal({"request": None}, FORMAT), "what the split was asked for"),
    ):
        certificate_path(path).write_text(json.dumps(content))
        assert message in refusal(read_split, path, manifest)
    certificate_path(path).write_text("{")
    assert "not strict JSON" in refusal(read_split, path, manifest)
    certificate_path(path).unlink()
    assert "has no certificate" in refusal(read_split, path, manifest)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("split", "tset", "split tset"),
        ("split", None, "split (blank)  fold (blank)"),
        ("fold", "first", "fold first"),
        ("fold", "1", "fold 1"),
        ("image_id", "film0_0", "image film0_0"),
    ],
)
def test_rows_of_a_split_file_that_assign_nothing_are_listed(written, column, value, message):
    manifest, path = written
    second = pl.int_range(pl.len()) == 1
    edit(path, **{column: pl.when(second).then(pl.lit(value)).otherwise(column)})
    text = refusal(read_split, path, manifest)
    assert message in text
    assert "line 3" in text


def test_a_split_file_needs_its_columns_and_must_exist(written, tmp_path):
    manifest, path = written
    pl.read_csv(path).rename({"patient_id": "patient"}).write_csv(path)
    assert "column 'patient_id' is missing" in refusal(read_split, path, manifest)
    assert "no such split" in refusal(read_split, tmp_path / "absent.csv", manifest)
    pl.read_csv(path).select("image_id", "patient", part="split").rename({"patient": "patient_id"}).write_csv(
        path
    )
    assert "no column 'split' and no 'fold'. Found: image_id, patient_id, part" in refusal(
        read_split, path, manifest
    )


def test_blank_lines_in_a_split_file_do_no_harm(written):
    manifest, path = written
    path.write_text(path.read_text() + "\n\n")
    assert read_split(path, manifest).frame.height == manifest.frame.height


def test_somebody_elses_assignment_is_certified_if_it_is_disjoint(cohort, tmp_path):
    manifest = cohort(30)
    path = tmp_path / "official.csv"
    side = pl.when(pl.col("patient_id") < "p020").then(pl.lit("train")).otherwise(pl.lit("test"))
    manifest.frame.select("image_id", side.alias("split")).write_csv(path)
    split = certify_split(path, manifest)
    write_split(split, path)
    assert read_split(path, manifest).frame.equals(split.frame)
    by_film = pl.when(pl.col("image_id").str.ends_with("_0")).then(pl.lit("train")).otherwise(pl.lit("test"))
    manifest.frame.select("image_id", by_film.alias("split")).write_csv(path)
    assert "stand on two sides" in refusal(certify_split, path, manifest)


def test_an_assignment_may_hold_the_patients_as_numbers_of_either_kind(cohort, tmp_path):
    manifest = cohort(30)
    number = manifest.frame["patient_id"].str.slice(1).cast(pl.Int64)
    numbered = replace(manifest, frame=manifest.frame.with_columns(number.cast(pl.String)))
    split = pl.Series("split", ["train" if n < 20 else "test" for n in number])
    text = number.cast(pl.String)
    for written in (text, number, number.cast(pl.Float64), text + ".0"):
        manifest.frame.select("image_id", written, split).write_parquet(tmp_path / "official.parquet")
        certified = certify_split(tmp_path / "official.parquet", numbered)
        assert certified.frame["patient_id"].to_list() == text.to_list()


def test_somebody_elses_folds_are_counted(cohort, tmp_path):
    manifest = cohort(30)
    fold = pl.col("patient_id").str.slice(1).cast(pl.Int64) % 4
    manifest.frame.select("image_id", fold.alias("fold")).write_csv(tmp_path / "folds.csv")
    assert certify_split(tmp_path / "folds.csv", manifest).folds == 4
    with_blanks = pl.when(fold > 0).then(fold - 1).cast(pl.Float64)  # 2.0, as pandas writes it
    side = pl.when(fold == 0).then(pl.lit("external"))
    manifest.frame.select("image_id", side.alias("split"), with_blanks.alias("fold")).write_csv(
        tmp_path / "pandas.csv"
    )
    assert certify_split(tmp_path / "pandas.csv", manifest).folds == 3


@pytest.mark.parametrize(
    ("fold", "found"),
    [(lambda n: n % 4 + 1, "1, 2, 3, 4"), (lambda n: n % 3 * 2, "0, 2, 4"), (lambda n: n % 2, "0, 1")],
)
def test_folds_that_would_leave_a_side_empty_are_refused(cohort, tmp_path, fold, found):
    manifest = cohort(30)
    number = fold(pl.col("patient_id").str.slice(1).cast(pl.Int64))
    manifest.frame.select("image_id", number.alias("fold")).write_csv(tmp_path / "folds.csv")
    assert f"the folds are {found}; expected 0, 1, 2" in refusal(
        certify_split, tmp_path / "folds.csv", manifest
    )


def test_a_number_of_folds_that_was_edited_does_not_hold(cohort, tmp_path):
    manifest = cohort(30)
    write_split(make_split(manifest, seed=0, folds=4), tmp_path / "split.csv")
    file = certificate_path(tmp_path / "split.csv")
    claim = json.loads(file.read_text())
    for folds in (5, None, "four"):
        request = {**claim["request"], "folds": folds}
        edited = unseal(claim, FORMAT, where="").content | {"request": request}
        file.write_text(json.dumps(seal(edited, FORMAT)))
        assert "'request' is" in refusal(read_split, tmp_path / "split.csv", manifest)


def test_a_split_by_ratios_has_no_folds_to_choose(cohort):
    split = make_split(cohort(20), seed=0, ratios=RATIOS)
    assert "has no folds" in refusal(split.for_fold, 0)
    assert "has 3 folds" in refusal(make_split(cohort(20), seed=0, folds=3).for_fold, 3)
