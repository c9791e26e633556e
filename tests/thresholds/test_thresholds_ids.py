"""One patient is one patient: in every batch, in every kind of file, whatever the other rows hold."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from strnet.errors import ThresholdError
from strnet.thresholds import fit_threshold
from strnet.thresholds.applying import apply_to_table
from strnet.thresholds.certify_table import certify_batch
from strnet.thresholds.from_table import fit_from_table
from strnet.thresholds.scores_table import ScoreColumns, read_scores
from strnet.thresholds.watched_patients import PatientColumns, read_patients

COLUMNS = {"target": "y", "score": "p", "cluster": "patient"}


@pytest.fixture
def point(binormal):
    return replace(fit_threshold(*binormal(600, seed=3)), threshold=0.0)


def table_of(patients):
    """Two positive films of each patient, all of them found, with scores that follow from the patient."""
    own = np.array([float(str(name).strip("p")) for name in patients])
    score = np.concatenate([1 + own / 1e6, 1.5 + own / 1e6])
    ids = pl.Series("patient", [*patients, *patients], strict=False)
    return pl.DataFrame({"patient": ids, "y": np.ones(score.size, dtype=int), "p": score})


def batches(point, *sources):
    certificate = None
    for source in sources:
        certificate, found = certify_batch(point, source, certificate, **COLUMNS)
    return found


def test_a_batch_whose_ids_all_look_like_numbers_holds_the_patients_of_the_one_before(point, tmp_path):
    names = [f"{n:03d}" for n in range(1, 41)]
    table_of([*names, "p77"]).write_csv(tmp_path / "first.csv")
    table_of(names).write_csv(tmp_path / "second.csv")
    found = batches(point, tmp_path / "first.csv", tmp_path / "second.csv")
    assert found.patients == 41
    assert found.notes[0].startswith("no new patients; 40 were counted before")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_a_patient_is_counted_once_however_the_numbers_are_written(point, suffix, tmp_path):
    if suffix == "xlsx":
        pytest.importorskip("xlsxwriter", reason="polars writes spreadsheets with xlsxwriter")
    written = {
        "whole": table_of(list(range(1, 31))),
        "floating": table_of([float(n) for n in range(1, 31)]),
        "text": table_of([str(n) for n in range(1, 31)]),
        "mixed": table_of([*map(str, range(1, 31)), "p31"]),
    }
    for name, frame in written.items():
        write = {"csv": frame.write_csv, "parquet": frame.write_parquet, "xlsx": frame.write_excel}[suffix]
        write(tmp_path / f"{name}.{suffix}")
    files = [tmp_path / f"{name}.{suffix}" for name in written]
    assert batches(point, *files[:3]).patients == 30
    assert batches(point, *files).patients == 31
    assert batches(point, *written.values()).patients == 31


def test_ids_of_films_are_told_apart_by_their_zeros_and_not_by_their_type(tmp_path):
    columns = ScoreColumns(target="y", score="p", identifier="film")
    (tmp_path / "zeros.csv").write_text("film,y,p\n7,1,0.5\n07,0,0.4\n007,1,0.3\n")
    assert read_scores(tmp_path / "zeros.csv", columns).films.to_list() == ["7", "07", "007"]
    (tmp_path / "twice.csv").write_text("film,y,p\n7,1,0.5\n7.0,0,0.4\n9,1,0.3\n")
    with pytest.raises(ThresholdError, match=r"1 ids stand in more than one row: 7 \(2 times\)"):
        read_scores(tmp_path / "twice.csv", columns)


def test_the_name_of_a_group_does_not_follow_from_the_other_rows(tmp_path):
    columns = ScoreColumns(target="y", score="p", groups=("site",))
    for others in ("008,0,0.4\n", "north,0,0.4\n"):
        (tmp_path / "t.csv").write_text(f"site,y,p\n007,1,0.5\n{others}")
        assert "007" in read_scores(tmp_path / "t.csv", columns).groups["site"].names


def test_groups_that_are_numbers_keep_their_order_and_their_limit(tmp_path):
    columns = ScoreColumns(target="y", score="p", groups=("grade",))
    pl.DataFrame({"grade": [10, 2, 1], "y": [0, 1, 1], "p": [0.1, 0.2, 0.3]}).write_csv(tmp_path / "t.csv")
    assert read_scores(tmp_path / "t.csv", columns).groups["grade"].names == ("1", "2", "10")
    many = pl.DataFrame({"grade": np.arange(30) / 4, "y": [0, 1] * 15, "p": np.arange(30) / 30})
    many.write_csv(tmp_path / "t.csv")
    with pytest.raises(ThresholdError, match=r"30 different numbers\. Say where to cut them"):
        read_scores(tmp_path / "t.csv", columns)
    each = read_scores(tmp_path / "t.csv", replace(columns, groups=("grade:each",)))
    assert each.groups["grade"].names[:3] == ("0", "0.25", "0.5")


def test_a_threshold_of_a_group_is_found_again_where_all_groups_look_like_numbers(binormal, tmp_path):
    target, score = binormal(800, seed=5)
    site = np.where(np.arange(800) % 2, "007", "north")
    table = pl.DataFrame({"site": site, "y": target.astype(int), "p": score})
    table.write_csv(tmp_path / "all.csv")
    asked = {"target": "y", "score": "p", "group": "site", "group_policy": "per_group"}
    point = fit_from_table(tmp_path / "all.csv", **asked)
    table.filter(site="007").write_csv(tmp_path / "one.csv")
    decided = apply_to_table(point, tmp_path / "one.csv", group="site")
    assert set(decided["site"]) == {"007"}
    threshold = next(row.threshold for row in point.groups if row.name == "007")
    assert decided["positive"].to_list() == (decided["p"] >= threshold).to_list()


def test_a_watch_knows_a_patient_again_however_its_id_is_written(tmp_path):
    columns = PatientColumns(score="p", cluster="patient")
    frames = [table_of(ids) for ids in ([12, 13], [12.0, 13.0], ["12", "13"], ["12.0", "13.0"])]
    names = [set(read_patients(frame, columns).names) for frame in frames]
    assert names == [names[0]] * 4
    (tmp_path / "zeros.csv").write_text("patient,p\n012,1.0\n013,2.0\n")
    assert not names[0] & set(read_patients(tmp_path / "zeros.csv", columns).names)


def test_scores_named_as_patients_by_mistake_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("patient,p\n0.12,1.0\n0.5,2.0\n")
    with pytest.raises(ThresholdError, match="numbers with decimals, expected names of patients"):
        read_patients(tmp_path / "t.csv", PatientColumns(score="p", cluster="patient"))
