import numpy as np
import pytest

from strnet.errors import ImpossibleError, ThresholdError
from strnet.thresholds import (
    certify_floors,
    fit_floor,
    fit_grey,
    fit_threshold,
    read_operating_point,
    read_threshold,
    write_operating_point,
)


def test_each_end_of_the_zone_is_what_half_of_the_error_allows(binormal):
    target, score = binormal(400, seed=1)
    zone = fit_grey(target, score, min_sensitivity="0.9", min_specificity="0.9")
    out = fit_threshold(target, score, min_sensitivity="0.9", confidence="0.975")
    into = fit_floor(target, score, min_specificity="0.9", confidence="0.975")
    assert (zone.rule_out, zone.rule_in) == (out.threshold, into.threshold)
    assert zone.rule_out < zone.rule_in
    assert (zone.collapsed, zone.status, zone.promise) == (False, "guaranteed", "if_answered")
    assert zone.confidence == 0.95


def test_the_zone_counts_every_case_once(binormal):
    target, score = binormal(400, seed=1)
    zone = fit_grey(target, score, min_sensitivity="0.9", min_specificity="0.9")
    decided = zone.apply(score)
    for of_class, shares in (
        (decided[target], zone.of_positives),
        (decided[~target], zone.of_negatives),
        (decided, zone.of_rows),
    ):
        seen = [shares.ruled_out.events, shares.grey.events, shares.ruled_in.events]
        assert seen == np.bincount(of_class, minlength=3).tolist()
        assert shares.grey.count == of_class.size
    assert zone.of_rows.grey.events > 0


def test_a_case_at_a_threshold_is_on_its_upper_side(binormal):
    zone = fit_grey(*binormal(400, seed=1), min_sensitivity="0.9", min_specificity="0.9")
    below = np.nextafter([zone.rule_out, zone.rule_in], -np.inf)
    assert zone.apply([below[0], zone.rule_out, below[1], zone.rule_in]).tolist() == [0, 1, 1, 2]


def test_scores_that_fall_with_disease_give_the_same_zones(binormal):
    target, score = binormal(400, seed=1)
    options = {"min_sensitivity": "0.9", "min_specificity": "0.9"}
    up = fit_grey(target, score, **options)
    down = fit_grey(target, -score, higher_is_positive=False, **options)
    assert (down.rule_out, down.rule_in) == (-up.rule_out, -up.rule_in)
    assert np.array_equal(up.apply(score), down.apply(-score))


def test_floors_that_leave_no_zone_become_one_threshold_that_keeps_both(binormal):
    target, score = binormal(400, seed=1)
    score = score + 2 * target
    zone = fit_grey(target, score, min_sensitivity="0.86", min_specificity="0.86")
    out = fit_threshold(target, score, min_sensitivity="0.86", confidence="0.975")
    into = fit_floor(target, score, min_specificity="0.86", confidence="0.975")
    assert out.threshold > into.threshold
    assert zone.collapsed
    assert zone.rule_out == zone.rule_in == into.threshold
    assert set(zone.apply(score)) == {0, 2}
    assert zone.of_rows.grey.events == 0
    assert "one threshold keeps both" in zone.notes[0]


def test_ruling_in_under_a_ppv_floor_takes_one_of_the_cut_offs(binormal):
    target, score = binormal(600, seed=2)
    asked = {"min_ppv": "0.4", "prevalence": "30/200", "cutoffs": [1.0, 1.5, 2.0, 2.5]}
    zone = fit_grey(target, score, min_sensitivity="0.9", **asked)
    into = fit_floor(target, score, confidence="0.975", **asked)
    assert zone.rule_in == into.threshold
    assert zone.ppv_bound == into.lower_bound >= 0.4
    assert (zone.promise, zone.prevalence, zone.cutoffs_tried) == ("wrong_or_silent", "30/200", 4)


def test_what_is_written_is_what_is_read(binormal, tmp_path):
    from strnet.errors import BundleError

    path = tmp_path / "zone.json"
    for options in (
        {"min_specificity": "0.9"},
        {"min_ppv": "0.4", "prevalence": 0.2, "cutoffs": [1.0, 2.0]},
    ):
        zone = fit_grey(*binormal(500), **options)
        write_operating_point(zone, path)
        assert read_operating_point(path) == zone
    with pytest.raises(BundleError, match="holds a grey zone, expected a threshold under"):
        read_threshold(path)


def test_a_site_certifies_both_floors_with_half_of_the_error_each(binormal):
    zone = fit_grey(*binormal(400, seed=1), min_sensitivity="0.86", min_specificity="0.86")
    target, score = binormal(3000, seed=7)
    found = certify_floors(zone, target, score)
    assert list(found) == ["sensitivity", "specificity"]
    assert {one.verdict for one in found.values()} == {"certified"}
    assert found["sensitivity"].found == np.sum(score[target] >= zone.rule_out)
    assert found["specificity"].rejected == np.sum(score[~target] < zone.rule_in)
    alone = fit_floor(*binormal(400, seed=1), min_specificity="0.86", confidence="0.975")
    single = certify_floors(alone, target, score, confidence="0.975")["specificity"]
    assert found["specificity"].low == pytest.approx(single.low)  # half of 0.05
    assert (single.confidence, found["specificity"].confidence) == (0.975, 0.95)
    worse = certify_floors(zone, target, score - 1.5)
    assert worse["sensitivity"].verdict == "alarm"


def test_what_cannot_be_asked_is_refused(binormal):
    target, score = binormal(200)
    with pytest.raises(ThresholdError, match="expected exactly one of min_specificity, min_ppv"):
        fit_grey(target, score)
    with pytest.raises(ThresholdError, match="found no negative"):
        fit_grey(np.ones(30), np.arange(30.0), min_specificity="0.9")
    with pytest.raises(ImpossibleError, match=r"min_sensitivity 0.99 at confidence 0.975 is impossible"):
        fit_grey(target, score, min_sensitivity="0.99", min_specificity="0.9")
