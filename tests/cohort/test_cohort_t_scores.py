"""BMD to T-scores by a named reference table, the lowest site, and what is refused."""

import json

import polars as pl
import pytest

from strnet.cohort import read_manifest
from strnet.cohort.flow import flow_of, read_flow, write_flow
from strnet.config import REFERENCE_TABLES
from strnet.errors import ConfigError, ManifestError, RowFilterError
from strnet.jobs import t_scores
from strnet.jobs.report_flow import reported_flow

ROW = {"image_id": "a", "patient_id": "p", "path": "a.png", "reference_standard": "dxa"}


def manifest(folder, *rows):
    path = folder / "manifest.csv"
    filled = [
        {**ROW, "image_id": f"i{k}", "patient_id": f"p{k}", "path": f"i{k}.png", **row}
        for k, row in enumerate(rows)
    ]
    pl.DataFrame(filled, infer_schema_length=None).write_csv(path)
    return path


def told(folder, *rows, table="nhanes_us_women", **more):
    out = folder / "told.csv"
    made = t_scores(manifest(folder, *rows), out, table=table, **more)
    return made, read_manifest(out).frame


def test_a_bmd_becomes_its_distance_from_young_adults_in_their_sds(tmp_path):
    _, frame = told(tmp_path, {"bmd_femoral_neck": 0.858 - 2.5 * 0.120}, table="nhanes3_white_women")
    assert frame["t_score_femoral_neck"][0] == -2.5


def test_a_bmd_on_the_boundary_is_on_its_sicker_side(tmp_path):
    # .558 is .858 - 2.5 x .120, which binary numbers make -2.4999999999999996
    _, frame = told(
        tmp_path, {"bmd_femoral_neck": 0.558}, {"bmd_femoral_neck": 0.738}, table="nhanes3_white_women"
    )
    assert frame["diagnosis"].to_list() == ["osteoporosis", "normal"]


def test_the_lowest_of_spine_and_hip_decides_and_the_forearm_does_not(tmp_path):
    made, frame = told(
        tmp_path,
        {"bmd_lumbar_spine": 1.064 - 0.106, "bmd_femoral_neck": 0.858 - 2.6 * 0.120, "bmd_forearm": 0.2},
        {"bmd_lumbar_spine": 1.064, "bmd_femoral_neck": None, "bmd_forearm": 0.2},
        leave_out=["forearm"],
    )
    assert frame["t_score"].to_list() == pytest.approx([-2.6, 0.0], abs=1e-9)
    assert frame["reference_site"].to_list() == ["lowest", "lowest"]
    assert frame["diagnosis"].to_list() == ["osteoporosis", "normal"]
    assert made["films"] == {
        "t_score": {"computed": 2, "kept": 0, "lacking": 0},
        "t_score_lumbar_spine": {"computed": 2, "kept": 0, "lacking": 0},
        "t_score_femoral_neck": {"computed": 1, "kept": 0, "lacking": 1},
        "t_score_forearm": {"computed": 0, "kept": 0, "lacking": 2},
    }


def test_whose_bmd_it_was_told_against_stands_beside_the_manifest(tmp_path):
    told(tmp_path, {"bmd_total_hip": 0.9})
    kept = json.loads((tmp_path / "told.young_adults.json").read_text())
    assert kept["sites"]["total_hip"]["mean"] == 0.942
    assert "Looker 1998" in kept["sites"]["total_hip"]["source"]


def test_a_row_keeps_the_site_that_it_names(tmp_path):
    _, frame = told(
        tmp_path,
        {"bmd_lumbar_spine": 0.7, "bmd_femoral_neck": 0.858, "reference_site": "femoral_neck"},
    )
    assert frame["t_score"][0] == pytest.approx(0.0, abs=1e-12)
    assert frame["reference_site"][0] == "femoral_neck"


def test_rows_without_bmd_stay_as_they_are(tmp_path):
    _, frame = told(tmp_path, {"bmd_total_hip": 0.9}, {"t_score": -3.1, "reference_site": "lumbar_spine"})
    assert frame["t_score"].to_list()[1] == -3.1
    assert frame["reference_site"].to_list()[1] == "lumbar_spine"


def test_a_site_without_young_adults_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"1 rows have bmd_lumbar_spine.*--leave-out lumbar_spine"):
        told(tmp_path, {"bmd_lumbar_spine": 0.9}, table="nhanes3_white_women")


def test_t_scores_told_by_another_table_are_not_overwritten(tmp_path):
    with pytest.raises(ManifestError, match=r"image i0: t_score_femoral_neck -1.5, its BMD says -0.983"):
        told(tmp_path, {"bmd_femoral_neck": 0.74, "t_score_femoral_neck": -1.5})


def test_a_patients_t_score_above_its_lowest_site_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="not the lowest of"):
        told(tmp_path, {"bmd_femoral_neck": 0.5, "t_score": -1.0, "reference_site": "lowest"})


