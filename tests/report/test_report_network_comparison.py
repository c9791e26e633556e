"""Several networks on the same rows: figures, paired tests, Holm's correction, and what is refused."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from strnet import stats
from strnet.config import Target, TaskConfig
from strnet.errors import ManifestError
from strnet.report import compare_networks, comparison_rows, comparison_table, rows_to_compare

LOSS = TaskConfig(name="loss", kind="binary", target=Target(column="t_score", below=-1.0))
VALUE = TaskConfig(name="value", kind="regression", target=Target(column="t_score"))
SPREADS = {"a": 0.5, "b": 0.8, "c": 1.5, "d": 3.0, "e": 6.0}
PATIENTS = np.repeat(np.arange(60), 2)


@pytest.fixture(scope="module")
def tables():
    """Five networks of falling worth on 120 films of 60 patients, each table in an order of its own."""
    rng = np.random.default_rng(8)
    value = rng.normal(-1, 1, 60)[PATIENTS]
    made = {}
    for name, spread in SPREADS.items():
        guess = value + rng.normal(0, spread, 120)
        frame = pl.DataFrame(
            {
                "image_id": [f"i{n:03d}" for n in range(120)],
                "patient_id": [f"p{n}" for n in PATIENTS],
                "split": ["test"] * 120,
                "target.loss": (value < -1).astype(float),
                "logit.loss": -guess,
                "target.value": pl.Series(np.where(PATIENTS % 7 == 0, np.nan, value)).fill_nan(None),
                "pred.value": guess,
            }
        )
        made[name] = frame.sample(fraction=1, shuffle=True, seed=len(made))
    return made


@pytest.fixture(scope="module")
def frames(tables):
    return rows_to_compare(tables, "test", "image_id", ["loss", "value"])


def test_every_pair_is_tested_and_corrected_with_patients_as_the_unit(frames):
    found = compare_networks(frames, LOSS)
    assert (found.rows, found.patients, found.positives) == (120, 60, frames["a"]["target.loss"].sum())
    assert [(pair.first, pair.second) for pair in found.pairs] == list(combinations("abcde", 2))
    target = frames["a"]["target.loss"].to_numpy()
    alone = [
        stats.paired_delong(
            target,
            *(frames[name]["logit.loss"].to_numpy() for name in pair),
            interval="jackknife",
            clusters=frames["a"]["patient_id"].to_numpy(),
        ).test.p_value
        for pair in combinations("abcde", 2)
    ]
    assert [pair.p_value for pair in found.pairs] == pytest.approx(alone)
    order = np.argsort(alone)  # Holm by hand: the k-th smallest of m is multiplied by m - k + 1
    steps = [min(1.0, (10 - k) * alone[i]) for k, i in enumerate(order)]
    by_hand = dict(zip(order, np.maximum.accumulate(steps), strict=True))
    assert [pair.p_holm for pair in found.pairs] == pytest.approx([by_hand[i] for i in range(10)])


def test_with_a_reference_only_the_others_are_compared_with_it_and_corrected_for(frames):
    found = compare_networks(frames, LOSS, against="c")
    assert [(pair.first, pair.second) for pair in found.pairs] == [(name, "c") for name in "abde"]
    everyone = {(p.first, p.second): p for p in compare_networks(frames, LOSS).pairs}
    assert found.pairs[0].p_value == everyone["a", "c"].p_value
    smallest = min(found.pairs, key=lambda pair: pair.p_value)
    assert smallest.p_holm == pytest.approx(4 * smallest.p_value)


def test_regression_is_compared_by_absolute_errors_on_known_rows(frames):
    found = compare_networks(frames, VALUE)
    known = frames["a"].filter(pl.col("target.value").is_not_null())
    assert found.rows == known.height
    assert found.positives is None
    error = (known["pred.value"] - known["target.value"]).abs().mean()
    assert found.networks[0].figure.value == pytest.approx(error)
    assert found.pairs[3].difference.high < 0  # a is much better than e


def test_ties_and_constant_scores_have_figures_and_no_false_difference(frames):
    constant = {
        name: frame.with_columns(pl.lit(0.0).alias("logit.loss")) for name, frame in list(frames.items())[:2]
    }
    both = compare_networks({**constant, "c": frames["c"]}, LOSS)
    assert [one.figure.value for one in both.networks[:2]] == [0.5, 0.5]
    assert both.pairs[0].difference.value == 0
    assert both.pairs[0].p_holm == 1
    assert both.pairs[1].p_value < 0.05


def test_a_test_that_is_undefined_has_no_p_value_and_still_counts(frames):
    only = frames["a"]["target.value"].is_not_null()
    shifted = {
        name: frame.filter(only).with_columns((pl.col("target.value") + step).alias("pred.value"))
        for (name, frame), step in zip(list(frames.items())[:2], (1.0, 3.0), strict=True)
    }
    found = compare_networks({**shifted, "c": frames["c"].filter(only)}, VALUE)
    assert found.pairs[0].p_value is None
    assert found.pairs[0].p_holm is None
    smallest = min(found.pairs[1:], key=lambda pair: pair.p_value)
    assert smallest.p_holm == pytest.approx(min(1, 3 * smallest.p_value))


def test_one_class_alone_gives_reasons_instead_of_figures(frames):
    positives = {name: frame.filter(pl.col("target.loss") == 1) for name, frame in frames.items()}
    found = compare_networks(positives, LOSS)
    assert all(one.figure.value is None for one in found.networks)
    assert all(pair.p_holm is None for pair in found.pairs)
    assert "negatives" in " ".join(comparison_table(found).notes)


def test_what_holds_of_a_figure_and_of_a_difference_is_noted_once(frames):
    notes = comparison_table(compare_networks({n: f.head(40) for n, f in frames.items()}, LOSS)).notes
    assert any(note.startswith("approximate: ") for note in notes)
    assert len(set(notes)) == len(notes)


def test_the_table_has_every_network_and_every_comparison_once(frames):
    table = comparison_table(compare_networks(frames, LOSS))
    assert [row[0] for row in table.rows if row[0]] == list("abcde")
    assert len(table.rows) == 10 + 1  # the last network has no pair of its own
    rows = list(comparison_rows(compare_networks(frames, LOSS)))
    assert len(rows) == 10
    assert rows[0]["difference_value"] == pytest.approx(rows[0]["first_value"] - rows[0]["second_value"])


def changed(tables, name, change):
    return {**tables, name: change(tables[name])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.filter(pl.col("image_id") != "i007"),
            r"'i007' is a test row of a and not of d, .*no row",
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("image_id") == "i007").then(pl.lit("train")).otherwise("split").alias("split")
            ),
            "not of d, where it is a train row",
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("image_id") == "i009")
                .then(1 - pl.col("target.loss"))
                .otherwise("target.loss")
                .alias("target.loss")
            ),
            r"a and d: target.loss differs in 1 rows. The first: image_id 'i009'",
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("image_id") == "i003")
                .then(None)
                .otherwise("target.value")
                .alias("target.value")
            ),
            r"target.value differs in 1 rows. The first: image_id 'i003'",
        ),
        (
            lambda t: t.with_columns(
                pl.when(pl.col("image_id") == "i004")
                .then(pl.lit("q"))
                .otherwise("patient_id")
                .alias("patient_id")
            ),
            r"patient_id differs in 1 rows. The first: image_id 'i004'",
        ),
        (lambda t: pl.concat([t, t.head(1)]), "stands in more than one test row"),
        (lambda t: t.drop("target.loss"), "target.loss"),
    ],
)
def test_networks_on_other_rows_are_not_compared(tables, change, message):
    with pytest.raises(ManifestError, match=message):
        rows_to_compare(changed(tables, "d", change), "test", "image_id", ["loss", "value"])


def test_a_score_that_is_missing_is_an_error(frames):
    gap = pl.when(pl.col("image_id") == "i001").then(None).otherwise("logit.loss").alias("logit.loss")
    with pytest.raises(ManifestError, match="no finite number in 1 of 120 rows"):
        compare_networks(changed(frames, "b", lambda t: t.with_columns(gap)), LOSS)
