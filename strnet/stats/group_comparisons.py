"""Groups of patients compared, one row of the patient table at a time: scipy's tests, checked and named."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.comparisons import HypothesisTest
from strnet.stats.inputs import Floats, Ints, checked_finite

NUMBER_TESTS: Final = ("welch", "mann_whitney")
COUNT_TESTS: Final = ("auto", "chi_squared", "fisher")


def compare_numbers(first: npt.ArrayLike, second: npt.ArrayLike, *, method: str = "welch") -> HypothesisTest:
    """Do two groups differ: Welch's t-test of means, or Mann-Whitney's test of ranks; shapes (n,) and (m,).

    Raises: StatsError: unusable values, an unknown method; for Welch fewer than two rows in a group.
    Source: Welch 1947, Biometrika 34:28-35; Mann and Whitney 1947, Ann. Math. Statist. 18:50-60.
    """
    one, two = checked_finite(first, name="first"), checked_finite(second, name="second")
    if method == "welch":
        return _welch(one, two)
    if method == "mann_whitney":
        from scipy import stats

        found = stats.mannwhitneyu(one, two, alternative="two-sided")
        return HypothesisTest(
            "Mann-Whitney", float(found.statistic), float(found.pvalue), one.size + two.size
        )
    raise StatsError(unknown_name("test of two groups", method, NUMBER_TESTS))


def compare_counts(table: npt.ArrayLike, *, method: str = "auto") -> HypothesisTest:
    """Do groups (rows) differ in their categories (columns): `table` of counts, (groups, categories).

    Chi-squared without continuity correction; `auto` takes Fisher's exact test for a 2 x 2 table with an
    expected count below 5, and notes such counts in a larger table. Rows and columns of zeros are left out.

    Raises: StatsError: no table of whole counts, one row or column with counts, an unknown method, Fisher's
        test of a table larger than 2 x 2.
    Source: Pearson 1900; Fisher 1922, J. R. Statist. Soc. 85:87-94; Cochran 1954 (expected counts).
    """
    from scipy import stats

    counts = _checked_table(table)
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    small = bool((expected < 5).any())
    square = counts.shape == (2, 2)
    if method not in COUNT_TESTS:
        raise StatsError(unknown_name("test of counts", method, COUNT_TESTS))
    if method == "fisher" or (method == "auto" and small and square):
        if not square:
            raise StatsError(
                f"compare_counts: found shape {counts.shape}, expected (2, 2) for Fisher's test."
            )
        found = stats.fisher_exact(counts)
        return HypothesisTest("Fisher", float(found.statistic), float(found.pvalue), int(counts.sum()))
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    p_value = float(special.chdtrc(freedom, statistic))
    note = "an expected count is below 5" if small else ""
    return HypothesisTest("chi-squared", statistic, p_value, int(counts.sum()), float(freedom), note)


def _welch(first: Floats, second: Floats) -> HypothesisTest:
    count = first.size + second.size
    if min(first.size, second.size) < 2:
        raise StatsError(
            f"compare_numbers: found groups of {first.size} and {second.size} rows, expected two or more."
        )
    variances = [values.var(ddof=1) / values.size for values in (first, second)]
    difference = float(first.mean() - second.mean())
    if sum(variances) == 0:
        p_value = 1.0 if difference == 0 else math.nan
        return HypothesisTest("Welch", math.nan, p_value, count, note="neither group varies")
    sizes = first.size, second.size
    freedom = float(sum(variances) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True)))
    t = difference / math.sqrt(sum(variances))
    return HypothesisTest("Welch", t, 2 * float(special.stdtr(freedom, -abs(t))), count, freedom)


def _checked_table(table: npt.ArrayLike) -> Ints:
    counts = np.asarray(table)
    if counts.ndim != 2 or counts.dtype.kind not in "iuf" or (counts < 0).any() or (counts % 1 != 0).any():
        raise StatsError(
            f"compare_counts: found shape {counts.shape} of {counts.dtype}, expected whole counts."
        )
    kept: Ints = counts[counts.sum(1) > 0][:, counts.sum(0) > 0].astype(np.int64)
    if min(kept.shape) < 2:
        raise StatsError(
            f"compare_counts: found {kept.shape[0]} groups and {kept.shape[1]} categories with counts, "
            "expected two or more of each."
        )
    return kept
