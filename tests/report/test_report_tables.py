import math
from dataclasses import replace

import pytest

from strnet.errors import StrnetError
from strnet.report import Measure, Table, compare_with_paper, named_figures, summary_tables
from strnet.report.measures import measured
from strnet.report.table import MeasureRow, measure_table
from strnet.report.wording import counted_text, estimate_text, figure_words, group_name, number, task_name
from strnet.stats import Estimate, proportion


def cells(tables: tuple[Table, ...]) -> str:
    return "\n".join(table.markdown() for table in tables)


def test_the_console_tables_hold_what_the_demo_promises(evaluation):
    tables = {table.title: table for table in summary_tables(evaluation)}
    loss = next(
        table for title, table in tables.items() if title.startswith("Bone loss:") and "positive" in title
    )
    assert [row[0] for row in loss.rows] == [
        "network", "ideal observer", "clinical variables only", "acquisition metadata only",
    ]  # fmt: skip
    points = tables["Bone loss: operating points"]
    assert [row[:2] for row in points.rows] == [
        ("empirical", "validation"), ("empirical", "test"), ("exact", "validation"), ("exact", "test"),
    ]  # fmt: skip
    assert all("/" in row[3] and "to" in row[3] for row in points.rows)
    assert any(title.startswith("Osteoporosis given loss") for title in tables)
    assert [row[0] for row in tables["T-score (phantom): agreement"].rows][:3] == ["Cases", "r", "MAE"]


def test_printed_counts_are_those_of_the_evaluation(evaluation):
    sensitivity = evaluation.binary()[0].points[1].on[1].sensitivity
    assert f"{sensitivity.events}/{sensitivity.count} = " in cells(summary_tables(evaluation))


def test_an_ultrasound_t_score_is_never_printed_as_dxa(evaluation):
    ultrasound = replace(evaluation, subject=replace(evaluation.subject, reference_standards=("qus",)))
    text = cells(summary_tables(ultrasound))
    assert "T-score (ultrasound)" in text
    assert "DXA" not in text


def test_why_a_figure_is_missing_stands_under_its_table():
    rows = [MeasureRow(("A",), (Measure(note="one class"),)), MeasureRow(("B",), (Measure(0.5, 0.4, 0.6),))]
    table = measure_table("T", ("Site", "AUROC"), rows)
    assert table.rows == (("A", "–"), ("B", "0.500 (0.400 to 0.600)"))
    assert table.notes == ("A, AUROC: one class",)


def test_what_is_said_of_an_interval_stands_under_its_table():
    figure = Measure(0.5, 0.4, 0.6, note="3 of 2000 resamples dropped")
    table = measure_table(
        "T", ("Site", "AUPRC"), [MeasureRow(("A",), (figure,)), MeasureRow(("B",), (figure,))]
    )
    assert table.notes == ("A, AUPRC; B, AUPRC: 3 of 2000 resamples dropped",)


def test_markdown_keeps_its_columns_whatever_the_names():
    table = Table("t", ("a|b", "c"), (("x\n|y", "<script>"),))
    lines = table.markdown().splitlines()
    assert lines[2] == "| a\\|b | c |"
    assert lines[4] == "| x \\|y | &lt;script> |"


@pytest.mark.parametrize(
    ("value", "text"), [(0.9334, "0.933"), (-0.5, "−0.500"), (-0.0001, "0.000"), (None, "–")]
)
def test_numbers_have_three_decimals_and_a_true_minus(value, text):
    assert number(value) == text


def test_counts_are_printed_for_shares_only():
    share = measured(proportion(3, 4), share=True)
    area = measured(Estimate(0.75, 0.5, 0.9, 0.95, "delong", 4, events=3))
    assert counted_text(share).startswith("3/4 = 0.750 (")
    assert counted_text(area) == "0.750 (0.500 to 0.900)"


def test_an_estimate_that_is_undefined_has_no_value_but_its_note():
    nan = math.nan
    found = measured(Estimate(nan, nan, nan, 0.95, "undefined", 0, note="no rows to take a share of"))
    assert found.value is None
    assert found.note == "no rows to take a share of"
    assert estimate_text(found) == "–"


def test_an_estimate_without_an_interval_keeps_its_value_and_says_why():
    found = measured(Estimate(1.0, math.nan, math.nan, 0.95, "logit", 4, note="the logit of 1"))
    assert (found.value, found.has_interval, estimate_text(found)) == (1.0, False, "1.000")


def test_a_t_score_carries_what_it_was_measured_with():
    assert task_name("t_score", ("dxa", "qus")) == "T-score (DXA and ultrasound)"
    assert task_name("t_score") == "T-score (reference not stated)"
    assert task_name("bone_loss", ("dxa",)) == "bone loss"


def test_a_paper_stands_beside_ours_with_every_interval(evaluation):
    ours = named_figures(evaluation)
    table = compare_with_paper(
        evaluation,
        {
            "bone_loss.auroc": 0.933,
            "bone_loss.exact.sensitivity": {"value": 0.904, "events": 123, "count": 136},
            "t_score.r": {"value": 0.801, "low": 0.62, "high": 0.9, "label": "r of the T-score"},
        },
    )
    assert table.rows[0][:2] == ("bone loss, AUROC", "0.933 (none given)")
    assert table.rows[0][2] == estimate_text(ours["bone_loss.auroc"])
    assert table.rows[1][1] == "123/136 = 0.904 [0.843 to 0.943]"
    assert table.rows[1][2] == counted_text(ours["bone_loss.exact.sensitivity"])
    assert table.rows[2][:2] == ("r of the T-score", "0.801 (0.620 to 0.900)")
    assert any("Square brackets" in note for note in table.notes)
    assert len(compare_with_paper(evaluation, {"bone_loss.auroc": 0.933}).notes) == 1


@pytest.mark.parametrize(("value", "position"), [(0.0, "below"), (1.0, "above")])
def test_where_the_papers_value_lies_is_said(evaluation, value, position):
    table = compare_with_paper(evaluation, {"bone_loss.exact.specificity": value})
    assert table.rows[0][3] == f"{position} our interval"
    own = named_figures(evaluation)["bone_loss.exact.specificity"].value
    assert (
        compare_with_paper(evaluation, {"bone_loss.exact.specificity": own}).rows[0][3]
        == "inside our interval"
    )


def test_an_unknown_paper_figure_is_named_with_the_nearest(evaluation):
    with pytest.raises(StrnetError, match=r"did you mean 'bone_loss\.auroc'"):
        compare_with_paper(evaluation, {"bone_loss.aurc": 0.9})


def test_a_malformed_paper_figure_is_refused(evaluation):
    with pytest.raises(StrnetError, match=r"bone_loss\.auroc\.lwo"):
        compare_with_paper(evaluation, {"bone_loss.auroc": {"value": 0.9, "lwo": 0.8}})


def test_validation_figures_have_names_of_their_own(evaluation):
    figures = named_figures(evaluation)
    assert figures["bone_loss.exact.test.sensitivity"] == figures["bone_loss.exact.sensitivity"]
    assert figures["bone_loss.exact.validation.sensitivity"] != figures["bone_loss.exact.sensitivity"]
    assert figures["bone_loss.observer.auroc"].value > figures["bone_loss.auroc"].value
    assert figures["diagnosis.osteopenia.recall"].count > 0


def test_a_group_is_named_once():
    assert group_name("site", "B") == "site B"
    assert group_name("site", "site_b") == "site_b"


def test_figure_names_become_words():
    assert figure_words("bone_loss.exact.ppv") == "bone loss, exact, PPV"
    assert figure_words("t_score.mae") == "T-score, MAE"
