import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import BundleError, ThresholdError
from strnet.locks import lock_or_none
from strnet.thresholds import read_threshold


def run(*arguments):
    return CliRunner().invoke(app, ["threshold", *map(str, arguments)], catch_exceptions=True)


def write(path, positives, negatives=(), **more):
    score = [*positives, *negatives]
    target = [1] * len(positives) + [0] * len(negatives)
    pl.DataFrame({"disease": target, "prob": score, **more}).write_csv(path)
    return path


@pytest.fixture
def point(tmp_path):
    """The threshold 0.09 of positives that score 0.01 to 1.00: 8 of 100 may be missed."""
    scores = write(tmp_path / "scores.csv", np.arange(1, 101) / 100, np.arange(100) / 200)
    done = run("fit", scores, "--target", "disease", "--score", "prob", "-o", tmp_path / "op.json")
    assert done.exit_code == 0, done.output
    return tmp_path / "op.json"


def update(point, scores, *more):
    return run("update", point, scores, "--target", "disease", "-o", point.with_name("new.json"), *more)


def test_an_update_is_an_operating_point_that_names_its_parent_and_what_was_decided(point, tmp_path):
    local = write(tmp_path / "local.csv", [0.05] * 20 + [0.5] * 20, [0.01, 0.3])
    done = update(point, local)
    assert done.exit_code == 0, done.output
    new = read_threshold(tmp_path / "new.json")
    assert (new.update.decision, new.threshold, new.status) == ("lower", 0.05, "guaranteed")
    assert new.update.parent_sha256 == json.loads(point.read_text())["sha256"]
    shown = run("show", tmp_path / "new.json").output
    for words in ("lower", "the frozen one is above it", new.update.parent_sha256, "0.09"):
        assert words in shown
    applied = run("apply", tmp_path / "new.json", local, "-o", tmp_path / "decided.csv", "--json")
    assert json.loads(applied.output) == {"rows": 42, "positive": 41, "negative": 1}
    again = update(tmp_path / "new.json", write(tmp_path / "more.csv", [0.4] * 25, [0.2]), "--json")
    assert isinstance(again.exception, ThresholdError)  # would overwrite the parent
    assert "overwritten" in str(again.exception)


def test_an_update_keeps_the_score_and_may_be_told_its_other_name(point, tmp_path):
    local = tmp_path / "local.csv"
    write(local, [0.5] * 30, [0.1])
    pl.read_csv(local).rename({"prob": "risk"}).write_csv(local)
    refused = update(point, local, "--score", "risk")
    assert isinstance(refused.exception, BundleError)
    told = update(point, local, "--score", "risk", "--same-score")
    assert told.exit_code == 0, told.output
    assert read_threshold(tmp_path / "new.json").score.column == "risk"


def test_the_rows_that_chose_a_threshold_do_not_update_it(point, tmp_path):
    done = update(point, tmp_path / "scores.csv")
    assert isinstance(done.exception, ThresholdError)
    assert "chosen from" in str(done.exception)


def test_too_few_local_positives_are_no_error_and_the_file_promises_nothing(point, tmp_path):
    done = update(point, write(tmp_path / "local.csv", [0.5] * 7, [0.1, 0.2]))
    assert done.exit_code == 0, done.output
    assert "point only" in done.output
    assert "more positives" in done.output
    assert read_threshold(tmp_path / "new.json").update.more_positives == 13


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("steps", [1, 2])
def test_the_rows_behind_any_step_of_an_update_do_not_certify_it(tmp_path, ids, steps):
    rng = np.random.default_rng(7)
    names = ("dev", "first", "second", "other")
    tables = {}
    for name in names:
        more = {"image_id": [f"{name}{n}" for n in range(90)]} if ids else {}
        scores = rng.beta(4, 2, 60), rng.beta(2, 4, 30)
        tables[name] = write(tmp_path / f"{name}.csv", *scores, **more)
    point = tmp_path / "op0.json"
    assert run("fit", tables["dev"], "--target", "disease", "--score", "prob", "-o", point).exit_code == 0
    for step, name in enumerate(names[1 : 1 + steps], start=1):
        made = tmp_path / f"op{step}.json"
        done = run("update", point, tables[name], "--target", "disease", "-o", made)
        assert done.exit_code == 0, done.output
        point = made
    asked = ("--target", "disease", "--test", "fixed")
    for name in names[: 1 + steps]:
        half = pl.read_csv(tables[name]).sample(fraction=0.5, seed=1)
        for kept, rows in (("ids", half), ("no ids", half.select("disease", "prob"))):
            rows.write_csv(tmp_path / "back.csv")
            done = run("certify", point, tmp_path / "back.csv", *asked)
            assert "are among those that the threshold was chosen from" in str(done.exception), (name, kept)
    fresh = run("certify", point, tables["other"], *asked)
    assert fresh.exception is None or isinstance(fresh.exception, SystemExit), fresh.output


