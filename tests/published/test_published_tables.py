from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from strnet import stats
from strnet.errors import StatsError
from strnet.published import PublishedTable, check_published
from strnet.published.confusion_tables import fitting_tables
from strnet.published.printed import rounded

SAGITTAL = {"accuracy": ".82", "precision": ".80", "recall": ".86", "f1": ".83", "auc": ".76"}


def test_the_sagittal_lumbar_paper_fits_28_images_and_not_the_23_it_states():
    found = check_published(PublishedTable(n=23, figures=SAGITTAL))

    assert found.verdict == "impossible"
    assert found.table_count == 0
    (sizes,) = found.found("other_n")
    assert sizes.details["n"] == [28]
    assert "they fit only 28: 12 tp, 2 fn, 3 fp, 11 tn" in sizes.text


def test_at_28_images_it_has_one_table():
    found = check_published(PublishedTable(n=28, figures=SAGITTAL))

    assert found.verdict == "possible"
    assert found.tables == (stats.Confusion(12, 2, 3, 11),)


@pytest.mark.parametrize(
    ("n", "figures", "intervals", "positives"),
    [
        (963, ("79.7%", "66.5%", ".79"), (("74.4%", "85.0%"), ("63.1%", "69.9%"), (".76", ".82")), 222),
        (1018, ("87.5%", "79.4%", ".82"), (("83.1%", "91.9%"), ("76.6%", "82.2%"), (".80", ".85")), 216),
    ],
    ids=["AP", "lateral"],
)
def test_the_intervals_of_the_lumbar_paper_are_walds_and_give_away_its_counts(
    n, figures, intervals, positives
):
    names = "sensitivity", "specificity", "auc"
    found = check_published(
        PublishedTable(
            n=n,
            figures=dict(zip(names, figures, strict=True)),
            intervals=dict(zip(names, intervals, strict=True)),
        )
    )

    assert found.verdict == "possible"
    (method,) = found.found("one_method")
    assert method.details["methods"] == ["wald"]
    (table,) = method.details["tables"]
    assert table["tp"] + table["fn"] == positives
    assert method.details["count"] == 1 < found.table_count
    assert "Wald, not with Wilson" in method.text


def test_tables_with_the_intervals_of_one_method_are_told_beside_all_that_fit():
    figures, intervals = {"sensitivity": ".80", "specificity": ".90"}, {"sensitivity": ("0.552", "1.048")}
    found = check_published(PublishedTable(n=40, figures=figures, intervals=intervals))
    alone = check_published(PublishedTable(n=40, figures=figures))

    # by hand: .8 -/+ 1.96 sqrt(.8 x .2 / 10) is .552 to 1.048: 10 positives, so 27 of 30 negatives
    assert found.findings[0].text == (
        f"Of 40 cases {alone.table_count} tables fit, of 10, 20 or 30 positives; with Wald intervals 1: "
        "8 tp, 2 fn, 3 fp, 27 tn."
    )
    assert (found.table_count, found.positives) == (alone.table_count, alone.positives)
    assert found.to_dict()["findings"][1]["tables"] == [{"tp": 8, "fn": 2, "fp": 3, "tn": 27}]


def test_an_interval_of_one_method_does_not_make_an_area_impossible():
    # Wald's 10 positives leave 28 of 30 negatives at most: 1 - .2 x .0667 = .987; 19 of 20 allow .99
    figures = {"sensitivity": ".80", "specificity": ".9", "auc": ".989"}
    intervals = {"sensitivity": ("0.552", "1.048")}
    found = check_published(PublishedTable(n=40, figures=figures, intervals=intervals))

    assert found.found("one_method")[0].details["count"] == 3
    assert not found.found("auc_impossible")


def test_the_interval_at_the_counts_of_str_net_is_wilsons():
    found = check_published(
        PublishedTable(
            n=224,
            positives=136,
            figures={"sensitivity": ".904", "specificity": ".773", "auc": ".933"},
            intervals={"sensitivity": (".843", ".943")},
        )
    )

    assert found.tables == (stats.Confusion(123, 13, 20, 68),)
    assert found.found("one_method")[0].details["methods"] == ["wilson"]


def test_without_stated_positives_all_that_fit_are_listed():
    found = check_published(PublishedTable(n=224, figures={"sensitivity": ".904", "specificity": ".773"}))

    assert found.positives == (52, 83, 114, 136)
    assert found.table_count == 4


