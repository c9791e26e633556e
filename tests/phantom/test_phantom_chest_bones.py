from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strnet.phantom.chest.chest_film import plan_chest_film, primary_beam
from strnet.phantom.chest.chest_projection import chest_paths, project_bones, projected_density, skeleton
from strnet.phantom.chest.lungs import Breath, diaphragm, draw_breath, lung_path, lung_vessels
from strnet.phantom.chest.mediastinum import airway_path, mediastinal_path
from strnet.phantom.chest.rib_cage import rib_courses
from strnet.phantom.chest.thoracic_planting import Planted
from strnet.phantom.chest.thoracic_spine import thoracic_stack
from strnet.phantom.chest.thorax_shape import ThoraxShape, draw_thorax_shape
from strnet.phantom.lumbar.spine_shape import DISCS, SpineShape, draw_spine_shape
from strnet.phantom.physics.ellipsoids import FROM_THE_FRONT, Canvas, tube
from strnet.phantom.physics.positioning import film_grid
from strnet.phantom.physics.solids import Grid
from strnet.phantom.scanned_people import draw_scanned_person

SPINE = SpineShape(
    scale=1.0,
    slenderness=1.0,
    lordosis=1.0,
    disc=1.0,
    scoliosis_mm=0.0,
    scoliosis_phase=0.0,
    crest_mm=0.0,
    flare=1.0,
    depth_mm=210.0,
    width_mm=320.0,
    fat_mm=15.0,
    visceral=0.2,
    worn=(0.0,) * DISCS,
    arthrosis=0.0,
    calcium=0.0,
)
SHAPE = ThoraxShape(
    spine=SPINE,
    broad=1.0,
    slope=1.0,
    kyphosis=1.0,
    clavicle_mm=0.0,
    heart=1.0,
    upright=0.0,
    aorta_mm=15.0,
    unfolded=0.3,
    breast_mm=0.0,
    pectoral_mm=6.0,
)
BREATH = Breath((92.0, 103.0), 0.28)
USUAL = Planted(*[-1.0] * 5)
EVEN = np.zeros((2, 12, 2))


def canvas(step: float = 1.0) -> Canvas:
    y, x = np.arange(-190, 190, step), np.arange(-190, 190, step)
    return Canvas(Grid(y.astype(np.float32), x.astype(np.float32), step), FROM_THE_FRONT)


def bone_of(planted: Planted) -> np.ndarray:
    bones = skeleton(SHAPE, planted, EVEN, 0.0)
    return project_bones(canvas(), bones, planted, np.random.default_rng(0))[2]


def at(left: float, right: float, top: float, bottom: float) -> tuple[slice, slice]:
    return slice(int(top + 190), int(bottom + 190)), slice(int(left + 190), int(right + 190))


SPINE_BELOW = at(-14, 14, 40, 120)
RIBS_AT_SIDE = at(85, 112, 20, 100)
CLAVICLE = at(70, 110, -135, -100)


@pytest.mark.parametrize(
    ("feature", "follows", "keeps"),
    [
        ("bone_volume", SPINE_BELOW, RIBS_AT_SIDE),
        ("endplate", SPINE_BELOW, RIBS_AT_SIDE),
        ("rib_cortex", RIBS_AT_SIDE, SPINE_BELOW),
        ("clavicle_cortex", CLAVICLE, SPINE_BELOW),
    ],
)
def test_a_feature_raises_bone_where_it_is_planted_and_nowhere_else(feature, follows, keeps):
    weak, strong = (bone_of(replace(USUAL, **{feature: score})) for score in (-3.0, 1.0))
    assert strong[follows].mean() > 1.15 * weak[follows].mean()
    assert strong[keeps].mean() == pytest.approx(weak[keeps].mean(), rel=0.01)


def test_links_change_the_trabeculae_and_not_the_amount_of_bone():
    weak, strong = (bone_of(replace(USUAL, links=score))[SPINE_BELOW] for score in (-3.0, 1.0))
    assert strong.mean() == pytest.approx(weak.mean(), rel=0.02)
    assert np.abs(strong - weak).mean() > 0.01 * weak.mean()


def test_a_higher_t_score_takes_more_of_the_beam():
    # The same person, position and noise; only the scores differ.
    size = (192, 192)
    primaries = []
    for score in (-4.0, 1.0):
        generator = np.random.default_rng(3)
        plan = plan_chest_film((SHAPE, Planted(*[score] * 5)), 0, size, generator)
        grid = film_grid(size, plan.recording.scanner.pixel_mm, plan.positioning)
        primaries.append(primary_beam(grid, plan, generator))
    taken = np.log(primaries[0] / primaries[1])
    assert taken.mean() > 0.01
    assert (taken > -0.01).mean() > 0.99


def test_projected_density_is_that_of_walls_and_trabeculae_and_rises():
    found = [projected_density(SHAPE, replace(USUAL, bone_volume=score)) for score in (-3.0, -1.0, 1.0)]
    assert found[0] < found[1] < found[2]
    walls = projected_density(SHAPE, replace(USUAL, bone_volume=-60.0))
    # 2 walls of 0.95 exp(-0.25) mm, 62% bone of 1.92 g/cm3.
    assert walls == pytest.approx(2 * 0.95 * np.exp(-0.25) * 0.62 * 0.192, rel=1e-6)


