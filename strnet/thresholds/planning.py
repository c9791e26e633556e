"""How many positives a promise takes, and what a number of them can promise, before any are collected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from scipy import special

from strnet.errors import ImpossibleError, ThresholdError
from strnet.options import with_defaults
from strnet.stats import inputs
from strnet.stats.inputs import Floats
from strnet.threshold_options import Method, PlanOptions
from strnet.thresholds.rows import as_threshold_error
from strnet.thresholds.rules import (
    MISSES_ALLOWED,
    best_floor,
    chance_of_holding,
    fewest_positives,
    first_true,
    impossible,
    positives_allowing,
    sensitivity_law,
)
from strnet.thresholds.site_planning import SitePlan, rows_holding, site_plan
from strnet.thresholds.threshold_request import Request, read_request

MOST_MISSES = 1_000_000
"""Misses allowed beyond which a plan is not looked for: seven million positives at a floor of 0.86."""
NODES = 512
"""Equally likely values of the true sensitivity over which an expected specificity is averaged."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the rule gives with `positives`: misses allowed, the sensitivity they must show, what it costs.

    `calibration_sensitivity` is (n - c) / n. `expected_specificity` and `specificity_loss` (against the best
    threshold of a known population) need an assumed AUROC; None without one.
    """

    positives: int
    misses_allowed: int
    calibration_sensitivity: float
    confidence_reached: float
    expected_sensitivity: float
    expected_specificity: float | None
    specificity_loss: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer of `plan`.

    `fewest_positives` is the size below which nothing can be promised (None: no number is enough), `needed`
    what the tolerated loss of specificity takes (None without one), `with_positives` what the given number
    can promise (None if not given, or if that is nothing), `highest_floor` the most it can; `reason` says why
    nothing can be promised. Promises count independent positives; `fewest_positives`, `positives_needed` and
    `rows_needed` count films, by the design effect, and `rows_needed` the negatives with them, by the
    prevalence. `rows_for_any_promise` hold `fewest_positives` with a chance of 0.95 (None without a
    prevalence). `site` is what a new site takes to keep a frozen threshold (None without its sensitivity).
    """

    min_sensitivity: str
    confidence: float
    method: Method
    fewest_positives: int | None
    needed: Promise | None
    positives_needed: int | None
    rows_needed: int | None
    with_positives: Promise | None
    highest_floor: float | None
    best_specificity: float | None
    rows_for_any_promise: int | None = None
    site: SitePlan | None = None
    reason: str | None = None


def plan(**options: Unpack[PlanOptions]) -> Plan:
    """The positives that a floor and a tolerated loss of specificity take; what `positives` can promise.

    `auroc` of two normal scores of equal spread turns sensitivity into specificity; `max_specificity_loss` is
    what may be lost on average against the best threshold of the population. `design_effect` is how many
    films count as one (two knees of a patient: up to 2), `prevalence` the share of positives among all rows.
    `site_sensitivity` is that of a frozen threshold at a new site, as assumed.

    Raises:
        ThresholdError: numbers out of range, or a tolerated loss without an AUROC.
        ImpossibleError: a tolerated loss that no number of positives reaches.
    Source: Beta(n - c, c + 1) for the true sensitivity; binormal ROC, mu = sqrt(2) Phi^-1(AUROC),
        specificity = Phi(mu - Phi^-1(sensitivity)).
    """
    asked = with_defaults(PlanOptions, options)
    auroc, positives, effect = asked["auroc"], asked["positives"], asked["design_effect"]
    _require_ranges(asked)
    request = read_request(
        min_sensitivity=asked["min_sensitivity"], confidence=asked["confidence"], method=asked["method"]
    )
    given = None if positives is None else math.floor(positives / effect)
    promise = None if given is None else promise_of(given, request, auroc)
    needed = None
    if asked["max_specificity_loss"] is not None:
        needed = _smallest(request, auroc, asked["max_specificity_loss"])
    method, floor, delta = request.method, request.floor, request.delta
    fewest = fewest_positives(method, floor, delta)
    site = None
    if asked["site_sensitivity"] is not None:
        site = site_plan(asked["site_sensitivity"], request, positives, asked["prevalence"], effect)
    hopeless = fewest is None or (given is not None and promise is None)
    return Plan(
        min_sensitivity=floor.text,
        confidence=request.confidence,
        method=method,
        fewest_positives=_inflated(fewest, effect),
        needed=needed,
        positives_needed=_inflated(None if needed is None else needed.positives, effect),
        rows_needed=_rows(needed, effect, asked["prevalence"]),
        with_positives=promise,
        highest_floor=None if not given or method != "exact" else best_floor(given, float(delta)),
        best_specificity=None if auroc is None else float(specificity_at(float(floor.share), auroc)),
        rows_for_any_promise=rows_holding(_inflated(fewest, effect), asked["prevalence"]),
        site=site,
        reason=impossible(method, given or 0, floor, delta) if hopeless else None,
    )


