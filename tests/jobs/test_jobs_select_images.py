"""`strnet select`: what it writes, and that a report tells the way to the manifest."""

from __future__ import annotations

import json
from functools import partial

import polars as pl
import pytest
from typer.testing import CliRunner

from strnet.cli.main import app
from strnet.cohort import make_split, read_manifest, write_split
from strnet.errors import ManifestError
from strnet.jobs import select
from strnet.jobs.report_flow import reported_flow
from strnet.report.figures.canvas import draw
from strnet.report.figures.flow_chart import cohort_flow
from strnet.report.sections import flow_section

RULES = """rules:
  - name: measured_within_a_year
    reason: not measured within a year of the film
    keep: days_to_reference between -365 and 365
    unknown: exclude
  - name: one_film
    reason: another film of the patient is nearer to its measurement
    one_per: {columns: [patient_id], choose: nearest}
    unknown: keep
"""


@pytest.fixture
def manifest(tmp_path):
    """30 patients with two films each: the second a year and more before the measurement for ten of them."""
    rows = [
        (f"p{number:02}_{film}", f"p{number:02}", f"films/p{number:02}_{film}.png", days, -0.1 * number)
        for number in range(30)
        for film, days in ((0, None if number == 0 else 30), (1, 400 if number < 10 else 20))
    ]
    columns = ["image_id", "patient_id", "path", "days_to_reference", "t_score"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    frame.with_columns(reference_standard=pl.lit("dxa")).write_csv(tmp_path / "m.csv")
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "m.csv"


def test_the_selected_manifest_finds_its_films_from_another_folder(manifest, tmp_path):
    select(manifest, tmp_path / "study" / "enrolled.csv", rules=tmp_path / "rules.yaml")
    made = read_manifest(tmp_path / "study" / "enrolled.csv")
    assert made.frame["patient_id"].n_unique() == 29
    assert {path for _, path in made.files()} <= {path for _, path in read_manifest(manifest).files()}
    excluded = pl.read_csv(tmp_path / "study" / "enrolled.excluded.csv")
    assert excluded.height + made.frame.height == 60
    assert dict(excluded["rule"].value_counts().rows()) == {"measured_within_a_year": 11, "one_film": 20}


def test_a_report_shows_every_exclusion_with_its_counts_and_reason(manifest, tmp_path):
    select(manifest, tmp_path / "enrolled.csv", rules=tmp_path / "rules.yaml")
    made = read_manifest(tmp_path / "enrolled.csv")
    write_split(make_split(made, seed=0, folds=3), tmp_path / "split.csv")
    flow = reported_flow(made, tmp_path / "split.csv", None)
    assert [(stage.label, stage.films, stage.patients) for stage in flow.stages] == [
        ("screened", 60, 30),
        ("measured within a year", 49, 29),
        ("one film", 29, 29),
        ("labelled", 29, 29),
    ]
    drawn = draw("flow", "Flow", "", partial(cohort_flow, flow)).svg
    (table,) = flow_section(flow).tables
    for words in ("1 patient without a film left", "1 by an empty cell"):
        assert words in drawn
        assert words in table.markdown()
    assert "11 not measured within a year of the film" in table.markdown()
    assert "Rules of rules.yaml, SHA-256" in table.notes[0]


def test_a_selection_of_a_selection_tells_the_whole_way(manifest, tmp_path):
    select(manifest, tmp_path / "one.csv", rules=tmp_path / "rules.yaml")
    (tmp_path / "more.yaml").write_text(
        "rules: [{name: ill, reason: not ill, unknown: keep, keep: t_score < -1}]"
    )
    done = select(tmp_path / "one.csv", tmp_path / "two.csv", rules=tmp_path / "more.yaml")
    names = [step["name"] for step in done["steps"]]
    assert names == ["screened", "measured_within_a_year", "one_film", "ill", "labelled"]
    assert json.loads((tmp_path / "two.flow.json").read_text())["rules"]["after"]["file"] == "rules.yaml"


def test_the_flow_of_another_manifest_stops_a_selection_and_a_report(manifest, tmp_path):
    select(manifest, tmp_path / "one.csv", rules=tmp_path / "rules.yaml")
    (tmp_path / "one.flow.json").rename(tmp_path / "m.flow.json")
    with pytest.raises(ManifestError, match="the flow of another manifest"):
        select(manifest, tmp_path / "two.csv", rules=tmp_path / "rules.yaml")
    assert not (tmp_path / "two.csv").exists()


@pytest.mark.parametrize("name", ["m.csv", "m.parquet"])
def test_a_selection_never_takes_the_place_of_what_it_was_made_of(manifest, tmp_path, name):
    before = manifest.read_bytes()
    with pytest.raises(ManifestError, match="m_selected"):
        select(manifest, tmp_path / name, rules=tmp_path / "rules.yaml")
    assert manifest.read_bytes() == before


def test_rules_that_keep_nobody_write_nothing(manifest, tmp_path):
    (tmp_path / "none.yaml").write_text("rules: [{name: r, reason: x, unknown: keep, keep: t_score < -9}]")
    with pytest.raises(ManifestError, match="no image is left of 60"):
        select(manifest, tmp_path / "none.csv", rules=tmp_path / "none.yaml")
    assert not list(tmp_path.glob("none.*csv"))


def test_the_command_prints_what_each_rule_cost(manifest, tmp_path):
    out = tmp_path / "enrolled.csv"
    asked = ["select", str(manifest), "--rules", str(tmp_path / "rules.yaml"), "-o", str(out)]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    line = next(line for line in shown.output.splitlines() if "measured_within_a_year" in line)
    assert [int(word) for word in line.replace("│", " ").split()[1:]] == [49, 29, 11, 1, 1, 0]
