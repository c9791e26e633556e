import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.errors import BundleError, ImpossibleError, ThresholdError


def run(*arguments):
    return CliRunner().invoke(app, ["threshold", *map(str, arguments)], catch_exceptions=True)


@pytest.fixture
def scores(tmp_path):
    """Two sites of 200 cases; positives score 0.01 to 1.00 in steps, so that counts are known by hand."""
    rows = []
    for site, shift in (("a", 0.001), ("b", 0.002)):
        rows += [(f"{site}p{i}", site, 1, (i + 1) / 100) for i in range(100)]
        rows += [(f"{site}n{i}", site, 0, (i + 1) / 200 - shift) for i in range(100)]
    frame = pl.DataFrame(rows, schema=["image_id", "site", "disease", "prob"], orient="row")
    frame.write_csv(tmp_path / "scores.csv")
    return tmp_path / "scores.csv"


def fit(scores, out, *more):
    return run("fit", scores, "--target", "disease", "--score", "prob", "-o", out, *more)


def test_three_commands_lead_from_scores_to_a_certified_point_at_a_second_site(scores, tmp_path):
    point = tmp_path / "op.json"
    first = fit(scores, point, "--where", "site == 'a'")
    assert first.exit_code == 0, first.output
    # 100 positives, floor .86, confidence .95: the binomial law allows 8 misses (hand-checked table)
    assert "8 of 100" in first.output
    applied = run("apply", point, scores, "--score", "prob", "-o", tmp_path / "decided.csv")
    assert applied.exit_code == 0, applied.output
    decided = pl.read_csv(tmp_path / "decided.csv")
    assert decided.filter(pl.col("positive"))["prob"].min() == 0.09
    certified = run(
        *("certify", point, scores, "--target", "disease", "--score", "prob", "--where", "site == 'b'"),
        *("--test", "fixed", "--json"),
    )
    verdict = json.loads(certified.output)["all rows"]
    assert (verdict["verdict"], verdict["misses"], verdict["misses_allowed"]) == ("certified", 8, 8)


def test_too_few_positives_are_impossible_and_exit_with_3(scores, tmp_path):
    done = fit(scores, tmp_path / "op.json", "--where", "image_id IN ('ap1', 'ap2', 'an1')")
    assert isinstance(done.exception, ImpossibleError)
    assert done.exception.exit_code == 3
    assert "20 positives" in str(done.exception)
    assert not (tmp_path / "op.json").exists()


def test_both_thresholds_and_what_the_promise_costs_are_printed(scores, tmp_path):
    done = fit(scores, tmp_path / "op.json")
    for words in ("empirical", "exact", "guaranteed", "point only", "of specificity"):
        assert words in done.output


def test_a_picture_is_drawn_on_request(scores, tmp_path):
    fit(scores, tmp_path / "op.json", "--plot", tmp_path / "op.svg")
    assert (tmp_path / "op.svg").read_text().lstrip().startswith("<?xml")


def test_an_edited_point_is_refused(scores, tmp_path):
    point = tmp_path / "op.json"
    fit(scores, point)
    point.write_text(point.read_text().replace('"min_sensitivity": "0.86"', '"min_sensitivity": "0.90"'))
    done = run("show", point)
    assert isinstance(done.exception, BundleError)


def test_the_rows_that_chose_a_threshold_cannot_certify_it(scores, tmp_path):
    fit(scores, tmp_path / "op.json")
    done = run("certify", tmp_path / "op.json", scores, "--target", "disease", "--score", "prob")
    assert isinstance(done.exception, ThresholdError)
    assert "cannot confirm" in str(done.exception)


def test_groups_stand_in_a_table_of_their_own(scores, tmp_path):
    done = fit(scores, tmp_path / "op.json", "--group", "site", "--json")
    groups = json.loads(done.output)["chosen"]["groups"]
    assert [row["name"] for row in groups] == ["a", "b"]
    assert "Groups" in fit(scores, tmp_path / "op2.json", "--group", "site").output
    assert "Groups" in run("show", tmp_path / "op2.json").output


def test_a_plan_gives_the_published_smallest_number_of_positives():
    done = json.loads(run("plan", "--min-sensitivity", "0.86", "--json").output)
    assert done["fewest_positives"] == 20
    assert "fewest_positives" in run("plan", "--positives", "12").output


