"""External sites: a row each, the drop from the test rows, and whether the frozen floor holds there."""

import numpy as np
import polars as pl
import pytest

from strnet import stats
from strnet.config import Target, TaskConfig
from strnet.report import (
    EvaluationSettings,
    evaluate_predictions,
    from_json,
    summary_tables,
    to_json,
    write_report,
)
from strnet.thresholds import certify, fit_threshold

LOSS = TaskConfig(name="loss", kind="binary", target=Target(column="t_score", below=-1.0))
SETTINGS = EvaluationSettings(beside=("validation", "test"), deciding="floor")
SIZES = {"validation": 400, "test": 200, "external": 300}
NOISE = {"north": 0.3, "south": 2.5}


@pytest.fixture(scope="module")
def table():
    """Validation, test and two external sites, one of which the network does not understand."""
    rng = np.random.default_rng(5)
    split = np.repeat(list(SIZES), list(SIZES.values()))
    site = np.where(split != "external", "home", np.where(np.arange(900) % 3 == 0, "south", "north"))
    target = (rng.random(900) < 0.5).astype(float)
    noise = np.array([NOISE.get(name, 0.5) for name in site])
    return pl.DataFrame(
        {
            "image_id": [f"i{n}" for n in range(900)],
            "patient_id": [f"p{n}" for n in range(900)],
            "site": site,
            "split": split,
            "target.loss": target,
            "logit.loss": 4 * (target - 0.5 + rng.normal(0, 1, 900) * noise),
        }
    )


@pytest.fixture(scope="module")
def point(table):
    chosen = table.filter(pl.col("split") == "validation")
    return fit_threshold(chosen["target.loss"], chosen["logit.loss"], min_sensitivity="0.8")


def evaluated(table, point, settings=SETTINGS):
    return evaluate_predictions(
        table, tasks=[LOSS], operating_points={"floor": point}, split="external", settings=settings
    )


def test_each_site_has_its_area_its_rates_its_verdict_and_its_drop(table, point):
    found = evaluated(table, point)
    assert [one.site for one in found.sites] == [None, "north", "south"]
    assert [one.rows for one in found.sites] == [300, 200, 100]
    for one in found.sites:
        rows = table.filter(pl.col("split") == "external")
        rows = rows if one.site is None else rows.filter(pl.col("site") == one.site)
        target, score = rows["target.loss"].to_numpy(), rows["logit.loss"].to_numpy()
        called = score >= point.threshold
        assert one.sensitivity.value == np.mean(called[target == 1])
        assert (one.sensitivity.events, one.sensitivity.count) == (called[target == 1].sum(), target.sum())
        assert one.specificity.value == np.mean(~called[target == 0])
        said = certify(point, target, score)
        assert (one.floor.verdict, one.floor.lower) == (said.verdict, said.lower)
        tested = table.filter(pl.col("split") == "test")
        areas = [
            stats.auroc(part["target.loss"], part["logit.loss"], interval="jackknife")
            for part in (tested, rows)
        ]
        assert one.auroc.value == areas[1].value
        assert one.drop.value == pytest.approx(areas[0].value - areas[1].value)
        error = np.hypot(*(area.standard_error for area in areas))
        assert one.drop.high - one.drop.low == pytest.approx(2 * 1.97 * error, rel=0.02)
    south = found.sites[2]
    assert south.floor.verdict == "alarm"
    assert south.drop.low > 0.1
    assert south.drop_p < 0.001
    assert from_json(to_json(found)) == found


def test_the_sites_stand_on_the_console_and_on_the_page(table, point, tmp_path):
    found = evaluated(table, point)
    shown = {one.title: one for one in summary_tables(found)}
    assert [row[0] for row in shown["Loss: external sites"].rows] == ["all sites together", "north", "south"]
    floors = shown["Loss: the floor at external sites"]
    assert floors.rows[2][3] == "alarm"
    assert "as it was frozen; floor 0.8" in floors.notes[0]
    page = write_report(tmp_path, found, table, title="external").read_text()
    assert "Loss: the floor at external sites" in page


def test_test_rows_have_no_sites_of_their_own(table, point):
    found = evaluate_predictions(table, tasks=[LOSS], operating_points={"floor": point}, settings=SETTINGS)
    assert found.sites == ()


def site(found, name):
    return next(one for one in found.sites if one.site == name)


def test_a_site_with_positives_only_is_certified_and_has_no_area(table, point):
    only = table.filter((pl.col("site") != "north") | (pl.col("target.loss") == 1))
    north = site(evaluated(only, point), "north")
    assert north.floor.verdict == "certified"
    assert north.specificity.value is None
    assert north.auroc.value is None
    assert north.drop.value is None
    assert "negatives" in north.drop.note


def test_a_site_with_negatives_only_shows_nothing_of_the_floor(table, point):
    only = table.filter((pl.col("site") != "north") | (pl.col("target.loss") == 0))
    north = site(evaluated(only, point), "north")
    assert north.sensitivity.value is None
    assert north.floor.verdict in (None, "insufficient")


def test_a_perfect_site_has_a_drop_without_a_pretended_interval(table, point):
    perfect = pl.when(pl.col("site") == "north").then(10 * pl.col("target.loss")).otherwise("logit.loss")
    north = site(evaluated(table.with_columns(perfect.alias("logit.loss")), point), "north")
    assert north.auroc.value == 1
    assert north.drop.value < 0
    assert north.drop.low is None
    assert "no spread" in north.drop.note


def test_patients_in_both_samples_have_no_drop(table, point):
    shared = pl.when(pl.col("image_id") == "i899").then(pl.lit("p450")).otherwise("patient_id")
    found = evaluated(table.with_columns(shared.alias("patient_id")), point)
    assert found.sites[0].drop.value is None
    assert "1 patients stand in the test rows as well" in found.sites[0].drop.note


def test_constant_scores_at_a_site_are_a_coin(table, point):
    constant = pl.when(pl.col("site") == "north").then(0.0).otherwise("logit.loss").alias("logit.loss")
    north = site(evaluated(table.with_columns(constant), point), "north")
    assert north.auroc.value == 0.5
    assert north.drop.value > 0.3


def test_a_row_without_a_site_is_counted_as_unknown(table, point):
    empty = pl.when(pl.col("site") == "north").then(None).otherwise("site").alias("site")
    assert site(evaluated(table.with_columns(empty), point), "unknown").rows == 200


def test_films_of_one_patient_are_one_unit(table, point):
    twice = pl.concat([table, table.with_columns(pl.col("image_id") + "b")])
    once, doubled = (evaluated(rows, point).sites[1] for rows in (table, twice))
    assert doubled.rows == 2 * once.rows
    assert doubled.patients == once.patients
    assert doubled.floor.lower == pytest.approx(once.floor.lower, abs=0.02)
