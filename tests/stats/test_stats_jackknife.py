"""What leaving out a patient does, against figures computed again without each patient."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from strnet import stats
from strnet.errors import StatsError
from strnet.stats import influence, precision_recall
from strnet.stats.area_limits import precision_under, separation_bound
from strnet.stats.inputs import checked_clusters
from strnet.stats.jackknife import LEAST, leave_out
from strnet.stats.precision_recall import precision_influence
from strnet.stats.scales import AREA, FISHER, LOG, LOGIT, PLAIN


@pytest.fixture
def films(rng):
    """A target of patients, a score, a probability and patients with one to four films."""
    patients = np.repeat(np.arange(150), rng.choice([1, 2, 4], 150))
    target = (rng.random(150) < 0.5)[patients]
    score = rng.normal(size=150)[patients] + 0.5 * rng.normal(size=patients.size) + 1.2 * target
    return target, score, 1 / (1 + np.exp(-score)), patients


def again(statistic, patients):
    """The jackknife error of a figure that is computed again without each patient."""
    each = [statistic(patients != patient) for patient in np.unique(patients)]
    count = len(each)
    everything = statistic(np.ones(patients.size, dtype=bool))
    return math.sqrt((count - 1) / count * sum((value - everything) ** 2 for value in each))


def test_the_error_of_a_mean_is_that_of_the_means_without_each_patient(films):
    _, score, _, patients = films

    found = stats.mean_estimate(score, 0.95, patients)

    assert found.standard_error == pytest.approx(again(lambda rows: score[rows].mean(), patients))


def test_the_error_of_an_area_is_that_of_the_areas_without_each_film():
    target, score = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([1.0, 2.0, 4.0, 3.0, 5.0, 2.0, 6.0])
    areas = [stats.auroc(np.delete(target, i), np.delete(score, i)).value for i in range(7)]
    squares = (np.array(areas) - stats.auroc(target, score).value) ** 2
    by_class = 2 / 3 * squares[target == 0].sum() + 3 / 4 * squares[target == 1].sum()

    found = stats.auroc(target, score, interval="jackknife")

    assert found.standard_error**2 == pytest.approx(by_class)


def test_the_errors_of_other_figures_are_near_those_computed_again(films):
    target, score, prob, patients = films
    known = {"clusters": patients, "interval": "jackknife"}
    line = stats.calibration_slope_intercept(target, prob, **known)
    classes, named = np.digitize(score, [0, 1]), np.digitize(score + 0.7 * target - 0.3, [0, 1])

    def slope(rows):
        return stats.calibration_slope_intercept(target[rows], prob[rows])

    figures = {
        "slope": (line.slope, lambda rows: slope(rows).slope.value),
        "in the large": (line.in_the_large, lambda rows: slope(rows).in_the_large.value),
        "brier": (
            stats.brier(target, prob, **known),
            lambda rows: stats.brier(target[rows], prob[rows]).value,
        ),
        "auprc": (
            stats.auprc(target, score, **known),
            lambda rows: stats.average_precision(target[rows], score[rows]),
        ),
        "r": (
            stats.pearson(score, prob**3, **known),
            lambda rows: stats.pearson(score[rows], prob[rows] ** 3).value,
        ),
        "ccc": (
            stats.concordance(score, prob**3, **known),
            lambda rows: stats.concordance(score[rows], prob[rows] ** 3).value,
        ),
        "kappa": (
            stats.kappa_of_rows(classes, named, 3, clusters=patients),
            lambda rows: stats.kappa_of_rows(classes[rows], named[rows], 3).value,
        ),
    }
    for name, (found, statistic) in figures.items():
        assert found.standard_error == pytest.approx(again(statistic, patients), rel=0.06), name


def test_what_a_row_adds_to_the_average_precision_is_its_derivative_by_the_weight(rng):
    target, score = rng.random(50) < 0.4, np.round(rng.normal(size=50), 1)
    value, influence = precision_influence(target, score)

    heavier = [stats.average_precision(target, score, weights=1 + 1e-6 * row) for row in np.eye(50)]

    assert value == pytest.approx(stats.average_precision(target, score))
    assert influence == pytest.approx((np.array(heavier) - value) / 1e-6, abs=1e-7)


def test_films_that_repeat_each_other_change_no_interval(rng):
    target, score = rng.random(60) < 0.5, rng.normal(size=60)
    score, other = score + target, score + 2 * target
    prob, code = 1 / (1 + np.exp(-score)), rng.integers(0, 3, 60)
    chances = np.abs(np.eye(3)[code] + rng.normal(0, 0.6, size=(60, 3)))
    single, double = np.arange(60), np.tile(np.arange(60), 2)

    def figures(rows, clusters):
        known = {"clusters": clusters, "interval": "jackknife"}
        yield stats.auroc(target[rows], score[rows], **known)
        yield stats.auprc(target[rows], score[rows], **known)
        yield stats.brier(target[rows], prob[rows], **known)
        yield stats.calibration_slope_intercept(target[rows], prob[rows], **known).slope
        yield stats.pearson(score[rows], other[rows], **known)
        yield stats.concordance(score[rows], other[rows], **known)
        yield from stats.regression_errors(score[rows], other[rows], **known).values()
        yield stats.kappa_of_rows(code[rows], code[rows] * target[rows], 3, clusters=clusters)
        yield stats.multiclass_auroc(code[rows], chances[rows], **known)
        yield stats.multiclass_auroc(code[rows], chances[rows], average="hand_till", **known)
        yield stats.paired_multiclass_auroc(
            code[rows], chances[rows], chances[rows] ** 0.2 + 0.1 * other[rows, None], clusters=clusters
        )
        yield stats.paired_delong(target[rows], score[rows], other[rows], **known).difference

    for once, twice in zip(figures(single, single), figures(double, double), strict=True):
        assert (twice.low, twice.high) == pytest.approx((once.low, once.high), nan_ok=True), once
        assert math.isnan(once.low) or once.low < once.value < once.high


def test_degrees_of_freedom_fall_with_unequal_numbers_of_films():
    equal = leave_out(np.array([1.0, -1.0, 0.5, -0.5]), None)
    unequal = leave_out(np.array([1.0, -1.0, 0.0, 0.0]), checked_clusters([1, 2, 3, 3], 4))

    assert equal.freedom_of_sizes == pytest.approx(3)
    # by hand: shares 1/4, 1/4 and 1/2: (1 + 1 + 4)^2 / (1 + 1 + 16) - 1
    assert unequal.freedom_of_sizes == pytest.approx(1)


def test_degrees_of_freedom_fall_where_a_few_rows_make_the_error(rng):
    even = leave_out(np.tile([1.0, -1.0], 50), None)
    normal = leave_out(rng.normal(size=20_000), None)
    few = leave_out(np.array([10.0, -10.0] + [0.01, -0.01] * 49), None)

    assert math.isinf(even.freedom_of_terms())
    assert normal.freedom_of_terms() == pytest.approx(20_000, rel=0.1)  # of normal terms: their number
    assert few.freedom_of_terms() == LEAST


def test_independent_films_have_students_interval():
    values = np.array([1.0, 2.0, 4.0, 7.0])
    half = t.ppf(0.975, 3) * values.std(ddof=1) / 2

    found = stats.mean_estimate(values, 0.95, None)

    assert (found.low, found.high) == pytest.approx((3.5 - half, 3.5 + half))


@pytest.mark.parametrize(("scale", "value"), [(PLAIN, -2.0), (LOG, 0.3), (LOGIT, 0.9), (FISHER, -0.7)])
def test_the_slope_of_a_scale_is_its_derivative_and_the_way_back_undoes_it(scale, value):
    step = 1e-6
    slope = (scale.there(value + step) - scale.there(value - step)) / (2 * step)

    assert scale.slope(value) == pytest.approx(slope)
    assert scale.back(scale.there(value)) == pytest.approx(value)


@pytest.mark.parametrize("successes", [1, 7, 18])
def test_the_scale_of_areas_lies_between_the_logit_and_the_score_interval(successes):
    share = successes / 20
    half = 1.959964 * math.sqrt(share * (1 - share) / 20)
    score, logit = stats.proportion(successes, 20, method="wilson"), LOGIT.limits(share, half)

    low, high = AREA.limits(share, half)

    # Wilson's limits are as far apart on the logit scale as Newcombe 2001 says: the mean is half way
    assert LOGIT.there(low) == pytest.approx((LOGIT.there(score.low) + LOGIT.there(logit[0])) / 2, rel=1e-5)
    assert LOGIT.there(high) == pytest.approx((LOGIT.there(score.high) + LOGIT.there(logit[1])) / 2, rel=1e-5)


def test_one_film_of_each_class_separates_with_the_area_as_its_chance():
    assert separation_bound(1, 1, 0.95) == pytest.approx(0.025)


def test_the_bound_of_separation_is_where_it_is_no_rarer_than_the_tail():
    bound = separation_bound(24, 16, 0.95)
    odds = bound / (1 - bound)

    chances = [
        math.prod(j * odds / (j * odds + below) for j in range(1, above + 1))
        for above, below in ((24, 16), (16, 24))
    ]

    assert max(chances) == pytest.approx(0.025)
    assert min(chances) < 0.025


@pytest.mark.parametrize(
    ("figure", "computed"), [(stats.auroc, 2), (stats.auprc, 3)], ids=["each class", "and the precision"]
)
def test_each_class_is_left_out_once_for_an_area(figure, computed, films, monkeypatch):
    target, score, _, patients = films
    sizes = []

    def counted(terms, *rest):
        sizes.append(terms.size)
        return leave_out(terms, *rest)

    for module in (influence, precision_recall):
        monkeypatch.setattr(module, "leave_out", counted)
    figure(target, score, clusters=patients, interval="jackknife")

    assert len(sizes) == computed


def test_separated_classes_have_an_interval_for_both_areas():
    target, score = np.repeat([0, 1], [16, 24]), np.arange(40.0)

    area = stats.auroc(target, score, interval="jackknife")
    precision = stats.auprc(target, score, interval="jackknife")
    reversed_area = stats.auroc(target, -score, interval="jackknife")

    assert (area.low, area.high) == (pytest.approx(separation_bound(24, 16, 0.95)), 1.0)
    assert (reversed_area.low, reversed_area.high) == (0.0, pytest.approx(1 - area.low))
    assert area.low < precision.low < precision.high == 1.0 or precision.low < area.low
    for found in (area, precision, reversed_area):
        assert found.note.startswith("approximate: 16")
        assert "separate" in found.note


def test_separated_classes_of_weighted_rows_are_separated_up_to_rounding(rng):
    target, score = np.repeat([0, 1], [16, 24]), np.arange(40.0)

    found = stats.auroc(target, score, weights=rng.random(40), interval="jackknife")

    assert found.value == pytest.approx(1)
    assert 0.5 < found.low < separation_bound(24, 16, 0.95)


def test_the_precision_under_an_area_is_that_of_the_worse_of_two_power_families(rng):
    count = 200_000
    target = np.repeat([True, False], [count // 5, count - count // 5])
    highest_of_three = np.where(target, rng.random((3, count)).max(0), rng.random(count))
    lowest_of_three = np.where(target, rng.random(count), rng.random((3, count)).min(0))

    drawn = [stats.average_precision(target, score) for score in (highest_of_three, lowest_of_three)]

    assert precision_under(0.75, 0.2) == pytest.approx(min(drawn), abs=0.005)
    assert precision_under(0.5, 0.2) == pytest.approx(0.2)


def test_an_area_without_any_error_has_newcombes_limits_and_says_so():
    found = stats.auroc([1, 1, 0, 0], [1.0, 1.0, 1.0, 1.0], interval="jackknife")

    assert found.value == 0.5
    assert found.method == "newcombe"
    assert 0 < found.low < 0.5 < found.high < 1


def test_a_difference_of_areas_excludes_0_exactly_where_its_p_value_is_small(rng):
    sides = set()
    for _ in range(60):
        target = rng.random(50) < 0.5
        first, second = rng.normal(size=(2, 50)) + np.outer([1.6, 0.8], target)
        found = stats.paired_delong(target, first, second, interval="jackknife")
        excluded = found.difference.low > 0 or found.difference.high < 0
        sides.add(excluded)
        assert excluded == (found.test.p_value < 0.05)
        assert found.difference.low < found.difference.value < found.difference.high
    assert sides == {True, False}


def test_a_difference_of_areas_warns_of_patients_with_many_more_films(rng):
    target = np.tile([True, False], 40)
    patients = np.concatenate([np.arange(40), np.repeat([40, 41], 20)])
    target[40:] = np.repeat([True, False], 20)
    score = rng.normal(size=(2, 80)) + target

    unequal = stats.paired_delong(target, *score, clusters=patients, interval="jackknife")
    single = stats.paired_delong(target, *score, interval="jackknife")

    assert unequal.difference.note.startswith("approximate")
    assert not single.difference.note


def test_the_average_precision_of_a_few_films_calls_itself_approximate(rng):
    target = np.repeat([True, False], [24, 60])
    score = rng.normal(size=84) + target

    assert stats.auprc(target, score, interval="jackknife").note.startswith("approximate: 24")
    many = np.concatenate([target, [True]]), np.concatenate([score, [0.3]])
    assert not stats.auprc(*many, interval="jackknife").note


@pytest.mark.parametrize("rare", [0, 1])
def test_the_area_of_a_rare_class_calls_itself_approximate(rare, rng):
    target = np.repeat([rare, 1 - rare], [24, 400])
    score = rng.normal(size=424) + target

    assert stats.auroc(target, score, interval="jackknife").note.startswith("approximate: 24")
    other = score + rng.normal(size=424)
    assert "24 patients" in stats.paired_delong(target, score, other, interval="jackknife").difference.note
    many = np.append(target, rare), np.append(score, 0.3)
    assert not stats.auroc(*many, interval="jackknife").note


def test_the_class_is_counted_in_patients_not_in_films(rng):
    target, patients = np.repeat([1, 0], [60, 60]), np.concatenate([np.arange(60) // 3, np.arange(20, 80)])
    score = rng.normal(size=120) + target

    assert stats.auroc(target, score, clusters=patients, interval="jackknife").note.startswith(
        "approximate: 20 patients"
    )


@pytest.mark.parametrize(("wrong", "approximate"), [(1, True), (3, False)])
def test_an_area_that_rests_on_a_patient_or_two_calls_itself_approximate(wrong, approximate):
    # so many of 100 positives lie below all negatives: the area is 1 - wrong / 100
    score = np.concatenate([np.arange(100.0, 200.0), np.arange(100) / 100])
    score[:wrong] = -1.0
    found = stats.auroc(np.repeat([1, 0], [100, 100]), score, interval="jackknife")

    assert found.value == pytest.approx(1 - wrong / 100)
    precision = stats.auprc(np.repeat([1, 0], [100, 100]), score, interval="jackknife")
    for area in (found, precision):
        assert area.note.startswith("approximate: so near") == approximate


def test_limits_of_agreement_join_the_limits_of_bias_and_deviation(rng):
    measured = rng.normal(size=50)
    predicted = measured + rng.normal(0.2, 0.5, 50)
    found = stats.bland_altman(measured, predicted, method="jackknife")
    difference = predicted - measured
    half_of_bias = t.ppf(0.975, 49) * difference.std(ddof=1) / math.sqrt(50)

    upper = found.upper_limit
    of_deviation = [math.sqrt((upper.value - low) ** 2 - half_of_bias**2) for low in (upper.low, upper.high)]

    # symmetric on the logarithmic scale of the deviation, and the same around both limits
    deviation = upper.value - found.bias.value
    assert (deviation - of_deviation[0]) * (deviation + of_deviation[1]) == pytest.approx(deviation**2)
    assert upper.high - upper.value == pytest.approx(found.lower_limit.value - found.lower_limit.low)
    assert upper.high - upper.value > upper.value - upper.low


@pytest.mark.parametrize(
    "asked",
    [
        lambda y, p: stats.brier(y, p, interval="none"),
        lambda y, p: stats.calibration_slope_intercept(y, p, interval="none"),
        lambda y, p: stats.pearson(y, p, interval="none"),
        lambda y, p: stats.regression_errors(y, p, interval="none"),
        lambda y, p: stats.paired_delong(y, p, p, interval="none"),
        lambda y, p: stats.multiclass_auroc(y, np.column_stack([1 - p, p]), interval="none"),
    ],
)
def test_an_unknown_interval_is_refused(asked):
    with pytest.raises(StatsError, match="Unknown"):
        asked(np.array([0, 1, 0, 1]), np.array([0.2, 0.4, 0.6, 0.7]))
