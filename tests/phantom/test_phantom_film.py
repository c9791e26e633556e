from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strnet.phantom.knee.knee_bones import (
    KneeShape,
    Quality,
    femoral_cortex_mm,
    femur,
    joint_lift,
    soft_tissue,
)
from strnet.phantom.knee.knee_film import make_film, plan_film
from strnet.phantom.knee.knee_projection import condyle_density, project_knee
from strnet.phantom.knee.metal import draw_metal
from strnet.phantom.people import draw_patient
from strnet.phantom.physics.detector import Exposure, detect, enhance, expose, tone_curve
from strnet.phantom.physics.dicom_file import encode
from strnet.phantom.physics.overlay import Marker, draw_field, inside_field, rod, stamp
from strnet.phantom.physics.projection import Spongiosa, project_bone
from strnet.phantom.physics.scanners import ANCHORS, SCANNERS
from strnet.phantom.physics.solids import Grid
from strnet.phantom.physics.trabeculae import trabecular_texture
from strnet.phantom.shortcuts import cross_validated_auroc, grey_level_statistics

SHAPE = KneeShape(1.0, 1.0, 4.4, 0.0, 0.0, 0.0, 60.0, 8.0)
STILL = Exposure(
    quanta=1e12,
    scatter=0.0,
    edge_gain=0.0,
    latitude_gain=0.0,
    levels=tuple(np.linspace(0.1, 0.9, len(ANCHORS))),
)


def grid(step: float = 0.6) -> Grid:
    y, x = np.arange(-115, 115, step), np.arange(-95, 95, step)
    return Grid(y.astype(np.float32), x.astype(np.float32), step)


def test_projected_density_rises_with_bone_volume():
    densities = [condyle_density(SHAPE, Quality(0.3, fraction)) for fraction in (0.05, 0.10, 0.20)]
    assert densities[0] < densities[1] < densities[2]
    # Twice the fraction adds twice the spongiosa: the shell is what remains.
    assert densities[2] - densities[1] == pytest.approx(2.0 * (densities[1] - densities[0]), rel=0.05)


def test_the_cortex_on_the_film_is_as_thick_as_planted():
    quality = Quality(0.3, 0.1)
    on = grid(0.1)
    row = int(np.searchsorted(on.y, -100.0))
    bone = femur(on, SHAPE, quality)
    box, outer, inner, _ = project_bone(bone, on, np.zeros(on.shape, np.float32), 0.0)
    outside = np.flatnonzero(outer[row - box.top] > 0)
    canal = np.flatnonzero(inner[row - box.top] > 0)
    wall = (outside.size - canal.size) / 2.0 * 0.1
    assert wall == pytest.approx(femoral_cortex_mm(SHAPE, quality), abs=0.15)
    assert wall == pytest.approx(0.3 * outside.size / 2.0 * 0.1, abs=0.2)


def test_weaker_bone_takes_less_of_the_beam():
    on = grid(1.2)
    paths = [
        project_knee(on, SHAPE, quality, Spongiosa(1.6, 0.5, 0.15), np.random.default_rng(0))
        for quality in (Quality(0.45, 0.18), Quality(0.15, 0.05))
    ]
    assert paths[0].bone.sum() > 1.5 * paths[1].bone.sum()


def test_the_leg_keeps_its_thickness_whatever_the_bone_is_made_of():
    # Bone, marrow, muscle and fat share the space inside the skin; weak bone makes nobody thinner.
    on = grid(1.2)
    strong, weak = (
        project_knee(on, SHAPE, quality, Spongiosa(1.6, 0.5, 0.15), np.random.default_rng(0))
        for quality in (Quality(0.45, 0.18), Quality(0.15, 0.05))
    )
    shaft = (slice(5, 12), slice(60, 100))
    skin, _ = soft_tissue(on, SHAPE)
    widest = 2.0 * skin.half_depth[5:12, None]
    for paths in (strong, weak):
        total = (paths.soft + paths.adipose + paths.bone)[shaft]
        assert (total < widest + 1.0).all()
        assert total.max() > 0.85 * widest.min()


