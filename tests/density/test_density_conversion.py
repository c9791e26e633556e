import math

import numpy as np
import pytest
from scipy import stats

from strnet.density.contrast_correction import CORRECTIONS, correction_named
from strnet.density.conversion import (
    PROVENANCE,
    DensityConversion,
    conversion_of,
    given_density,
    require_plausible,
)
from strnet.density.reference_rods import ReferenceRod, conversion_from_rods
from strnet.errors import DensityError

LINE = DensityConversion(
    method="rods", source="s", mineral="CHA", slope=0.8, intercept=-4.0, range_hu=(0.0, 250.0)
)


def rods(densities, hu):
    return [ReferenceRod(float(d), float(h)) for d, h in zip(densities, hu, strict=True)]


def test_rods_on_a_line_give_back_the_line():
    made = conversion_from_rods(
        rods([0, 50, 100, 200], [5, 67.5, 130, 255]), source="QRM", mineral="CHA", kvp=120.0
    )
    assert made.slope == pytest.approx(0.8)
    assert made.intercept == pytest.approx(-4.0)
    assert made.density(130.0) == pytest.approx(100.0)
    assert made.residual_sd == pytest.approx(0.0, abs=1e-9)
    assert made.materials == ("0", "50", "100", "200")
    assert made.range_hu == (5.0, 255.0)


def test_the_slope_has_the_interval_of_the_regression_of_hu_on_density_turned_round():
    density, hu = [0, 50, 100, 150, 200], [4.0, 70.0, 129.0, 196.0, 254.0]
    made = conversion_from_rods(rods(density, hu), source="s", mineral="CHA")
    line = stats.linregress(density, hu)
    reach = stats.t.ppf(0.975, 3) * line.stderr
    assert made.slope == pytest.approx(1 / line.slope)
    assert made.slope_interval == pytest.approx((1 / (line.slope + reach), 1 / (line.slope - reach)))
    rest = np.array(hu) - line.intercept - line.slope * np.array(density)
    assert made.residual_sd == pytest.approx(math.sqrt(np.sum(rest**2) / 3) / line.slope)


def test_the_interval_of_the_slope_holds_the_true_slope_as_often_as_it_says():
    rng = np.random.default_rng(7)
    density = np.array([0.0, 75.0, 150.0, 200.0])
    held = 0
    for _ in range(400):
        made = conversion_from_rods(
            rods(density, 3 + 1.25 * density + rng.normal(0, 2, 4)), source="s", mineral="CHA"
        )
        low, high = made.slope_interval
        held += low <= 0.8 <= high
    assert stats.binomtest(held, 400, 0.95).pvalue > 0.001


@pytest.mark.parametrize(
    ("densities", "hu", "word"),
    [
        ([0, 100], [0, 125], "2 rods of different density"),
        ([100, 100, 100], [120, 125, 130], "1 rods of different density"),
        ([0, 100, 100], [0, 125, 124], "2 rods of different density"),
        ([0, 100, 200], [0, 250, 125], "swapped"),
        ([0, 50, 100, 200], [5, 110, 115, 255], "scatter"),
        ([0, 100, 200], [0, 100, 200], "already"),
        ([0, 100, 200], [-1000, -875, -750], "rescale intercept"),
        ([0, 100, 200], [0, math.nan, 250], "no HU"),
    ],
)
def test_rods_that_cannot_be_right_are_refused_with_the_reason(densities, hu, word):
    with pytest.raises(DensityError, match=word):
        conversion_from_rods(rods(densities, hu), source="s", mineral="CHA")


def test_a_conversion_comes_back_from_its_plain_values():
    made = conversion_from_rods(
        rods([0, 50, 100, 200], [5, 67, 131, 255]), source="QRM", mineral="K2HPO4", kvp=120.0, scanner="A"
    )
    assert conversion_of(made.model_dump(mode="json"), "file.json") == made


def test_a_conversion_with_a_strange_key_or_without_a_slope_is_refused_by_name():
    content = LINE.model_dump(mode="json")
    del content["slope"]
    with pytest.raises(DensityError, match=r"file\.json.*\n.*slope"):
        conversion_of(content, "file.json")
    with pytest.raises(DensityError, match="colour"):
        conversion_of({**LINE.model_dump(mode="json"), "colour": 1}, "file.json")


def test_a_conversion_reaches_half_its_range_beyond_the_rods_and_says_so():
    assert LINE.density(370.0) == pytest.approx(292.0)
    assert LINE.extrapolates(370.0)
    assert not LINE.extrapolates(100.0)
    with pytest.raises(DensityError, match="far outside"):
        LINE.density(380.0)


def test_the_provenance_has_the_columns_that_are_promised():
    assert tuple(LINE.provenance()) == PROVENANCE


def test_values_that_are_densities_stay_as_they_are():
    assert given_density("CHA", "calibrated image").density(75.5) == 75.5


def test_a_slope_of_one_is_no_scanners():
    with pytest.raises(DensityError, match="already"):
        require_plausible(LINE.model_copy(update={"slope": 1.0}))


def test_a_portal_venous_scan_at_120_kv_loses_the_published_difference():
    assert correction_named("ruehling2022").corrected(100.0, phase="venous", kvp=120.0) == 82.5


def test_the_spread_of_the_correction_is_that_of_the_published_root_mean_square():
    found = CORRECTIONS["ruehling2022"]
    assert math.hypot(found.intercept, found.residual_sd) == pytest.approx(18.7, abs=0.05)


@pytest.mark.parametrize(
    ("phase", "kvp", "word"),
    [
        ("arterial", 120.0, "phase is arterial"),
        (None, 120.0, "phase is unknown"),
        ("venous", 100.0, "kVp is 100"),
        ("venous", None, "kVp is unknown"),
    ],
)
def test_a_contrast_correction_is_refused_where_it_does_not_hold(phase, kvp, word):
    with pytest.raises(DensityError, match=word):
        correction_named("ruehling2022").corrected(100.0, phase=phase, kvp=kvp)


def test_an_unknown_correction_is_told_the_near_one():
    with pytest.raises(DensityError, match="did you mean 'ruehling2022'"):
        correction_named("ruhling2022")
