import contextlib
import json
import os

import polars as pl
import pytest
from torso import build_torso

from strnet.density.reference_rods import ReferenceRod
from strnet.errors import DensityError, PartialResultError
from strnet.imaging.nifti import write_nifti
from strnet.imaging.volume import Volume
from strnet.jobs import density, density_plan
from strnet.jobs import density_of_scan as one_scan


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A function: rows (image_id: changed cells) -> a manifest of one good scan per row, as a path."""
    home = tmp_path_factory.mktemp("scans")
    scan, mask = build_torso((2.5, 2.0, 2.0))
    write_nifti(scan, home / "scan.nii.gz")
    write_nifti(mask, home / "mask.nii.gz")
    moved = mask.affine.copy()
    moved[0, 3] += 9
    write_nifti(Volume(mask.values, moved), home / "moved.nii.gz")

    def own(name, image_id, cells):
        """Files of its own: no two rows of a manifest may share one."""
        files = {"path": "scan.nii.gz", "mask": "mask.nii.gz"} | cells
        for column in ("path", "mask"):
            if files[column] and (home / files[column]).is_file():
                copy = f"{name} {image_id} {column}.nii.gz"
                os.link(home / files[column], home / copy)
                files[column] = copy
        return {column: files[column] for column in ("path", "mask")}

    def write(name, rows):
        usual = {
            "kvp": 120,
            "contrast": "none",
            "scanner": "Siemens Force",
            "contrast_phase": None,
        }
        frame = [
            {
                "image_id": image_id,
                "patient_id": f"p-{image_id}",
                **usual,
                **cells,
                **own(name, image_id, cells),
            }
            for image_id, cells in rows.items()
        ]
        pl.DataFrame(frame, infer_schema_length=None).write_csv(home / name)
        return home / name

    return write


def measured(path, plan, tmp_path):
    out = tmp_path / "density.csv"
    with contextlib.suppress(PartialResultError):
        density(path, out, plan, workers=0)
    table = pl.read_csv(out).rows_by_key("image_id", named=True, unique=True)
    return table, pl.read_csv(tmp_path / "density.vertebrae.csv")


@pytest.fixture
def scanners(tmp_path):
    path = tmp_path / "scanners.csv"
    path.write_text("scanner,kvp,slope,intercept,mineral\nSiemens Force,120,0.8,-4,CHA\n")
    return path


def test_mean_hu_needs_no_conversion(cohort, tmp_path):
    table, vertebrae = measured(cohort("hu.csv", {"a": {"kvp": None}}), density_plan("hu"), tmp_path)
    assert table["a"]["mean_hu"] == pytest.approx(140, abs=0.5)
    assert table["a"]["vbmd"] is None
    assert vertebrae["vertebra"].to_list() == ["L1", "L2", "L3"]
    assert vertebrae["mean_hu"].to_list() == pytest.approx([150, 140, 130], abs=1)


def test_a_table_of_scanners_gives_density_category_and_provenance(cohort, tmp_path, scanners):
    rows = {"a": {}, "other kv": {"kvp": 100}, "other scanner": {"scanner": "GE"}}
    table, vertebrae = measured(
        cohort("scanners.csv", rows), density_plan("scanner", table=scanners), tmp_path
    )
    good = table["a"]
    assert good["vbmd"] == pytest.approx(0.8 * 140 - 4, abs=0.5)
    assert good["diagnosis"] == "osteopenia"
    assert (good["density_method"], good["density_mineral"], good["density_slope"]) == ("scanner", "CHA", 0.8)
    assert good["vertebrae_used"] == "L1 L2 L3"
    mine = vertebrae.filter(pl.col("image_id") == "a")
    assert mine["density"].to_list() == pytest.approx([116, 108, 100], abs=1)
    assert "there are 120 kVp" in table["other kv"]["reason"]
    assert "no row for the scanner" in table["other scanner"]["reason"]
    assert table["other kv"]["mean_hu"] == pytest.approx(140, abs=0.5)


def test_tissues_in_view_give_a_density(cohort, tmp_path):
    table, _ = measured(
        cohort("tissues.csv", {"a": {}, "b": {"kvp": None}}), density_plan("tissues"), tmp_path
    )
    assert table["a"]["density_materials"] == "air fat muscle blood"
    assert 95 < table["a"]["vbmd"] < 125
    assert "tube voltage" in table["b"]["reason"]


def test_rods_give_each_scan_its_own_line(cohort, tmp_path):
    rods = tmp_path / "rods.csv"
    rods.write_text(
        "image_id,density,mean_hu\n"
        + "".join(f"a,{d},{5 + 1.25 * d}\n" for d in (0, 75, 200))
        + "b,0,5\nb,75,100\n"
    )
    plan = density_plan("rods", table=rods, mineral="CHA")
    assert plan.rods["b"] == (ReferenceRod(0, 5), ReferenceRod(75, 100))
    table, _ = measured(cohort("rods.csv", {"a": {}, "b": {}, "c": {}}), plan, tmp_path)
    assert table["a"]["vbmd"] == pytest.approx((140 - 5) / 1.25, abs=0.5)
    assert "2 rods" in table["b"]["reason"]
    assert "no row of this image_id" in table["c"]["reason"]


def test_a_scan_with_contrast_has_a_density_only_where_a_correction_holds(cohort, tmp_path, scanners):
    rows = {
        "none": {},
        "venous": {"contrast": "iv", "contrast_phase": "venous"},
        "arterial": {"contrast": "iv", "contrast_phase": "arterial"},
        "unknown": {"contrast": "unknown", "contrast_phase": "venous"},
    }
    path = cohort("contrast.csv", rows)
    plain, _ = measured(path, density_plan("scanner", table=scanners), tmp_path)
    assert "iodine" in plain["venous"]["reason"]
    plan = density_plan("scanner", table=scanners, correction="ruehling2022")
    table, _ = measured(path, plan, tmp_path)
    assert table["venous"]["vbmd"] == pytest.approx(table["none"]["vbmd"] - 17.5)
    assert table["venous"]["density_correction"] == "ruehling2022"
    assert table["none"]["density_correction"] is None
    assert "phase is arterial" in table["arterial"]["reason"]
    assert "whether there is contrast is unknown" in table["unknown"]["reason"]


def test_bad_rows_keep_their_reason_and_the_rest_is_done(cohort, tmp_path):
    rows = {
        "good": {},
        "no mask": {"mask": None},
        "moved": {"mask": "moved.nii.gz"},
        "gone": {"path": "nothing.nii.gz"},
        "swapped files": {"path": "mask.nii.gz", "mask": "scan.nii.gz"},
    }
    path = cohort("bad.csv", rows)
    with pytest.raises(PartialResultError, match="4 of 5 scans"):
        density(path, tmp_path / "t.csv", density_plan("hu"), workers=0)
    table, _ = measured(path, density_plan("hu"), tmp_path)
    assert table["good"]["reason"] is None
    for name, word in {"no mask": "no mask", "moved": "another grid", "gone": "nothing.nii.gz"}.items():
        assert word in table[name]["reason"]
    assert table["swapped files"]["mean_hu"] is None


def test_what_was_measured_before_a_stop_is_not_measured_again(cohort, tmp_path, monkeypatch):
    path, out, plan = cohort("stop.csv", {"a": {}, "b": {}}), tmp_path / "d.csv", density_plan("hu")
    seen = []

    def stopping(scan, plan):
        seen.append(scan.image_id)
        if seen == ["a", "b"]:
            raise KeyboardInterrupt
        return one_scan.measure(scan, plan)

    monkeypatch.setattr("strnet.jobs.measure_density.measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        density(path, out, plan, workers=0)
    assert not out.exists()
    journal = tmp_path / ".d.csv.measured.jsonl"
    journal.write_text(journal.read_text() + '{"scan": "torn')
    density(path, out, plan, workers=0)
    assert seen == ["a", "b", "b"]
    assert not journal.exists()
    assert pl.read_csv(out)["mean_hu"].null_count() == 0


def test_another_plan_does_not_take_over_what_a_stopped_one_found(cohort, tmp_path):
    path, out = cohort("plan.csv", {"a": {}}), tmp_path / "d.csv"
    stale = {"scan": "0" * 64, "found": {"reason": None, "mean_hu": 1.0, "vertebrae": []}}
    (tmp_path / ".d.csv.measured.jsonl").write_text(json.dumps(stale) + "\n")
    density(path, out, density_plan("hu"), workers=0)
    assert pl.read_csv(out)["mean_hu"].item() == pytest.approx(140, abs=0.5)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"method": "rodz"}, "did you mean 'rods'"),
        ({"method": "rods"}, "which need one"),
        ({"method": "hu", "table": "x.csv"}, "which need one"),
        ({"method": "hu", "labels": {"L9": (1,)}}, "Unknown vertebra"),
        ({"method": "tissues", "contrast": "maybe"}, "Unknown contrast"),
        ({"method": "tissues", "correction": "mine"}, "Unknown contrast correction"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_before_any_scan_is_read(keys, word):
    with pytest.raises(DensityError, match=word):
        density_plan(**keys)
