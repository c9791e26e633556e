from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strnet.phantom.lumbar.abdomen import Bowel, aortic_calcium, soft_tissue
from strnet.phantom.lumbar.spine_projection import (
    project_spine,
    projected_density,
    region_labels,
    skeleton,
)
from strnet.phantom.lumbar.spine_shape import DISCS, SpineShape
from strnet.phantom.lumbar.vertebral_bodies import REGIONS, body_chord, stack
from strnet.phantom.lumbar.vertebral_planting import Planted
from strnet.phantom.physics.ellipsoids import (
    FROM_THE_FRONT,
    FROM_THE_SIDE,
    Canvas,
    Ellipsoid,
    chord,
    shadow,
    tube,
    turned_axes,
)
from strnet.phantom.physics.projection import Spongiosa
from strnet.phantom.physics.solids import Grid

SHAPE = SpineShape(
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
USUAL = Planted(*[-1.0] * 6)
BEAMS = (FROM_THE_FRONT, FROM_THE_SIDE)


def canvas(beam: int, step: float = 1.0) -> Canvas:
    y, x = np.arange(-165, 205, step), np.arange(-150, 150, step)
    return Canvas(Grid(y.astype(np.float32), x.astype(np.float32), step), beam)


def bone_of(shape: SpineShape, planted: Planted, beam: int) -> np.ndarray:
    spongiosa = Spongiosa(2.0, 0.5, 0.0)
    bones = skeleton(shape, planted, 0.0)
    return project_spine(canvas(beam), bones, planted, spongiosa, np.random.default_rng(0))[2]


def place(point: np.ndarray, on: Canvas) -> tuple[int, int]:
    row = np.abs(on.grid.y - point[1]).argmin()
    return int(row), int(np.abs(on.grid.x - point[on.across]).argmin())


@pytest.mark.parametrize("beam", BEAMS)
def test_the_volume_of_an_oblique_ellipsoid_is_seen_whole_from_either_side(beam):
    solid = Ellipsoid(np.array([5.0, -8.0, 12.0]), turned_axes((9.0, 16.0, 25.0), (0, 30.0), (2, 50.0)))
    on = canvas(beam, 0.5)
    length = chord(solid, on, shadow(solid, on))
    assert length.sum() * 0.25 == pytest.approx(4.0 / 3.0 * np.pi * 9.0 * 16.0 * 25.0, rel=0.01)


def test_the_chord_of_an_oblique_ellipsoid_is_that_of_points_along_the_beam():
    solid = Ellipsoid(np.array([1.0, 2.0, 3.0]), turned_axes((9.0, 14.0, 20.0), (0, 35.0), (1, -20.0)))
    on = canvas(FROM_THE_SIDE)
    box = shadow(solid, on)
    length = chord(solid, on, box)
    inverse = np.linalg.inv(solid.axes)
    x = np.arange(-40.0, 40.0, 0.01)
    for row, column in ((20, 15), (10, 20), (25, 10)):
        y, z = float(on.grid.y[box.top + row]), float(on.grid.x[box.left + column])
        points = np.stack([x, np.full_like(x, y), np.full_like(x, z)]) - solid.centre[:, None]
        inside = (np.linalg.norm(inverse @ points, axis=0) <= 1.0).sum() * 0.01
        assert length[row, column] == pytest.approx(inside, abs=0.05)


def test_a_tube_across_the_beam_is_two_radii_thick_and_its_canal_is_thinner_by_two_walls():
    points = np.array([[-30.0, 0.0, 0.0], [0.0, 0.0, 0.0], [30.0, 0.0, 0.0]])
    on = canvas(FROM_THE_FRONT, 0.25)
    _, outer, inner = tube(points, np.full(3, 5.0), 1.5, on)
    assert outer.max() == pytest.approx(10.0, abs=0.05)
    assert inner.max() == pytest.approx(7.0, abs=0.05)


@pytest.mark.parametrize("name", REGIONS)
def test_a_body_has_one_volume_from_the_front_and_from_the_side(name):
    body = next(body for body in stack(SHAPE) if body.name == name)
    front, side = (body_chord(body, canvas(beam, 0.5))[1].sum() * 0.25 for beam in BEAMS)
    assert front == pytest.approx(side, rel=0.05)


def test_both_films_show_a_body_at_the_same_height():
    labels = [region_labels(canvas(beam), skeleton(SHAPE, USUAL, 0.0)) for beam in BEAMS]
    for number in range(1, len(REGIONS) + 1):
        front, side = (np.flatnonzero((label == number).any(axis=1)) for label in labels)
        assert abs(front[0] - side[0]) <= 2
        assert abs(front[-1] - side[-1]) <= 2


@pytest.mark.parametrize("beam", BEAMS)
def test_the_labels_lie_where_the_bodies_are_and_follow_one_another_downwards(beam):
    on = canvas(beam)
    bones = skeleton(SHAPE, USUAL, 0.0)
    labels = region_labels(on, bones)
    for body in bones.bodies:
        expected = REGIONS.index(body.name) + 1 if body.name in REGIONS else 0
        row, column = place(body.centre, on)
        assert labels[row, column] == expected
    # By hand: L3 of a usual person is 28 mm high and, on a film of 1 mm pixels, 46.5 or 34 mm wide.
    third = labels == 3
    assert third.any(axis=1).sum() == pytest.approx(28, abs=3)
    assert third.any(axis=0).sum() == pytest.approx(46.5 if beam == FROM_THE_FRONT else 34.0, abs=2.5)


def test_the_bodies_widen_downwards_and_the_lumbar_ones_hollow_the_back():
    bodies = {body.name: body for body in stack(SHAPE)}
    widths = [bodies[name].half_width for name in ("T12", "L1", "L2", "L3", "L4", "L5")]
    assert widths == sorted(widths)
    # Lordosis: the third body lies before the first and before the sacrum, which leans back.
    assert bodies["L3"].centre[2] < bodies["L1"].centre[2]
    assert bodies["L3"].centre[2] < bodies["S1"].centre[2]
    straight = {body.name: body for body in stack(replace(SHAPE, lordosis=0.5))}
    assert straight["L1"].centre[2] < bodies["L1"].centre[2]


@pytest.mark.parametrize("beam", BEAMS)
def test_denser_bone_takes_more_of_the_beam_behind_a_body(beam):
    on = canvas(beam)
    weak, strong = (bone_of(SHAPE, Planted(*[score] * 6), beam) for score in (-3.0, 1.0))
    for body in stack(SHAPE):
        if body.name in REGIONS:
            at = place(body.centre + np.array([12.0, 0.0, 6.0]), on)
            assert strong[at] > 1.8 * weak[at]


def test_twice_the_trabecular_bone_adds_twice_its_path():
    # exp(0.33 d) = 2 at d = 2.1004: the walls are what remains.
    step = np.log(2.0) / 0.33
    densities = [
        projected_density(SHAPE, replace(USUAL, bone_volume=-1.0 + number * step)) for number in range(3)
    ]
    assert densities[2] - densities[1] == pytest.approx(2.0 * (densities[1] - densities[0]), rel=1e-6)


def test_the_endplates_are_lines_from_the_side_and_thicker_ones_are_brighter():
    thin, thick = (bone_of(SHAPE, replace(USUAL, endplate=score), FROM_THE_SIDE) for score in (-3.0, 2.0))
    on = canvas(FROM_THE_SIDE)
    third = next(body for body in stack(SHAPE) if body.name == "L3")
    edge, middle = place(third.at(0.0, 0.92 * third.half_height, 0.0), on), place(third.centre, on)
    rows = slice(edge[0] - 2, edge[0] + 3)
    assert thick[rows, edge[1]].max() > 1.2 * thin[rows, edge[1]].max()
    assert thick[middle] == pytest.approx(thin[middle], rel=1e-3)


def test_links_that_a_view_does_not_show_change_nothing_of_it():
    for view, hidden in (("AP", "sagittal_links"), ("LATERAL", "coronal_links")):
        other = replace(USUAL, **{hidden: 3.0})
        assert other.spacing_mm(view) == USUAL.spacing_mm(view)
        assert other.transverse_share(view) == USUAL.transverse_share(view)


def test_a_wall_that_faces_the_beam_adds_little_to_the_path():
    for beam, hidden in ((FROM_THE_FRONT, "front_wall"), (FROM_THE_SIDE, "side_wall")):
        thin, thick = (bone_of(SHAPE, replace(USUAL, **{hidden: score}), beam) for score in (-2.0, 0.0))
        on = canvas(beam)
        body = next(body for body in stack(SHAPE) if body.name == "L2")
        at = place(body.centre + np.array([9.0, 4.0, 4.0]), on)
        assert 1.0 < thick[at] / thin[at] < 1.1


@pytest.mark.parametrize("beam", BEAMS)
def test_wear_raises_the_projected_density_and_not_that_of_the_bone(beam):
    worn = replace(SHAPE, worn=(0.9,) * DISCS, arthrosis=0.9)
    # Worn discs are lower: compare each body where it stands.
    rim = []
    for shape in (SHAPE, worn):
        bone, on = bone_of(shape, USUAL, beam), canvas(beam)
        spots = []
        for body in stack(shape):
            if body.name in REGIONS:
                row, column = place(body.at(0.0, body.half_height - 2.0, 0.0), on)
                spots.append(bone[row - 3 : row + 4, column - 20 : column + 21].mean())
        rim.append(np.mean(spots))
    assert rim[1] > 1.03 * rim[0]
    assert projected_density(worn, USUAL) == projected_density(SHAPE, USUAL)


def test_worn_discs_are_lower_and_bodies_keep_their_size():
    worn = replace(SHAPE, worn=(0.0,) * 5 + (1.0, 0.0, 0.0))
    before, after = ({body.name: body for body in stack(shape)} for shape in (SHAPE, worn))
    gap = [np.linalg.norm(one["L4"].centre - one["L3"].centre) for one in (before, after)]
    # The disc between L3 and L4, 11 mm, loses half of its height.
    assert gap[0] - gap[1] == pytest.approx(5.5, abs=0.05)
    assert after["L3"].half_height == before["L3"].half_height


def test_the_trunk_keeps_its_thickness_whatever_its_muscle():
    on = canvas(FROM_THE_FRONT)
    muscle, fat = soft_tissue(on, SHAPE, Bowel(()), np.random.default_rng(0))
    middle = (muscle + fat)[150:220, 130:170]
    assert middle == pytest.approx(SHAPE.depth_mm, rel=0.03)


def test_gas_thins_the_soft_tissue_where_it_lies():
    on = canvas(FROM_THE_SIDE)
    bubble = Ellipsoid(np.array([0.0, 20.0, -70.0]), turned_axes((12.0, 12.0, 12.0)))
    bare, gassy = (soft_tissue(on, SHAPE, Bowel(gas), np.random.default_rng(0))[0] for gas in ((), (bubble,)))
    at = place(bubble.centre, on)
    assert bare[at] - gassy[at] == pytest.approx(24.0, abs=0.1)
    assert np.count_nonzero(bare != gassy) == pytest.approx(np.pi * 12.0**2, rel=0.05)


def test_a_young_aorta_has_no_calcium_and_an_old_one_lies_before_the_spine():
    assert aortic_calcium(SHAPE, np.random.default_rng(0)) == []
    plaques = aortic_calcium(replace(SHAPE, calcium=1.0), np.random.default_rng(0))
    assert len(plaques) > 5
    front = min(body.centre[2] - body.half_depth for body in stack(SHAPE) if body.name in ("L2", "L3", "L4"))
    depths = np.concatenate([plaque.points[:, 2] for plaque in plaques])
    assert (depths < front + 3.0).mean() > 0.85
