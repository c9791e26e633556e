"""The tables that print rounded figures, against all tables there are."""

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from real_tables import figures_of, printed, printings, tables

from strnet.published import PublishedTable, check_published
from strnet.published.confusion_tables import fitting_tables
from strnet.published.names import SPANS, canonical
from strnet.published.printed import CountedShare, rounded

TIE = 1e-12
"""A figure on the edge of its window, such as an MCC of 2/40 printed as 0.0, is off by its rounding error."""
quick = settings(max_examples=80, deadline=None)


def all_tables(n):
    """Every 2 x 2 table of n cases with some of each class."""
    return [
        (tp, p - tp, n - p - tn, tn)
        for p in range(1, n)
        for tp, tn in product(range(p + 1), range(n - p + 1))
    ]


@st.composite
def reported(draw):
    cells = draw(tables())
    return cells, draw(printings(cells))


def windows_of(figures):
    return {name: rounded(text, name=name, span=SPANS[name]) for name, text in figures.items()}


@quick
@given(reported(), st.booleans())
@example(case=((2, 3, 4, 5), {"mcc": "-0.0"}), positives_known=False)
def test_the_search_finds_exactly_the_tables_of_a_brute_force_search(case, positives_known):
    cells, figures = case
    positives = cells[0] + cells[1] if positives_known else None
    windows = windows_of(figures)
    expected = set()
    for table in all_tables(sum(cells)):
        exact = figures_of(*table)
        fits = all(
            name in exact and w.low - TIE <= exact[name] <= w.high + TIE for name, w in windows.items()
        )
        if fits and positives in (None, table[0] + table[1]):
            expected.add(table)
    found = fitting_tables(sum(cells), positives, windows)

    assert {tuple(row) for row in found.cells(10_000).tolist()} == expected
    assert cells in expected


@pytest.mark.parametrize("name", sorted(figures_of(3, 2, 2, 4)))
def test_of_every_figure_all_tables_of_nine_cases_are_found_for_every_printed_value(name):
    # each table is found under its own printed value, and under no other
    values = {
        table: printed(figures_of(*table)[name], 2) for table in all_tables(9) if name in figures_of(*table)
    }
    for text in set(values.values()):
        window = windows_of({name: text})
        found = {tuple(row) for row in fitting_tables(9, None, window).cells(10_000).tolist()}
        own = {table for table, value in values.items() if value == text}
        edge = {t for t in values if figures_of(*t)[name] in (window[name].low, window[name].high)}
        assert own <= found <= own | edge


@quick
@given(tables(6), st.sampled_from(["sensitivity", "specificity", "ppv", "npv", "accuracy", "prevalence"]))
def test_a_proportion_printed_as_counts_fixes_both_of_its_counts(cells, name):
    tp, fn, fp, tn = cells
    hits, total = {
        "sensitivity": (tp, tp + fn),
        "specificity": (tn, tn + fp),
        "ppv": (tp, tp + fp),
        "npv": (tn, tn + fn),
        "accuracy": (tp + tn, sum(cells)),
        "prevalence": (tp + fn, sum(cells)),
    }[name]
    if not total:
        return
    share = {name: CountedShare(hits, total)}
    figures = {name: rounded(printed(figures_of(*cells)[name], 8), name=name)}
    found = {tuple(row) for row in fitting_tables(sum(cells), None, figures, share).cells(10_000).tolist()}
    sums = {
        "sensitivity": lambda t: (t[0], t[0] + t[1]),
        "specificity": lambda t: (t[3], t[3] + t[2]),
        "ppv": lambda t: (t[0], t[0] + t[2]),
        "npv": lambda t: (t[3], t[3] + t[1]),
        "accuracy": lambda t: (t[0] + t[3], sum(t)),
        "prevalence": lambda t: (t[0] + t[1], sum(t)),
    }[name]

    assert found == {table for table in all_tables(sum(cells)) if sums(table) == (hits, total)}


def test_counts_give_away_the_size_that_a_paper_leaves_out():
    found = check_published(
        PublishedTable(figures={"sensitivity": "173/198", "specificity": "480/602", "ppv": ".586"})
    )

    # 173 of 198, 480 of 602: 295 called, and 173 / 295 = .5864
    (table,) = found.tables
    assert (table.true_positives, table.false_negatives) == (173, 25)
    assert (table.false_positives, table.true_negatives) == (122, 480)
    assert found.verdict == "possible"


def test_counts_that_do_not_add_up_to_the_stated_size_are_impossible():
    found = check_published(
        PublishedTable(n=810, figures={"sensitivity": "173/198", "specificity": "480/602"})
    )

    assert found.verdict == "impossible"
    assert "No table of 810 cases gives sensitivity 173/198 and specificity 480/602" in found.findings[0].text


def test_true_positives_narrow_the_tables_to_one():
    # 20 of 25 and 60 of 75; without the count any multiple of five positives would do
    figures = {"sensitivity": ".80", "specificity": ".80"}
    assert len(check_published(PublishedTable(n=100, figures=figures)).positives) > 1
    found = check_published(PublishedTable(n=100, figures={**figures, "tp": "20"}))

    assert found.positives == (25,)


def test_kappa_youden_and_the_ratios_of_a_table_worked_by_hand():
    # 40 tp, 10 fn, 20 fp, 130 tn: sensitivity .8, specificity 13/15, LR+ 6, LR- 3/13, odds ratio 26,
    # Youden 2/3;
    # agreement 170/200 = .85, by chance (50 x 60 + 150 x 140) / 200^2 = .6, so kappa = .25 / .4 = .625;
    # MCC = (40 x 130 - 10 x 20) / sqrt(60 x 50 x 150 x 140) = 5000 / 7937.25 = .62994
    figures = {
        "LR+": "6.00",
        "LR-": "0.231",
        "DOR": "26.0",
        "Youden": ".667",
        "kappa": ".625",
        "MCC": ".630",
    }
    found = check_published(PublishedTable(n=200, positives=50, figures=figures))

    assert found.table_count == 1
    assert found.tables[0].true_positives == 40
    for name, wrong in {"LR+": "6.10", "LR-": "0.240", "DOR": "25.0", "kappa": ".635", "MCC": ".640"}.items():
        changed = check_published(PublishedTable(n=200, positives=50, figures={**figures, name: wrong}))
        assert changed.verdict == "impossible", name
        assert canonical(name) in {finding.details["figure"] for finding in changed.found("without")}
