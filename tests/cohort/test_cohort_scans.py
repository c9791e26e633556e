"""A folder of CT studies in any order becomes a manifest with one scan per study; the rest is told why."""

import re

import numpy as np
import polars as pl
import pytest
from ct_series import body, write_series
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.cohort.importers import ImportRequest, import_scans
from strnet.cohort.manifest import read_manifest
from strnet.errors import ManifestError
from strnet.imaging.nifti import write_nifti
from strnet.imaging.volume_reading import read_volume


def study(folder, patient, seed, **tags):
    uid = f"1.2.826.5.{seed}"
    return write_series(
        folder,
        hu=body(seed=seed),
        **{"PatientID": patient, "StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.1", **tags},
    )


def ingested(tmp_path, **asked):
    out = tmp_path / "cohort.csv"
    cohort = import_scans(ImportRequest(folder=tmp_path / "in", out=out, workers=0, **asked))
    return cohort, read_manifest(out, check_files=True)


def reasons(cohort):
    return " | ".join(cohort.quarantine["reason"])


def test_every_study_has_a_row_with_how_it_was_taken(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    study(tmp_path / "in" / "b", "B", 2, KVP=100, ConvolutionKernel="B70f", ContrastBolusAgent="Imeron")
    cohort, manifest = ingested(tmp_path)
    rows = manifest.frame.sort("patient_id")
    assert rows["patient_id"].to_list() == ["A", "B"]
    assert rows["kvp"].to_list() == [120.0, 100.0]
    assert rows["kernel"].to_list() == ["Br38f", "B70f"]
    assert rows["contrast"].to_list() == ["none", "unknown"]  # an agent, but described as native
    assert rows["slice_thickness_mm"].to_list() == [3.0, 3.0]
    assert rows["slice_spacing_mm"].to_list() == [2.5, 2.5]
    assert set(rows["slices"]) == {12}
    assert (set(rows["anatomy"]), set(rows["view"])) == ({"spine"}, {"AXIAL"})
    assert set(rows["scanner"]) == {"SIEMENS Definition"}
    assert cohort.quarantine.height == 0
    for row in rows.iter_rows(named=True):
        volume, _ = read_volume(manifest.image_path(row))
        assert np.array_equal(volume.values, body(seed=1 if row["patient_id"] == "A" else 2))


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (
            {},
            {"ContrastBolusAgent": "Imeron", "SeriesDescription": "venous"},
            "contrast none before contrast iv",
        ),
        ({"SliceThickness": 9}, {"SeriesDescription": "CT"}, "contrast none before contrast unknown"),
        ({"SliceThickness": 5}, {"ConvolutionKernel": "B70f"}, r"kernel Br38f \(soft\) before kernel B70f"),
        ({"SliceThickness": 1}, {"SliceThickness": 5}, "slices of 1 mm before slices of 5 mm"),
    ],
)
@pytest.mark.parametrize("first", ["1", "2"])
def test_the_series_that_suits_density_best_is_used_and_the_reason_is_kept(
    tmp_path, better, worse, why, first
):
    second = "2" if first == "1" else "1"
    study(tmp_path / "in", "A", 1, prefix="x", **better | {"SeriesInstanceUID": f"1.2.3.{first}"})
    study(
        tmp_path / "in",
        "A",
        1,
        prefix="y",
        **worse | {"SeriesInstanceUID": f"1.2.3.{second}", "FrameOfReferenceUID": "1.9"},
    )
    cohort, manifest = ingested(tmp_path)
    assert manifest.frame["series_uid"].to_list() == [f"1.2.3.{first}"]
    choices = pl.read_csv(tmp_path / "cohort.scans.csv", schema_overrides={"series_uid": pl.String})
    assert choices.filter("used")["series_uid"].to_list() == [f"1.2.3.{first}"]
    assert re.search(why, choices.filter(~pl.col("used"))["reason"][0])
    assert f"series 1.2.3.{second}" in reasons(cohort)


def test_series_that_share_a_folder_get_folders_of_their_own(tmp_path):
    study(tmp_path / "in", "A", 1, prefix="a")
    study(tmp_path / "in", "B", 2, prefix="b")
    before = sorted(path.name for path in (tmp_path / "in").iterdir())
    _, manifest = ingested(tmp_path)
    for row in manifest.frame.iter_rows(named=True):
        assert row["path"].startswith("cohort.series/")
        volume, _ = read_volume(manifest.image_path(row))
        assert np.array_equal(volume.values, body(seed=1 if row["patient_id"] == "A" else 2))
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == before
    _, again = ingested(tmp_path)
    assert again.frame.equals(manifest.frame)


