"""From a network's logit to a probability, by plain numbers that go into a bundle.

Fitted on rows that trained nothing. scikit-learn fits the isotonic steps; its `CalibratedClassifierCV` is
bound to estimators and pickles.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.inputs import (
    Bools,
    Floats,
    checked_finite,
    checked_target,
    require_both_classes,
    require_same_length,
    require_varied,
)

TEMPERATURES: Final = (0.01, 100.0)
"""The temperature stays within these; separated classes would drive it to 0, useless logits to infinity."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Probability = sigmoid(`slope` * logit + `intercept`), or, for isotonic, a line between knots.

    `knots` holds pairs of logit and probability, ascending in both; outside them the end values hold. `count`
    and `positives` are the rows that it was fitted on, 0 for the identity. `note` tells of a bound that held.
    """

    method: str
    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()
    count: int = 0
    positives: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        if self.method not in CALIBRATION_METHODS:
            raise StatsError(unknown_name("calibration method", self.method, CALIBRATION_METHODS))
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope > 0):
            raise StatsError(
                f"calibrator: found slope {self.slope}, intercept {self.intercept}, expected finite numbers "
                "and a slope above 0: a calibrator must not change which film scores higher."
            )
        if (self.method == "isotonic") != bool(self.knots):
            raise StatsError(f"calibrator: found {len(self.knots)} knots for the method '{self.method}'.")
        if self.knots:
            _require_monotone(np.array(self.knots, dtype=np.float64))

    def prob(self, logit: npt.ArrayLike) -> Floats:
        """Probabilities in [0, 1], of the shape of `logit`.

        Raises: StatsError: NaN or infinite logits.
        """
        values = np.asarray(logit, dtype=np.float64)
        if values.size:
            checked_finite(values.reshape(-1), name="logit")
        if self.knots:
            at, prob = np.array(self.knots, dtype=np.float64).T
            return np.asarray(np.interp(values, at, prob), dtype=np.float64)
        return np.asarray(special.expit(self.slope * values + self.intercept), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values that `from_dict` reads back to the same bits."""
        return {
            "method": self.method,
            "slope": self.slope,
            "intercept": self.intercept,
            "knots": [list(knot) for knot in self.knots],
            "count": self.count,
            "positives": self.positives,
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibrator:
        """The calibrator that `to_dict` wrote; a key that is not there has its default.

        Raises: StatsError: unknown keys or no method, values of another type, a calibrator that is none.
        """
        known = set(cls.__slots__)
        if not {"method"} <= set(content) <= known:
            raise StatsError(f"calibrator: found keys {sorted(content)}, expected {sorted(known)}.")
        given = {**Calibrator("none").to_dict(), **content}
        try:
            return cls(
                method=str(given["method"]),
                slope=float(given["slope"]),
                intercept=float(given["intercept"]),
                knots=tuple((float(at), float(prob)) for at, prob in given["knots"]),
                count=int(given["count"]),
                positives=int(given["positives"]),
                note=str(given["note"]),
            )
        except (TypeError, ValueError) as error:
            raise StatsError(f"calibrator: found values that are no numbers: {error}.") from error

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the probabilities, as hexadecimal: of slope, intercept and knots.

        A number added later must stay out of it at its default: results and operating points hold it.
        """
        numbers = [self.slope.hex(), self.intercept.hex(), [[v.hex() for v in knot] for knot in self.knots]]
        return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()


def fit_calibrator(method: str, logit: npt.ArrayLike, target: npt.ArrayLike) -> Calibrator:
    """A calibrator fitted on `logit` (n,) and `target` (n,) of 0 and 1; `none` is the plain sigmoid.

    `temperature` minimises the log loss over one slope, kept within `TEMPERATURES`; a bound that holds is
    noted. `platt` has slope and intercept and smoothed targets, so that it is finite for separated classes.
    `isotonic` has steps whose ends keep the same distance from 0 and 1 as Platt's targets.

    Raises: StatsError: an unknown method, unusable rows, one class, a constant logit; for `platt` and
        `isotonic` logits that fall where the target rises.
    Source: Guo et al. 2017, ICML, 1321-1330 (temperature); Platt 1999 and Lin, Lin, Weng 2007, Mach. Learn.
        68:267-276 (targets); Zadrozny and Elkan 2002, KDD, 694-699 (isotonic).
    """
    if method not in CALIBRATION_METHODS:
        raise StatsError(unknown_name("calibration method", method, CALIBRATION_METHODS))
    if method == "none":
        return Calibrator("none")
    values, positive = checked_finite(logit, name="logit"), checked_target(target)
    require_same_length(positive.size, logit=values)
    require_both_classes(positive, purpose=f"calibration by {method}")
    require_varied(values, purpose=f"calibration by {method}")
    return CALIBRATION_METHODS[method](values, positive)


def _identity(logit: Floats, target: Bools) -> Calibrator:
    return Calibrator("none")


def _temperature(logit: Floats, target: Bools) -> Calibrator:
    from scipy.optimize import brentq

    slopes = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]

    def gradient(log_slope: float) -> float:
        return float(np.dot(special.expit(math.exp(log_slope) * logit) - target, logit))

    # the log loss is convex in the slope: its gradient changes sign once, or at a bound
    low, high = (math.log(slope) for slope in slopes)
    if gradient(low) >= 0:
        slope, note = slopes[0], f"temperature held at {TEMPERATURES[1]:g}: the logits mislead"
    elif gradient(high) <= 0:
        slope, note = slopes[1], f"temperature held at {TEMPERATURES[0]:g}: no logit has the wrong sign"
    else:
        slope, note = math.exp(float(brentq(gradient, low, high, xtol=1e-14, rtol=1e-14))), ""
    return Calibrator("temperature", slope=slope, count=target.size, positives=int(target.sum()), note=note)


def _platt(logit: Floats, target: Bools) -> Calibrator:
    from scipy.optimize import minimize

    low, high = _smoothed(target)
    aims = np.where(target, high, low)
    # standardised so that the two parameters are of one size whatever the scale of the logits
    centre, scale = float(logit.mean()), float(logit.std())
    standard = (logit - centre) / scale

    def loss(parameters: Floats) -> tuple[float, Floats]:
        linear = parameters[0] * standard + parameters[1]
        excess = special.expit(linear) - aims
        gradient = np.array([np.dot(excess, standard), excess.sum()])
        return float((np.logaddexp(0, linear) - aims * linear).sum()), gradient

    start = np.array([0.0, float(special.logit(aims.mean()))])
    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9 * target.size})
    slope = float(found.x[0]) / scale
    if slope <= 0:
        raise StatsError(_falling(slope))
    return Calibrator(
        "platt",
        slope=slope,
        intercept=float(found.x[1]) - slope * centre,
        count=target.size,
        positives=int(target.sum()),
    )


def _isotonic(logit: Floats, target: Bools) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    _require_rising(logit, target)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(logit, target.astype(np.float64))
    # 0 and 1 are claims that no finite sample supports, and have no logit
    prob = np.clip(fitted.y_thresholds_, *_smoothed(target))
    knots = tuple(zip(fitted.X_thresholds_.tolist(), prob.tolist(), strict=True))
    return Calibrator("isotonic", knots=knots, count=target.size, positives=int(target.sum()))


CALIBRATION_METHODS: Final[Mapping[str, Callable[[Floats, Bools], Calibrator]]] = MappingProxyType(
    {"temperature": _temperature, "platt": _platt, "isotonic": _isotonic, "none": _identity}
)
"""Ways to fit a calibrator, by name; each takes checked logits and targets."""


def _smoothed(target: Bools) -> tuple[float, float]:
    """Targets of negatives and positives under a uniform prior: 1 / (N- + 2) and (N+ + 1) / (N+ + 2)."""
    positives = int(target.sum())
    return 1 / (target.size - positives + 2), (positives + 1) / (positives + 2)


def _require_rising(logit: Floats, target: Bools) -> None:
    difference = float(logit[target].mean() - logit[~target].mean())
    if difference <= 0:
        raise StatsError(_falling(difference))


def _falling(found: float) -> str:
    return (
        f"calibration: the logits fall where the target rises (found a slope or difference of {found:.3g}), "
        "expected it above 0. Check how the target is coded; a calibrator does not turn scores round."
    )


def _require_monotone(knots: Floats) -> None:
    at, prob = knots.T
    if not (np.isfinite(knots).all() and (np.diff(at) > 0).all() and (np.diff(prob) >= 0).all()):
        raise StatsError(
            "calibrator: found knots that do not ascend, expected rising logits and probabilities."
        )
    if prob[0] < 0 or prob[-1] > 1:
        raise StatsError(f"calibrator: found probabilities {prob[0]} to {prob[-1]}, expected them in [0, 1].")
