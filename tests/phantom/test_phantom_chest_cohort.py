from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pydicom
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from strnet.cohort import read_manifest
from strnet.imaging import read_radiograph
from strnet.phantom import Draw, make_cohort
from strnet.phantom import dxa_observer as observer
from strnet.phantom.chest.chest_examination import examine_chest
from strnet.phantom.chest.thoracic_planting import FEATURE_SD, FOLLOWS, Planted, draw_planted, joint_posterior
from strnet.phantom.lumbar.lumbar_examination import examine_spine
from strnet.phantom.physics.spectra import linear_attenuation, spectrum
from strnet.phantom.scanned_people import RESIDUAL_COVARIANCE, draw_scanned_person, expected_t_scores
from strnet.schema import diagnosis_from_t_score

SMALL = Draw(3, (192, 192), 0.6, 4)

GOLDEN = {
    "images/S0005-00000-PA.dcm": "fefedba6ee69c1d17cc79004b6642624dd1d33158a368c3755823e530ae5f92e",
    "images/S0005-00001-PA.dcm": "cbe936431e8cacec1ac5de1e2787b4b8f995f68a71f4172363e9f7c4cd79e38c",
    "images/S0005-00002-PA.dcm": "e43d7b49c56335da99da73c2b69e219c9a3c1630cb909d1c3d9cffe933636011",
}
"""The same with AVX-512 and with AVX2."""


@pytest.fixture(scope="module")
def chests(tmp_path_factory):
    """Eight people on all four scanners, small films, made in this process."""
    return make_cohort("chest", tmp_path_factory.mktemp("chests") / "c", SMALL, patients=8, workers=1)


@pytest.fixture(scope="module")
def population():
    """4,000 people without films: lowest measured T-score (N,), and the observer's beliefs."""
    generator = np.random.default_rng(8)
    people = [draw_scanned_person(6, number, 1.0, 2) for number in range(4000)]
    beliefs = []
    for person in people:
        expected = expected_t_scores(person.age, float(person.sex == "F"), person.bmi)[0]
        beliefs.append(joint_posterior(expected, draw_planted(person.true_t_scores, generator)))
    return np.array([min(person.measured_t_scores) for person in people]), beliefs


def digests(folder) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_from_one_process_or_two(chests, tmp_path):
    again = make_cohort("chest", tmp_path / "again", SMALL, patients=8, workers=2)
    assert digests(again.folder) == digests(chests.folder)


def test_the_films_are_those_of_version_1(tmp_path):
    # Digests of pixels and headers when the version was 1: other ones need another version.
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the digests are those of x86-64 processors")
    made = make_cohort("chest", tmp_path / "c", Draw(5, (256, 256)), patients=3, workers=1)
    assert made.summary["phantom_version"] == 1
    found = {name: digest for name, digest in digests(made.folder).items() if name.startswith("images")}
    assert found == GOLDEN


def test_a_film_is_one_examination_and_the_lowest_t_score_decides(chests):
    read = read_manifest(chests.folder / "manifest.csv", check_files=True).frame
    assert read["bmd_femoral_neck"].to_list() == chests.manifest["bmd_femoral_neck"].to_list()
    assert chests.manifest["exam_id"].n_unique() == chests.manifest.height == 8
    known = 0
    for row in chests.manifest.join(chests.truth, on="image_id").iter_rows(named=True):
        assert (row["anatomy"], row["view"], row["laterality"]) == ("chest", "PA", None)
        assert row["diagnosis"] == diagnosis_from_t_score(row["measured_t_score"])
        if row["t_score"] is None:
            assert row["bmd_lumbar_spine"] is None
            continue
        known += 1
        lowest = min(row["t_score_lumbar_spine"], row["t_score_femoral_neck"])
        assert row["t_score"] == lowest == row["measured_t_score"]
    assert 0 < known < 8


def test_a_lumbar_cohort_of_the_same_seed_is_of_the_same_people():
    draw = Draw(4, (768, 512))
    for number in range(5):
        chest, spine = examine_chest(draw, number), examine_spine(draw, number)
        assert chest.person == spine.person
        assert chest.images[0].labels == spine.images[0].labels


def test_headers_say_that_they_show_a_chest_from_behind(chests):
    for row in chests.manifest.iter_rows(named=True):
        header = pydicom.dcmread(chests.folder / row["path"], stop_before_pixels=True)
        assert (header.BodyPartExamined, header.ViewPosition) == ("CHEST", "PA")
        assert list(header.PatientOrientation) == ["L", "F"]
        assert 105 <= float(header.KVP) <= 128
        assert "no patient" in header.ImageComments
        if header.Modality == "DX":
            assert header.ViewCodeSequence[0].CodeValue == "272479007"


