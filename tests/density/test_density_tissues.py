import re

import numpy as np
import pytest

from strnet.density.internal_tissues import TissueSample, conversion_from_tissues
from strnet.density.mass_attenuation_fit import fit_mass_attenuation
from strnet.density.tissue_attenuation import (
    effective_energy,
    hu_per_density,
    mass_attenuation,
    tissue_hu,
)
from strnet.density.tissue_finding import find_tissues
from strnet.errors import DensityError
from strnet.imaging.nifti import read_nifti
from strnet.imaging.volume import Volume

NAMES = {
    "Adipose": "fat",
    "Air": "air",
    "Blood": "blood",
    "Cortical Bone": "cortical_bone",
    "Skeletal Muscle": "muscle",
}


def samples(tissues, scale=lambda hu: hu):
    return [TissueSample(name, scale(hu), 10.0, 1000) for name, hu in tissues.items()]


def tissues_at(kvp, names=("air", "fat", "muscle", "blood")):
    return {name: tissue_hu(name, effective_energy(kvp)) for name in names}


@pytest.fixture(scope="session")
def report(verse):
    return (verse / "sub-verse004_0000.txt").read_text()


def number(report, name, nth=0):
    return float(re.findall(rf"{re.escape(name)}\s+(-?[\d.]+)", report)[nth])


@pytest.fixture(scope="session")
def fit(report):
    lines = re.findall(r"^\s+([A-Z][A-Za-z ]+?)\s+(-?[\d.]+)\s+([\d.]+)\s+(\d+) \[used\]", report, re.M)
    found = [TissueSample(NAMES[name], float(mean), float(sd), int(n)) for name, mean, sd, n in lines]
    assert len(found) == 5
    return fit_mass_attenuation(found, contrast="none", source="sub-verse004")


def test_the_published_calibration_is_rebuilt_from_its_tissue_means(fit, report):
    assert fit.energy_kev == number(report, "Energy [keV]:")
    assert fit.r2 == pytest.approx(number(report, "Max R^2:"), abs=5e-7)
    assert fit.attenuation_slope == pytest.approx(number(report, "HU-u/p Slope"), abs=5e-7)
    assert fit.attenuation_intercept == pytest.approx(number(report, "HU-u/p Y-Intercept"), abs=5e-7)
    assert fit.mass_slope == pytest.approx(number(report, "HU-Material Density Slope"), abs=5e-7)
    assert fit.mass_intercept == pytest.approx(number(report, "HU-Material Density Y-Intercept"), abs=5e-7)


def test_its_parabola_is_mass_density_times_the_share_of_mineral(fit, report):
    made = fit.conversion(source="sub-verse004")
    fat, mineral = np.interp(97, [80, 100], [0.1793, 0.1687]), np.interp(97, [80, 100], [0.2508, 0.1971])
    for hu in (-50.0, 0.0, 100.0, 250.0):
        share = (fit.attenuation_slope * hu + fit.attenuation_intercept - fat) / (mineral - fat)
        mass = fit.mass_slope * hu + fit.mass_intercept
        assert made.density(hu) == pytest.approx(1000 * mass * share)


def test_mixtures_of_published_elements_are_what_the_table_says():
    # H, O, K, P and Ca at 60 keV, cm2/g: NISTIR 5632, Table 3
    hydrogen, oxygen, phosphorus, calcium = 0.3260, 0.1907, 0.3494, 0.6578
    assert 0.1119 * hydrogen + 0.8881 * oxygen == pytest.approx(mass_attenuation("water", 60.0), rel=1e-3)
    mixed = 0.3989 * calcium + 0.1850 * phosphorus + 0.4141 * oxygen + 0.0020 * hydrogen
    assert mixed == pytest.approx(float(mass_attenuation("CHA", 60.0)), rel=1e-3)


def test_the_slope_at_120_kv_is_what_scanners_show():
    made = conversion_from_tissues(
        samples(tissues_at(120)), kvp=120.0, contrast="none", source="s", mineral="CHA"
    )
    assert 0.74 < made.slope < 0.86  # 1.2 to 1.35 HU per mg/cm3 of CHA
    assert made.intercept == pytest.approx(0.0, abs=1e-6)


def test_a_lower_voltage_makes_mineral_brighter():
    rises = [hu_per_density("K2HPO4", effective_energy(kvp)) for kvp in (140.0, 120.0, 100.0, 80.0)]
    assert rises == sorted(rises)
    assert rises[0] < 0.8 * rises[-1]


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 8.0), (0.97, 0.0), (1.04, -6.0)])
def test_a_scanner_that_drifts_is_told_by_its_patients_tissues(gain, offset):
    found = samples(tissues_at(120), lambda hu: gain * hu + offset)
    made = conversion_from_tissues(found, kvp=120.0, contrast="none", source="s")
    rise = hu_per_density("K2HPO4", effective_energy(120.0))
    for density in (50.0, 100.0, 150.0):
        assert made.density(gain * rise * density + offset) == pytest.approx(density, abs=0.01)


def test_three_tissues_do_and_two_do_not():
    three = conversion_from_tissues(
        samples(tissues_at(120, ("air", "fat", "muscle"))), kvp=120.0, contrast="iv", source="s"
    )
    assert three.materials == ("air", "fat", "muscle")
    with pytest.raises(DensityError, match="expected air and two or more"):
        conversion_from_tissues(
            samples(tissues_at(120, ("air", "fat"))), kvp=120.0, contrast="none", source="s"
        )
    with pytest.raises(DensityError, match="expected air and two or more"):
        conversion_from_tissues(
            samples(tissues_at(120, ("fat", "muscle", "blood"))), kvp=120.0, contrast="none", source="s"
        )