def test_a_cascade_is_fitted_end_to_end(tmp_path):
    generator = np.random.default_rng(5)
    severity = np.repeat([0, 1, 2], 400)
    frame = pl.DataFrame(
        {
            "target.bone_loss": (severity > 0).astype(int),
            "logit.bone_loss": 2.5 * (severity > 0) + generator.normal(size=1200),
            "target.osteoporosis_given_loss": [None if s == 0 else int(s == 2) for s in severity],
            "logit.osteoporosis_given_loss": 2.5 * (severity == 2) + generator.normal(size=1200),
        }
    )
    frame.write_parquet(tmp_path / "predictions.parquet")
    done = run("cascade", tmp_path, "-o", tmp_path / "cascade.json")
    assert done.exit_code == 0, done.output
    assert "osteoporosis" in run("show", tmp_path / "cascade.json").output
    told = json.loads(run("cascade", tmp_path, "-o", tmp_path / "c.json", "--json").output)
    assert told["status"] == "guaranteed"
    assert told["osteoporosis"]["misses_made"] <= told["osteoporosis"]["misses_allowed"]
    names, decided = "bone_loss,osteoporosis_given_loss", tmp_path / "decided.csv"
    applied = json.loads(
        run("apply", tmp_path / "cascade.json", tmp_path, "--score", names, "-o", decided, "--json").output
    )
    found = pl.read_csv(decided).filter(pl.col("decision") == "osteoporosis")[
        "target.osteoporosis_given_loss"
    ]
    assert applied["osteoporosis"] == found.len()
    assert (found == 1).sum() == 400 - told["osteoporosis"]["misses_made"]
    one = run("apply", tmp_path / "cascade.json", tmp_path, "--score", "bone_loss", "-o", decided)
    assert isinstance(one.exception, ThresholdError)
    assert "Name both scores" in str(one.exception)


def test_json_is_strict_where_a_number_is_undefined(scores, tmp_path):
    done = fit(scores, tmp_path / "op.json", "--group", "site", "--group-policy", "per_group", "--json")
    chosen = json.loads(done.output)["chosen"]
    assert chosen["threshold"] is None
    assert chosen["expected_sensitivity"]["low"] is None


def test_an_alarm_at_another_site_is_exit_code_1(scores, tmp_path):
    point = tmp_path / "op.json"
    fit(scores, point, "--where", "site == 'a'")
    milder = tmp_path / "milder.csv"
    pl.read_csv(scores).filter(site="b").with_columns(prob=pl.col("prob") / 5).write_csv(milder)
    for more in ((), ("--json",)):
        done = run("certify", point, milder, "--target", "disease", "--score", "prob", *more)
        assert done.exit_code == 1
        assert "alarm" in done.output


def test_verdicts_of_several_groups_come_with_a_word_on_chance(scores, tmp_path):
    point, new = tmp_path / "op.json", tmp_path / "new.csv"
    fit(scores, point, "--where", "site == 'a'")
    table = pl.read_csv(scores).filter(site="b")
    table.with_columns(age=40 + 10 * (pl.int_range(pl.len()) % 4)).write_csv(new)
    certify = ("certify", point, new, "--target", "disease", "--score", "prob")
    assert "by chance" not in run(*certify).output
    grouped = run(*certify, "--group", "age:50,65").output
    assert "by chance" in grouped
    assert all(name in grouped for name in ("<50", "50 to <65", ">=65"))


