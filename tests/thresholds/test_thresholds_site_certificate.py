import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from strnet.errors import BundleError, ThresholdError
from strnet.thresholds import certify, fit_threshold
from strnet.thresholds.certify_table import certify_batch, certify_from_table
from strnet.thresholds.from_table import fit_from_table
from strnet.thresholds.site_certificate import read_site_certificate, write_site_certificate

COLUMNS = {"target": "y", "score": "p", "cluster": "patient"}


@pytest.fixture
def point(binormal):
    return replace(fit_threshold(*binormal(600, seed=3)), threshold=0.0)


def films(first, last, missed=(), *, each=2):
    """Positive patients `first` to `last` with `each` films, of which those of `missed` are not found."""
    patients = np.repeat(np.arange(first, last), each)
    score = np.where(np.isin(patients, missed), -1.0, 1.0) + np.arange(patients.size) / 1e6
    return pl.DataFrame(
        {
            "image_id": [f"film_{patient}_{at}" for at, patient in enumerate(patients)],
            "patient": patients,
            "y": np.ones(patients.size, dtype=int),
            "p": score,
        }
    )


def in_turn(point, *tables, **columns):
    certificate = None
    for table in tables:
        certificate, found = certify_batch(point, table, certificate, **(columns or COLUMNS))
    return certificate, found


def test_batches_say_together_what_one_table_says(point):
    whole = films(0, 90, missed=[3, 40, 41])
    parts = whole.filter(pl.col("patient") < 30), whole.filter(pl.col("patient") >= 30)
    certificate, found = in_turn(point, *parts)
    at_once = certify_from_table(point, whole, **COLUMNS)["all rows"]
    for name in ("verdict", "patients", "miss_share", "upper", "positives", "misses"):
        assert getattr(found, name) == getattr(at_once, name)
    assert found.lower >= at_once.lower
    assert (certificate.looks, certificate.films, certificate.films_missed) == (2, 180, 6)


def test_neither_the_order_of_rows_nor_that_of_batches_plays_a_part(point):
    one, two = films(0, 30, missed=[3]), films(30, 90, missed=[40, 41])
    forth, _ = in_turn(point, one, two.reverse())
    back, _ = in_turn(point, two, one.sample(fraction=1, shuffle=True, seed=1))
    assert forth.outcomes == back.outcomes
    assert forth.counted_patients == back.counted_patients


def test_rows_counted_before_are_passed_over_also_with_new_ones(point):
    table = films(0, 40, missed=[1])
    certificate, first = in_turn(point, table)
    same, again = in_turn(point, table, table)
    assert same == certificate
    assert again.patients == first.patients == 40
    assert "no new patients; 40 were counted before" in again.notes[0]
    _, grown = in_turn(point, table, pl.concat([table, films(40, 50)]))
    assert grown.patients == 50
    assert grown.notes[0].startswith("10 new patients in look 2; 40 were counted before")


def test_what_a_look_has_decided_stays(point):
    certificate, found = in_turn(point, films(0, 45), films(45, 60, missed=range(45, 60)))
    assert found.verdict == "certified"
    assert "certified after 45 patients." in found.notes
    at_once = certify_from_table(point, films(0, 60, missed=range(45, 60)), **COLUMNS)["all rows"]
    assert at_once.verdict != "certified"
    assert certificate.lower > at_once.lower
    _, later = in_turn(point, films(0, 45), films(45, 200, missed=range(45, 200)))
    assert later.verdict == "alarm"
    assert "certified after 45 patients." in later.notes
    assert "alarm after 200 patients." in later.notes


def test_a_patient_counts_once_all_films_have_a_target(point):
    incomplete = films(0, 30).with_columns(
        y=pl.when(pl.col("image_id") == "film_4_9").then(None).otherwise("y")
    )
    _, found = in_turn(point, incomplete)
    assert found.patients == 29
    assert "1 wait for a target of another film" in found.notes[0]
    _, complete = in_turn(point, incomplete, films(0, 30, missed=[4]))
    assert complete.patients == 30
    assert complete.miss_share == pytest.approx(1 / 30)


def test_a_film_of_a_patient_counted_before_is_refused(point):
    late = pl.DataFrame({"image_id": ["film_late"], "patient": [7], "y": [1], "p": [-2.0]})
    with pytest.raises(ThresholdError, match="1 new positive films of 1 patients"):
        in_turn(point, films(0, 30), late)
    without_ids = films(0, 30).drop("image_id")
    with pytest.raises(ThresholdError, match="1 new positive films"):
        in_turn(point, without_ids, late.drop("image_id"))
    assert in_turn(point, without_ids, without_ids)[1].patients == 30


def test_films_that_come_back_under_another_name_of_their_patient_are_refused(point):
    renamed = films(0, 30).with_columns(patient=pl.format("p{}", "patient"))
    with pytest.raises(ThresholdError, match="60 films that were counted before, for patients of other"):
        in_turn(point, films(0, 30), renamed)


