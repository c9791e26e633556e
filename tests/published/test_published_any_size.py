"""Figures without n: what no cohort of any size can print together."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_tables import figures_of, printed, printings, tables

from strnet.published import PublishedTable, check_published
from strnet.published.any_size import any_size, conflict, nearest_possible
from strnet.published.names import SPANS
from strnet.published.printed import rounded
from strnet.published.rates import Boxes, figure_range

quick = settings(max_examples=60, deadline=None)


def windows_of(figures):
    return {name: rounded(text, name=name, span=SPANS[name]) for name, text in figures.items()}


@st.composite
def reported(draw):
    cells = draw(tables(500))
    return cells, draw(printings(cells, most_figures=8))


@quick
@given(reported())
def test_figures_of_a_real_table_are_never_excluded_however_they_are_rounded(case):
    assert not any_size(windows_of(case[1])).excluded


@cache
def small_tables():
    """Every table of up to 10 positives and 10 negatives: its figures, by name; NaN where undefined."""
    found = [
        figures_of(tp, positives - tp, negatives - tn, tn)
        for positives, negatives in product(range(1, 11), repeat=2)
        for tp, tn in product(range(positives + 1), range(negatives + 1))
    ]
    return {name: np.array([float(f.get(name, np.nan)) for f in found]) for name in figures_of(3, 2, 2, 4)}


@quick
@given(tables(60), tables(60), st.data())
def test_what_is_excluded_no_small_table_prints(cells, other, data):
    # some figures of one table, and one of another: most such sets are contradictory
    exact, elsewhere = figures_of(*cells), figures_of(*other)
    names = data.draw(st.lists(st.sampled_from(sorted(exact)), min_size=3, max_size=4, unique=True))
    figures = {name: printed(exact[name], 2) for name in names}
    if names[0] in elsewhere:
        figures[names[0]] = printed(elsewhere[names[0]], 2)
    windows = windows_of(figures)
    if any_size(windows).excluded:
        inside = [
            (small_tables()[name] > float(w.low) + 1e-9) & (small_tables()[name] < float(w.high) - 1e-9)
            for name, w in windows.items()
        ]
        assert not np.logical_and.reduce(inside).any()


@pytest.mark.parametrize("name", sorted(figures_of(3, 2, 2, 4)))
def test_the_range_over_a_box_holds_every_value_in_it_and_reaches_both_ends(name):
    generator = np.random.default_rng(5)
    low = generator.uniform(-3, 3, (3, 200))
    boxes = Boxes(low, low + generator.uniform(0, 1.5, (3, 200)))
    least, most = figure_range(name, boxes)
    grid = np.linspace(0, 1, 9)
    values = []
    for shares in product(grid, repeat=3):
        point = boxes.low + np.array(shares)[:, None] * (boxes.high - boxes.low)
        values.append(by_definition(name, 1 / (1 + np.exp(-point))))
    values = np.array(values)

    assert (values.min(0) >= least - 1e-9).all()
    assert (values.max(0) <= most + 1e-9).all()
    # corners are in the grid; an extreme between two of its points is met within a little
    span = np.maximum(most - least, 1e-12)
    assert ((values.min(0) - least) / span).max() < 0.05
    assert ((most - values.max(0)) / span).max() < 0.05


def by_definition(name, rates):
    """A figure from the cells of a cohort of one."""
    prevalence, sensitivity, specificity = rates
    tp, fn = prevalence * sensitivity, prevalence * (1 - sensitivity)
    tn, fp = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    accuracy = tp + tn
    chance = prevalence * (tp + fp) + (1 - prevalence) * (fn + tn)
    return {
        "prevalence": prevalence,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": tp / (tp + fp),
        "npv": tn / (tn + fn),
        "accuracy": accuracy,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "youden": sensitivity + specificity - 1,
        "kappa": (accuracy - chance) / (1 - chance),
        "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        "lr_positive": sensitivity / (1 - specificity),
        "lr_negative": (1 - sensitivity) / specificity,
        "dor": tp * tn / (fp * fn),
    }[name]


@pytest.mark.parametrize(
    ("figures", "unneeded", "side", "limit"),
    [
        # accuracy is a mean of both: at most .905
        ({"sensitivity": ".90", "specificity": ".80", "accuracy": ".95"}, None, "at most", 0.905),
        # the harmonic mean of .805 and .905 is .85206
        ({"sensitivity": ".90", "ppv": ".80", "f1": ".87"}, None, "at most", 0.85206),
        # .105 / (.105 + .895 x .095) = .55255 with a sensitivity of 1, so .90 is not needed
        (
            {"prevalence": ".10", "sensitivity": ".90", "specificity": ".90", "ppv": ".90"},
            "sensitivity",
            "at most",
            0.55255,
        ),
        # (.905 + .895) / 2
        ({"sensitivity": ".90", "specificity": ".89", "balanced_accuracy": ".93"}, None, "at most", 0.9),
        # LR+ / LR- = 9.05 / .345 at most
        ({"lr_positive": "9.0", "lr_negative": ".35", "dor": "36"}, None, "at most", 26.2319),
        # .895 + .795 - 1
        ({"sensitivity": ".90", "specificity": ".80", "youden": ".60"}, None, "at least", 0.69),
        # one step through the point: .895 x .895
        ({"sensitivity": ".90", "specificity": ".90", "auc": ".78"}, None, "at least", 0.801025),
        ({"sensitivity": ".90", "specificity": ".80", "f1": ".80", "youden": ".60"}, "f1", "at least", 0.69),
    ],
)
def test_contradictions_worked_by_hand_are_found_with_their_limit(figures, unneeded, side, limit):
    windows = windows_of(figures)
    assert any_size(windows).excluded
    found = conflict(windows)
    assert set(found) == set(figures) - {unneeded}
    last = found[-1]
    told, value = nearest_possible(last, {name: windows[name] for name in found[:-1]}, windows[last])

    assert told == side
    # true, and within four thousandths (of an odds ratio: relative) of the best limit
    assert abs(value - limit) <= 0.004 * max(1, limit)
    assert value >= limit - 1e-9 if side == "at most" else value <= limit + 1e-9


@pytest.mark.parametrize(
    ("figures", "beside"),
    [
        ({"specificity": "100/100", "lr_positive": "50"}, "specificity 100/100, lr_positive"),
        ({"sensitivity": ".90", "specificity": "0/10", "lr_negative": "3"}, "specificity 0/10, lr_negative"),
        ({"sensitivity": "9/10", "specificity": "10/10", "dor": "50"}, "specificity 10/10, dor"),
    ],
)
def test_a_ratio_that_is_divided_by_0_is_not_told_to_be_at_most_something(figures, beside):
    found = check_published(PublishedTable(figures=figures))

    (finding,) = found.found("no_size")
    assert finding.text.endswith(f"Beside {beside} is no number: what it is divided by is 0.")
    assert not {"at_most", "at_least"} & set(finding.details)


def test_a_conflict_is_told_with_its_formula_and_the_figures_to_doubt():
    found = check_published(
        PublishedTable(figures={"recall": ".90", "specificity": ".80", "accuracy": ".95", "ppv": ".7"})
    )

    assert found.verdict == "impossible"
    assert found.doubt == ("sensitivity", "specificity", "accuracy")
    assert found.findings[0].text == (
        "No cohort of any size gives recall .90, specificity .80 and accuracy .95 together: accuracy = "
        "prevalence x sensitivity + (1 - prevalence) x specificity. Beside recall .90 and specificity .80, "
        "accuracy is at most 0.905."
    )


def test_it_is_told_at_a_stated_size_too():
    figures = {"recall": ".90", "specificity": ".80", "accuracy": ".95"}
    found = check_published(PublishedTable(n=500, figures=figures))

    assert found.found("no_table")
    assert "at most 0.905" in found.found("no_size")[0].text


def test_figures_that_go_together_come_with_the_smallest_cohort_that_prints_them():
    figures = {"accuracy": ".82", "precision": ".80", "recall": ".86", "f1": ".83"}
    found = check_published(PublishedTable(figures=figures))

    assert found.verdict == "possible"
    assert "28 cases could print this (12 tp, 2 fn, 3 fp, 11 tn)" in found.findings[0].text


def test_a_sensitivity_of_1_and_no_false_positive_are_possible():
    found = check_published(
        PublishedTable(figures={"sensitivity": "1.000", "specificity": "1.000", "accuracy": "1.000"})
    )
    assert found.verdict == "possible"


def test_counts_without_n_are_held_against_the_figures_beside_them():
    # 10 / 13 = .7692
    wrong = check_published(PublishedTable(figures={"tp": "10", "fn": "3", "sensitivity": ".90"}))
    assert wrong.verdict == "impossible"
    assert wrong.findings[0].text == "sensitivity .90 is not 10/13 = 0.7692."
    right = check_published(PublishedTable(figures={"tp": "10", "fn": "3", "sensitivity": ".77"}))
    assert right.verdict == "possible"
    # and against those further off: Youden's index is at most the sensitivity
    far = check_published(PublishedTable(figures={"tp": "10", "fn": "3", "youden": ".80"}))
    assert far.verdict == "impossible"
    assert set(far.doubt) == {"sensitivity", "youden"}


def test_intervals_that_are_held_against_nothing_are_said_to_be():
    found = check_published(
        PublishedTable(figures={"sensitivity": ".90"}, intervals={"sensitivity": (".85", ".94")})
    )
    assert found.found("idle_intervals")


def test_large_cohorts_with_little_stated_are_judged_without_trying_what_would_make_them_fit():
    figures = {"ppv": ".80", "npv": ".90", "accuracy": ".70", "f1": ".99"}
    found = check_published(PublishedTable(n=2600, figures=figures))

    assert found.verdict == "impossible"
    assert found.found("untried")
    assert "accuracy is at least 0.79" in found.found("no_size")[0].text
