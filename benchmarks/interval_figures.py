"""Every figure that a report prints of a cohort, as papers make it ("before") and as the report does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from interval_cohorts import Cell, Rows

from strnet import stats
from strnet.errors import StatsError
from strnet.stats import Estimate

SHARES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")
Named = Iterator[tuple[str, Estimate]]
Outcome = tuple[str, bool, float, float, float, bool]
"""Name, whether before, value (of a test its p-value), limits, whether it calls itself approximate."""


def outcomes(cell: Cell, rows: Rows) -> Iterator[Outcome]:
    """Everything that is printed of one cohort, before and after."""
    parts = (binary, partial(decisions, cell), agreement, classes, differences)
    for before in (True, False):
        for part in parts:
            for name, found in part(rows, before=before):
                approximate = found.note.startswith("approximate")
                yield name, before, found.value, found.low, found.high, approximate
        for name, p_value, note in p_values(cell, rows, before=before):
            yield f"test: {name}", before, p_value, np.nan, np.nan, note.startswith("approximate")


def binary(rows: Rows, *, before: bool) -> Named:
    """Separation and calibration."""
    of, known = (rows.target, rows.scores[0]), {"clusters": rows.patients}
    yield "AUROC", stats.auroc(*of, interval="delong" if before else "jackknife", **known)
    if rows.patients is None or not before:  # patients were resampled before: too slow for this many cohorts
        yield "AUPRC", stats.auprc(*of, interval="logit" if before else "jackknife", **known)
    yield (
        "Brier",
        stats.brier(rows.target, rows.prob, interval="normal" if before else "jackknife", **known),
    )
    try:
        line = stats.calibration_slope_intercept(
            rows.target, rows.prob, interval="wald" if before else "jackknife", **known
        )
    except StatsError:
        return  # separated classes have no slope, and the report prints none
    yield "calibration slope", line.slope
    yield "calibration in the large", line.in_the_large


def decisions(cell: Cell, rows: Rows, *, before: bool) -> Named:
    """What an operating point decides; before with Korn and Graubard's interval."""
    target, called = rows.target, rows.scores[0] >= cell.threshold
    if rows.patients is None:
        found = stats.binary_metrics(target, called)
        yield from ((name, found[name]) for name in SHARES)
        return
    everyone = np.ones_like(target)
    parts = (
        (called, target),
        (~called, ~target),
        (target, called),
        (~target, ~called),
        (target == called, everyone),
        (target & called, target | called),
    )
    for name, (hits, among) in zip(SHARES, parts, strict=True):
        if np.unique(rows.patients[among]).size > 1:
            method = "korn_graubard" if before else "jeffreys"
            found = stats.clustered_proportion(hits[among], rows.patients[among], method=method)
            yield name, f1_of(found) if name == "f1" else found


def f1_of(share: Estimate) -> Estimate:
    """F1 of the share of hits among those who are positive or called, as the report has it."""
    value, low, high = (2 * part / (1 + part) for part in (share.value, share.low, share.high))
    return replace(share, value=value, low=low, high=high)


def agreement(rows: Rows, *, before: bool) -> Named:
    """T-scores; before also without patients only, where they were resampled or linearised."""
    pair, known = (rows.measured, rows.predicted[0]), {"clusters": rows.patients}
    errors = stats.regression_errors(*pair, interval="student" if before else "jackknife", **known)
    yield from (("MAE", errors["mae"]), ("RMSE", errors["rmse"]), ("bias", errors["bias"]))
    if rows.patients is not None and before:
        return
    limits = stats.bland_altman(*pair, method="bland_altman" if before else "jackknife", **known)
    yield "lower limit of agreement", limits.lower_limit
    yield "upper limit of agreement", limits.upper_limit
    interval = "classical" if before else "jackknife"
    yield "r", stats.pearson(*pair, interval=interval, **known)
    yield "CCC", stats.concordance(*pair, interval=interval, **known)


def classes(rows: Rows, *, before: bool) -> Named:
    """Three classes; before only kappa of independent films, since the areas were resampled."""
    of, named, known = (rows.codes, rows.chances[0]), rows.chances[0].argmax(1), {"clusters": rows.patients}
    if before:
        if rows.patients is None:
            yield "weighted kappa", stats.cohen_kappa(stats.confusion_matrix(rows.codes, named, 3))
        return
    yield "weighted kappa", stats.kappa_of_rows(rows.codes, named, 3, **known)
    yield "macro AUROC", stats.multiclass_auroc(*of, **known)
    yield "AUROC of Hand and Till", stats.multiclass_auroc(*of, average="hand_till", **known)
    yield "macro AUROC difference", stats.paired_multiclass_auroc(*of, rows.chances[1], **known)


def differences(rows: Rows, *, before: bool) -> Named:
    """The network minus another scorer."""
    yield "AUROC difference", paired(rows, before=before).difference
    if not before:
        yield "MAE difference", mean_gain(rows)


def p_values(cell: Cell, rows: Rows, *, before: bool) -> Iterator[tuple[str, float, str]]:
    """Of tests whose null hypothesis is true, each with its note."""
    compared = paired(rows, before=before)
    yield "paired DeLong", compared.test.p_value, compared.difference.note
    right = [(score >= cell.threshold)[rows.target] for score in rows.scores]
    if rows.patients is None:
        yield "McNemar, exact", stats.mcnemar(*right, exact=not before).test.p_value, ""
    elif not before:
        of = rows.patients[rows.target]
        yield "McNemar, patients", stats.mcnemar(*right, clusters=of).test.p_value, ""
    if not before:
        gain = mean_gain(rows)
        yield "MAE difference", 1.0 if gain.low <= 0 <= gain.high else 0.0, gain.note


def paired(rows: Rows, *, before: bool) -> stats.Comparison:
    interval = "delong" if before else "jackknife"
    return stats.paired_delong(rows.target, *rows.scores, interval=interval, clusters=rows.patients)


def mean_gain(rows: Rows) -> Estimate:
    first, second = (np.abs(predicted - rows.measured) for predicted in rows.predicted)
    return stats.mean_estimate(first - second, 0.95, rows.patients)
