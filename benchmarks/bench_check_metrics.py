"""How often `check-metrics` notices a wrong figure, and whether it ever calls a right table impossible.

Real tables are drawn, some of their figures printed, and one of these altered. The size is stated or not, the
positives are not. Ends with exit code 1 if a table that was not altered is called impossible.

    python benchmarks/bench_check_metrics.py [--runs 200]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from strnet.published import PublishedTable, check_published
from strnet.published.any_size import any_size
from strnet.published.confusion_tables import fitting_tables
from strnet.published.verdicts import IMPOSSIBLE
from strnet.stats.confusion import Confusion

SETS = {
    "sens, spec": ("sensitivity", "specificity"),
    "sens, spec, accuracy": ("sensitivity", "specificity", "accuracy"),
    "accuracy, PPV, sens, F1": ("accuracy", "ppv", "sensitivity", "f1"),
    "sens, spec, PPV, NPV": ("sensitivity", "specificity", "ppv", "npv"),
    "sens, spec, AUC": ("sensitivity", "specificity", "auc"),
}
SIZES = {"n 20-60": (20, 60), "n 100-300": (100, 300), "n 500-1000": (500, 1000)}
Figures = dict[str, int]
"""Figures in units of their last digit."""


def drawn(generator: np.random.Generator, sizes: tuple[int, int]) -> tuple[int, dict[str, Fraction]]:
    """The size and the figures of a table of a usable test; all of them defined."""
    n = int(generator.integers(*sizes, endpoint=True))
    positives = int(generator.integers(n // 5, n - n // 5))
    tp = int(generator.binomial(positives, generator.uniform(0.6, 0.97)))
    tn = int(generator.binomial(n - positives, generator.uniform(0.6, 0.97)))
    fn, fp = positives - tp, n - positives - tn
    if not (tp and tn):
        return drawn(generator, sizes)
    return n, {
        "sensitivity": Fraction(tp, positives),
        "specificity": Fraction(tn, n - positives),
        "accuracy": Fraction(tp + tn, n),
        "ppv": Fraction(tp, tp + fp),
        "npv": Fraction(tn, tn + fn),
        "f1": Fraction(2 * tp, 2 * tp + fp + fn),
        "auc": area(generator, Confusion(tp, fn, fp, tn)),
    }


def area(generator: np.random.Generator, table: Confusion) -> Fraction:
    """The area of scores that a threshold cuts into the table; on either side of it they rank well or badly.

    At the ends the curve is one step through the point, or two.
    """
    skill = float(generator.choice([0.0, 1.0, generator.uniform(0.3, 0.95)]))
    undecided = (
        table.true_positives * table.false_positives,
        table.false_negatives * table.true_negatives,
    )
    right = sum(int(generator.binomial(pairs, skill)) for pairs in undecided)
    right += table.true_positives * table.true_negatives
    return Fraction(right, table.positives * table.negatives)


def shifted(units: int) -> Callable[[np.random.Generator, Figures, int], Figures]:
    """One figure of a set, moved up or down by some units of its last digit."""

    def change(generator: np.random.Generator, figures: Figures, digits: int) -> Figures:
        name = str(generator.choice(sorted(figures)))
        moved = figures[name] + units * int(generator.choice([-1, 1]))
        mirrored = 2 * figures[name] - moved
        return {**figures, name: moved if 0 <= moved <= 10**digits else mirrored}

    return change


def exchanged(generator: np.random.Generator, figures: Figures, _digits: int) -> Figures:
    """Two figures that differ by five units or more, one printed for the other."""
    names = sorted(figures)
    first, second = generator.choice(names, 2, replace=False)
    if abs(figures[first] - figures[second]) < 5 and len(set(figures.values())) > 1:
        far = sorted(figures, key=figures.__getitem__)
        first, second = far[0], far[-1]
    return {**figures, first: figures[second], second: figures[first]}


CHANGES: dict[str, Callable[[np.random.Generator, Figures, int], Figures]] = {
    "none": lambda _generator, figures, _digits: figures,
    "1 unit": shifted(1),
    "2 units": shifted(2),
    "5 units": shifted(5),
    "20 units": shifted(20),
    "exchanged": exchanged,
}


def noticed(n: int | None, figures: Figures, digits: int) -> bool:
    """Whether no table, of n cases or of any number, prints the figures."""
    texts = {name: f"{units / 10**digits:.{digits}f}" for name, units in figures.items()}
    published = PublishedTable(figures=texts, n=n)
    if "auc" in figures:
        return check_published(published).verdict == IMPOSSIBLE
    if n is None:
        return any_size(published.counted).excluded
    return not fitting_tables(n, None, published.counted).count


def shares(
    runs: int, names: tuple[str, ...], sizes: tuple[int, int], digits: int, known: bool
) -> list[float]:
    """The share of altered tables that is noticed, for each change."""
    generator = np.random.default_rng(8)
    found = []
    for change in CHANGES.values():
        count = 0
        for _ in range(runs):
            n, exact = drawn(generator, sizes)
            figures = {name: int(exact[name] * 10**digits + Fraction(1, 2)) for name in names}
            count += noticed(n if known else None, change(generator, figures, digits), digits)
        found.append(count / runs)
    return found


def main() -> int:
    """Print a table of the shares; 1 if a right table is called impossible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    print(f"| figures, digits | size | {' | '.join(CHANGES)} |")
    print(f"| --- | --- |{' --- |' * len(CHANGES)}")
    wrong = False
    for label, names in SETS.items():
        for digits in (2, 3):
            for size, limits in {**SIZES, "not stated": (100, 300)}.items():
                row = shares(runs, names, limits, digits, size != "not stated")
                wrong |= row[0] > 0
                print(
                    f"| {label}, {digits} | {size} | {' | '.join(f'{share:.2f}' for share in row)} |",
                    flush=True,
                )
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
