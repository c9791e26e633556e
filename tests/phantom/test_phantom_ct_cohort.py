"""A CT cohort on disk: files, manifest, truth, the ideal observer, shortcuts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import numpy as np
import polars as pl
import pydicom
import pytest

from strnet.cohort import read_manifest
from strnet.imaging.spine_labels import NUMBER_OF
from strnet.imaging.volume_masks import read_volume_mask
from strnet.imaging.volume_reading import read_volume, voxel_sha256
from strnet.phantom import ANATOMIES, Draw, make_cohort
from strnet.phantom.ct.ct_scanners import CT_SCANNERS
from strnet.phantom.ct.ct_summary import observer_figures
from strnet.phantom.shortcuts import cross_validated_auroc
from strnet.phantom.volume_output import hounsfield_statistics
from strnet.schema import diagnosis_from_vbmd

SMALL = Draw(3, (56, 56), 0.6, 5)
PEOPLE = 6


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Six people in five hospitals, small slices, made in this process."""
    return make_cohort("ct", tmp_path_factory.mktemp("scans") / "c", SMALL, patients=PEOPLE, workers=1)


@pytest.fixture(scope="module")
def population():
    """Manifest labels and truth of 2,000 people, planned and not scanned."""
    draw = Draw(9, (128, 128), 1.0, 5)
    rows = []
    for number in range(2000):
        examination = ANATOMIES["ct"].examine(draw, number)
        (scan,) = examination.images
        person = examination.person
        rows.append(
            {"patient_id": person.patient_id, "age": person.age, "sex": person.sex, "bmi": person.bmi}
            | {"site": scan.technique.scanner.site, "scanner": scan.technique.scanner.model}
            | scan.labels
            | scan.truth
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def digests(folder) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def auroc(target, score) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(target, score))


def test_the_same_seed_gives_the_same_bytes_from_one_process_or_two(scans, tmp_path):
    again = make_cohort("ct", tmp_path / "again", SMALL, patients=PEOPLE, workers=2)
    assert digests(again.folder) == digests(scans.folder)


