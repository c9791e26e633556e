"""Groups of patients compared, one row of the patient table at a time: scipy's tests, checked and named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from strnet.errors import StatsError, unknown_name
from strnet.stats.comparisons import HypothesisTest
from strnet.stats.effect_sizes import counted_table
from strnet.stats.inputs import Floats, checked_finite

NUMBER_TESTS: Final = ("welch", "mann_whitney")
SEVERAL_TESTS: Final = ("welch", "anova", "kruskal_wallis")
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


def compare_several(groups: Sequence[npt.ArrayLike], *, method: str = "welch") -> HypothesisTest:
    """Do two or more groups of values differ: Welch's or the classical ANOVA of means, or Kruskal-Wallis.

    `groups` are arrays, each (n,). Welch's needs no common variance, as its t-test does. The degrees of
    freedom are those within groups, or of Kruskal-Wallis between them.

    Raises: StatsError: unusable values, fewer than two groups, an unknown method; but for Kruskal-Wallis
        fewer than two rows in a group.
    Source: Welch 1951, Biometrika 38:330-336; Fisher 1925; Kruskal and Wallis 1952, JASA 47:583-621.
    """
    values = [checked_finite(group, name="group") for group in groups]
    if method not in SEVERAL_TESTS:
        raise StatsError(unknown_name("test of several groups", method, SEVERAL_TESTS))
    sizes = [group.size for group in values]
    least = 1 if method == "kruskal_wallis" else 2
    if len(sizes) < 2 or min(sizes) < least:
        raise StatsError(
            f"compare_several: found groups of {sizes} rows, expected two groups or more of {least} or more."
        )
    return _kruskal_wallis(values) if method == "kruskal_wallis" else _anova(values, method)


def _anova(groups: Sequence[Floats], method: str) -> HypothesisTest:
    from scipy import stats

    welch, count = method == "welch", sum(group.size for group in groups)
    name = "Welch's ANOVA" if welch else "ANOVA"
    still = [float(np.ptp(group)) == 0 for group in groups]
    if all(still):
        same = len({float(group[0]) for group in groups}) == 1
        return HypothesisTest(name, math.nan, 1.0 if same else math.nan, count, note="no group varies")
    if welch and any(still):
        return HypothesisTest(name, math.nan, math.nan, count, note="a group does not vary")
    found = stats.f_oneway(*groups, equal_var=not welch)
    freedom = _welch_freedom(groups) if welch else float(count - len(groups))
    return HypothesisTest(name, float(found.statistic), float(found.pvalue), count, freedom)


def _welch_freedom(groups: Sequence[Floats]) -> float:
    """Degrees of freedom within groups of Welch's ANOVA."""
    weights = np.array([group.size / group.var(ddof=1) for group in groups])
    rest = (1 - weights / weights.sum()) ** 2 / np.array([group.size - 1 for group in groups])
    return float((len(groups) ** 2 - 1) / (3 * rest.sum()))


def _kruskal_wallis(groups: Sequence[Floats]) -> HypothesisTest:
    from scipy import stats

    name, count = "Kruskal-Wallis", sum(group.size for group in groups)
    if float(np.ptp(np.concatenate(groups))) == 0:
        return HypothesisTest(name, math.nan, 1.0, count, note="all values are the same")
    found = stats.kruskal(*groups)
    return HypothesisTest(name, float(found.statistic), float(found.pvalue), count, float(len(groups) - 1))


def compare_counts(table: npt.ArrayLike, *, method: str = "auto") -> HypothesisTest:
    """Do groups (rows) differ in their categories (columns): `table` of counts, (groups, categories).

    Chi-squared without continuity correction; `auto` takes Fisher's exact test for a 2 x 2 table with an
    expected count below 5, and notes such counts in a larger table. Rows and columns of zeros are left out.

    Raises: StatsError: no table of whole counts, one row or column with counts, an unknown method, Fisher's
        test of a table larger than 2 x 2.
    Source: Pearson 1900; Fisher 1922, J. R. Statist. Soc. 85:87-94; Cochran 1954 (expected counts).
    """
    from scipy import stats

    counts = counted_table(table, "compare_counts")
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
