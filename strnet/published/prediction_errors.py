"""Whether the errors and correlations of a predicted number go together: MAE, RMSE, bias, r, R2 and the
SD.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from strnet.published.figures import PublishedTable
from strnet.published.names import ERRORS, SPANS
from strnet.published.printed import Rounded, Span
from strnet.published.verdicts import IMPLAUSIBLE, IMPOSSIBLE, Finding

FLATTEST: Final = math.sqrt(4 / 3)
"""Least RMSE / MAE of errors of which small ones are no rarer than large ones (Khinchin): all equally
frequent."""
FLATTEST_SPREAD: Final = 3 * math.sqrt(2 / 45)
"""Three standard errors of that ratio, times the root of n, at equally frequent errors (delta method)."""


def error_findings(published: PublishedTable) -> Iterator[Finding]:
    """What the figures of a predicted number say of each other; nothing where none is printed.

    `sd` is taken as that of the true values of the same cases, with n or n - 1 below.
    """
    figures = {
        name: _possible_part(figure, SPANS[name])
        for name, figure in published.windows.items()
        if name in ERRORS
    }
    yield from _sizes_of_errors(figures, published.size)
    if "r" in figures and "r2" in figures:
        yield _two_correlations(figures["r"], figures["r2"])
    if "rmse" in figures and "sd" in figures:
        yield from _against_spread(figures, published.size)
    if "rmse" in figures and "r2" in figures and "sd" not in figures:
        yield from _implied_spread(figures["rmse"], figures["r2"])


def _sizes_of_errors(figures: Mapping[str, Rounded], n: int | None) -> Iterator[Finding]:
    mae, rmse, bias = (figures.get(name) for name in ("mae", "rmse", "bias"))
    for name, error in (("mae", mae), ("rmse", rmse)):
        if bias is not None and error is not None and _least_size(bias) > error.high:
            text = (
                f"A mean error of {bias.text} is larger than {name.upper()} {error.text}, which is at least "
                "its size."
            )
            yield Finding("bias_too_large", text, {}, IMPOSSIBLE, ("bias", name))
    if mae is None or rmse is None:
        return
    if rmse.high < mae.low:
        text = f"RMSE {rmse.text} is below MAE {mae.text}; a root mean square is never below the mean size."
        yield Finding("rmse_below_mae", text, {}, IMPOSSIBLE, ("mae", "rmse"))
        return
    if n is not None and rmse.low**2 > n * mae.high**2:
        most = math.sqrt(n) * float(mae.high)
        text = (
            f"RMSE {rmse.text} is above sqrt({n}) x MAE {mae.text} = {most:.4g}, the most that one error can "
            "make."
        )
        yield Finding("rmse_above_mae", text, {"most": most}, IMPOSSIBLE, ("mae", "rmse", "n"))
        return
    yield from _shape_of_errors(mae, rmse, n)


def _shape_of_errors(mae: Rounded, rmse: Rounded, n: int | None) -> Iterator[Finding]:
    if mae.low <= 0:
        return
    most = float(rmse.high / mae.low)
    ratio = float((rmse.low + rmse.high) / (mae.low + mae.high))
    if n is not None and most < FLATTEST - FLATTEST_SPREAD / math.sqrt(n):
        text = (
            f"RMSE / MAE = {ratio:.3f}: so near to 1 all errors would be of one size. Where small errors are "
            f"no rarer than large ones it is {FLATTEST:.3f} or more, and with {n} cases seldom below "
            f"{FLATTEST - FLATTEST_SPREAD / math.sqrt(n):.3f}; normal errors have 1.253."
        )
        yield Finding("errors_of_one_size", text, {"ratio": ratio}, IMPLAUSIBLE, ("mae", "rmse"))
        return
    text = (
        f"MAE {mae.text} and RMSE {rmse.text} go together: RMSE / MAE = {ratio:.3f}; normal errors have "
        "1.253."
    )
    yield Finding("errors_fit", text, {"ratio": ratio})


def _two_correlations(r: Rounded, r2: Rounded) -> Finding:
    least, most = _least_size(r) ** 2, max(abs(r.low), abs(r.high)) ** 2
    squared = f"r {r.text} squared is {float(least):.4f} to {float(most):.4f}"
    if r2.low > most:
        text = (
            f"R2 {r2.text} is above the square of r: {squared}. R2 is that square, or, as 1 - SSE / SST, "
            "below it."
        )
        return Finding("r2_above_r_squared", text, {}, IMPOSSIBLE, ("r", "r2"))
    if r2.high < least:
        text = (
            f"R2 {r2.text} is not r squared ({squared}): possible as 1 - SSE / SST, which is lower where "
            "predictions are biased or of another spread."
        )
        return Finding("r2_below_r_squared", text, {})
    return Finding("r2_is_r_squared", f"R2 {r2.text} can be r squared: {squared}.", {})


def _against_spread(figures: Mapping[str, Rounded], n: int | None) -> Iterator[Finding]:
    """The least RMSE at a correlation: that of the best straight line, SD sqrt(1 - r^2)."""
    rmse, sd = figures["rmse"], figures["sd"]
    unexplained: dict[str, Fraction] = {}
    if "r" in figures:
        unexplained["r"] = 1 - max(abs(figures["r"].low), abs(figures["r"].high)) ** 2
    if "r2" in figures:
        unexplained["r2"] = 1 - figures["r2"].high
    of_sample = Fraction(n - 1, n) if n is not None else Fraction(1)
    for name, share in unexplained.items():
        least = math.sqrt(max(share, Fraction(0)) * of_sample) * float(sd.low)
        if rmse.high**2 < share * of_sample * sd.low**2:
            text = (
                f"RMSE {rmse.text} is too small for {name} {figures[name].text} and SD {sd.text}: it is at "
                f"least SD x sqrt(1 - r^2) = {least:.4g}, which the best straight line has."
            )
            if n is None:
                text += " (With very few cases and an SD over n - 1 it could be a little less: state n.)"
            verdict = IMPLAUSIBLE if n is None else IMPOSSIBLE
            yield Finding("rmse_below_line", text, {"least": least}, verdict, (name, "rmse", "sd"))
    if "r2" in figures and rmse.low**2 > (1 - figures["r2"].low) * sd.high**2:
        text = (
            f"RMSE {rmse.text} is above SD x sqrt(1 - R2) of R2 {figures['r2'].text} and SD {sd.text}: R2 is "
            "then r squared, not 1 - SSE / SST of these cases."
        )
        yield Finding("r2_of_a_line", text, {})


def _implied_spread(rmse: Rounded, r2: Rounded) -> Iterator[Finding]:
    if r2.high < 1:
        low, high = (
            float(r) / math.sqrt(float(1 - share)) for r, share in ((rmse.low, r2.low), (rmse.high, r2.high))
        )
        text = (
            f"If R2 is 1 - SSE / SST, the true values have an SD of {low:.3g} to {high:.3g}: RMSE / sqrt(1 - "
            "R2)."
        )
        yield Finding("implied_sd", text, {"low": low, "high": high})


def _possible_part(figure: Rounded, span: Span) -> Rounded:
    """The rounding without what the figure cannot be: an RMSE printed as 0 is 0 or more."""
    low = figure.low if span.low is None else max(figure.low, Fraction(span.low))
    high = figure.high if span.high is None else min(figure.high, Fraction(span.high))
    return Rounded(figure.text, low, high)


def _least_size(figure: Rounded) -> Fraction:
    return max(figure.low, -figure.high, Fraction(0))
