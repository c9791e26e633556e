"""The file of papers, the command, and the page that shows what comes out of them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import ConfigError, StatsError
from strnet.published import FIGURES, PublishedTable, check_papers, check_published
from strnet.published.papers import SHIPPED, papers_path, read_papers

PAGE = Path(__file__).parents[2] / "docs" / "published.md"


def command(*arguments):
    return CliRunner().invoke(app, ["check-metrics", *arguments])


def written(tmp_path, text):
    path = tmp_path / "papers.yaml"
    path.write_text(text)
    return path


ONE = """
papers:
  - name: A
    tables:
      - name: test
        n: 28
        figures: {accuracy: .82, precision: .80, recall: .86, f1: .83}
"""


def page_rows(name):
    """The rows that docs/published.md should show for a file of papers."""
    rows = []
    for table in check_papers(papers_path(name)).tables:
        told = " ".join(finding.text for finding in table.check.findings)
        doubt = ", ".join(table.check.doubt) or "-"
        rows.append(f"| {table.paper} | {table.table} | {table.check.verdict} | {doubt} | {told} |")
    return rows


def test_the_page_shows_what_the_check_finds_in_the_five_papers():
    papers = "|".join(paper.name for paper in read_papers(papers_path("five-papers")).papers)
    shown = re.findall(rf"^\| (?:{papers}) \|[^\n]*$", PAGE.read_text(), flags=re.MULTILINE)
    assert shown == page_rows("five-papers"), "\n".join(["The page needs:", *page_rows("five-papers")])


def test_the_page_quotes_the_command_as_it_answers():
    blocks = re.findall(r"^```\n\$ strnet (.*?)\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for line, shown in blocks:
        assert CliRunner().invoke(app, line.split()).output == shown, line


def test_the_page_explains_every_figure_that_can_be_checked():
    named = set(re.findall(r"`([a-z_0-9]+)`", PAGE.read_text()))
    assert set(FIGURES) <= named


def test_of_the_five_papers_only_one_table_is_impossible():
    found = check_papers(papers_path("five-papers"))

    wanting = [(t.paper, t.table) for t in found.tables if t.check.verdict != "possible"]
    assert wanting == [("Lumbar sagittal film, transfer learning", "test")]
    assert found.verdict == "impossible"
    assert {t.paper for t in found.tables} == {p.name for p in read_papers(papers_path("five-papers")).papers}
    assert len({t.paper for t in found.tables}) == 5


def test_every_shipped_file_is_there():
    assert all(papers_path(name).is_file() for name in SHIPPED)


def test_a_trailing_zero_in_the_file_is_a_digit(tmp_path):
    # .80 of 41: 33 / 41 = .8049; .8 is anything from .75 to .85, and 31 / 41 = .756
    path = written(tmp_path, "papers: [{name: A, tables: [{name: t, n: 41, figures: {accuracy: 0.80}}]}]")
    (table,) = check_papers(path).tables
    assert (
        table.check.table_count
        == check_published(PublishedTable(n=41, figures={"accuracy": "0.80"})).table_count
    )
    assert (
        table.check.table_count
        < check_published(PublishedTable(n=41, figures={"accuracy": "0.8"})).table_count
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found no keys, expected `papers`"),
        ("papers: []", "papers: Expected a list of 1 or more"),
        ("paper: []", "did you mean 'papers'"),
        (ONE.replace("n: 28", "m: 28"), r"papers.0.tables.0.m: Unknown key 'm'"),
        (ONE.replace("n: 28", "n: many"), "papers.0.tables.0.n: .*integer"),
        (ONE.replace("n: 28", "n: 28\n        intervals: {accuracy: [.7]}"), "intervals.accuracy"),
        (ONE.replace("n: 28", "n: 28\n        n: 29"), "key 'n' stands in line"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_it_is_wrong(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        check_papers(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ONE.replace("accuracy: .82", "accuracy: 82"), r"A, test: accuracy: found '82'.*Write 82% for"),
        (ONE.replace("accuracy", "acuracy"), "A, test: Unknown figure 'acuracy', did you mean 'accuracy'"),
        (ONE.replace("accuracy: .82", "tp: 29"), "A, test: tp: found 29 of 28 cases"),
        (ONE.replace("recall: .86", "recall: 14/12"), "expected a part of the whole"),
        (ONE.replace("n: 28", "positives: 0"), "expected some of each class"),
    ],
)
def test_a_figure_of_the_file_that_cannot_be_is_named_with_its_table(tmp_path, text, message):
    with pytest.raises(StatsError, match=message):
        check_papers(written(tmp_path, text))


def test_the_command_reads_a_file_and_ends_with_0_if_all_is_possible(tmp_path):
    done = command(str(written(tmp_path, ONE)))

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:3] == [
        "A: test",
        "  possible",
        "  Of 28 cases 1 table fits: 12 tp, 2 fn, 3 fp, 11 tn.",
    ]


def test_the_command_ends_with_1_if_one_table_is_impossible_and_gives_strict_json():
    done = command("five-papers", "--json")
    content = json.loads(done.output)

    assert done.exit_code == 1
    assert content["verdict"] == "impossible"
    assert [t["verdict"] for t in content["tables"]].count("impossible") == 1
    assert {"paper", "table", "verdict", "doubt", "findings", "tables"} <= set(content["tables"][0])


def test_single_figures_need_no_size():
    done = command("sensitivity=.90", "specificity=.80", "accuracy=.95")

    assert done.exit_code == 1
    assert done.output.startswith("impossible; doubt sensitivity, specificity, accuracy\n")
    assert command("sensitivity=.90", "specificity=.80", "accuracy=.85").exit_code == 0


def test_single_figures_of_classes():
    done = command(
        "macro_recall=.767", "accuracy=.767", "--classes", "normal=10,osteopenia=10,osteoporosis=10"
    )

    assert done.exit_code == 0, done.output
    assert "A confusion matrix of 10 normal, 10 osteopenia and 10 osteoporosis fits" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["accuracy"], "expected NAME=VALUE, a YAML file of papers"),
        (["five-paper"], "expected NAME=VALUE, a YAML file of papers"),
        (["five-papers", "--n", "20"], "a file of papers states this"),
        (["accuracy=.8", "five-papers"], "expected NAME=VALUE"),
        (["accuracy=.8", "--n", "20", "--classes", "a"], "expected NAME=VALUE"),
        (["accuracy=.8", "--classes", "a=x,b=3"], "expected cases"),
        (["accuracy=.8", "--interval", "accuracy=.7"], "expected LOW,HIGH"),
    ],
)
def test_wrong_arguments_are_refused_with_what_was_expected(arguments, message):
    done = command(*arguments)

    assert done.exit_code == 2
    assert message in re.sub(r"\s+", " ", done.output + (done.stderr or "")).replace("│ ", "")


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"kappa": "1.2"}, "expected a number between -1 and 1"),
        ({"lr+": "-2"}, "expected a number of 0 or more"),
        ({"rmse": "5%"}, "expected a number as printed, such as 3.15"),
        ({"r2": "1.3"}, "expected a number of 1 or less"),
        ({"tp": "12.5"}, "expected a count, such as tp=173"),
        ({"tp": "-1"}, "expected a count"),
        ({"sensitivity": "a/b"}, "expected two whole numbers"),
        ({"sensitivity": "5/0"}, "expected a part of the whole"),
        ({"rmse": "1e999999999"}, "expected a number of 0 or more"),
        ({"j": ".5", "youden": ".5"}, "each figure under one name"),
        ({"auc": ".9"}, "expected one or more of sensitivity"),
        ({"accuracy": ".8", "tp": "40", "n": "30"}, "Unknown figure 'n'"),
    ],
)
def test_figures_that_are_none_are_refused(figures, message):
    with pytest.raises(StatsError, match=message):
        PublishedTable(figures=figures)
