"""The columns of the results table, from outputs alone: no film and no network is needed."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from strnet.calibration import ScoreSource, with_probabilities
from strnet.calibration.probability_columns import logit_columns
from strnet.config import OperatingPointConfig
from strnet.errors import BundleError
from strnet.inference import column_notes, read_bundle, write_bundle
from strnet.inference.results import result_columns
from strnet.report import evaluate_predictions
from strnet.schema import prob_column
from strnet.thresholds.applying import apply_to_table


@pytest.fixture
def outputs(bundle):
    """What the network might give for 200 films, as it gives it: float32."""
    random = np.random.default_rng(4)
    widths = {"grade": (2,), "finding": (3,)}
    return {
        task.name: (3 * random.normal(size=(200, *widths.get(task.name, ())))).astype(np.float32)
        for task in bundle.tasks
    }


@pytest.fixture
def predictions(bundle, outputs):
    """The same outputs as the predictions table of a run holds them."""
    columns = {}
    for task in bundle.tasks:
        values = outputs[task.name].astype(np.float64).reshape(200, -1)
        names = [f"pred.{task.name}"] if task.kind == "regression" else logit_columns(task)
        columns |= {name: values[:, place] for place, name in enumerate(names)}
    return pl.DataFrame(columns)


def test_a_run_s_table_and_prediction_have_the_same_probabilities_to_the_last_bit(
    bundle, outputs, predictions
):
    results = result_columns(bundle, outputs)
    source = ScoreSource(bundle.calibrators, bundle.document.weights.sha256)
    table = with_probabilities(predictions, bundle.tasks, source)
    names = [name for name in results if name.startswith("prob.")]
    assert names == [name for name in table.columns if name.startswith("prob.")]
    assert len(names) == 2 + 3 + 3 + 3  # two binary tasks, two of three classes, the diagnoses
    for name in names:
        assert (table[name].to_numpy() == results[name]).all(), name


def test_the_results_say_whose_scores_they_are_and_a_point_of_another_network_refuses_them(bundle, outputs):
    table = pl.DataFrame(result_columns(bundle, outputs))
    (point, _) = bundle.operating_points
    decided = apply_to_table(point, table)
    assert decided["positive"].to_list() == (table["decision.bone_loss.empirical"] == "positive").to_list()
    other = replace(point, score=replace(point.score, model_sha256="b" * 64))
    with pytest.raises(BundleError, match="another score"):
        apply_to_table(other, table)


def test_a_film_s_probabilities_do_not_depend_on_the_films_beside_it(bundle, outputs):
    together = result_columns(bundle, outputs)
    for film in range(5):
        alone = result_columns(bundle, {task: values[[film]] for task, values in outputs.items()})
        assert all(together[name][film] == values[0] for name, values in alone.items())


def test_the_evaluation_decides_and_counts_as_prediction_does(bundle, outputs, predictions):
    decided = result_columns(bundle, outputs)["decision.bone_loss.empirical"] == "positive"
    target = np.random.default_rng(5).integers(0, 2, 200)
    rows = predictions.with_columns(
        pl.Series("target.bone_loss", target),
        pl.int_range(pl.len()).cast(pl.String).alias("image_id"),
        pl.int_range(pl.len()).cast(pl.String).alias("patient_id"),
        pl.lit("test").alias("split"),
    )
    found = evaluate_predictions(
        rows,
        tasks=bundle.tasks[:1],
        calibrators=bundle.calibrators,
        operating_points={"empirical": bundle.operating_points[0]},
    )
    counted = found.binary()[0].points[0].on[0].confusion
    assert bundle.operating_points[0].score.column == prob_column("bone_loss")
    assert counted.true_positives == (decided & (target == 1)).sum() > 0
    assert counted.false_positives == (decided & (target == 0)).sum() > 0


def decided_by(recipe, method):
    wanted = OperatingPointConfig(task="bone_loss", method=method)
    return recipe.model_copy(update={"operating_point": wanted})


def test_the_point_that_decides_has_the_plain_column(parts, recipe, outputs, tmp_path):
    for method in ("empirical", "exact"):
        bundle = write_bundle(tmp_path / method, **{**parts, "recipe": decided_by(recipe, method)})
        assert bundle.deciding.method == method
        columns = result_columns(bundle, outputs)
        assert (columns["decision.bone_loss"] == columns[f"decision.bone_loss.{method}"]).all()
        lines = (bundle.folder / "README.md").read_text().splitlines()
        (line,) = [line for line in lines if "This one decides" in line]
        assert f"method {method}" in line


def test_where_no_point_decides_the_bundle_says_why_everywhere(parts, recipe, outputs, tmp_path):
    (empirical, _) = parts["operating_points"]
    changed = {"recipe": decided_by(recipe, "exact"), "operating_points": [empirical]}
    with pytest.raises(BundleError, match="or the reason why it was not reached"):
        write_bundle(tmp_path / "silent", **{**parts, **changed})
    bundle = write_bundle(tmp_path / "b", **{**parts, **changed}, not_reached={"exact": "12 are too few."})
    bundle = read_bundle(bundle.folder)
    assert (bundle.deciding, bundle.undecided) == (None, "12 are too few.")
    assert "**No operating point decides.** 12 are too few." in (bundle.folder / "README.md").read_text()
    assert column_notes(bundle)["decision.bone_loss"] == "empty: 12 are too few."
    assert "decision.bone_loss" not in result_columns(bundle, outputs)
    assert "decision.bone_loss.empirical" in result_columns(bundle, outputs)


def test_a_point_and_a_reason_why_there_is_none_contradict_each_other(parts, recipe, tmp_path):
    changed = {"recipe": decided_by(recipe, "exact"), "not_reached": {"exact": "none"}}
    with pytest.raises(BundleError, match="and one of both"):
        write_bundle(tmp_path / "bundle", **{**parts, **changed})