@pytest.mark.parametrize("contrast", ["iv", "unknown"])
def test_blood_that_may_hold_iodine_is_refused(contrast):
    with pytest.raises(DensityError, match="iodine"):
        conversion_from_tissues(samples(tissues_at(120)), kvp=120.0, contrast=contrast, source="s")


def test_blood_that_holds_iodine_though_nobody_said_so_is_refused():
    found = samples({**tissues_at(120), "blood": 160.0})
    with pytest.raises(DensityError, match="is there contrast"):
        conversion_from_tissues(found, kvp=120.0, contrast="none", source="s")


def test_fat_taken_for_muscle_is_refused():
    with pytest.raises(DensityError, match="muscle has HU -95"):
        conversion_from_tissues(
            samples({"air": -999, "fat": -95, "muscle": -95}), kvp=120.0, contrast="none", source="s"
        )


@pytest.mark.parametrize("kvp", [0.12, 60.0, 200.0, float("nan")])
def test_a_voltage_that_no_tube_has_is_refused(kvp):
    with pytest.raises(DensityError, match="tube voltage"):
        conversion_from_tissues(samples(tissues_at(120)), kvp=kvp, contrast="none", source="s")


def test_without_cortical_bone_the_energy_is_not_guessed():
    with pytest.raises(DensityError, match="no cortical_bone"):
        fit_mass_attenuation(samples(tissues_at(120)), contrast="none", source="s")


def test_a_tissue_that_stands_twice_is_refused():
    with pytest.raises(DensityError, match="stands twice"):
        conversion_from_tissues(
            [*samples(tissues_at(120)), TissueSample("fat", -100.0, 5.0, 10)],
            kvp=120.0,
            contrast="none",
            source="s",
        )


@pytest.mark.parametrize("spacing", [(2.0, 1.5, 1.5), (5.0, 1.0, 1.0)])
def test_planted_tissues_are_found(torso, spacing):
    scan, mask = torso(spacing)
    found = find_tissues(scan, mask.values > 0, contrast="none")
    means = {one.tissue: one.mean_hu for one in found.samples}
    assert means == pytest.approx({"air": -1000, "fat": -100, "muscle": 50, "blood": 42}, abs=1.5)
    assert not found.missing


def test_the_scale_of_a_drifting_scanner_is_found_in_its_scan(torso):
    scan, mask = torso(scale=lambda hu: 1.03 * hu + 6)
    plain, _ = torso()
    made = [
        conversion_from_tissues(
            find_tissues(one, mask.values > 0, contrast="none").samples,
            kvp=120.0,
            contrast="none",
            source="s",
        )
        for one in (plain, scan)
    ]
    for hu in (50.0, 150.0):
        assert made[1].density(1.03 * hu + 6) == pytest.approx(made[0].density(hu), abs=1.5)


def test_blood_is_not_looked_for_in_a_scan_that_may_have_contrast(torso):
    scan, mask = torso(aorta=180.0)
    found = find_tissues(scan, mask.values > 0, contrast="iv")
    assert [one.tissue for one in found.samples] == ["air", "fat", "muscle"]
    assert "contrast is 'iv'" in found.missing["blood"]


def test_an_aorta_with_iodine_is_not_blood_though_nobody_said_so(torso):
    scan, mask = torso(aorta=180.0)
    assert "blood" in find_tissues(scan, mask.values > 0, contrast="none").missing


def test_a_cropped_scan_has_no_air_and_says_so(torso):
    scan, mask = torso()
    part = (slice(None), slice(25, 100), slice(60, 160))
    found = find_tissues(Volume(scan.values[part], scan.affine), mask.values[part] > 0, contrast="none")
    assert "air" in found.missing
    with pytest.raises(DensityError, match="expected air"):
        conversion_from_tissues(found.samples, kvp=120.0, contrast="none", source="s")


def test_padding_around_the_field_of_view_is_no_air(torso):
    scan, mask = torso()
    values = scan.values.copy()
    values[:, :, :45] = values[:, :, 175:] = -1024
    found = find_tissues(Volume(values, scan.affine), mask.values > 0, contrast="none")
    means = {one.tissue: one.mean_hu for one in found.samples}
    assert means["air"] == pytest.approx(-1000, abs=1.5)


def test_densities_are_not_taken_for_hu(torso):
    scan, mask = torso(scale=lambda hu: 0.8 * hu - 4)
    found = find_tissues(scan, mask.values > 0, contrast="none")
    with pytest.raises(DensityError, match="expected air"):
        conversion_from_tissues(found.samples, kvp=120.0, contrast="none", source="s")


def test_tissues_of_a_real_scan_are_those_of_its_segmentation(spine_scan):
    scan = read_nifti(spine_scan / "example_ct.nii.gz").in_patient_order()
    parts = read_nifti(spine_scan / "example_seg_fast_force_split.nii.gz").in_patient_order().values
    found = find_tissues(scan, (parts >= 27) & (parts <= 31), contrast="none")
    means = {one.tissue: one.mean_hu for one in found.samples}
    aorta = float(scan.values[parts == 52].mean())
    assert means["blood"] == pytest.approx(aorta, abs=5)
    assert -1010 < means["air"] < -970
    assert -115 < means["fat"] < -95
    made = conversion_from_tissues(found.samples, kvp=120.0, contrast="none", source="s")
    assert 0.7 < made.slope < 0.9