@pytest.mark.parametrize(
    ("sensitivity", "specificity"),
    [
        (repr(14 / 17), repr(15 / 23)),
        ("0.82352941176470588", "0.65217391304347826087"),
        ("82.35294117647058%", "65.21739130434783%"),
    ],
)
def test_figures_with_all_the_digits_of_a_program_fit_their_table(sensitivity, specificity):
    figures = {"sensitivity": sensitivity, "specificity": specificity}
    found = check_published(PublishedTable(n=40, figures=figures))

    assert found.tables == (stats.Confusion(14, 3, 8, 15),)
    assert "1 table fits: 14 tp, 3 fn, 8 fp, 15 tn." in found.findings[0].text


def test_more_digits_than_can_be_counted_with_are_refused():
    figures = {"balanced_accuracy": "0.87654321"}
    with pytest.raises(StatsError, match="too many digits for 1000000 cases"):
        check_published(PublishedTable(n=1_000_000, positives=400_000, figures=figures))


@pytest.mark.parametrize(("text", "hint"), [("82", True), ("-.8", False), ("nan", False), ("101", False)])
def test_a_percentage_is_suggested_only_where_one_was_meant(text, hint):
    with pytest.raises(StatsError, match="expected a share between 0 and 1") as error:
        check_published(PublishedTable(n=40, figures={"accuracy": text}))
    assert ("for a percentage" in str(error.value)) == hint


def test_exchanged_specificity_and_precision_are_found_out():
    # 72 tp, 8 fn, 6 fp, 114 tn: specificity .950, precision .923
    found = check_published(
        PublishedTable(
            n=200,
            positives=80,
            figures={"sensitivity": ".900", "specificity": ".923", "precision": ".950", "accuracy": ".930"},
        )
    )

    (swapped,) = found.found("swapped")
    assert swapped.details["figures"] == ["specificity", "ppv"]
    assert swapped.text == "They fit if specificity and precision are exchanged: 72 tp, 8 fn, 6 fp, 114 tn."


def test_digits_that_were_cut_off_are_found_out():
    # 2 of 3 printed as .66
    found = check_published(
        PublishedTable(n=5, positives=3, figures={"sensitivity": ".66", "specificity": "1.00"})
    )

    assert found.found("truncated")[0].details["count"] == 1


def test_other_positives_than_stated_are_found_out():
    found = check_published(PublishedTable(n=30, positives=14, figures={"sensitivity": ".923"}))

    assert 13 in found.found("positives")[0].details["positives"]


def test_one_figure_that_is_off_is_named():
    found = check_published(
        PublishedTable(
            n=100, positives=40, figures={"sensitivity": "90.0%", "specificity": "80.0%", "accuracy": "90.0%"}
        )
    )

    # the sensitivity is not: 80% and 90% of all would need 42 of the 40 positives
    assert [f.details["figure"] for f in found.found("without")] == ["specificity", "accuracy"]


def test_an_area_that_no_curve_through_the_point_can_have_is_impossible():
    figures = {"sensitivity": ".900", "specificity": ".90"}
    for auc, possible in ((".80", False), (".82", True), (".98", True), ("1.00", False)):
        found = check_published(PublishedTable(n=100, positives=40, figures={**figures, "auc": auc}))
        assert (found.verdict != "impossible") == possible
        assert bool(found.found("auc_impossible")) != possible


def test_an_interval_of_no_method_is_told_with_the_nearest():
    found = check_published(
        PublishedTable(
            n=224, positives=136, figures={"sensitivity": ".904"}, intervals={"sensitivity": (".80", ".95")}
        )
    )

    assert found.verdict == "implausible"
    (finding,) = found.found("interval_unexplained")
    assert "no known method" in finding.text
    assert "which misses by" in finding.text


def test_walds_limit_above_1_is_recognised():
    # 27 of 29: .931 (.839 to 1.023)
    found = check_published(
        PublishedTable(
            n=56,
            positives=29,
            figures={"sensitivity": "93.1%"},
            intervals={"sensitivity": ("83.9%", "102.3%")},
        )
    )

    assert found.found("one_method")[0].details["methods"] == ["wald"]


def test_an_interval_of_an_area_beyond_counts_is_left_to_the_scores():
    found = check_published(
        PublishedTable(
            n=200,
            positives=100,
            figures={"sensitivity": ".80", "auc": ".85"},
            intervals={"auc": (".80", ".89")},
        )
    )

    assert "DeLong, bootstrap" in found.found("interval")[0].text
    assert found.verdict == "possible"