def test_twelve_pairs_of_ribs_leave_their_vertebrae_and_fall_to_the_side_and_the_front():
    courses = list(rib_courses(thoracic_stack(SHAPE), SHAPE, EVEN))
    assert [course.number for course in courses] == sorted([*range(1, 13)] * 2)
    for course in courses:
        assert abs(course.back[0, 0]) < 25.0
        np.testing.assert_allclose(course.back[-1], course.front[0], atol=1e-6)
        assert course.back[0, 1] < course.back[-1, 1] < course.front[-1, 1]
        assert abs(course.front[-1, 0]) <= abs(course.front[0, 0]) + 1e-6
        assert course.back[:-1, 2].min() > 0 > course.front[1:, 2].max()
    right, left = courses[0::2], courses[1::2]
    for one, two in zip(right, left, strict=True):
        np.testing.assert_allclose(one.back * [-1, 1, 1], two.back)
    assert (np.diff([course.back[-1, 1] for course in left]) > 5.0).all()


def test_a_squeezed_canvas_draws_a_rib_higher_than_it_is_thick():
    # A straight tube of radius 3 across the film, squeezed by a half: 6 mm thick, 12 mm high.
    on = canvas(0.25)
    points = np.array([[-40.0, 10.0 * 0.5, 0.0], [40.0, 10.0 * 0.5, 0.0]])
    box, outer, _ = tube(points, np.array([3.0, 3.0]), 1.0, on.squeezed(0.5))
    middle = outer[:, (box.right - box.left) // 2]
    rows = on.grid.y[box.top : box.bottom].astype(float)
    exact = 2.0 * np.sqrt(np.maximum(9.0 - ((rows - 10.0) * 0.5) ** 2, 0.0))
    np.testing.assert_allclose(middle, exact, atol=1e-3)
    assert rows[middle > 0].min() == pytest.approx(4.0, abs=0.3)
    assert rows[middle > 0].max() == pytest.approx(16.0, abs=0.3)


def test_the_right_dome_is_the_higher_one_in_everybody():
    for number in range(60):
        breath = draw_breath(SHAPE, np.random.default_rng(number))
        assert breath.domes_mm[0] < breath.domes_mm[1]
        x = np.arange(-140.0, 141.0)
        height = diaphragm(x, SHAPE, breath)
        assert height[x < 0].min() == pytest.approx(breath.domes_mm[0])
        assert height[x > 0].min() == pytest.approx(breath.domes_mm[1])


def test_the_heart_points_to_the_patients_left_which_is_the_films_right():
    path = mediastinal_path(canvas(), SHAPE, BREATH)[at(-190, 190, 30, 100)]
    columns = np.flatnonzero(path.max(axis=0) > 0) - 190
    assert columns.max() > 1.6 * -columns.min()
    larger = mediastinal_path(canvas(), replace(SHAPE, heart=1.2), BREATH)[at(-190, 190, 30, 100)]
    assert np.count_nonzero(larger) > 1.1 * np.count_nonzero(path)


def test_air_is_in_lungs_and_trachea_and_not_under_the_diaphragm():
    lung = lung_path(canvas().grid, SHAPE, BREATH)
    assert lung[at(-90, -50, -20, 60)].min() > 80.0
    assert lung[at(50, 100, 150, 190)].max() < 1.0
    assert lung[at(-190, -150, -190, 190)].max() == 0.0
    air = airway_path(canvas(), SHAPE)
    assert air[at(-2, 2, -150, -80)].min() > 12.0
    assert air[at(-190, 190, 0, 190)].max() == 0.0


def test_vessels_thin_from_the_hila_outwards():
    vessels = [lung_vessels(canvas().grid, SHAPE, np.random.default_rng(seed)) for seed in range(3)]
    near, far = (
        np.mean([drawn[part].mean() for drawn in vessels])
        for part in (at(-70, -40, -30, 20), at(-135, -110, -30, 20))
    )
    assert near > 2.0 * far > 0.0


def test_a_chest_is_not_thinner_where_bone_is_weak():
    sums = []
    for score in (-4.0, 1.0):
        planted = Planted(*[score] * 5)
        bones = skeleton(SHAPE, planted, EVEN, 0.0)
        paths = chest_paths(canvas(2.0), bones, planted, (SHAPE, BREATH), np.random.default_rng(0))
        assert min(paths.soft.min(), paths.adipose.min(), paths.bone.min()) >= 0.0
        sums.append((paths.soft + paths.adipose)[60:70].mean())
    assert sums[0] == pytest.approx(sums[1], rel=0.02)


def test_a_chest_is_shaped_by_sex_bmi_and_age_and_not_by_bone():
    well = draw_scanned_person(3, 1, 1.0, 2)
    sick = replace(well, true_t_scores=(-4.0, -4.0))
    woman, man = replace(well, sex="F"), replace(well, sex="M")
    shapes = [
        draw_thorax_shape(
            person, draw_spine_shape(person, np.random.default_rng(0)), np.random.default_rng(1)
        )
        for person in (well, sick, woman, man)
    ]
    assert shapes[0] == shapes[1]
    assert shapes[2].breast_mm > 0.0 == shapes[3].breast_mm
    assert shapes[2].scale < shapes[3].scale
