import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import StrnetError

COMMANDS = {
    "floor": "--score prob.y --min-specificity 0.8",
    "ppv": "--score prob.y --min-ppv 0.2 --prevalence 30/200",
    "grey": "--score prob.y --min-sensitivity 0.9 --min-specificity 0.9",
    "cost": "--score prob.y --miss-cost 10 --prevalence 0.12",
    "best": "--score prob.y --score other --min-sensitivity 0.8",
}


def run(*arguments):
    return CliRunner().invoke(app, ["threshold", *map(str, arguments)])


def refused(done, message, exit_code=2):
    assert isinstance(done.exception, StrnetError), done.output
    assert message in str(done.exception)
    return done.exception.exit_code == exit_code


@pytest.fixture
def tables(tmp_path, binormal, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for seed, name in enumerate(("first", "second")):
        target, score = binormal(700, seed=seed)
        rng = np.random.default_rng(seed)
        pl.DataFrame(
            {
                "y": target.astype(int),
                "prob.y": 1 / (1 + np.exp(2 - 2 * score)),
                "other": score + rng.normal(size=700),
                "site": rng.choice(["A", "B"], 700),
                "sex": rng.choice(["f", "m"], 700),
                "age": rng.integers(40, 90, 700),
            }
        ).write_csv(f"{name}.csv")


@pytest.fixture(params=COMMANDS)
def made(request, tables, tmp_path):
    """The name of a command, and the point it wrote to op.json with a picture beside it."""
    command = request.param.replace("ppv", "floor")
    options = COMMANDS[request.param].split()
    done = run(command, "first.csv", "--target", "y", *options, "-o", "op.json", "--plot", "op.svg")
    assert done.exit_code == 0, done.output
    assert "<svg" in (tmp_path / "op.svg").read_text()
    return request.param, done.stdout


SAID = {
    "floor": [
        "specificity at least 0.8",
        "if_answered: P(the floor is kept",
        "false alarms allowed",
        "films",
    ],
    "ppv": ["PPV at least 0.2 at prevalence 30/200", "wrong_or_silent", "99 cut-offs fixed beforehand"],
    "grey": ["sensitivity at least 0.9", "specificity at least 0.9", "ruled out", "of all rows"],
    "cost": ["point only", "promises nothing", "one miss is 10"],
    "best": ["prob.y (chosen)", "hold for all 2 together", "confidence"],
}


def test_each_command_says_what_is_promised_and_show_says_it_again(made):
    name, printed = made
    again = run("show", "op.json").stdout
    for text in (printed, again):
        words = " ".join(text.split())
        assert all(said in words for said in SAID[name]), words


def test_each_point_decides_for_the_rows_of_another_table(made):
    name, _ = made
    done = run("apply", "op.json", "second.csv", "-o", "out.csv", "--json")
    assert done.exit_code == 0, done.output
    counts = json.loads(done.stdout)
    decided = pl.read_csv("out.csv")
    point = json.loads(run("show", "op.json", "--json").stdout)
    score = decided["prob.y"].to_numpy()
    if name == "grey":
        expected = (score >= point["rule_out"]).astype(int) + (score >= point["rule_in"])
        assert [counts[zone] for zone in ("ruled out", "grey zone", "ruled in")] == np.bincount(
            expected
        ).tolist()
    else:
        assert np.array_equal(decided["positive"].to_numpy(), score >= point["threshold"])
        assert counts["positive"] == np.sum(score >= point["threshold"])


def test_each_promise_is_certified_elsewhere_and_none_is_made_of_a_cost(made):
    name, _ = made
    done = run("certify", "op.json", "second.csv", "--target", "y", "--json")
    if name == "cost":
        assert refused(done, "promises nothing that could be certified")
        return
    verdicts = {rate: one["verdict"] for rate, one in json.loads(done.stdout).items()}
    expected = {"floor": ["specificity"], "ppv": ["ppv"], "grey": ["sensitivity", "specificity"]}
    assert list(verdicts) == expected.get(name, ["all rows"])
    assert set(verdicts.values()) <= {"certified", "insufficient"}
    assert done.exit_code == 0
    words = run("certify", "op.json", "second.csv", "--target", "y").stdout
    assert all(verdict in words for verdict in verdicts.values())
    same = run("certify", "op.json", "first.csv", "--target", "y")
    assert refused(same, "rows that the threshold was chosen from")


def test_an_alarm_about_a_specificity_ends_with_exit_code_1(tables):
    run(
        "floor",
        "first.csv",
        "--target",
        "y",
        "--score",
        "prob.y",
        "--min-specificity",
        "0.8",
        "-o",
        "op.json",
    )
    second = pl.read_csv("second.csv").with_columns(pl.col("prob.y").sqrt())
    second.write_csv("worse.csv")
    done = run("certify", "op.json", "worse.csv", "--target", "y")
    assert (done.exit_code, "alarm" in done.stdout) == (1, True)


def test_json_holds_the_whole_point(tables):
    options = COMMANDS["grey"].split()
    done = run("grey", "first.csv", "--target", "y", *options, "-o", "op.json", "--json")
    found = json.loads(done.stdout)
    assert found["operating_point"] == "op.json"
    assert found["of_rows"]["grey"]["count"] == 700
    assert found["score"]["column"] == "prob.y"


def test_several_group_columns_share_one_threshold_and_the_table_says_who_sets_it(tables):
    groups = ["--group", "site", "--group", "sex", "--group", "age:60,75"]
    done = run("fit", "first.csv", "--target", "y", "--score", "prob.y", *groups, "-o", "op.json")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    for group in ("site A", "sex m", "age <60", "age 60 to <75", "age >=75", "sets the"):
        assert group in words
    point = json.loads(run("show", "op.json", "--json").stdout)
    assert [row["column"] for row in point["groups"]] == ["site"] * 2 + ["sex"] * 2 + ["age"] * 3
    lowest = min(row["own_threshold"] for row in point["groups"])
    assert lowest == point["threshold"]
    done = run("certify", "op.json", "second.csv", "--target", "y", *groups, "--json")
    assert list(json.loads(done.stdout))[:3] == ["all rows", "site A", "site B"]


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("floor", "--score prob.y", "expected exactly one of min_specificity, min_ppv, min_npv"),
        ("floor", "--score prob.y --min-ppv 0.9 --prevalence 5%", "prevalence: found '5%'"),
        ("floor", "--score other --min-ppv 0.3 --prevalence 0.1", "cutoffs: none given"),
        ("best", "--score prob.y --score prob.y", "expected each network once"),
        ("best", "--score prob.y", "Use threshold fit for one"),
        ("fit", "--score prob.y --group age:60 --group age:70", "found age twice"),
        ("fit", "--score prob.y --group site --group sex --group-policy per_group", "expected one"),
    ],
)
def test_what_cannot_be_asked_is_refused(tables, command, options, message):
    done = run(command, "first.csv", "--target", "y", *options.split(), "-o", "op.json")
    assert refused(done, message)