def promise_of(positives: int, request: Request, auroc: float | None = None) -> Promise | None:
    """What `positives` independent films can promise; None where that is nothing."""
    floor = request.floor
    allowed = MISSES_ALLOWED[request.method](positives, floor, request.delta) if positives > 0 else -1
    if allowed < 0:
        return None
    specificity = None if auroc is None else expected_specificity(positives, allowed, auroc)
    best = None if auroc is None else float(specificity_at(float(floor.share), auroc))
    return Promise(
        positives=positives,
        misses_allowed=allowed,
        calibration_sensitivity=(positives - allowed) / positives,
        confidence_reached=chance_of_holding(allowed, positives, floor),
        expected_sensitivity=sensitivity_law(allowed, positives, 0.95).value,
        expected_specificity=specificity,
        specificity_loss=None if specificity is None or best is None else best - specificity,
    )


def specificity_at(sensitivity: float | Floats, auroc: float) -> Floats:
    """The specificity of the binormal ROC of area `auroc` at `sensitivity`, both in [0, 1]."""
    separation = math.sqrt(2) * special.ndtri(auroc)
    return np.asarray(special.ndtr(separation - special.ndtri(sensitivity)))


def expected_specificity(positives: int, allowed: int, auroc: float) -> float:
    """The mean specificity when the true sensitivity follows Beta(n - c, c + 1)."""
    middles = (np.arange(NODES) + 0.5) / NODES
    sensitivity = special.betaincinv(positives - allowed, allowed + 1, middles)
    return float(specificity_at(sensitivity, auroc).mean())


def _smallest(request: Request, auroc: float, loss: float) -> Promise:
    """The promise of the fewest positives from which on every number loses at most `loss`.

    The loss is a saw-tooth in n: it falls where one more miss becomes allowed, then rises up to the next. So
    the search is over the misses allowed, held against the last n of their tooth.
    """

    def tooth(allowed: int) -> int:
        return positives_allowing(allowed, request.method, request.floor, request.delta)

    def bearable(allowed: int) -> bool:
        last = promise_of(tooth(allowed + 1) - 1, request, auroc)
        return last is not None and (last.specificity_loss or 0.0) <= loss

    if request.floor.share == 1 or not bearable(MOST_MISSES):
        raise ImpossibleError(
            f"plan: a loss of specificity of {loss:g} is not reached with {MOST_MISSES} misses allowed. "
            "Tolerate more."
        )
    allowed = first_true(bearable, 0, MOST_MISSES)
    found = promise_of(tooth(allowed), request, auroc)
    assert found is not None
    return found


def _inflated(positives: int | None, design_effect: float) -> int | None:
    return None if positives is None else math.ceil(positives * design_effect)


def _rows(needed: Promise | None, design_effect: float, prevalence: float | None) -> int | None:
    if needed is None or prevalence is None:
        return None
    return math.ceil(needed.positives * design_effect / prevalence)


def _require_ranges(asked: Mapping[str, Any]) -> None:
    positives, effect = asked["positives"], asked["design_effect"]
    if positives is not None and positives < 1:
        raise ThresholdError(f"positives: found {positives}, expected at least 1.")
    if asked["max_specificity_loss"] is not None and asked["auroc"] is None:
        raise ThresholdError(
            "max_specificity_loss: needs an assumed auroc, which ties the loss to sensitivity."
        )
    if effect < 1:
        raise ThresholdError(f"design_effect: found {effect:g}, expected at least 1 (1 is no clustering).")
    for name in ("auroc", "max_specificity_loss", "prevalence", "site_sensitivity"):
        if asked[name] is not None:
            with as_threshold_error():
                inputs.checked_fraction(asked[name], name=name)