def test_lost_series_and_lost_masks_are_made_again_and_the_rest_is_kept(scans, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(scans.folder, half)
    shutil.rmtree(half / "images" / scans.manifest["image_id"][1])
    (half / "masks" / f"{scans.manifest['image_id'][4]}.nii.gz").unlink()
    unfinished = half / "images" / f".{scans.manifest['image_id'][1]}-0123456789ab"
    unfinished.mkdir()
    (unfinished / "0001.dcm").write_bytes(b"half a slice")
    kept = half / "images" / scans.manifest["image_id"][0] / "0001.dcm"
    before = kept.stat().st_mtime_ns
    make_cohort("ct", half, SMALL, patients=PEOPLE, workers=1)
    assert digests(half) == digests(scans.folder)
    assert kept.stat().st_mtime_ns == before


def test_the_series_is_read_at_its_place_and_the_mask_lies_on_its_grid(scans):
    for row in scans.manifest.iter_rows(named=True):
        volume, source = read_volume(scans.folder / row["path"])
        assert voxel_sha256(volume) == row["pixel_sha256"]
        assert volume.values.shape == (row["slices"], row["rows"], row["columns"])
        mask = read_volume_mask(scans.folder / row["mask"], volume)
        assert {NUMBER_OF[f"{name}_trabecular"] for name in ("L1", "L2", "L3")} <= set(np.unique(mask.values))
        assert source.plane == "axial"
        assert (source.kvp, source.kernel, source.contrast) == (row["kvp"], row["kernel"], row["contrast"])
        assert source.slice_thickness_mm == row["slice_thickness_mm"]
        assert source.slice_spacing_mm == pytest.approx(row["slice_spacing_mm"], abs=1e-3)
        assert (source.institution, source.scanner) == (row["site"], row["scanner"])
        assert source.body_part == "ABDOMEN"


def test_the_manifest_is_read_without_complaint(scans):
    read = read_manifest(scans.folder / "manifest.csv", check_files=True).frame
    assert read["image_id"].to_list() == scans.manifest["image_id"].to_list()
    assert set(read["anatomy"]) == {"spine"}
    assert set(read["view"]) == {"AXIAL"}


def test_the_diagnosis_is_that_of_the_measured_density_by_the_cut_offs_of_the_acr(scans):
    for row in scans.manifest.join(scans.truth, on="image_id").iter_rows(named=True):
        assert row["diagnosis"] == diagnosis_from_vbmd(row["measured_vbmd"])
        assert row["vbmd"] in (None, row["measured_vbmd"])
        assert row["true_vbmd"] == pytest.approx(
            np.mean([row[f"vbmd_{name}"] for name in ("L1", "L2", "L3")]), abs=1e-4
        )
    assert 0 < scans.manifest["vbmd"].null_count() < PEOPLE


def test_every_header_says_that_no_patient_was_imaged_and_every_slice_has_a_name_of_its_own(scans):
    names = set()
    slices = 0
    for path in sorted(scans.folder.glob("images/*/*.dcm")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        assert "no patient was imaged" in header.ImageComments
        names.add(header.SOPInstanceUID)
        slices += 1
    assert len(names) == slices == scans.manifest["slices"].sum()


def test_every_scanner_writes_what_the_validator_of_dicom3tools_accepts(tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    from dataclasses import replace

    from strnet.imaging.volume import Volume
    from strnet.phantom.ct.ct_series import series_files
    from strnet.phantom.ct.ct_technique import draw_technique
    from strnet.phantom.scanned_people import draw_scanned_person

    volume = Volume(np.full((2, 8, 8), 40, np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    person = draw_scanned_person(1, 1, 1.0, 2)
    for number, scanner in enumerate(CT_SCANNERS):
        drawn = draw_technique(scanner, np.random.default_rng(number))
        for phase in (None, "portal"):
            name, content = next(iter(series_files(volume, replace(drawn, phase=phase), person, 1)))
            (tmp_path / name).write_bytes(content)
            said = subprocess.run(["dciodvfy", tmp_path / name], capture_output=True, text=True, check=False)
            assert "Error" not in said.stderr + said.stdout, said.stderr


def test_the_people_and_bones_are_those_of_the_lumbar_films_of_the_same_seed():
    for number in range(12):
        scan = ANATOMIES["ct"].examine(Draw(3, (128, 128)), number)
        films = ANATOMIES["lumbar"].examine(Draw(3, (768, 512)), number)
        assert (scan.person.age, scan.person.bmi) == (films.person.age, films.person.bmi)
        shared = ("true_t_score_lumbar_spine", "endplate_mm", "side_wall_mm", "front_wall_mm", "worn_discs")
        for name in (*shared, "scoliosis_mm", "bone_volume_score"):
            assert scan.images[0].truth[name] == films.images[0].truth[name]


def test_densities_are_those_of_people_who_get_a_ct(population):
    measured = population["measured_vbmd"].to_numpy()
    # VerSe 2019, 160 people: mean 113, SD 39 mg/cm3; QCT and DXA of the spine correlate at .6 to .8.
    assert 98 < measured.mean() < 125
    assert 30 < measured.std() < 48
    r = np.corrcoef(measured, population["true_t_score_lumbar_spine"].to_numpy())[0, 1]
    assert 0.6 < r < 0.8
    assert np.corrcoef(measured, population["age"].to_numpy())[0, 1] < -0.3


def test_the_error_of_the_reference_is_three_mg(population):
    error = (population["measured_vbmd"] - population["true_vbmd"]).to_numpy()
    assert error.std() == pytest.approx(3.0, rel=0.06)
    assert abs(error.mean()) < 0.2


def test_the_hospitals_get_their_shares_and_three_of_them_have_four_scanners(population):
    outside = population.filter(~pl.col("site").is_in(["site_a", "site_b"]))
    assert outside["site"].n_unique() == 3
    assert outside["scanner"].n_unique() == 4
    assert outside.height / population.height == pytest.approx(0.28, abs=0.03)
    inside = ANATOMIES["ct"].examine(Draw(9, (128, 128), 1.0, 2), 5).images[0].technique.scanner.site
    assert inside in ("site_a", "site_b")


@pytest.mark.parametrize("target", ["osteoporosis", "bone_loss"])
def test_the_observer_is_at_least_as_good_as_any_single_feature(population, target):
    positive = (
        population["diagnosis"] == "osteoporosis"
        if target == "osteoporosis"
        else population["diagnosis"] != "normal"
    ).to_numpy()
    best = auroc(positive, population[f"observer.{target}"].to_numpy())
    told = {"diagnosis", "measured_vbmd", "vbmd", "true_vbmd"}
    features = [
        name
        for name, kind in population.schema.items()
        if kind.is_numeric() and name not in told and not name.startswith(("observer", "vbmd_"))
    ]
    assert "observed_hu" in features
    for name in features:
        assert best >= auroc(positive, population[name].to_numpy()) - 1e-9, name
        assert best >= auroc(positive, -population[name].to_numpy()) - 1e-9, name
    assert best > 0.95


def test_what_the_observer_believes_happens_that_often(population):
    believed = 1.0 / (1.0 + np.exp(-population["observer.osteoporosis"].to_numpy()))
    severe = (population["diagnosis"] == "osteoporosis").to_numpy()
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        chosen = (believed >= low) & (believed <= high)
        spread = 3.5 * np.sqrt((believed[chosen] * (1 - believed[chosen])).sum()) / chosen.sum()
        # The scanners that exist are no sample of those that the observer imagines.
        assert severe[chosen].mean() == pytest.approx(believed[chosen].mean(), abs=spread + 0.05)


def test_knowing_the_drift_helps_most_outside(population):
    outside = (~population["site"].is_in(["site_a", "site_b"])).to_numpy()
    error = {
        prefix: np.abs((population[f"{prefix}.vbmd"] - population["measured_vbmd"]).to_numpy())
        for prefix in ("observer", "observer_knowing_drift")
    }
    assert error["observer_knowing_drift"][outside].mean() < error["observer"][outside].mean() - 1.0
    assert error["observer"][outside].mean() > error["observer"][~outside].mean()
    assert error["observer_knowing_drift"].mean() < 5.0


def test_grey_levels_without_the_mask_say_little_about_bone():
    # 1,000 people give .62 to .64; the 300 here have a standard error of .035.
    anatomy, draw = ANATOMIES["ct"], Draw(21, (64, 64), 1.0, 5)
    grey, diagnoses = [], []
    for number in range(300):
        (scan,) = anatomy.examine(draw, number).images
        grey.append(hounsfield_statistics(scan.render().volume.values))
        diagnoses.append(scan.labels["diagnosis"])
    people = np.arange(300)
    for target in (np.array(diagnoses) != "normal", np.array(diagnoses) == "osteoporosis"):
        for columns in (np.s_[:, :11], np.s_[:, 11:]):
            assert cross_validated_auroc(np.array(grey)[columns], target, people) < 0.69


def test_the_probabilities_of_the_three_classes_sum_to_one(population):
    names = [f"observer.diagnosis.{name}" for name in ("normal", "osteopenia", "osteoporosis")]
    total = np.exp(population.select(names).to_numpy()).sum(axis=1)
    assert np.abs(total - 1.0).max() < 1e-9


def test_the_summary_gives_the_observers_error_in_mg(population):
    figures = observer_figures(np.ones(population.height, dtype=bool), population, population, "observer")
    error = (population["observer.vbmd"] - population["measured_vbmd"]).to_numpy()
    assert figures["vbmd"]["mae"] == pytest.approx(np.abs(error).mean(), abs=1e-5)
    assert figures["vbmd"]["unit"] == "mg/cm3"