@pytest.mark.parametrize("t_score", [-2.7, 0.3])
def test_a_patients_t_score_that_is_none_of_its_sites_needs_a_site(t_score, tmp_path):
    row = {"bmd_femoral_neck": 0.738, "t_score": t_score}
    with pytest.raises(ManifestError, match=r"that of none of its sites(.|\n)*Say in reference_site"):
        told(tmp_path, row)
    _, frame = told(tmp_path, {**row, "reference_site": "lumbar_spine"})
    assert frame["t_score"].to_list() == [t_score]


def test_lowest_is_the_lowest_where_all_three_sites_are_known(tmp_path):
    sites = {"bmd_lumbar_spine": 1.0, "bmd_total_hip": 0.9, "bmd_femoral_neck": 0.738}
    lower = {"t_score": -1.9, "reference_site": "lowest"}
    with pytest.raises(ManifestError, match="not the lowest of"):
        told(tmp_path, {**sites, **lower})
    _, frame = told(tmp_path, {**sites, **lower, "bmd_lumbar_spine": None})
    assert frame["t_score"].to_list() == [-1.9]


def test_a_rounded_t_score_does_not_carry_a_patient_over_a_cut_off(tmp_path):
    with pytest.raises(ManifestError, match=r"t_score_femoral_neck -2.5, its BMD says -2.460 \(osteopenia"):
        told(tmp_path, {"bmd_femoral_neck": 0.5628, "t_score_femoral_neck": -2.5})
    with pytest.raises(ManifestError, match=r"not that of the femoral neck(.|\n)*not rounded before"):
        told(tmp_path, {"bmd_femoral_neck": 0.5628, "t_score": -2.5, "reference_site": "femoral_neck"})
    _, frame = told(tmp_path, {"bmd_femoral_neck": 0.57, "t_score_femoral_neck": -2.4})
    assert frame["t_score"].to_list() == [-2.4]


def test_a_dxa_t_score_becomes_no_ultrasound_label(tmp_path):
    row = {"bmd_femoral_neck": 0.6, "reference_standard": "qus"}
    with pytest.raises(ManifestError, match="image i0: qus"):
        told(tmp_path, row)
    _, frame = told(tmp_path, {**row, "t_score": 0.4, "reference_site": "calcaneus"})
    assert frame["t_score"].to_list() == [0.4]


def test_exchanged_columns_and_the_bmd_of_another_site_are_remarked_on(tmp_path):
    hip, neck = ([0.71 + 0.02 * k for k in range(12)], [0.58 + 0.02 * k for k in range(12)])
    right = [{"bmd_total_hip": a, "bmd_femoral_neck": b} for a, b in zip(hip, neck, strict=True)]
    exchanged = [{"bmd_total_hip": b, "bmd_femoral_neck": a} for a, b in zip(hip, neck, strict=True)]
    spine = [{"bmd_femoral_neck": 1.0 + 0.01 * k} for k in range(12)]
    assert told(tmp_path, *right)[0]["notes"] == []
    assert (
        "t_score_femoral_neck is on average 1.7 above t_score_total_hip in 12"
        in told(tmp_path, *exchanged)[0]["notes"][0]
    )
    assert "t_score_femoral_neck: its mean is 1.6" in told(tmp_path, *spine)[0]["notes"][0]


def test_a_diagnosis_that_contradicts_the_new_t_score_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="contradict"):
        told(tmp_path, {"bmd_femoral_neck": 0.5, "diagnosis": "normal"})


def test_a_bmd_in_milligrams_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"bmd_femoral_neck(.|\n)*mg/cm2"):
        told(tmp_path, {"bmd_femoral_neck": 740.0})


def test_a_manifest_without_bmd_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="no BMD"):
        told(tmp_path, {"t_score": -1.2})


def test_an_unknown_table_comes_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'nhanes_us_women'"):
        told(tmp_path, {"bmd_femoral_neck": 0.74}, table="nhanes_us_woman")


def reference(folder, *rows):
    path = folder / "reference.csv"
    columns = ("site", "population", "sex", "age_group", "mean_g_cm2", "sd_g_cm2", "source_key")
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(path)
    return str(path)


def test_a_file_of_ones_own_is_a_table(tmp_path):
    rows = [
        ("lumbar_spine", "US", "M", "20-29", 1.09, 0.11, "a"),
        ("lumbar_spine", "US", "F", "20-29", 1.05, 0.10, "a"),
        ("ankle", "US", "F", "20-29", 1.05, 0.10, "a"),
    ]
    table = reference(tmp_path, *rows)
    with pytest.raises(ManifestError, match="lumbar_spine stands in several rows"):
        told(tmp_path, {"bmd_lumbar_spine": 0.95}, table=table)
    made, frame = told(tmp_path, {"bmd_lumbar_spine": 0.95}, table=table, where="sex = 'F'")
    assert frame["t_score"][0] == pytest.approx(-1.0, abs=1e-9)
    assert made["young_adults"]["lumbar_spine"].endswith("US, F, 20-29, a")


