"""Rule files: who stays, who goes and why, what an empty cell does, and rules that cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from strnet.cohort import read_manifest
from strnet.cohort.selection import apply_rules
from strnet.cohort.selection_rules import read_rules
from strnet.errors import ConfigError, ManifestError, RowFilterError

FILMS = """image_id,patient_id,path,view,age,days_to_reference,vertebroplasty,study_date
a1,A,a1.png,AP,61,-20,0,2020-01-01
a2,A,a2.png,AP,61,10,0,2020-02-01
a3,A,a3.png,LATERAL,61,400,0,2020-01-15
b1,B,b1.png,AP,49,5,0,2021-01-01
b2,B,b2.png,AP,50,-5,1,2021-05-01
c1,C,c1.png,AP,70,,,2019-01-01
d1,D,d1.png,AP,80,-365,0,2018-01-01
d2,D,d2.png,AP,,365,0,2018-01-01
"""


@pytest.fixture
def selected(tmp_path):
    """(kept image names, counts by rule, excluded rows) of rules in YAML, one per argument."""

    def select(*rules):
        (tmp_path / "m.csv").write_text(FILMS)
        (tmp_path / "rules.yaml").write_text("rules:\n" + "\n".join(f"  - {rule}" for rule in rules))
        frame = read_manifest(tmp_path / "m.csv").frame
        found = apply_rules(frame, read_rules(tmp_path / "rules.yaml"))
        return found.kept["image_id"].to_list(), {c.rule.name: c for c in found.counts}, found.excluded

    return select


def rule(what, *, name="r", unknown="exclude"):
    return f"{{name: {name}, reason: why not, unknown: {unknown}, {what}}}"


def test_an_empty_cell_goes_or_stays_as_the_rule_says(selected):
    within = "limit: {column: days_to_reference, within: 365}"
    kept, counts, excluded = selected(rule(within))
    assert kept == ["a1", "a2", "b1", "b2", "d1", "d2"]
    assert (counts["r"].images_left_out, counts["r"].unknown, counts["r"].unknown_kept) == (2, 1, 0)
    assert excluded.select("image_id", "unknown", "cells").rows() == [
        ("a3", False, "days_to_reference 400.0"),
        ("c1", True, "days_to_reference (blank)"),
    ]
    kept, counts, _ = selected(rule(within, unknown="keep"))
    assert "c1" in kept
    assert (counts["r"].images_left_out, counts["r"].unknown, counts["r"].unknown_kept) == (1, 0, 1)


def test_a_condition_to_exclude_is_the_opposite_of_one_to_keep_and_neither_knows_an_empty_cell(selected):
    for what in ("exclude: vertebroplasty = 1", "keep: vertebroplasty = 0", "keep: not vertebroplasty = 1"):
        assert selected(rule(what))[0] == ["a1", "a2", "a3", "b1", "d1", "d2"]
        assert "c1" in selected(rule(what, unknown="keep"))[0]


def test_bounds_hold_at_the_bound_or_not_as_they_are_called(selected):
    assert selected(rule("limit: {column: age, at_least: 50}"))[0] == ["a1", "a2", "a3", "b2", "c1", "d1"]
    assert selected(rule("limit: {column: age, above: 50, below: 80}"))[0] == ["a1", "a2", "a3", "c1"]
    assert selected(rule("limit: {column: age, at_most: 50}"))[0] == ["b1", "b2"]


def test_rules_count_what_comes_to_them_and_a_patient_is_lost_with_the_last_film(selected):
    _, counts, excluded = selected(
        rule("limit: {column: age, at_least: 50}", name="old", unknown="keep"),
        rule("exclude: vertebroplasty = 1", name="metal", unknown="keep"),
    )
    old, metal = counts["old"], counts["metal"]
    assert (old.images, old.patients, old.images_left_out, old.patients_left_out) == (7, 4, 1, 0)
    assert (metal.images, metal.patients, metal.images_left_out, metal.patients_left_out) == (6, 3, 1, 1)
    assert excluded.select("image_id", "rule", "reason").rows() == [
        ("b1", "old", "why not"),
        ("b2", "metal", "why not"),
    ]


def test_the_nearest_film_of_each_patient_and_view_stays_and_of_equals_the_first_by_name(selected):
    one = "one_per: {columns: [patient_id, view], choose: nearest}"
    assert selected(rule(one))[0] == ["a2", "a3", "b1", "d1"]
    assert selected(rule(one, unknown="keep"))[0] == ["a2", "a3", "b1", "c1", "d1"]


def test_one_film_is_chosen_among_those_that_earlier_rules_left(selected):
    kept, _, _ = selected(
        rule("exclude: image_id = 'a2'", name="bad"),
        rule("one_per: {columns: [patient_id, view], choose: nearest}", name="one"),
    )
    assert kept == ["a1", "a3", "b1", "d1"]


def test_the_first_film_is_that_of_the_earliest_date(selected):
    one = "one_per: {columns: [patient_id], choose: first, by: study_date}"
    assert selected(rule(one))[0] == ["a1", "b1", "c1", "d1"]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("keep: veiw = 'AP'", "Unknown column 'veiw', did you mean 'view'"),
        ("keep: view = 'Ap'", "no row has view 'Ap': did you mean 'AP'"),
        ("exclude: \"patient_id in ('A', 'Z')\"", "no row has patient_id 'Z'"),
        ("keep: bmi > 20", "column bmi is empty in all 8 rows"),
        ("limit: {column: agee, at_least: 50}", "Unknown column 'agee', did you mean 'age'"),
        ("limit: {column: view, at_least: 50}", "column view holds String, expected numbers"),
        ("keep: max(age) > 50", "one answer for all images"),
        ("one_per: {columns: [patient_id], choose: first, by: view}", "of which none is first"),
        ("one_per: {columns: [patient_id], choose: nearest, by: view}", "expected numbers"),
        ("one_per: {columns: [patient_id], choose: nearest, by: bmi}", "bmi is empty"),
    ],
)
def test_a_rule_that_does_not_fit_the_manifest_is_refused_with_its_name(selected, what, message):
    with pytest.raises(RowFilterError, match=message) as refused:
        selected(rule(what, name="mine"))
    assert "rules.yaml: rule mine" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{name: r, reason: x, keep: age > 3}", "unknown: Field required"),
        ("{name: r, reason: x, unknown: drop, keep: age > 3}", "unknown: Unknown value 'drop'"),
        ("{name: r, reason: x, unknown: keep}", "found none, expected one of keep, exclude, limit, one_per"),
        ("{name: r, reason: x, unknown: keep, keep: a > 1, exclude: a > 2}", "found keep and exclude"),
        ("{name: r, reason: x, unknown: keep, keeep: a > 1}", "Unknown key 'keeep', did you mean 'keep'"),
        ("{name: r, reason: x, unknown: keep, limit: {column: age}}", "no bound"),
        (
            "{name: r, reason: x, unknown: keep, one_per: {columns: [view], choose: nearest}}",
            "one image of the whole cohort",
        ),
        (
            "{name: r, reason: x, unknown: keep, one_per: {columns: [patient_id], choose: first}}",
            "which comes first",
        ),
    ],
)
def test_a_rule_file_that_says_too_little_or_too_much_is_refused(selected, text, message):
    with pytest.raises(ConfigError, match=message):
        selected(text)


def test_two_rules_of_one_name_are_refused(selected):
    with pytest.raises(ConfigError, match="two rules are called r"):
        selected(rule("keep: age > 50"), rule("keep: age > 60"))


def test_rules_that_leave_nobody_say_which_of_them_did(selected):
    with pytest.raises(ManifestError, match=r"old: 8 left out .1 for an empty cell., 0 left"):
        selected(rule("limit: {column: age, above: 99}", name="old"))


def test_the_rule_file_of_the_documentation_is_one(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "selection.md").read_text()
    (tmp_path / "rules.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    names = [rule.name for rule in read_rules(tmp_path / "rules.yaml").rules]
    assert names == ["readable", "dxa_within_a_year", "vertebroplasty", "from_50", "one_film"]
