from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

from strnet.errors import StatsError
from strnet.stats import Calibrator, fit_calibrator


@pytest.fixture
def rows(rng):
    logit = 2 * rng.normal(size=500)
    return logit, rng.random(500) < 1 / (1 + np.exp(-(0.6 * logit - 0.3)))


def log_loss(prob, target):
    return -np.mean(np.where(target, np.log(prob), np.log(1 - prob)))


def test_no_calibration_is_the_sigmoid(rows):
    found = fit_calibrator("none", *rows)

    assert found.prob([0.0, math.log(3)]) == pytest.approx([0.5, 0.75])
    assert found.count == 0


def test_the_temperature_has_the_least_log_loss(rows):
    logit, target = rows
    found = fit_calibrator("temperature", logit, target)
    best = minimize_scalar(
        lambda t: log_loss(1 / (1 + np.exp(-logit / t)), target), bounds=(0.1, 10), options={"xatol": 1e-10}
    )

    assert 1 / found.slope == pytest.approx(best.x, rel=1e-6)
    assert (found.intercept, found.note) == (0, "")
    assert (found.count, found.positives) == (500, int(target.sum()))


def test_platt_is_that_of_scikit_learn(rows):
    found, theirs = fit_calibrator("platt", *rows), _SigmoidCalibration().fit(*rows)

    assert (found.slope, found.intercept) == pytest.approx((-theirs.a_, -theirs.b_), abs=1e-6)


def test_platt_does_not_depend_on_the_scale_of_the_logits(rows):
    logit, target = rows
    found, scaled = fit_calibrator("platt", logit, target), fit_calibrator("platt", 1e4 * logit + 7, target)

    assert scaled.prob(1e4 * logit + 7) == pytest.approx(found.prob(logit), abs=1e-6)


def test_isotonic_is_that_of_scikit_learn_except_for_its_ends(rows):
    logit, target = rows
    found = fit_calibrator("isotonic", logit, target).prob(logit)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(logit, target).predict(logit)
    low, high = 1 / ((~target).sum() + 2), (target.sum() + 1) / (target.sum() + 2)

    assert found == pytest.approx(np.clip(theirs, low, high))
    assert found.min() > 0
    assert found.max() < 1


@pytest.mark.parametrize("method", ["none", "temperature", "platt", "isotonic"])
def test_the_order_of_the_rows_is_kept(method, rows):
    prob = fit_calibrator(method, *rows).prob(np.linspace(-9, 9, 200))

    assert (np.diff(prob) >= 0).all()
    assert ((prob >= 0) & (prob <= 1)).all()


@pytest.mark.parametrize("method", ["none", "temperature", "platt", "isotonic"])
def test_json_gives_the_same_bits_back(method, rows):
    logit, target = rows
    found = fit_calibrator(method, logit, target)
    again = Calibrator.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))

    assert again == found
    assert (again.prob(logit) == found.prob(logit)).all()
    assert again.digest == found.digest


def test_the_digest_knows_what_decides_the_probability_and_nothing_else(rows):
    found = fit_calibrator("temperature", *rows)
    same = Calibrator("platt", slope=found.slope)
    other = Calibrator("temperature", slope=np.nextafter(found.slope, 1))

    assert same.digest == found.digest
    assert other.digest != found.digest


def test_the_shape_of_the_logits_is_kept(rows):
    found = fit_calibrator("isotonic", *rows)

    assert found.prob(np.zeros((2, 3))).shape == (2, 3)
    assert found.prob(0.0).shape == ()
    assert found.prob([]).shape == (0,)


def test_separated_classes_hold_the_temperature_at_its_bound_and_say_so():
    found = fit_calibrator("temperature", [-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1])

    assert found.slope == 100
    assert found.note == "temperature held at 0.01: no logit has the wrong sign"


def test_misleading_logits_hold_the_temperature_at_its_other_bound():
    found = fit_calibrator("temperature", [2.0, 1.0, -1.0, -2.0], [0, 0, 1, 1])

    assert found.slope == 0.01
    assert found.note == "temperature held at 100: the logits mislead"


def test_separated_classes_have_a_finite_platt_line_at_the_smoothed_targets():
    found = fit_calibrator("platt", [-1.0, -1.0, 1.0, 1.0], [0, 0, 1, 1])

    # two values can be fitted exactly: 1 / (2 + 2) and (2 + 1) / (2 + 2)
    assert found.prob([-1.0, 1.0]) == pytest.approx([0.25, 0.75], abs=1e-6)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_logits_that_fall_are_not_turned_round(method, rows):
    logit, target = rows
    with pytest.raises(StatsError, match="fall where the target rises"):
        fit_calibrator(method, -logit, target)


@pytest.mark.parametrize(
    ("method", "logit", "target", "message"),
    [
        ("beta", [0.0, 1.0], [0, 1], "Unknown calibration method"),
        ("platt", [0.0, 1.0], [1, 1], "0 negatives"),
        ("platt", [1.0, 1.0], [0, 1], r"all 2 scores are 1\.0"),
        ("platt", [1.0, np.nan], [0, 1], "logit: found 1 of 2 NaN"),
        ("platt", [1.0, 2.0, 3.0], [0, 1], "logit: found 3 rows, expected 2"),
    ],
)
def test_unusable_rows_are_refused(method, logit, target, message):
    with pytest.raises(StatsError, match=message):
        fit_calibrator(method, logit, target)


def test_a_logit_that_is_not_finite_has_no_probability():
    with pytest.raises(StatsError, match="NaN or infinite"):
        Calibrator("none").prob([0.0, np.inf])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": -1.0}, "slope above 0"),
        ({"slope": "steep"}, "values that are no numbers"),
        ({"method": "magic"}, "Unknown calibration method"),
        ({"extra": 1}, "found keys"),
        ({"method": "isotonic"}, "found 0 knots"),
        ({"method": "isotonic", "knots": [[0, 0.5], [1, 0.4]]}, "do not ascend"),
        ({"method": "isotonic", "knots": [[0, 0.5], [1, 1.4]]}, r"expected them in \[0, 1\]"),
        ({"knots": [[0, 0.5]]}, "found 1 knots"),
    ],
)
def test_an_edited_calibrator_is_refused(change, message):
    with pytest.raises(StatsError, match=message):
        Calibrator.from_dict({**Calibrator("platt").to_dict(), **change})


def test_a_key_that_is_not_there_has_its_default_but_the_method_must_be():
    assert Calibrator.from_dict({"method": "platt", "slope": 2.0}) == Calibrator("platt", slope=2.0)
    with pytest.raises(StatsError, match="found keys"):
        Calibrator.from_dict({"slope": 2.0})


def test_the_digest_is_that_of_the_files_that_are_out_there():
    """Pinned: operating points and results hold digests, and must be known again by every later version."""
    platt = Calibrator("platt", slope=0.5, intercept=-0.25, count=10, positives=4)
    steps = Calibrator("isotonic", knots=((-1.0, 0.125), (2.0, 0.75)))
    assert platt.digest == "22aae4750ce88b615a4385166ab648ccf6696f66349570c4e4d11e6307720f25"
    assert steps.digest == "d782c352de502a7a5769f323101ea7756c8dc20f6a9fda8015392a7dbe925db2"