def test_what_is_broken_is_told_and_the_rest_of_the_batch_is_done(tmp_path):
    study(tmp_path / "in" / "good", "A", 1)
    study(tmp_path / "in" / "gap", "B", 2)[5].unlink()
    cut = study(tmp_path / "in" / "cut", "C", 3)[4]
    cut.write_bytes(cut.read_bytes()[:-400])
    study(tmp_path / "in" / "scout", "D", 4, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    study(tmp_path / "in" / "mr", "E", 5, Modality="MR")
    headless = study(tmp_path / "in" / "headless", "F", 6)[0]
    headless.write_bytes(headless.read_bytes()[:200])
    (tmp_path / "in" / "notes.txt").write_text("nothing")
    cohort, manifest = ingested(tmp_path)
    assert manifest.frame["patient_id"].to_list() == ["A"]
    told = reasons(cohort)
    for reason in ("slice(s) missing", "localizer", "Modality (0008,0060) is MR", "neither DICOM"):
        assert reason in told
    by_folder = {path.split("/")[-2]: reason for path, reason in cohort.quarantine.rows()}
    assert "slice" in by_folder["cut"]
    headless_reasons = [reason for path, reason in cohort.quarantine.rows() if "/headless/" in path]
    assert any("cut in its header" in reason for reason in headless_reasons)
    assert any("may be one of its slices" in reason for reason in headless_reasons)


def test_the_next_best_series_is_used_where_the_best_cannot_be_decoded(tmp_path):
    best = study(tmp_path / "in" / "thin", "A", 1, SliceThickness=1)[4]
    best.write_bytes(best.read_bytes()[:-400])
    study(tmp_path / "in" / "thick", "A", 1, SliceThickness=5, SeriesInstanceUID="1.2.3.9")
    cohort, manifest = ingested(tmp_path)
    assert manifest.frame["slice_thickness_mm"].to_list() == [5.0]
    assert "series refused: series 1.2.826.5.1.1 (12 slices): slice " in reasons(cohort)


def test_a_table_adds_density_and_its_reference_by_patient(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    study(tmp_path / "in" / "b", "B", 2)
    (tmp_path / "qct.csv").write_text("patient_id,vbmd,age,reference_standard\nA,130.5,60,qct\nB,75,80,qct\n")
    _, manifest = ingested(tmp_path, table=tmp_path / "qct.csv")
    rows = manifest.frame.sort("patient_id")
    assert rows["vbmd"].to_list() == [130.5, 75.0]
    assert rows["age"].to_list() == [60.0, 80.0]


def test_a_header_of_another_sex_than_the_table_says_is_left_out(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    study(tmp_path / "in" / "b", "B", 2)
    (tmp_path / "people.csv").write_text("patient_id,sex\nA,M\nB,F\n")
    cohort, manifest = ingested(tmp_path, table=tmp_path / "people.csv")
    assert manifest.frame["patient_id"].to_list() == ["B"]
    assert "header and table disagree: sex F in the header, M in the table" in reasons(cohort)


def test_nifti_files_are_scans_whose_patients_a_rule_names(tmp_path):
    study(tmp_path / "series", "A", 1)
    volume, _ = read_volume(tmp_path / "series")
    (tmp_path / "in").mkdir()
    write_nifti(volume, tmp_path / "in" / "P7_1.nii.gz")
    (tmp_path / "in" / "P8_1.nii").write_bytes(b"broken")
    cohort, manifest = ingested(tmp_path, patient_id_from="{patient}_{n}")
    row = manifest.frame.row(0, named=True)
    assert (row["image_id"], row["patient_id"], row["file_format"]) == ("P7_1", "P7", "nifti")
    assert (row["path"], row["contrast"], row["kvp"]) == ("in/P7_1.nii.gz", "unknown", None)
    assert cohort.quarantine.height == 1


def test_a_scan_of_nobody_is_left_out_with_the_reason(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    study(tmp_path / "in" / "b", "", 2)
    cohort, manifest = ingested(tmp_path)
    assert manifest.frame.height == 1
    assert "no patient id" in reasons(cohort)


def test_a_folder_without_a_scan_is_refused_with_the_first_reason(tmp_path):
    study(tmp_path / "in", "A", 1, Modality="MR")
    with pytest.raises(ManifestError, match="no film could be used of 12"):
        ingested(tmp_path)


def test_processes_find_the_same_as_none(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    study(tmp_path / "in" / "b", "B", 2)[3].unlink()
    _, alone = ingested(tmp_path)
    import_scans(ImportRequest(folder=tmp_path / "in", out=tmp_path / "cohort.csv", workers=2))
    assert read_manifest(tmp_path / "cohort.csv").frame.equals(alone.frame)


def test_the_command_ingests_volumes(tmp_path):
    study(tmp_path / "in" / "a", "A", 1)
    out = tmp_path / "cohort.csv"
    done = CliRunner().invoke(
        app, ["ingest", str(tmp_path / "in"), "-o", str(out), "--layout", "volumes", "--workers", "0"]
    )
    assert done.exit_code == 0, done.output
    assert read_manifest(out).frame["kernel"].to_list() == ["Br38f"]
