import json

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import ImpossibleError, ThresholdError

COUNTS = ["--flagged", "100", "--flagged-verified", "80", "--flagged-positive", "62", "--unflagged", "200"]


def run(*arguments):
    return CliRunner().invoke(app, ["threshold", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def people(tmp_path):
    """50 people: 20 flagged and positive, 30 not flagged and not yet examined."""
    frame = pl.DataFrame({"patient_id": [f"p{n}" for n in range(50)], "positive": [True] * 20 + [False] * 30})
    frame.with_columns(dxa=pl.when("positive").then(1)).write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def test_counts_give_both_cases_and_say_what_was_not_checked():
    done = run("verify", *COUNTS, "--unflagged-verified", 60, "--unflagged-positive", 1)
    assert done.exit_code == 0, done.output
    for said in ("insufficient", "at their worst", "as those who came", "89 drawn"):
        assert said in done.output
    assert done.output.count("Not checked: that") == 2


def test_an_alarm_ends_with_1_and_no_verified_negatives_with_3():
    assert run("verify", *COUNTS, "--unflagged-verified", 60, "--unflagged-positive", 20).exit_code == 1
    done = run("verify", *COUNTS, "--unflagged-verified", 0, "--unflagged-positive", 0)
    assert isinstance(done.exception, ImpossibleError)
    assert done.exception.exit_code == 3


def test_missing_counts_are_named_and_counts_beside_a_table_are_refused(people):
    done = run("verify", *COUNTS)
    assert "--unflagged-drawn, --unflagged-verified, --unflagged-positive" in str(done.exception)
    done = run("verify", people, "--target", "dxa", *COUNTS)
    assert "a table and counts" in str(done.exception)
    done = run("verify", *COUNTS, "--unflagged-verified", 60, "--unflagged-positive", 1, "--list", people)
    assert "held against people" in str(done.exception)


def test_a_list_is_drawn_and_the_people_on_it_certify_once_examined(people, tmp_path):
    drawn = tmp_path / "list.csv"
    asked = ("plan", "--verify-negatives", "--flagged-positive", 20, "--table", people, "--json")
    planned = run(*asked, "--min-sensitivity", 0.7, "-o", drawn)
    assert planned.exit_code == 0, planned.output
    number = json.loads(planned.output)["samples"][0]["drawn"]
    listed = pl.read_csv(drawn)
    assert listed.height == number
    found = pl.read_csv(people).with_columns(
        dxa=pl.when(pl.col("patient_id").is_in(listed["patient_id"].implode())).then(0).otherwise("dxa")
    )
    found.write_csv(people)
    verify = ("verify", people, "--target", "dxa", "--list", drawn, "--min-sensitivity", 0.7)
    assert json.loads(run(*verify, "--json").output)["verdict"] == "certified"
    absent = pl.when(pl.col("patient_id") == listed["patient_id"][0]).then(None).otherwise("dxa")
    found.with_columns(dxa=absent).write_csv(people)
    assert json.loads(run(*verify, "--json").output)["verdict"] == "insufficient"


def test_two_numbers_certify_with_and_without_an_operating_point():
    done = run("certify-counts", "--positives", 100, "--missed", 7, "--json")
    assert json.loads(done.output)["verdict"] == "certified"
    assert run("certify-counts", "--positives", 100, "--missed", 21).exit_code == 1
    assert isinstance(run("certify-counts", "--positives", 10, "--missed", 11).exception, ThresholdError)


def test_what_a_plan_would_leave_unanswered_is_refused(people):
    done = run("plan", "--table", people, "--draw", 5)
    assert "--table, --draw is answered only with --verify-negatives" in str(done.exception)
    both = ("plan", "--verify-negatives", "--flagged-positive", 62, "--unflagged", 200)
    assert "--auroc is answered not with" in str(run(*both, "--auroc", 0.9).exception)
    assert "no list to write" in str(run(*both, "--draw", 60).exception)


def test_a_form_is_not_overwritten_by_its_counts(people, tmp_path):
    form = tmp_path / "form.csv"
    assert run("form", "--score", "prob", "--cutoffs", "0.1,0.5", "-o", form).exit_code == 0
    asked = ("counts", people, "--form", form, "-o", form, "--hospital", "a", "--target", "dxa")
    assert "would be overwritten" in str(run(*asked).exception)