def test_an_impossible_floor_ends_with_exit_code_3(tables):
    options = ["--score", "prob.y", "--min-ppv", "0.95", "--prevalence", "0.05"]
    done = run("floor", "first.csv", "--target", "y", *options, "-o", "op.json")
    assert refused(done, "the most that is proven is", exit_code=3)


def test_a_group_means_nothing_to_other_points(tables):
    run("floor", "first.csv", "--target", "y", *COMMANDS["floor"].split(), "-o", "op.json")
    done = run("apply", "op.json", "second.csv", "--group", "site", "-o", "out.csv")
    assert refused(done, "decides alike for all rows")
    done = run("certify", "op.json", "second.csv", "--target", "y", "--group", "site")
    assert refused(done, "only a sensitivity floor is kept in each")


@pytest.mark.parametrize("point", ["floor", "ppv", "grey"])
def test_options_that_only_a_sensitivity_floor_knows_are_refused_by_name(tables, point):
    command = point.replace("ppv", "floor")
    run(command, "first.csv", "--target", "y", *COMMANDS[point].split(), "-o", "op.json")
    asked = ("certify", "op.json", "second.csv", "--target", "y")
    assert refused(run(*asked, "--test", "anytime"), "--test: found anytime, expected fixed")
    assert refused(run(*asked, "--max-weight", "3"), "--max-weight: found 3.0, expected none")
    plain, fixed = run(*asked, "--json"), run(*asked, "--test", "fixed", "--json")
    assert json.loads(plain.stdout) == json.loads(fixed.stdout)
    at = run(*asked, "--prevalence", "0.1", "--json")
    if point == "ppv":
        assert json.loads(at.stdout)["ppv"]["prevalence"] == "0.1"
    else:
        assert refused(at, "--prevalence: found 0.1, expected none")


def test_without_a_test_a_sensitivity_is_certified_for_any_number_of_looks(tables):
    run("fit", "first.csv", "--target", "y", "--score", "prob.y", "-o", "op.json")
    asked = ("certify", "op.json", "second.csv", "--target", "y", "--json")
    plain, named = run(*asked), run(*asked, "--test", "anytime")
    assert json.loads(plain.stdout) == json.loads(named.stdout)
    assert json.loads(plain.stdout)["all rows"]["test"] == "anytime"


def test_a_prevalence_means_nothing_to_a_sensitivity(tables):
    run("fit", "first.csv", "--target", "y", "--score", "prob.y", "-o", "op.json")
    done = run("certify", "op.json", "second.csv", "--target", "y", "--prevalence", "0.1")
    assert refused(done, "does not depend on it")