def test_the_texture_is_as_fine_as_its_spacing():
    for spacing in (6.0, 12.0):
        texture = trabecular_texture((256, 512), spacing, 0.0, 0.3, np.random.default_rng(1))
        power = (np.abs(np.fft.rfft(texture, axis=1)) ** 2).mean(axis=0)
        mean_frequency = (power * np.fft.rfftfreq(512)).sum() / power.sum()
        assert 1.0 / mean_frequency == pytest.approx(spacing, rel=0.25)


def test_transverse_links_add_changes_along_the_load_and_leave_the_variance():
    with_links, without = (
        trabecular_texture((256, 256), 6.0, share, 0.3, np.random.default_rng(1)) for share in (1.0, 0.0)
    )
    assert np.abs(np.diff(with_links, axis=0)).mean() > 1.5 * np.abs(np.diff(without, axis=0)).mean()
    assert with_links.std() == pytest.approx(without.std(), rel=0.05)


def test_the_joint_bends_only_near_the_joint():
    y, x = np.array([-80.0, -40.0, 2.0, 60.0]), np.linspace(-40, 40, 81)
    lift = joint_lift(x, y, SHAPE)
    assert np.abs(lift[[0, 3]]).max() < 0.01
    assert lift[2, 34] > lift[2, 10] + 4.0


def test_photon_noise_falls_with_the_root_of_the_quanta():
    primary = np.full((200, 200), 0.05, np.float32)
    noises = [
        detect(primary, SCANNERS[0], replace(STILL, quanta=quanta), np.random.default_rng(0)).std()
        for quanta in (400.0, 1600.0)
    ]
    assert noises[0] == pytest.approx(1.0 / np.sqrt(400.0), rel=0.05)
    assert noises[0] / noises[1] == pytest.approx(2.0, rel=0.05)


def test_scatter_lowers_the_contrast():
    primary = np.full((256, 256), 0.10, np.float32)
    primary[:, 128:] = 0.05
    contrast = []
    for scatter in (0.0, 0.5):
        log = detect(primary, SCANNERS[0], replace(STILL, scatter=scatter), np.random.default_rng(0))
        contrast.append(log[:, 200].mean() - log[:, 50].mean())
    assert contrast[0] == pytest.approx(np.log(2.0), abs=0.01)
    # It arises as 0.5 * 0.1 * 2.30 / 2.7 and 0.5 * 0.05 * 3.00 / 2.7: the log ratio would be 0.607 if it
    # stayed there, 0.463 if it spread evenly.
    assert 0.463 < contrast[1] < 0.607


def test_a_flat_film_passes_the_vendors_filter_without_edges():
    flat = np.full((64, 64), 2.0, np.float32)
    np.testing.assert_allclose(enhance(flat, replace(STILL, edge_gain=0.7)), 2.0, atol=1e-5)


def test_the_tone_curve_is_monotone_and_puts_the_legs_percentiles_on_the_levels():
    values = np.random.default_rng(0).gamma(8.0, 0.3, (400, 400)).astype(np.float32)
    everywhere = np.ones(values.shape, bool)
    shown = tone_curve(values, everywhere, STILL)
    order = np.argsort(values.ravel())
    assert np.all(np.diff(shown.ravel()[order]) >= 0)
    np.testing.assert_allclose(np.percentile(shown, ANCHORS), STILL.levels, atol=0.02)


def test_exposure_control_hides_how_dense_the_whole_film_is():
    values = np.random.default_rng(0).gamma(8.0, 0.3, (400, 400)).astype(np.float32)
    everywhere = np.ones(values.shape, bool)
    plain, denser = (tone_curve(v, everywhere, STILL) for v in (values, 1.0 + 1.3 * values))
    np.testing.assert_allclose(plain.mean(), denser.mean(), atol=0.01)


def test_exposures_of_one_scanner_vary_and_stay_in_order():
    exposures = [expose(SCANNERS[1], np.random.default_rng(seed)) for seed in range(50)]
    levels = np.array([exposure.levels for exposure in exposures])
    assert np.all(np.diff(levels, axis=1) > 0)
    assert levels.max() < 1.0
    assert levels.std(axis=0).min() > 0.003


def test_a_marker_is_burned_in_and_the_film_given_is_kept():
    film = np.zeros((100, 100), np.float32)
    marked = stamp(film, Marker("R", "box", 40, 60, 22))
    assert film.max() == 0.0
    assert marked.max() > 0.9
    assert marked[:20].max() == 0.0