def test_coarse_rows_of_the_parent_are_known_as_a_table_although_many_sites_have_such(tmp_path):
    """Scores of five values, which other tables share by chance: only the table as a whole is known again."""
    tables = []
    for name, (high, low) in {"dev": (40, 20), "local": (80, 40)}.items():
        sick = np.repeat([0.8, 0.6, 0.4], [high, 2, 1])
        healthy = np.repeat([0.4, 0.2], [low // 2, low])
        tables.append(write(tmp_path / f"{name}.csv", sick, healthy))
    point, made = tmp_path / "op.json", tmp_path / "new.json"
    assert run("fit", tables[0], "--target", "disease", "--score", "prob", "-o", point).exit_code == 0
    assert run("update", point, tables[1], "--target", "disease", "-o", made).exit_code == 0
    for table in tables:
        done = run("certify", made, table, "--target", "disease")
        assert "these are the rows that the threshold was chosen from" in str(done.exception)


def films(path, scores, prefix):
    names = [f"{prefix}{i}" for i in range(len(scores))]
    pl.DataFrame({"patient_id": names, "prob": scores}).write_csv(path)
    return path


@pytest.fixture
def draws():
    rng = np.random.default_rng(8)
    return lambda count, shift=0.0: rng.normal(size=count) + shift


def test_a_watch_begins_goes_on_and_flags_with_exit_code_1(tmp_path, draws):
    state = tmp_path / "watch.json"
    begun = run("watch", state, "--reference", films(tmp_path / "r.csv", draws(200), "r"), "--score", "prob")
    assert begun.exit_code == 0, begun.output
    calm = run("watch", state, films(tmp_path / "a.csv", draws(60), "a"))
    assert calm.exit_code == 0, calm.output
    assert "nothing flagged" in calm.output
    assert "certify" in calm.output
    moved = run("watch", state, films(tmp_path / "b.csv", draws(80, shift=2.0), "b"), "--json")
    assert moved.exit_code == 1
    found = json.loads(moved.output)
    assert (found["new_patients"], found["patients"], found["reference"]) == (80, 140, 200)
    assert 60 < found["flags"][0]["patient"] <= 140
    assert found["flags"][0]["towards"] == "higher"
    assert "withdraws no certificate" in found["meaning"]
    again = run("watch", state, tmp_path / "b.csv")
    assert again.exit_code == 1  # the flag stands
    assert "80 patients, known already" in again.output


def test_a_watch_reads_films_of_a_patient_as_one_and_patients_by_time(tmp_path, draws):
    reference = films(tmp_path / "r.csv", draws(50), "r")
    state = tmp_path / "watch.json"
    assert run("watch", state, "--reference", reference, "--score", "prob", "--film", "max").exit_code == 0
    table = pl.DataFrame({"patient_id": ["a", "a", "b"], "prob": [0.1, 0.9, 0.5], "day": [2, 3, 1]})
    table.write_csv(tmp_path / "n.csv")
    done = run("watch", state, tmp_path / "n.csv", "--time", "day", "--json")
    assert json.loads(done.output)["new_patients"] == 2
    assert json.loads(state.read_text())["scores"][50:] == [0.5, 0.9]


def test_two_processes_do_not_look_with_one_watch_at_a_time(tmp_path, draws):
    state, reference = tmp_path / "watch.json", films(tmp_path / "r.csv", draws(20), "r")
    lock = lock_or_none(tmp_path / ".watch.json.lock")
    done = run("watch", state, "--reference", reference, "--score", "prob")
    lock.release()
    assert "another process" in str(done.exception)
    assert not state.exists()
    assert run("watch", state, "--reference", reference, "--score", "prob").exit_code == 0


@pytest.mark.parametrize(
    ("begin", "arguments", "message"),
    [
        (False, ["n.csv"], "no such watch"),
        (False, ["--reference", "r.csv"], "--score"),
        (False, ["--reference", "r.csv", "--score", "prob", "--every", "9", "--false-alarm", ".1"], "one of"),
        (False, ["--reference", "r.csv", "--score", "prob", "--false-alarm", "5%"], "Divide a percentage"),
        (True, [], "no table"),
        (True, ["--reference", "r.csv", "--score", "prob"], "exists already"),
        (True, ["n.csv", "--every", "100"], "--every"),
        (True, ["n.csv", "--film", "one"], "--film"),
        (True, ["n.csv", "--score", "other"], "This shift watch is for prob"),
    ],
)
def test_a_watch_that_cannot_begin_or_go_on_says_why(tmp_path, draws, monkeypatch, begin, arguments, message):
    monkeypatch.chdir(tmp_path)
    films("r.csv", draws(20), "r")
    films("n.csv", draws(5), "n")
    pl.read_csv("n.csv").with_columns(other=pl.col("prob")).write_csv("n.csv")
    if begin:
        assert run("watch", "w.json", "--reference", "r.csv", "--score", "prob").exit_code == 0
    done = run("watch", "w.json", *arguments)
    assert isinstance(done.exception, ThresholdError | BundleError), done.output
    assert message in str(done.exception)
