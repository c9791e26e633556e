"""The area under an ROC curve against the printed point, and its interval against the counts."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.published import PublishedTable, check_published
from strnet.published.area_check import LARGEST_COMPARED, NARROW
from strnet.published.curve_areas import largest_area, largest_hull_area, smallest_area, smallest_hull_area
from strnet.stats import auroc

quick = settings(max_examples=150, deadline=None)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40), st.integers(2, 30), st.data())
def test_the_area_of_real_scores_is_never_impossible_at_any_of_their_thresholds(
    seed, positives, negatives, values, data
):
    generator = np.random.default_rng(seed)
    score = np.concatenate(
        [generator.integers(0, values, positives) + values // 3, generator.integers(0, values, negatives)]
    )
    target = np.repeat([1, 0], [positives, negatives])
    called = score >= data.draw(st.sampled_from(sorted(set(score.tolist()))))
    digits = data.draw(st.integers(2, 4))
    figures = {
        "sensitivity": f"{called[target == 1].mean():.{digits}f}",
        "specificity": f"{1 - called[target == 0].mean():.{digits}f}",
        "auc": f"{auroc(target, score).value:.{digits}f}",
    }
    for table in ({"n": positives + negatives, "positives": positives}, {}):
        found = check_published(PublishedTable(figures=figures, **table))
        assert found.verdict != "impossible", (figures, [f.text for f in found.findings])


def half_printed(area):
    """An area with three decimals, rounded by either rule; one text where the rules do not differ."""
    below, rest = divmod(area * 1000, 1)
    return [f"{(below + up) / 1000:.3f}" for up in ((0, 1) if rest == Fraction(1, 2) else ())]


@pytest.mark.parametrize(("positives", "negatives"), [(40, 10), (16, 25), (20, 20)])
def test_an_area_on_the_edge_of_its_rounding_is_possible_where_a_real_curve_has_it(positives, negatives):
    tried = 0
    for tp, tn in product(range(positives // 2, positives + 1), range(negatives // 2, negatives + 1)):
        missed, alarmed = Fraction(positives - tp, positives), Fraction(negatives - tn, negatives)
        counts = {"tp": tp, "fn": positives - tp, "fp": negatives - tn, "tn": tn}
        # the areas of one step and of two
        for text in [*half_printed((1 - missed) * (1 - alarmed)), *half_printed(1 - missed * alarmed)]:
            figures = {**{name: str(count) for name, count in counts.items()}, "auc": text}
            assert check_published(PublishedTable(figures=figures)).verdict != "impossible", figures
            tried += 1
    assert tried


def concave_curves(generator, s, x):
    """Areas of random concave curves through the corners and the point (x, s)."""
    areas = []
    for _ in range(400):
        # the upper hull of points that stay below one line through the point
        slope = generator.uniform((1 - s) / (1 - x), s / x)
        at = np.concatenate([[0, x, 1], generator.uniform(0, 1, 30)])
        height = np.minimum(s + slope * (at - x), 1) * generator.uniform(0.7, 1, at.size) ** 0.3
        height[:3] = 0, s, 1
        areas.append(hull_area(at, np.maximum(height, at)))
    return np.array(areas)


def hull_area(at, height):
    order = np.lexsort((-height, at))
    hull = []
    for point in zip(at[order], height[order], strict=True):
        while len(hull) > 1 and turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    x, y = np.array(hull).T
    return np.trapezoid(y, x)


def turns_left(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0


@pytest.mark.parametrize(("s", "t"), [(0.8, 0.8), (0.9, 0.6), (0.3, 0.95), (0.55, 0.5), (0.99, 0.2)])
def test_no_concave_curve_leaves_its_limits_and_the_steepest_lines_reach_the_upper_one(s, t):
    x = 1 - t
    areas = concave_curves(np.random.default_rng(1), s, x)
    most = largest_hull_area(np.float64(s), np.float64(t))

    assert areas.min() >= smallest_hull_area(s, t) - 1e-9
    assert areas.max() <= most + 1e-9
    # brute force: the best single line through the point, between those to both corners
    slopes = np.linspace((1 - s) / (1 - x), s / x, 20_001)
    at = np.linspace(0, 1, 2001)
    best = max(np.trapezoid(np.minimum(s + m * (at - x), 1), at) for m in slopes[::50])
    assert most == pytest.approx(best, abs=1e-4)


def test_the_limits_of_any_curve_are_the_steps_through_the_point():
    # one step at (.2, .9): .9 x .8; two steps: 1 - .1 x .2
    assert smallest_area(np.float64(0.9), np.float64(0.8)) == pytest.approx(0.72)
    assert largest_area(np.float64(0.9), np.float64(0.8)) == pytest.approx(0.98)
    # without a dent: 1 - 2 x .1 x .2
    assert largest_hull_area(np.float64(0.9), np.float64(0.8)) == pytest.approx(0.96)


@pytest.mark.parametrize("size", [{"n": 400, "positives": 200}, {}])
def test_an_area_far_below_the_balanced_accuracy_needs_a_dent(size):
    # sensitivity .90, specificity .90: any curve from .81, one without a dent from .90
    figures = {"sensitivity": ".900", "specificity": ".900"}
    verdicts = {
        auc: check_published(PublishedTable(figures={**figures, "auc": auc}, **size)).verdict
        for auc in (".80", ".83", ".90", ".98", ".995")
    }
    assert verdicts == {
        ".80": "impossible",
        ".83": "implausible",
        ".90": "possible",
        ".98": "possible",
        ".995": "impossible",
    }


def test_an_interval_of_many_more_cases_is_implausible():
    # Hanley and McNeil at .80 with 40 and 60: Q1 = .6667, Q2 = .7111; variance
    # (.16 + 39 x .02667 + 59 x .07111) / 2400 = .002248, error .0474, half width .0929;
    # .79 to .81 is at most .015: 38 times as many cases
    table = {"n": 100, "positives": 40}
    figures = {"sensitivity": ".750", "specificity": ".750", "auc": ".800"}
    narrow = check_published(PublishedTable(figures=figures, intervals={"auc": (".79", ".81")}, **table))
    usual = check_published(PublishedTable(figures=figures, intervals={"auc": (".71", ".89")}, **table))

    assert narrow.verdict == "implausible"
    (finding,) = narrow.found("auc_interval_narrow")
    assert finding.details["expected"] == pytest.approx(0.0929, abs=2e-4)
    assert "about 38 times as many cases" in finding.text
    assert usual.verdict == "possible"


def test_an_interval_without_its_figure_is_implausible():
    found = check_published(
        PublishedTable(n=100, figures={"sensitivity": ".75"}, intervals={"sensitivity": (".80", ".95")})
    )
    assert found.found("outside_interval")[0].doubt == ("sensitivity",)


def delong_half_width(positive, negative):
    target = np.repeat([1, 0], [positive.size, negative.size])
    found = auroc(target, np.concatenate([positive, negative]), interval="delong")
    return found.value, (found.high - found.low) / 2


@pytest.mark.parametrize(("spread", "area"), [(0.5, 0.75), (1.0, 0.9), (2.0, 0.95), (0.5, 0.95)])
def test_delongs_interval_of_normal_scores_is_hardly_ever_called_too_narrow(spread, area):
    from scipy.stats import norm

    generator = np.random.default_rng(2)
    called = 0
    for _ in range(300):
        positive = generator.normal(norm.ppf(area) * np.hypot(1, spread), spread, 40)
        value, half = delong_half_width(positive, generator.normal(0, 1, 200))
        if value > LARGEST_COMPARED:
            continue
        q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
        variance = value * (1 - value) + 39 * (q1 - value**2) + 199 * (q2 - value**2)
        called += half < NARROW * 1.96 * np.sqrt(variance / (40 * 200))
    assert called <= 2
