"""A volume keeps every voxel at its place in the patient, however its axes are turned."""

import itertools

import numpy as np
import pytest

from strnet.errors import ImageError
from strnet.imaging.volume import Volume

SHAPE = (4, 5, 6)
PLAIN = np.array([[0.7, 0, 0, -20], [0, 0.8, 0, 30], [0, 0, 2.5, 100], [0, 0, 0, 1]], dtype=float)


def numbered(affine=PLAIN):
    return Volume(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE), affine)


def places(volume):
    """Place of every voxel by its value."""
    k, j, i = np.indices(volume.values.shape).reshape(3, -1)
    points = (volume.affine @ np.stack([i, j, k, np.ones_like(i)]))[:3].T
    return dict(zip(volume.values.ravel().tolist(), points.round(6).tolist(), strict=True))


def turned(volume, order, flips, tilt=0.0):
    """`volume` as a file might hold it: index axes in another order, some of them backwards, oblique."""
    values = volume.values.transpose(order)
    affine = volume.affine.copy()
    affine[:, :3] = volume.affine[:, [2 - order[2 - axis] for axis in range(3)]]
    for axis in flips:
        affine[:, 3] += (values.shape[2 - axis] - 1) * affine[:, axis]
        affine[:, axis] *= -1
        values = np.flip(values, axis=2 - axis)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    return Volume(values, turn @ affine)


@pytest.mark.parametrize("tilt", [0.0, 0.3, -0.6])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_every_order_of_axes_becomes_that_of_the_patient_and_no_voxel_moves(order, flips, tilt):
    held = turned(numbered(), order, flips, tilt)
    found = held.in_patient_order()
    assert found.values.shape == SHAPE
    assert np.array_equal(found.values, numbered().values)
    assert places(found) == places(held)


def test_spacing_is_of_slices_rows_and_columns():
    assert turned(numbered(), (0, 1, 2), (0,), 0.4).spacing == pytest.approx((2.5, 0.8, 0.7))


def test_the_volume_of_a_voxel_is_right_where_axes_are_oblique_to_each_other():
    sheared = PLAIN.copy()
    sheared[1, 2] = 1.2
    assert numbered(sheared).voxel_mm3 == pytest.approx(0.7 * 0.8 * 2.5)


@pytest.mark.parametrize(
    ("shape", "affine"),
    [
        ((4, 5), PLAIN),
        ((0, 5, 6), PLAIN),
        ((2, 4, 5, 6), PLAIN),
        (SHAPE, np.eye(3)),
        (SHAPE, np.diag([1.0, 1.0, 0.0, 1.0])),
        (SHAPE, np.diag([1.0, 1.0, np.nan, 1.0])),
    ],
)
def test_what_is_no_volume_is_refused(shape, affine):
    with pytest.raises(ImageError):
        Volume(np.zeros(shape, dtype=np.int16), affine)