def test_l_is_not_r():
    film = np.zeros((100, 100), np.float32)
    left, right = (stamp(film, Marker(letter, "plain", 40, 60, 30)) for letter in "LR")
    assert np.abs(left - right).max() > 0.5


def test_about_half_of_the_films_show_their_collimation():
    generator = np.random.default_rng(0)
    fields = [draw_field((100, 80), generator) for _ in range(400)]
    cropped = np.mean([not inside_field((100, 80), field).all() for field in fields])
    assert cropped == pytest.approx(0.5, abs=0.1)


def test_a_rod_is_two_radii_thick_on_its_axis_and_nothing_outside():
    path = rod(grid(0.1), (-20.0, 0.0), (20.0, 0.0), 2.0)
    assert path.max() == pytest.approx(4.0, abs=0.05)
    assert np.count_nonzero(path) * 0.1**2 == pytest.approx(40 * 4 + np.pi * 4, rel=0.05)


def test_metal_is_brighter_than_the_bone_it_stands_on():
    patient = draw_patient(1, 0, 1.0, 4)
    size = (384, 320)
    plan = plan_film(patient, "L", SCANNERS[0], size, np.random.default_rng([1, 0, 1]))
    plan = replace(plan, field=(0, size[0], 0, size[1]))
    bare, plated = (
        make_film(replace(plan, metal=metal), size, np.random.default_rng(5)).display
        for metal in (False, True)
    )
    below_the_joint = slice(200, 320)
    brightest = [np.percentile(film[below_the_joint, 60:260], 98) for film in (bare, plated)]
    assert brightest[1] > brightest[0] + 0.1


def test_metal_is_rods_of_a_few_millimetres():
    path = draw_metal(grid(), 1.0, np.random.default_rng(5))
    assert 3.0 < path.max() <= 5.0
    assert 0.01 < np.mean(path > 0) < 0.10


def test_a_right_knee_has_its_fibula_on_the_left_of_the_film():
    patient = draw_patient(1, 0, 1.0, 4)
    size = (384, 320)
    plan = plan_film(patient, "L", SCANNERS[0], size, np.random.default_rng([1, 0, 1]))
    straight = replace(plan.positioning, rotation_degrees=0.0, shift_x_mm=0.0, shift_y_mm=0.0)
    plan = replace(plan, positioning=straight, field=(0, 384, 0, 320), metal=False)
    left, right = (
        make_film(replace(plan, laterality=side), size, np.random.default_rng(5)).display for side in "LR"
    )
    # Below the joint the tibia stands near the middle, the fibula lateral to it.
    rows = slice(300, 340)
    assert left[rows, 200:235].mean() > left[rows, 85:120].mean() + 0.01
    assert right[rows, 85:120].mean() > right[rows, 200:235].mean() + 0.01


@pytest.mark.parametrize("scanner", SCANNERS)
def test_stored_values_use_the_scanners_depth_and_keep_the_order_of_grey(scanner):
    display = np.linspace(0, 1, 500, dtype=np.float32)[None, :]
    stored = encode(display, scanner).pixels.astype(int)[0]
    assert 0 <= stored.min() < 0.1 * 2**scanner.bits_stored
    assert 0.85 * 2**scanner.bits_stored < stored.max() < 2**scanner.bits_stored
    steps = np.diff(stored) * (-1 if scanner.photometric == "MONOCHROME1" else 1)
    assert (steps >= 0).all()


def test_grey_level_statistics_ignore_a_linear_window():
    film = np.random.default_rng(0).random((300, 300)).astype(np.float32)
    plain, windowed = grey_level_statistics(film), grey_level_statistics(0.2 + 0.5 * film)
    np.testing.assert_allclose(plain, windowed, atol=2e-3)
    assert plain[0] == pytest.approx(0.5, abs=0.01)
    assert plain[6] == pytest.approx(0.5, abs=0.01)


def test_a_cross_validated_auroc_of_noise_is_a_coin_and_of_the_answer_is_one():
    generator = np.random.default_rng(0)
    target = generator.random(400) < 0.5
    patients = np.repeat(np.arange(200), 2)
    noise = generator.standard_normal((400, 3))
    assert cross_validated_auroc(noise, target, patients) == pytest.approx(0.5, abs=0.1)
    assert cross_validated_auroc(noise + 50.0 * target[:, None], target, patients) == 1.0
