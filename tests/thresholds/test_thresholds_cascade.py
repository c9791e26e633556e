from fractions import Fraction

import numpy as np
import pytest

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import fit_cascade, fit_threshold
from strnet.thresholds.cascade import Line
from strnet.thresholds.floor import read_floor
from strnet.thresholds.rules import exact_misses


@pytest.fixture
def severity():
    """600 cases of three severities with two correlated scores."""
    rng = np.random.default_rng(2)
    level = rng.choice(3, 600, p=[0.4, 0.3, 0.3])
    first = rng.normal(size=600) + 2.0 * (level > 0) + 0.8 * (level > 1)
    second = rng.normal(size=600) + 2.2 * (level > 1)
    return level, first, second


def test_the_thresholds_are_the_order_statistics_of_the_two_disjoint_sets_of_cases(severity):
    level, first, second = severity
    point = fit_cascade(level > 0, level == 2, first, second, min_sensitivity="0.8")
    half, floor = Fraction("0.025"), read_floor("0.8")
    mild = np.sort(first[level == 1])
    assert point.bone_loss.threshold == mild[exact_misses(mild.size, floor, half)]
    u = np.sort(np.where(first[level == 2] >= point.bone_loss.threshold, second[level == 2], -np.inf))
    assert point.osteoporosis.threshold == u[exact_misses(u.size, floor, half)]
    assert point.status == "guaranteed"
    assert 1 - point.confidence_reached == pytest.approx(
        2 - point.bone_loss.confidence_reached - point.osteoporosis.confidence_reached
    )
    assert point.confidence_reached >= 0.95


def test_the_counts_are_end_to_end(severity):
    level, first, second = severity
    point = fit_cascade(level > 0, level == 2, first, second, min_sensitivity="0.8")
    called = point.apply(first, second)
    assert set(called) == {0, 1, 2}
    assert point.osteoporosis.misses_made == np.sum((level == 2) & (called != 2))
    assert point.osteoporosis.specificity.value == np.mean(called[level != 2] != 2)
    assert point.bone_loss.misses_made == np.sum((level > 0) & (called == 0))
    assert point.bone_loss.specificity.value == np.mean(called[level == 0] == 0)


def test_a_second_score_above_its_threshold_is_no_osteoporosis_without_bone_loss(severity):
    level, first, second = severity
    point = fit_cascade(level > 0, level == 2, first, second, min_sensitivity="0.8")
    low, high = point.bone_loss.threshold - 1, point.osteoporosis.threshold + 1
    assert point.apply([low, point.bone_loss.threshold], [high, high]).tolist() == [0, 2]


def test_severity_may_be_unknown_where_there_is_no_bone_loss(severity):
    level, first, second = severity
    unknown = np.where(level > 0, (level == 2).astype(float), np.nan)
    options = {"min_sensitivity": "0.8"}
    assert fit_cascade(level > 0, unknown, first, second, **options) == fit_cascade(
        level > 0, level == 2, first, second, **options
    )
    with pytest.raises(ThresholdError, match="target is unknown"):
        fit_cascade(level > 0, np.full(600, np.nan), first, second)


def test_osteoporosis_without_bone_loss_is_a_contradiction(severity):
    level, first, second = severity
    with pytest.raises(ThresholdError, match="osteoporosis but no bone loss"):
        fit_cascade(level == 1, level == 2, first, second)


def test_the_second_floor_may_not_lie_below_the_first(severity):
    level, first, second = severity
    with pytest.raises(ThresholdError, match=r"0\.8, expected at least that of bone loss, 0\.9"):
        fit_cascade(
            level > 0, level == 2, first, second, min_sensitivity="0.9", min_sensitivity_osteoporosis="0.8"
        )
    point = fit_cascade(
        level > 0, level == 2, first, second, min_sensitivity="0.7", min_sensitivity_osteoporosis="0.85"
    )
    assert (point.bone_loss.min_sensitivity, point.osteoporosis.min_sensitivity) == ("0.7", "0.85")


def test_both_thresholds_are_lowered_where_the_first_step_alone_loses_too_many(severity):
    level, first, second = severity
    harder = np.where(level == 2, first - 2, first)
    alone = fit_threshold((level == 1)[level < 2], harder[level < 2], min_sensitivity="0.8", confidence=0.975)
    point = fit_cascade(level > 0, level == 2, harder, second, min_sensitivity="0.8")
    assert point.bone_loss.threshold < alone.threshold
    assert any("Lowered" in note for note in point.bone_loss.notes)
    found = point.apply(harder, second)
    severe = int(np.sum(level == 2))
    allowed = point.osteoporosis.misses_allowed
    assert int(np.sum(found[level == 2] < 2)) == allowed == point.osteoporosis.misses_made < 0.2 * severe
    assert (point.status, point.promise) == ("guaranteed", "if_answered")


@pytest.mark.parametrize("seed", range(20))
def test_the_found_are_those_whose_level_on_the_line_is_reached(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 400)) * rng.uniform(0.1, 10, (2, 1))
    line = Line(float(first[0]), float(second[1]), float(rng.uniform(0.1, 9)))
    levels = line.levels(first, second)
    for level in np.append(levels[:20], second[2]):
        found = levels >= level
        t1 = line.first_at(level, first[found])
        assert np.array_equal(found, (first >= t1) & (second >= level))


def test_a_patient_with_both_diagnoses_is_refused(severity):
    level, first, second = severity
    with pytest.raises(ThresholdError, match="expected one diagnosis per patient"):
        fit_cascade(
            level > 0, level == 2, first, second, clusters=np.arange(level.size) // 9, mixed_clusters=True
        )


def test_without_osteopenia_there_is_no_first_threshold(severity):
    level, first, second = severity
    with pytest.raises(ImpossibleError, match="without osteoporosis"):
        fit_cascade(level == 2, level == 2, first, second)


def test_the_empirical_cascade_keeps_both_floors_on_its_rows(severity):
    level, first, second = severity
    point = fit_cascade(level > 0, level == 2, first, second, method="empirical")
    called = point.apply(first, second)
    assert point.status == "point only"
    assert np.mean(called[level > 0] > 0) >= 0.86
    assert np.mean(called[level == 2] == 2) >= 0.86
    assert point.bone_loss.threshold == fit_threshold(level > 0, first, method="empirical").threshold


def test_the_cascade_says_of_knees_what_their_method_allows(severity):
    level, first, second = severity
    level = np.repeat(level[::2], 2)
    patients = np.repeat(np.arange(300), 2)
    options = {"min_sensitivity": "0.5", "clusters": patients}
    scores = first + level, second + level
    assert fit_cascade(level > 0, level == 2, *scores, **options).status == "guaranteed"
    point = fit_cascade(level > 0, level == 2, *scores, cluster_method="korn_graubard", **options)
    assert point.status == "approximate"
