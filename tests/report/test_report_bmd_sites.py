"""Figures of BMD sites: categories from predicted BMD by hand, units, and per fold."""

import numpy as np
import polars as pl
import pytest

from strnet.config import Target, TaskConfig
from strnet.errors import ManifestError
from strnet.report import evaluate_predictions, named_figures, summary_tables, to_json
from strnet.report.evaluation import from_json
from strnet.report.wording import plain_name

NECK = TaskConfig(
    name="bmd_femoral_neck",
    kind="regression",
    target=Target(column="bmd_femoral_neck"),
    unit="g/cm2",
    young_adults="nhanes_us_women",
)
SPINE = TaskConfig(
    name="bmd_lumbar_spine",
    kind="regression",
    target=Target(column="bmd_lumbar_spine"),
    unit="g/cm2",
    young_adults="nhanes_us_women",
)
T_NECK = np.array([-3.0, -2.5, -2.4, -1.2, -1.0, -0.5, 0.3, 1.0])
T_NECK_SAID = np.array([-2.6, -2.4, -2.5, -0.9, -1.1, -0.4, 0.2, 1.1])
T_SPINE = np.array([-1.5, -1.0, np.nan, -2.7, 0.0, -1.3, 0.1, 0.8])
T_SPINE_SAID = np.array([-1.4, -1.2, -3.0, -2.6, -0.2, -0.8, 0.2, 0.7])


def table(folds=None):
    def bmd(task, t_score):
        return pl.Series(task.young_adults.mean + task.young_adults.sd * t_score).fill_nan(None)

    return pl.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(8)],
            "patient_id": [f"p{k}" for k in range(8)],
            "split": ["test"] * 8,
            "fold": pl.Series(folds or [None] * 8, dtype=pl.Int64),
            "target.bmd_femoral_neck": bmd(NECK, T_NECK),
            "pred.bmd_femoral_neck": bmd(NECK, T_NECK_SAID),
            "target.bmd_lumbar_spine": bmd(SPINE, T_SPINE),
            "pred.bmd_lumbar_spine": bmd(SPINE, T_SPINE_SAID),
        }
    )


def counts(evaluation, site, finding, fold=None):
    (found,) = (c for c in evaluation.bmd.categories if (c.site, c.finding, c.fold) == (site, finding, fold))
    table = found.decisions.confusion
    return table.true_positives, table.false_negatives, table.true_negatives, table.false_positives


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_predictions(table(), tasks=(NECK, SPINE))


def test_categories_of_a_site_are_counted_by_hand(evaluation):
    # bone loss: references 1 to 4; said 1, 2, 3, and 5 wrongly
    assert counts(evaluation, "femoral_neck", "bone_loss") == (3, 1, 3, 1)
    # osteoporosis: references 1 and 2; said 1 only, and 3 wrongly
    assert counts(evaluation, "femoral_neck", "osteoporosis") == (1, 1, 5, 1)


def test_the_lowest_site_decides_where_all_sites_are_known(evaluation):
    # row 3 has no spine; lowest references -3, -2.5, -2.7, -1, -1.3, .1, .8
    assert counts(evaluation, "lowest", "osteoporosis") == (2, 1, 4, 0)
    assert counts(evaluation, "lowest", "bone_loss") == (3, 1, 2, 1)


def test_units_stand_in_the_tables_and_in_the_json(evaluation):
    text = "\n".join(found.markdown() for found in summary_tables(evaluation))
    assert "agreement (g/cm²)" in text
    assert "BMD of the femoral neck" in text
    content = to_json(evaluation)
    assert [task["unit"] for task in content["tasks"]] == ["g/cm2", "g/cm2"]
    assert from_json(content) == evaluation


def test_the_table_names_the_young_adults(evaluation):
    (found,) = (t for t in summary_tables(evaluation) if t.title == "Categories from predicted BMD")
    assert any("Looker 1998" in note for note in found.notes)
    assert found.rows[0][:4] == ("Femoral neck", "T < −1.0", "8", found.rows[0][3])
    assert found.rows[0][3].startswith("3/4 = 0.750")
    assert [row[0] for row in found.rows[-2:]] == ["Lowest site", "Lowest site"]


def test_folds_give_their_mean_and_sd_beside_the_pooled_figure():
    evaluation = evaluate_predictions(table([0, 0, 0, 0, 1, 1, 1, 1]), tasks=(NECK,))
    assert counts(evaluation, "femoral_neck", "bone_loss", fold=0) == (3, 1, 0, 0)
    (found,) = (t for t in summary_tables(evaluation) if t.title == "Categories from predicted BMD")
    assert found.rows[0][5] == "–"  # fold 1 has no bone loss, so there is no sensitivity to take the mean of
    evaluation = evaluate_predictions(table([0, 1, 0, 1, 0, 1, 0, 1]), tasks=(NECK,))
    (found,) = (t for t in summary_tables(evaluation) if t.title == "Categories from predicted BMD")
    assert found.rows[0][5] == "0.750 (0.354)"  # 2 of 2 and 1 of 2


def test_a_prediction_that_is_missing_is_named():
    rows = table().with_columns(
        pl.when(pl.col("image_id") != "i4").then("pred.bmd_femoral_neck").alias("pred.bmd_femoral_neck")
    )
    with pytest.raises(ManifestError, match="i4"):
        evaluate_predictions(rows, tasks=(NECK,))


def test_without_young_adults_there_are_no_categories():
    plain = NECK.model_copy(update={"young_adults": None})
    assert evaluate_predictions(table(), tasks=(plain,)).bmd is None


def test_a_papers_figures_of_a_site_can_be_set_beside_ours(evaluation):
    figures = named_figures(evaluation)
    assert figures["bmd.femoral_neck.bone_loss.sensitivity"].value == 0.75
    assert figures["bmd.lowest.osteoporosis.specificity"].value == 1.0


def test_columns_of_a_site_are_named_as_people_say_them():
    assert plain_name("t_score_femoral_neck") == "T-score of the femoral neck"
    assert plain_name("bmd_total_hip") == "BMD of the total hip"