def test_the_findings_are_strict_json():
    found = check_published(PublishedTable(n=23, figures=SAGITTAL))
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert content["verdict"] == "impossible"
    assert {"kind", "verdict", "text", "doubt", "n"} <= set(content["findings"][0])
    fits = check_published(PublishedTable(n=28, figures=SAGITTAL)).to_dict()
    assert fits["tables"] == [{"tp": 12, "fn": 2, "fp": 3, "tn": 11}]


def test_a_cohort_of_thousands_with_one_figure_is_counted_without_listing_all():
    found = check_published(PublishedTable(n=2000, figures={"accuracy": ".91"}))

    # by hand: 1810 to 1830 right; for a positives there are min(wrong, ...) ways to share the wrong ones out
    expected = sum(
        min(wrong, p) - max(0, wrong - (2000 - p)) + 1 for wrong in range(170, 191) for p in range(1, 2000)
    )
    assert found.table_count == expected
    assert len(found.tables) == 20


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0.82", "0.815", "0.825"),
        (".82", "0.815", "0.825"),
        ("82%", "0.815", "0.825"),
        ("79.7 %", "0.7965", "0.7975"),
        ("1", "0.5", "1.5"),
        ("0.820", "0.8195", "0.8205"),
    ],
)
def test_the_printed_digits_say_how_far_a_figure_was_rounded(text, low, high):
    found = rounded(text, name="accuracy")

    assert (found.low, found.high) == (Fraction(low), Fraction(high))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"figures": {"accuracy": "82"}}, r"Write 82% for a percentage"),
        ({"figures": {"accuracy": "good"}}, "expected a share as printed"),
        ({"figures": {"accuracy": "-.2"}}, "expected a share between 0 and 1"),
        ({"figures": {"accuracy": "nan"}}, "expected a share"),
        ({"figures": {"accurcy": ".8"}}, "did you mean 'accuracy'"),
        ({"figures": {"recall": ".8", "sensitivity": ".8"}}, "each figure under one name"),
        ({"figures": {"auc": ".8"}}, "expected one or more of sensitivity"),
        ({"figures": {"accuracy": ".8"}, "positives": 10}, "some of each class"),
        ({"figures": {"accuracy": ".8"}, "intervals": {"accuracy": (".9", ".7")}}, "the lower first"),
        ({"figures": {"accuracy": ".8"}, "confidence": 95}, r"Write 0\.95"),
        ({"figures": {"accuracy": ".8"}, "n": 1}, "two cases or more"),
    ],
)
def test_unreadable_tables_are_refused(request_, message):
    with pytest.raises(StatsError, match=message):
        PublishedTable(**{"n": 10, **request_})


def test_an_interval_of_a_figure_that_is_no_proportion_is_refused():
    table = PublishedTable(n=28, figures=SAGITTAL, intervals={"f1": (".7", ".9")})
    with pytest.raises(StatsError, match="expected one of a proportion of counts"):
        check_published(table)


def test_too_little_stated_for_a_large_cohort_is_refused():
    with pytest.raises(StatsError, match="Give the number of positives"):
        check_published(PublishedTable(n=20_000, figures={"accuracy": ".9"}))
    with pytest.raises(StatsError, match="too many to compare intervals"):
        check_published(
            PublishedTable(n=3000, figures={"accuracy": ".9"}, intervals={"accuracy": (".88", ".92")})
        )


def test_the_first_tables_are_the_same_whatever_the_limit():
    found = fitting_tables(40, None, {"accuracy": rounded(".9", name="accuracy")})
    everything = found.cells(found.count)

    assert len(everything) == found.count
    for limit in (1, 3, 50):
        assert (found.cells(limit) == everything[:limit]).all()
    assert np.unique(everything, axis=0).shape == everything.shape


def test_a_proportion_of_no_whole_number_is_told_with_the_two_nearest():
    # .904 of 136 is 123; of 137 it is 123.8: 123 are .8978, 124 are .9051
    figures = {"sensitivity": ".904", "specificity": ".773"}
    found = check_published(PublishedTable(n=225, positives=137, figures=figures))

    (finding,) = found.found("no_whole_number")
    assert finding.text == ("No whole number of 137 gives sensitivity .904: 123 are 0.8978, 124 are 0.9051.")
    assert finding.doubt == ("sensitivity", "positives")
