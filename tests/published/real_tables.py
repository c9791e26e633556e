"""Real tables and what papers may print of them."""

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from hypothesis import strategies as st


def figures_of(tp, fn, fp, tn):
    """The figures of a 2 x 2 table by their definitions; without those that are undefined."""

    def ratio(a, b):
        return Fraction(a, b) if b else None

    n, positives, negatives = tp + fn + fp + tn, tp + fn, fp + tn
    sensitivity, specificity = Fraction(tp, positives), Fraction(tn, negatives)
    chance = Fraction(positives * (tp + fp) + negatives * (fn + tn), n**2)
    margins = positives * negatives * (tp + fp) * (fn + tn)
    found = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": ratio(tp, tp + fp),
        "npv": ratio(tn, tn + fn),
        "accuracy": Fraction(tp + tn, n),
        "prevalence": Fraction(positives, n),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "youden": sensitivity + specificity - 1,
        "kappa": (Fraction(tp + tn, n) - chance) / (1 - chance),
        "mcc": Fraction((tp * tn - fp * fn) / math.sqrt(margins)) if margins else None,
        "lr_positive": sensitivity / (1 - specificity) if fp else None,
        "lr_negative": (1 - sensitivity) / specificity if tn else None,
        "dor": ratio(tp * tn, fp * fn),
    }
    return {name: value for name, value in found.items() if value is not None}


def printed(value, digits, *, to_even=False, percent=False):
    """A fraction as it is printed, halves rounded up or to the even digit."""
    scaled = value * (100 if percent else 1)
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(scaled.numerator) / Decimal(scaled.denominator)
        rounding = ROUND_HALF_EVEN if to_even else ROUND_HALF_UP
        return f"{exact.quantize(Decimal(1).scaleb(-digits), rounding=rounding)}{'%' if percent else ''}"


@st.composite
def tables(draw, most=4):
    """A 2 x 2 table (tp, fn, fp, tn) with some of each class."""
    cells = [draw(st.integers(0, most)) for _ in range(4)]
    cells[0 if draw(st.booleans()) else 1] += 1
    cells[2 if draw(st.booleans()) else 3] += 1
    return tuple(cells)


@st.composite
def printings(draw, cells, most_figures=4):
    """Some figures of a table, each with its own digits and way of rounding."""
    exact = figures_of(*cells)
    names = draw(st.lists(st.sampled_from(sorted(exact)), min_size=1, max_size=most_figures, unique=True))
    return {
        name: printed(exact[name], draw(st.integers(1, 3)), to_even=draw(st.booleans())) for name in names
    }
