from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from strnet.errors import ThresholdError
from strnet.thresholds import fit_threshold, plan
from strnet.thresholds.local_update import updated
from strnet.thresholds.rows import RowColumns, fittable_rows
from strnet.thresholds.site_planning import chance_of_keeping, rows_holding
from strnet.thresholds.threshold_request import read_request


@pytest.mark.parametrize(("positives", "prevalence"), [(1, 0.5), (20, 0.1), (20, 0.9), (59, 0.03)])
def test_the_rows_hold_the_positives_with_a_chance_of_95_percent_and_one_fewer_do_not(positives, prevalence):
    rows = rows_holding(positives, prevalence)
    assert stats.binom.sf(positives - 1, rows, prevalence) >= 0.95
    assert rows == positives or stats.binom.sf(positives - 1, rows - 1, prevalence) < 0.95


def test_the_plan_says_how_many_rows_any_promise_takes():
    found = plan(prevalence=0.1)
    assert found.fewest_positives == 20
    assert found.rows_for_any_promise == rows_holding(20, 0.1) > 200  # 200 rows hold 20 half of the time
    assert plan().rows_for_any_promise is None


def test_the_chance_of_keeping_is_the_binomial_one():
    # 100 positives: 8 misses are allowed
    site = plan(positives=100, site_sensitivity=0.93).site
    assert site.chance_of_keeping == pytest.approx(stats.binom.cdf(8, 100, 0.07))
    assert plan(positives=19, site_sensitivity=0.93).site.chance_of_keeping == 0
    assert plan(positives=39, design_effect=2, site_sensitivity=0.93).site.chance_of_keeping == 0


def test_from_the_positives_planned_on_the_chance_of_keeping_never_falls_below_80_percent():
    planned = plan(site_sensitivity=0.92).site.positives_to_keep
    chances = [chance_of_keeping(n, 0.92, read_request()) for n in range(planned - 40, 1000)]
    assert min(chances[40:]) >= 0.8
    assert min(chances[:40]) < 0.8


def test_a_threshold_at_the_floor_is_never_likely_to_be_kept():
    site = plan(positives=5000, site_sensitivity=0.86, prevalence=0.5).site
    assert (site.positives_to_keep, site.rows_to_keep) == (None, None)
    assert site.chance_of_keeping <= 0.05


def test_a_sensitivity_that_is_no_share_is_refused():
    with pytest.raises(ThresholdError, match="site_sensitivity"):
        plan(site_sensitivity=92)


def test_the_plan_is_what_updates_do():
    """Of 400 updates with 100 positives of a site where the frozen threshold finds 93%, as many keep it."""
    rng = np.random.default_rng(6)
    fitted = fit_threshold(np.ones(40), np.linspace(0.07, 1, 40))
    parent = replace(fitted, threshold=0.07)  # of uniform scores 93% lie above it
    target = np.repeat([1, 0], [100, 5])
    kept = 0
    for _ in range(400):
        rows = fittable_rows(target, rng.random(105), RowColumns())
        kept += updated(parent, "", rows, read_request()).update.decision == "keep"
    expected = plan(positives=100, site_sensitivity=0.93).site.chance_of_keeping
    assert kept / 400 == pytest.approx(expected, abs=3 * (expected * (1 - expected) / 400) ** 0.5)
