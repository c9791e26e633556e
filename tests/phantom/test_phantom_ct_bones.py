"""The CT phantom's physics, spine and slices, by hand-made solids and by the films of the same person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strnet.imaging.spine_labels import NUMBER_OF, VERTEBRAE, spine_label
from strnet.phantom.ct.ct_scan import make_scan, plan_scan, slice_heights, slices_of
from strnet.phantom.ct.ct_scanners import CT_SCANNERS
from strnet.phantom.ct.ct_technique import draw_technique
from strnet.phantom.ct.mineral_planting import draw_mineral
from strnet.phantom.ct.solid_coverage import Lattice, body_coverage, ellipsoid_coverage, tube_coverage
from strnet.phantom.ct.spine_placing import Motion, with_the_spine
from strnet.phantom.lumbar.spine_shape import draw_spine_shape
from strnet.phantom.lumbar.vertebral_bodies import body_chord, stack
from strnet.phantom.lumbar.vertebral_planting import draw_planted
from strnet.phantom.physics.ellipsoids import FROM_THE_SIDE, Canvas, Ellipsoid, turned_axes
from strnet.phantom.physics.solids import Grid
from strnet.phantom.physics.tissue_hounsfield import hounsfield
from strnet.phantom.scanned_people import draw_scanned_person

SIZE = (96, 96)


def lattice(step: float, reach: float) -> Lattice:
    axis = np.arange(-reach, reach + step / 2, step).astype(np.float32)
    return Lattice(axis, axis, axis, step, step)


def planned(number=1, *, density=None, **settings):
    """A scan of one person as most tests here take it: thick slices, no drift, no contrast, no wear."""
    person = draw_scanned_person(4, number, 1.0, 2)
    bones = np.random.default_rng([4, number, 1])
    shape, planted = draw_spine_shape(person, bones), draw_planted(person.true_t_scores[0], bones)
    generator = np.random.default_rng(0)
    mineral = draw_mineral(person, planted, generator)
    if density is not None:
        mineral = replace(mineral, per_level=dict.fromkeys(VERTEBRAE, density), marrow_fat=0.5)
    usual = {
        "thickness_mm": 3.0,
        "spacing_mm": 3.0,
        "field_mm": 170.0,
        "kilovolts": 120.0,
        "noise_hu": 0.0,
        "gain": 1.0,
        "offset_hu": 0.0,
        "phase": None,
        "marrow_iodine": 0.0,
        "top_mm": 12.0,
        "bottom_mm": 14.0,
        "metal": None,
    }
    technique = replace(draw_technique(CT_SCANNERS[0], generator), **(usual | settings))
    shape = replace(shape, worn=(0.0,) * len(shape.worn), arthrosis=0.0, calcium=0.0)
    return plan_scan(person, (shape, planted, mineral), technique, generator)


def scanned(plan, size=SIZE):
    return make_scan(plan, size, np.random.default_rng(5))


def mean_hu(scan, *names):
    numbers = [NUMBER_OF[name] for name in names]
    return float(scan.volume.values[np.isin(scan.labels.values, numbers)].mean())


@pytest.fixture(scope="module")
def ordinary():
    plan = planned()
    return plan, scanned(plan)


def test_a_softer_beam_raises_bone_and_iodine_and_lowers_fat():
    beams = [hounsfield(kilovolts, 250.0) for kilovolts in (80.0, 100.0, 120.0, 140.0)]
    for name in ("per_mg", "per_mg_iodine", "compact"):
        values = [getattr(beam, name) for beam in beams]
        assert values == sorted(values, reverse=True)
    assert [beam.fat for beam in beams] == sorted(beam.fat for beam in beams)
    assert max(beam.soft for beam in beams) - min(beam.soft for beam in beams) < 6.0


def test_the_hu_of_a_usual_beam_are_those_that_scanners_show():
    # Ranges of textbooks at 120 kVp: fat -120 to -70, muscle 35 to 60, iodine 23 to 30 HU per mg/ml,
    # hydroxyapatite 1.1 to 1.5 HU per mg/cm3.
    beam = hounsfield(120.0, 250.0)
    assert -120 < beam.fat < -70
    assert 35 < beam.soft < 60
    assert 23 < beam.per_mg_iodine < 30
    assert 1.1 < beam.per_mg < 1.5


def test_a_larger_body_hardens_the_beam():
    assert hounsfield(120.0, 330.0).per_mg < hounsfield(120.0, 200.0).per_mg


def test_an_ellipsoid_and_its_shell_keep_their_volume_on_coarse_voxels():
    solid = Ellipsoid(np.array([1.3, -0.7, 0.4]), turned_axes((14.0, 9.0, 11.0), (0, 25.0), (2, 40.0)))
    for step in (1.0, 2.0):
        outer, inner = ellipsoid_coverage([solid, solid.shrunk((1.0, 1.0, 1.0))], lattice(step, 20.0))
        whole, core = (4.0 / 3.0 * np.pi * np.prod(axes) for axes in ((14.0, 9.0, 11.0), (13.0, 8.0, 10.0)))
        assert float(outer.sum()) * step**3 == pytest.approx(whole, rel=0.02)
        assert float((outer - inner).sum()) * step**3 == pytest.approx(whole - core, rel=0.05)


def test_a_tube_has_the_volume_of_a_cylinder_with_domed_ends():
    _, outer, inner = tube_coverage(
        np.array([[-8.0, -3.0, 0.0], [8.0, 3.0, 0.0]]), np.full(2, 4.0), 1.0, lattice(1.0, 20.0)
    )
    length = float(np.hypot(16.0, 6.0))
    for share, radius in ((outer, 4.0), (inner, 3.0)):
        expected = np.pi * radius**2 * length + 4.0 / 3.0 * np.pi * radius**3
        assert float(share.sum()) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["T12", "L3", "L5"])
def test_a_body_on_ct_has_the_volume_that_the_lateral_film_shows(name):
    plan = planned()
    body = next(body for body in stack(plan.shape) if body.name == name)
    axis = np.arange(-60.0, 60.0, 0.5).astype(np.float32)
    middle = body.centre
    canvas = Canvas(Grid(axis + np.float32(middle[1]), axis + np.float32(middle[2]), 0.5), FROM_THE_SIDE)
    on_film = float(body_chord(body, canvas)[1].sum()) * 0.25
    grid = Lattice(axis + np.float32(middle[1]), axis + np.float32(middle[2]), axis, 0.5, 0.5)
    on_ct = float(body_coverage(body, (1.0, 1.0, 1.0), body.frame, grid).outer.sum()) * 0.125
    assert on_ct == pytest.approx(on_film, rel=0.03)


def test_the_bodies_stand_where_those_of_the_films_do(ordinary):
    plan, scan = ordinary
    whole = Motion(plan.technique.turn, plan.technique.shift_mm)
    for body in stack(plan.shape):
        if body.name in ("L1", "L2", "L3", "L4"):
            inside = np.argwhere(
                np.isin(scan.labels.values, [spine_label(body.name, t) for t in ("trabecular", "cortex")])
            )
            slices, rows, columns = inside.mean(axis=0)
            seen = (scan.labels.affine @ (columns, rows, slices, 1.0))[:3] - plan.technique.isocentre_mm
            expected = with_the_spine(whole, body, plan.shape).body(body).centre
            # LPS against left, down, back.
            assert np.abs(seen - (expected[0], expected[2], -expected[1])).max() < 1.5


def test_the_spine_leans_on_ct_as_the_film_bends_it():
    plan = planned()
    bent = replace(plan.shape, scoliosis_mm=10.0, scoliosis_phase=0.0)
    body = next(body for body in stack(bent) if body.name == "L1")
    moved = with_the_spine(Motion(np.eye(3), np.zeros(3)), body, bent).body(body)
    # The film draws the curve 10 sin(y / 42) at L1, where the spine is free to bend.
    assert moved.centre[0] == pytest.approx(10.0 * np.sin(body.centre[1] / 42.0), abs=0.05)


def test_all_labels_of_t11_to_l5_are_there_and_run_from_head_to_foot(ordinary):
    _, scan = ordinary
    assert set(np.unique(scan.labels.values)) == {0, *NUMBER_OF.values()}
    heights = [
        float(np.argwhere(scan.labels.values == spine_label(name, "trabecular"))[:, 0].mean())
        for name in VERTEBRAE
    ]
    assert heights == sorted(heights, reverse=True)


def test_masks_lie_on_what_they_name(ordinary):
    _, scan = ordinary
    hu, labels = scan.volume.values, scan.labels.values
    for name in ("L1", "L2", "L3"):
        trabecular, cortex = (mean_hu(scan, f"{name}_{tissue}") for tissue in ("trabecular", "cortex"))
        assert cortex > trabecular + 100.0
        assert mean_hu(scan, f"{name}_posterior") > trabecular
    assert hu[labels == 0].mean() < 0.0


def test_the_mean_of_a_trabecular_mask_follows_the_planted_density_with_the_slope_of_the_beam():
    names = [f"{name}_trabecular" for name in ("L1", "L2", "L3")]
    low, high = (scanned(planned(density=density)) for density in (60.0, 160.0))
    beam = planned().hu
    # Voxels at the walls hold a little wall instead.
    assert (mean_hu(high, *names) - mean_hu(low, *names)) / 100.0 == pytest.approx(beam.per_mg, rel=0.06)


def test_the_eroded_core_has_the_hu_of_its_mineral_and_marrow():
    from scipy.ndimage import binary_erosion

    plan = planned(density=110.0, thickness_mm=1.5, spacing_mm=1.5)
    scan = scanned(plan)
    core = binary_erosion(np.isin(scan.labels.values, [31, 41, 51]), iterations=2)
    expected = 110.0 * plan.hu.per_mg + plan.marrow_hu
    # Bone is denser under the endplates than in the core: the mean over the whole is the planted one.
    assert float(scan.volume.values[core].mean()) == pytest.approx(expected, rel=0.15)


def test_weak_bone_shows_in_the_mask_and_nowhere_else():
    low, high = (scanned(planned(density=density)) for density in (60.0, 160.0))
    changed = low.volume.values != high.volume.values
    near = np.zeros(changed.shape, dtype=bool)
    near[low.labels.values % 10 > 0] = True
    from scipy.ndimage import binary_dilation

    t10_or_sacrum = np.zeros(changed.shape, dtype=bool)
    rows = np.flatnonzero((low.labels.values > 0).any(axis=(1, 2)))
    t10_or_sacrum[: rows[0] + 8] = True
    t10_or_sacrum[rows[-1] - 8 :] = True
    assert not (changed & ~binary_dilation(near, iterations=3) & ~t10_or_sacrum).any()


def test_drift_is_a_gain_and_an_offset_of_the_same_picture(ordinary):
    plan, scan = ordinary
    drifted = scanned(replace(plan, technique=replace(plan.technique, gain=1.04, offset_hu=-5.0)))
    inside = np.abs(scan.volume.values) < 900
    expected = 1.04 * scan.volume.values[inside].astype(float) - 5.0
    assert np.abs(drifted.volume.values[inside] - expected).max() <= 1.1
    assert np.array_equal(drifted.labels.values, scan.labels.values)


def test_slices_are_means_of_their_planes():
    planes = np.arange(11, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert slices_of(planes, 2, 3)[:, 0, 0].tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert slices_of(planes, 1, 1)[:, 0, 0].tolist() == list(range(11))


def test_thick_slices_blur_the_endplates_and_keep_the_walls():
    thin, thick = (scanned(planned(thickness_mm=mm, spacing_mm=mm, field_mm=130.0)) for mm in (1.0, 5.0))

    def brightest_along_the_spine(scan):
        inside = np.isin(scan.labels.values, [51, 52])
        _, rows, columns = (int(middle) for middle in np.argwhere(inside).mean(axis=0))
        return float(scan.volume.values[inside.any(axis=(1, 2)), rows, columns].max())

    assert brightest_along_the_spine(thin) > brightest_along_the_spine(thick) + 60.0
    assert thin.volume.spacing[0] == pytest.approx(1.0)
    assert thick.volume.spacing[0] == pytest.approx(5.0)


def test_noise_has_the_grain_of_its_kernel_and_grows_in_thin_slices(ordinary):
    plan, clean = ordinary

    def noise(**settings):
        noisy = scanned(replace(plan, technique=replace(plan.technique, noise_hu=25.0, **settings)))
        middle = np.s_[20:40, 30:60, 30:60]
        return noisy.volume.values[middle].astype(float) - clean.volume.values[middle]

    soft = noise(
        kernel=replace(plan.technique.kernel, sharpness=plan.technique.kernel.sharpness, grain_mm=2.5)
    )
    sharp = noise(kernel=replace(plan.technique.kernel, grain_mm=0.7))

    def neighbours(values):
        return float(np.corrcoef(values[:, :, :-1].ravel(), values[:, :, 1:].ravel())[0, 1])

    assert neighbours(soft) > neighbours(sharp) + 0.1
    assert abs(soft.mean()) < 3.0


def test_contrast_brightens_the_aorta_and_a_little_the_marrow():
    native, portal = planned(), planned(phase="portal", marrow_iodine=0.55)
    assert portal.surroundings.tissues.blood_aorta > native.surroundings.tissues.blood_aorta + 80.0
    assert 8.0 < portal.marrow_hu - native.marrow_hu < 25.0


def test_bowel_lies_inside_the_wall_of_the_belly():
    moved = 0
    for number in range(8):
        plan = planned(number, field_mm=380.0, thickness_mm=5.0, spacing_mm=5.0)
        empty = replace(plan, surroundings=replace(plan.surroundings, bowel=()))
        with_it, without = (scanned(each, (76, 76)).volume.values for each in (plan, empty))
        there = with_it != without
        moved += int(there.sum())
        # Skin and the air before it stay as they are.
        assert without[there].min() > -700
    assert moved > 10_000


def test_metal_is_at_the_upper_end_of_the_scale_and_leaves_the_mask():
    plan = planned()
    plain, screwed = scanned(plan), scanned(replace(plan, technique=replace(plan.technique, metal="L4")))
    assert (screwed.volume.values >= 3000).sum() > 50 > (plain.volume.values >= 3000).sum()
    assert np.array_equal(plain.labels.values, screwed.labels.values)


def test_every_scan_holds_l1_to_l3_whole():
    generator = np.random.default_rng(1)
    plan = planned()
    bodies = {body.name: body for body in stack(plan.shape)}
    for _ in range(300):
        technique = draw_technique(CT_SCANNERS[0], generator)
        heights = slice_heights(replace(plan, technique=technique), list(bodies.values()))
        assert heights[-1] < bodies["L1"].centre[1] - bodies["L1"].half_height - 2.0
        assert heights[0] > bodies["L3"].centre[1] + bodies["L3"].half_height + 2.0