def test_a_table_with_a_spread_of_nothing_is_refused(tmp_path):
    table = reference(tmp_path, ("lumbar_spine", "US", "F", "20-29", 1.05, 0.0, "a"))
    with pytest.raises(ManifestError, match="lumbar_spine: sd"):
        told(tmp_path, {"bmd_lumbar_spine": 0.95}, table=table)


@pytest.mark.parametrize(
    ("mean", "sd", "message"),
    [
        (858.0, 120.0, r"femoral_neck: mean: .*found 858, expected 0.1 to 2.5 g/cm2; is it in mg/cm2"),
        (0.120, 0.858, r"femoral_neck: sd: .*found 0.858 beside a mean of 0.12; are the two exchanged"),
        (0.858, 14.0, r"femoral_neck: sd: .*or is it in %"),
    ],
)
def test_a_table_in_another_unit_or_with_exchanged_columns_is_refused(mean, sd, message, tmp_path):
    # T would be -7.1 for everybody, or about 0.9: numbers that a manifest takes
    table = reference(tmp_path, ("femoral_neck", "US", "F", "20-29", mean, sd, "a"))
    with pytest.raises(ManifestError, match=message):
        told(tmp_path, {"bmd_femoral_neck": 0.8}, table=table)
    assert not (tmp_path / "told.csv").exists()


def test_a_condition_with_a_word_that_no_row_of_the_table_holds_is_refused(tmp_path):
    table = reference(tmp_path, ("femoral_neck", "US", "F", "20-29", 0.858, 0.12, "a"))
    with pytest.raises(RowFilterError, match="no row has sex 'Male'"):
        told(tmp_path, {"bmd_femoral_neck": 0.8}, table=table, where="sex <> 'Male'")


def test_a_site_to_leave_out_that_is_none_comes_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'forearm'"):
        told(tmp_path, {"bmd_femoral_neck": 0.8}, leave_out=["foream"])


def test_how_many_were_computed_kept_and_lacking_stands_in_record_flow_and_report(tmp_path):
    rows = (
        {
            "bmd_femoral_neck": 0.558,
            "t_score": -2.5,
            "t_score_femoral_neck": -2.5,
            "diagnosis": "osteoporosis",
        },
        {"bmd_femoral_neck": 0.738},
        {"bmd_femoral_neck": None},
    )
    made, _ = told(tmp_path, *rows)
    counts = {"computed": 1, "kept": 1, "lacking": 1}
    assert made["films"] == {"t_score": counts, "t_score_femoral_neck": counts}
    assert json.loads((tmp_path / "told.young_adults.json").read_text())["films"] == made["films"]
    cohort = read_manifest(tmp_path / "told.csv")
    flow = read_flow(tmp_path / "told.flow.json", cohort)
    assert [(step.name, step.images) for step in flow.steps] == [("screened", 3), ("labelled", 2)]
    assert flow.t_scores[0]["films"] == made["films"]
    split_file = tmp_path / "split.csv"
    sides = {"parts": {"test": {"images": 3, "patients": 3}}}
    (note,) = reported_flow(cohort, split_file, sides).notes
    assert note == (
        "T-scores by nhanes_us_women, in films: T-score: 1 computed, 1 kept as they stood, 1 lacking; "
        "T-score of the femoral neck: 1 computed, 1 kept as they stood, 1 lacking."
    )


def test_the_flow_of_an_import_and_an_earlier_count_go_on(tmp_path):
    source = manifest(tmp_path, {"bmd_femoral_neck": 0.7}, {"bmd_femoral_neck": None})
    cohort = read_manifest(source)
    write_flow(
        flow_of(5, 1, ["no patient", "no patient"], cohort.frame), tmp_path / "manifest.flow.json", cohort
    )
    t_scores(source, tmp_path / "once.csv", table="nhanes_us_women")
    t_scores(tmp_path / "once.csv", tmp_path / "twice.csv", table="nhanes3_white_women")
    flow = read_flow(tmp_path / "twice.flow.json", read_manifest(tmp_path / "twice.csv"))
    assert [(step.name, step.images) for step in flow.steps] == [
        ("found", 5), ("readable", 4), ("usable", 2), ("labelled", 1),
    ]  # fmt: skip
    assert [told["table"] for told in flow.t_scores] == ["nhanes_us_women", "nhanes3_white_women"]
    assert [told["films"]["t_score"]["computed"] for told in flow.t_scores] == [1, 0]


def test_films_are_found_from_another_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    source = manifest(tmp_path, {"bmd_total_hip": 0.9})
    (tmp_path / "i0.png").write_bytes(b"")
    t_scores(source, tmp_path / "deep" / "told.csv", table="nhanes_us_women")
    made = read_manifest(tmp_path / "deep" / "told.csv", check_files=True)
    assert made.frame["path"][0] == str(tmp_path / "i0.png")


def test_every_named_table_says_where_its_numbers_come_from():
    for table in REFERENCE_TABLES.values():
        for site, young in table.items():
            assert young.site == site
            assert "NHANES" in young.source