def test_where_each_patient_has_one_film_ids_of_films_are_enough(point):
    table = films(0, 40, each=1).drop("patient")
    assert in_turn(point, table, table, target="y", score="p")[1].patients == 40
    with pytest.raises(ThresholdError, match="found no ids"):
        in_turn(point, table.drop("image_id"), target="y", score="p")
    numbered = table.with_columns(image_id=pl.int_range(pl.len()))
    assert in_turn(point, numbered, numbered, target="y", score="p")[1].patients == 40


def test_negatives_give_the_specificity_and_are_not_counted(point):
    negatives = films(100, 110).with_columns(
        y=pl.lit(0, pl.Int64), p=pl.col("p") - 5 * (pl.col("patient") < 108)
    )
    certificate, found = in_turn(point, pl.concat([films(0, 20), negatives]))
    assert (found.patients, found.negatives) == (20, 20)
    assert found.specificity.value == 0.8
    assert certificate.films == 40


def test_a_certificate_goes_on_only_under_its_own_terms(point, binormal):
    certificate, _ = in_turn(point, films(0, 20))
    for other, asked in (
        (replace(point, threshold=0.1), {}),
        (point, {"confidence": "0.9"}),
        (point, {"max_weight": 10.0}),
        (point, {"cluster_method": "worst"}),
    ):
        with pytest.raises(ThresholdError, match="began with"):
            certify_batch(other, films(20, 30), certificate, **COLUMNS, **asked)
    for asked in ({"test": "fixed"}, {"group": "patient"}):
        with pytest.raises(ThresholdError, match="state"):
            certify_batch(point, films(20, 30), certificate, **COLUMNS, **asked)


def test_weights_go_on_as_they_began(point):
    heavy = films(0, 200, missed=[3]).with_columns(
        w=pl.when(pl.col("patient") % 10 == 0).then(10.0).otherwise(1)
    )
    asked = {**COLUMNS, "weight": "w", "max_weight": 10.0}
    certificate = None
    for part in (heavy[:100], heavy[100:]):
        certificate, found = certify_batch(point, part, certificate, **asked)
    whole = certify(
        point,
        heavy["y"],
        heavy["p"],
        clusters=heavy["patient"],
        weights=heavy["w"],
        max_weight=10.0,
    )
    assert (found.verdict, found.upper, found.miss_share) == (whole.verdict, whole.upper, whole.miss_share)


def test_the_file_gives_back_what_was_counted_and_notices_an_edit(point, tmp_path):
    certificate, _ = in_turn(point, films(0, 20, missed=[2]))
    path = tmp_path / "site.json"
    write_site_certificate(certificate, path)
    assert read_site_certificate(path) == certificate
    assert "film_" not in path.read_text()
    path.write_text(path.read_text().replace('"films_missed": 2', '"films_missed": 1'))
    with pytest.raises(BundleError, match="edited after it was written"):
        read_site_certificate(path)
    path.write_text(json.dumps({"format": "strnet operating point"}))
    with pytest.raises(BundleError, match="not a site certificate"):
        read_site_certificate(path)


def test_films_that_chose_the_threshold_are_refused_by_their_ids_alone(point, binormal):
    target, score = binormal(300, seed=9)
    table = pl.DataFrame({"image_id": [f"a{i}" for i in range(300)], "y": target, "p": score})
    chosen = fit_from_table(table, target="y", score="p")
    new_target, new_score = binormal(200, seed=10)
    new = pl.DataFrame({"image_id": [f"b{i}" for i in range(200)], "y": new_target, "p": new_score})
    rescored = table[:1].with_columns(p=pl.col("p") + 1e-4)
    assert certify_from_table(chosen, new, target="y", score="p")
    with pytest.raises(ThresholdError, match="1 of 201 films are among those"):
        certify_from_table(chosen, pl.concat([new, rescored]), target="y", score="p")
    renamed = new.with_columns(p=table["p"][:200], y=table["y"][:200])
    assert certify_from_table(chosen, renamed, target="y", score="p")
    with pytest.raises(ThresholdError, match=r"200 of 200 rows .* \(all 300 rows are known\)"):
        certify_from_table(chosen, renamed.drop("image_id"), target="y", score="p")


@pytest.mark.parametrize("change", ["a row more", "a row less"])
def test_the_rows_that_chose_the_threshold_are_refused_with_one_more_or_less(point, binormal, change):
    target, score = binormal(226, seed=9)
    table = pl.DataFrame({"y": target.astype(int), "p": score})
    chosen = fit_from_table(table, target="y", score="p")
    more = pl.DataFrame({"y": [0], "p": [0.123]})
    with pytest.raises(ThresholdError, match="chosen from"):
        certify_from_table(
            chosen, table[1:] if change == "a row less" else pl.concat([table, more]), target="y", score="p"
        )


def test_films_entered_twice_are_said_where_nothing_tells_them_apart(binormal):
    target, score = binormal(300, seed=9)
    table = pl.DataFrame({"y": target.astype(int), "p": score})
    again = pl.concat([table, table[:100]])
    assert "stand twice" in fit_from_table(again, target="y", score="p").notes[-1]
    assert fit_from_table(table, target="y", score="p").notes == ()
    named = again.with_columns(image_id=pl.format("film_{}", pl.int_range(pl.len())))
    assert fit_from_table(named, target="y", score="p").notes == ()