def test_every_scanner_writes_what_the_validator_of_dicom3tools_accepts(chests):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    assert chests.manifest["scanner"].n_unique() > 2
    for path in sorted((chests.folder / "images").iterdir()):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        found = [line for line in said.stderr.splitlines() if line.startswith(("Error", "Warning"))]
        assert found == [], path.name


def test_lungs_are_darker_than_what_lies_between_and_under_them(chests):
    for row in chests.manifest.iter_rows(named=True):
        film = read_radiograph(chests.folder / row["path"]).pixels
        between = film[80:130, 90:102].mean()
        assert film[60:110, 48:68].mean() < between - 0.15
        assert film[60:110, 128:148].mean() < between - 0.15
        assert film[165:175, 50:140].mean() > film[60:110, 48:68].mean() + 0.15


def test_the_ideal_observer_is_near_nine_tenths_and_far_above_the_clinic(population):
    lowest, beliefs = population
    logits = [observer.bone_loss_logit(belief) for belief in beliefs]
    assert 0.88 < roc_auc_score(lowest < -1.0, logits) < 0.92


@pytest.mark.parametrize(
    ("logit", "among", "cut"),
    [
        (observer.bone_loss_logit, np.isfinite, lambda t: t < -1.0),
        (observer.osteoporosis_logit, np.isfinite, lambda t: t <= -2.5),
        (observer.osteoporosis_given_loss_logit, lambda t: t < -1.0, lambda t: t <= -2.5),
    ],
)
def test_what_the_observer_believes_happens_that_often(population, logit, among, cut):
    lowest, beliefs = population
    rows = among(lowest)
    prob = 1.0 / (1.0 + np.exp(-np.array([logit(belief) for belief in beliefs])))[rows]
    happened = cut(lowest)[rows]
    for low, high in pairwise(np.quantile(prob, np.linspace(0, 1, 9))):
        inside = (prob >= low) & (prob <= high)
        error = 4.0 * np.sqrt(max(prob[inside].mean() * (1 - prob[inside].mean()), 0.002) / inside.sum())
        assert happened[inside].mean() == pytest.approx(prob[inside].mean(), abs=error)


def test_the_joint_posterior_is_bayes_rule_on_a_lattice():
    expected, scores = np.array([-0.8, -1.2]), (-2.0, -3.0, 0.4, -1.0, -2.2)
    lumbar, femur = np.meshgrid(np.linspace(-8, 6, 701), np.linspace(-8, 6, 701), indexing="ij")
    points = np.stack([lumbar, femur], axis=-1)
    log_density = multivariate_normal(expected, RESIDUAL_COVARIANCE).logpdf(points)
    for (name, (spine, neck)), score in zip(FOLLOWS.items(), scores, strict=True):
        log_density -= 0.5 * ((score - spine * lumbar - neck * femur) / FEATURE_SD[name]) ** 2
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    mean = np.array([(weight * lumbar).sum(), (weight * femur).sum()])
    gap = points - mean
    covariance = np.einsum("ij,ijk,ijl->kl", weight, gap, gap)
    belief = joint_posterior(expected, Planted(*scores))
    np.testing.assert_allclose(belief.mean, mean, atol=1e-4)
    np.testing.assert_allclose(belief.covariance, covariance, atol=1e-4)


def test_a_hard_beam_reaches_beyond_100_kev_with_the_printed_coefficients():
    # NISTIR 5632: cortical bone at 150 keV 0.1480 cm2/g, ICRU-44 density 1.92 g/cm3.
    assert linear_attenuation("bone", np.array([150.0]))[0] == pytest.approx(0.1480 * 1.92 / 10, rel=1e-9)
    energies = np.array([100.0, 112.0, 150.0])
    for material in ("soft", "adipose", "bone", "aluminium", "titanium"):
        assert (np.diff(linear_attenuation(material, energies)) < 0).all()
    assert 100.0 < spectrum(120.0).energy_kev.max() < 120.0


@pytest.mark.slow
def test_grey_levels_alone_say_little_about_bone(tmp_path):
    cohort = make_cohort("chest", tmp_path / "c", Draw(21, (256, 256)), patients=500)
    for task in ("bone_loss", "osteoporosis"):
        assert cohort.summary["grey_levels_only"][task]["auroc"] < 0.65
    assert 0.87 < cohort.summary["ideal_observer"]["bone_loss"]["auroc"] < 0.94
