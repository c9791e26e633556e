from __future__ import annotations

import numpy as np
import pytest

from strnet.phantom.physics.projection import Paths, transmission
from strnet.phantom.physics.solids import (
    Box,
    Grid,
    Solid,
    bounding_box,
    ellipsoid,
    profile,
    rounding,
    thickness,
)
from strnet.phantom.physics.spectra import TISSUES, Spectrum, linear_attenuation, spectrum


def grid(rows: int = 81, columns: int = 101, step: float = 0.5) -> Grid:
    y = (np.arange(rows) - rows // 2) * step
    x = (np.arange(columns) - columns // 2) * step
    return Grid(y.astype(np.float32), x.astype(np.float32), step)


def whole(on: Grid) -> Box:
    return Box(0, on.shape[0], 0, on.shape[1])


def slab(**mm: float) -> Paths:
    return Paths(
        **{name: np.full((2, 3), mm.get(name, 0.0), np.float32) for name in ("soft", "adipose", "bone")}
    )


def test_a_table_energy_gives_the_printed_coefficient_times_the_density():
    # NISTIR 5632: cortical bone at 60 keV 0.3148 cm2/g, ICRU-44 density 1.92 g/cm3.
    assert linear_attenuation("bone", np.array([60.0]))[0] == pytest.approx(0.3148 * 1.92 / 10, rel=1e-9)


def test_between_table_energies_the_coefficient_follows_a_power_law():
    low, middle, high = linear_attenuation("soft", np.array([30.0, np.sqrt(30.0 * 40.0), 40.0]))
    assert middle == pytest.approx(np.sqrt(low * high), rel=1e-9)


def test_one_energy_through_a_slab_is_beer_lambert():
    # 100 mm soft tissue and 10 mm bone at 60 keV: exp(-100 * 0.0217088 - 10 * 0.0604416).
    coefficients = [linear_attenuation(tissue, np.array([60.0]))[0] for tissue in TISSUES]
    beam = Spectrum(np.array([60.0]), np.array([1.0]), np.array([coefficients]))
    got = transmission(slab(soft=100.0, bone=10.0), beam)
    np.testing.assert_allclose(got, np.exp(-(2.17088 + 0.604416)), rtol=1e-5)


def test_two_energies_add_energies_and_not_exponents():
    beam = Spectrum(np.array([1.0, 2.0]), np.array([0.25, 0.75]), np.array([[0.1, 0, 0, 0], [0.02, 0, 0, 0]]))
    expected = 0.25 * np.exp(-1.0) + 0.75 * np.exp(-0.2)
    np.testing.assert_allclose(transmission(slab(soft=10.0), beam), expected, rtol=1e-6)


def test_a_beam_hardens_with_depth():
    beam = spectrum(62.0)
    first = -np.log(transmission(slab(soft=20.0), beam))[0, 0] / 20.0
    deep = -np.log(transmission(slab(soft=200.0), beam))[0, 0] / 200.0
    assert deep < 0.97 * first


def test_a_spectrum_is_normalised_below_its_voltage_and_harder_at_higher_voltage():
    soft, hard = spectrum(55.0), spectrum(70.0)
    assert soft.weight.sum() == pytest.approx(1.0)
    assert soft.energy_kev.max() < 55.0
    assert hard.weight @ hard.energy_kev > soft.weight @ soft.energy_kev + 3.0


def test_titanium_stops_more_than_bone_of_the_same_length():
    metal = np.full((2, 3), 4.0, np.float32)
    assert (
        transmission(slab(), spectrum(60.0), metal)[0, 0] < transmission(slab(bone=4.0), spectrum(60.0))[0, 0]
    )


def test_the_thickness_of_an_ellipsoid_is_its_closed_form():
    on = grid()
    body = ellipsoid(on.y.astype(float), (2.0, -1.0, 7.0), (12.0, 9.0, 20.0))
    got = thickness([body], on, whole(on))
    inside = 1 - ((on.x[None, :] - 2.0) / 12.0) ** 2 - ((on.y[:, None] + 1.0) / 9.0) ** 2
    np.testing.assert_allclose(got, 40.0 * np.sqrt(np.maximum(inside, 0.0)), atol=2e-2)


def test_the_volume_of_a_superellipsoid_projects_whole():
    # Brute force: count points of a fine lattice inside |x/a|^p + |y/b|^p + |z/c|^p <= 1.
    on = grid(161, 161, 0.25)
    body = ellipsoid(on.y.astype(float), (0.0, 0.0, 0.0), (15.0, 12.0, 18.0), 3.0)
    volume = thickness([body], on, whole(on)).sum() * 0.25**2
    axes = [np.arange(-s + 0.125, s, 0.25) for s in (15.0, 12.0, 18.0)]
    terms = [np.abs(axis / size) ** 3.0 for axis, size in zip(axes, (15.0, 12.0, 18.0), strict=True)]
    points = (terms[0][:, None, None] + terms[1][None, :, None] + terms[2][None, None, :] <= 1).sum()
    assert volume == pytest.approx(points * 0.25**3, rel=0.01)


def test_overlapping_solids_of_one_bone_count_once():
    on = grid()
    body = ellipsoid(on.y.astype(float), (0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    ahead = ellipsoid(on.y.astype(float), (0.0, 0.0, 5.0), (10.0, 10.0, 10.0))
    middle = (on.shape[0] // 2, on.shape[1] // 2)
    assert thickness([body, body], on, whole(on))[middle] == pytest.approx(20.0, abs=1e-4)
    assert thickness([body, ahead], on, whole(on))[middle] == pytest.approx(25.0, abs=1e-4)


def test_a_bounding_box_loses_nothing():
    on = grid()
    body = ellipsoid(on.y.astype(float), (3.0, 4.0, 0.0), (7.0, 6.0, 5.0), 2.5)
    box = bounding_box([body], on)
    full = thickness([body], on, whole(on))
    np.testing.assert_array_equal(full[box.slices], thickness([body], on, box))
    assert full.sum() == pytest.approx(full[box.slices].sum())


def test_a_shell_is_what_lies_between_outer_and_inner_surface():
    # A tube of radii 10 and 6 seen from the side: 8 mm of wall in the middle, a full chord at its edge.
    on = grid()
    flat = np.ones(on.shape[0])
    outer = Solid(0 * flat, 10 * flat, 0 * flat, 10 * flat)
    inner = outer.shrunk(4.0 * flat, flat > 0)
    wall = thickness([outer], on, whole(on)) - thickness([inner], on, whole(on))
    centre = on.shape[1] // 2
    np.testing.assert_allclose(wall[:, centre], 8.0, atol=1e-4)
    np.testing.assert_allclose(wall[:, centre + 16], 12.0, atol=1e-4)


def test_a_profile_meets_its_knots_and_never_overshoots():
    y = np.linspace(-20, 20, 401)
    curve = profile(y, [(-10, 1.0), (0, 1.0), (5, 3.0), (10, 3.0)])
    assert curve.min() == 1.0
    assert curve.max() == 3.0
    assert curve[300] == pytest.approx(3.0)
    assert np.all(np.diff(curve) >= -1e-12)


def test_rounding_starts_at_the_tip_and_ends_at_the_radius():
    np.testing.assert_allclose(
        rounding(np.array([-1.0, 0.0, 5.0, 10.0, 30.0]), 10.0), [0, 0, np.sqrt(0.75), 1, 1]
    )