def test_misses_and_bounds_are_shown_in_the_unit_that_counts(scores, tmp_path):
    point, new = tmp_path / "op.json", tmp_path / "new.csv"
    fit(scores, point, "--where", "site == 'a'")
    pairs = pl.read_csv(scores).filter(site="b").with_columns(patient=pl.int_range(pl.len()) // 2)
    pairs.write_csv(new)
    certify = ("certify", point, new, "--target", "disease", "--score", "prob")
    films = run(*certify).output
    assert "0.080 (8 of 100 films)" in films
    assert "however often you look" in films
    # 8 films of 4 patients are missed: of 50 patients, 4 are lost, and the exact rule allows 2
    worst = run(*certify, "--cluster", "patient", "--test", "fixed", "--cluster-method", "worst", "--json")
    told = json.loads(worst.output)["all rows"]
    assert (told["patients"], told["miss_share"], told["misses_allowed"]) == (50, 0.08, 2)
    shown = run(*certify, "--cluster", "patient", "--test", "fixed").output
    assert "one look" in shown
    assert "more patients" in shown


def test_a_site_certificate_goes_on_batch_by_batch(scores, tmp_path):
    point, state = tmp_path / "op.json", tmp_path / "site.json"
    fit(scores, point, "--where", "site == 'a'")
    weeks = [pl.read_csv(scores).filter(site="b")[start::4] for start in range(4)]
    verdicts = []
    for week, rows in enumerate(weeks):
        rows.write_csv(tmp_path / f"week_{week}.csv")
        certify = ("certify", point, tmp_path / f"week_{week}.csv", "--target", "disease")
        told = json.loads(run(*certify, "--state", state, "--json").output)["all rows"]
        verdicts.append((told["patients"], told["verdict"]))
    assert [patients for patients, _ in verdicts] == [25, 50, 75, 100]
    again = run(*certify, "--state", state)
    assert "no new patients; 25 were counted before" in again.output
    assert "0.080 (8 of 100 films)" in again.output
    refused = run(*certify, "--state", point)
    assert isinstance(refused.exception, ThresholdError)


def test_a_table_pasted_below_itself_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    once = pl.DataFrame({"disease": np.repeat([0, 1], 30), "prob": rng.random(60)})
    pl.concat([once, once]).write_csv(tmp_path / "twice.csv")
    done = fit(tmp_path / "twice.csv", tmp_path / "op.json")
    assert isinstance(done.exception, ThresholdError)
    assert "60 of 60 different rows" in str(done.exception)
    renamed = pl.concat([once, once]).with_columns(image_id=pl.format("film {}", pl.int_range(pl.len())))
    renamed.write_csv(tmp_path / "renamed.csv")
    assert "60 of 60 different rows" in str(fit(tmp_path / "renamed.csv", tmp_path / "op.json").exception)


def test_rows_left_out_and_the_whole_threshold_are_printed(scores, tmp_path):
    table = tmp_path / "thirds.csv"
    unknown = pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("disease")
    pl.read_csv(scores).with_columns(prob=pl.col("prob") / 3, disease=unknown).write_csv(table)
    printed = fit(table, tmp_path / "op.json").output
    assert "5 rows without a target were left out" in printed
    stated = json.loads((tmp_path / "op.json").read_text())["point"]["threshold"]["decimal"]
    assert f">= {stated!r}" in printed
    assert len(repr(stated)) > 10


def test_no_command_overwrites_the_file_it_reads(scores, tmp_path):
    point, before = tmp_path / "op.json", scores.read_bytes()
    assert fit(scores, point).exit_code == 0
    written = point.read_bytes()
    same = tmp_path / "x" / ".." / scores.name
    refused = [
        fit(scores, same),
        fit(scores, tmp_path / "new.json", "--plot", same),
        run("apply", point, scores, "--score", "prob", "-o", same),
        run("apply", point, scores, "--score", "prob", "-o", point),
        run("cascade", scores, "-o", same),
    ]
    for done in refused:
        assert isinstance(done.exception, ThresholdError)
        assert "would be overwritten" in str(done.exception)
    assert (scores.read_bytes(), point.read_bytes()) == (before, written)


def test_a_threshold_on_logits_is_not_applied_to_probabilities_and_the_message_says_what_to_use(tmp_path):
    """The case that was found: 30 of 30 positive with exit code 0, and a false alarm of certify."""
    random = np.random.default_rng(0)
    target = np.repeat([0, 1], 60)
    logit = random.normal(size=120) + 2 * target - 4
    table = pl.DataFrame(
        {"target.bone_loss": target, "logit.bone_loss": logit, "prob.bone_loss": 1 / (1 + np.exp(-logit))}
    )
    table.write_parquet(tmp_path / "predictions.parquet")
    table.with_columns(pl.col("logit.bone_loss") + 1e-9).write_parquet(tmp_path / "site.parquet")
    names = ("--target", "bone_loss", "--score")
    for fitted, other in (("logit", "prob"), ("prob", "logit")):
        point = tmp_path / f"{fitted}.json"
        assert run("fit", tmp_path, *names, f"{fitted}.bone_loss", "-o", point).exit_code == 0
        assert f"{fitted}.bone_loss" in run("show", point).output
        score = ("--score", f"{other}.bone_loss")
        refused = [
            run("apply", point, tmp_path / "site.parquet", *score, "-o", tmp_path / "decided.csv"),
            run("certify", point, tmp_path / "site.parquet", "--target", "bone_loss", *score),
        ]
        for done in refused:
            assert done.exit_code != 0
            assert f"Use --score {fitted}.bone_loss" in str(done.exception)
        assert not (tmp_path / "decided.csv").exists()
    done = run(
        "apply", tmp_path / "prob.json", tmp_path / "site.parquet", "-o", tmp_path / "own.csv", "--json"
    )
    assert 0 < json.loads(done.output)["positive"] < 120


def test_what_the_user_says_of_a_score_is_told_again(scores, tmp_path):
    point, other = tmp_path / "op.json", tmp_path / "other.csv"
    fit(scores, point, "--where", "site == 'a'")
    pl.read_csv(scores).filter(site="b").rename({"prob": "risk"}).write_csv(other)
    certify = ("certify", point, other, "--target", "disease", "--score", "risk")
    assert isinstance(run(*certify).exception, BundleError)
    assert "risk is taken for prob" in run(*certify, "--same-score").output
    told = json.loads(run(*certify, "--same-score", "--json").output)["all rows"]
    assert (told["score"], told["taken_for"]) == ("risk", "prob")
    apply = ("apply", point, other, "--score", "risk", "--same-score", "-o", tmp_path / "d.csv", "--json")
    assert json.loads(run(*apply).output)["score_taken_for"] == "prob"
    assert set(pl.read_csv(tmp_path / "d.csv")["score_taken_for"]) == {"prob"}


def test_the_schema_is_printed_as_json_and_knows_every_kind_of_file():
    done = CliRunner().invoke(app, ["threshold", "schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["properties"]["kind"] == {
        "enum": ["threshold", "cascade", "floor", "grey zone", "least cost"]
    }
