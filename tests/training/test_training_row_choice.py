"""`cohort.where`: which rows a run uses, what it says of the others, and that it makes another run."""

import polars as pl
import pytest

from strnet.config import load_recipe, override_recipe
from strnet.errors import RowFilterError, TrainingError
from strnet.training import crossval, fit
from strnet.training.cohort_rows import read_rows
from strnet.training.row_choice import PartCounts, choose_rows

FRAME = pl.DataFrame(
    {
        "patient_id": ["p1", "p1", "p2", "p3", "p4", "p5"],
        "view": ["AP", "AP", "PA", None, "AP", "AP"],
        "age": [50.0, 70.0, 60.0, 55.0, None, 40.0],
        "split": ["train", "train", "train", "train", "test", "test"],
    }
)


def test_kept_left_out_and_unknown_rows_are_counted_apart():
    kept, choice = choose_rows(FRAME, "view = 'AP'")
    assert kept.to_list() == [True, True, False, False, True, True]
    assert choice.parts == {
        "train": PartCounts(images=2, patients=1, left_out=1, unknown=1),
        "test": PartCounts(images=2, patients=2, left_out=0, unknown=0),
    }


def test_a_row_whose_cell_is_empty_is_unknown_only_where_the_cell_decides():
    _, choice = choose_rows(FRAME, "view = 'PA' and age >= 45 or patient_id = 'p5'")
    # p3 has no view; p4 has no age, but its view settles it
    assert choice.parts["train"] == PartCounts(images=1, patients=1, left_out=2, unknown=1)
    assert choice.parts["test"] == PartCounts(images=1, patients=1, left_out=1, unknown=0)


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ("view = 'PA'", TrainingError, "keeps none of 2 test rows"),
        ("age > 45 and view = 'AP'", TrainingError, r"keeps none of 2 test rows \(1 of them have an empty"),
        ("veiw = 'AP'", RowFilterError, "cohort.where: .* did you mean 'view'"),
        ("view <> 'Ap'", RowFilterError, "no row has view 'Ap': did you mean 'AP'"),
        ("split = 'train'", RowFilterError, "Unknown column 'split'"),
    ],
)
def test_a_condition_that_no_run_could_mean_is_refused(where, error, message):
    with pytest.raises(error, match=message):
        choose_rows(FRAME, where)


def test_every_value_of_the_manifest_s_vocabulary_may_be_named_though_no_row_has_it():
    kept, _ = choose_rows(FRAME, "view in ('AP', 'LATERAL')")
    assert kept.sum() == 4


def test_a_run_uses_the_rows_it_chose_and_no_other(recipe, cohort, tmp_path):
    chosen = override_recipe(recipe, {"cohort.where": "sex = 'F' and age > 62", "trainer.max_epochs": 1})
    run = fit(chosen, cohort.manifest, cohort.split, tmp_path / "run", progress=False)
    table = pl.read_csv(cohort.manifest)
    wanted = [row["image_id"] for row in table.to_dicts() if row["sex"] == "F" and (row["age"] or 0) > 62]
    assert run.predictions["image_id"].to_list() == wanted
    parts = run.summary["chosen"]["parts"].values()
    assert sum(part["images"] for part in parts) == len(wanted)
    assert sum(part["unknown"] for part in parts) == table.filter(sex="F")["age"].null_count()
    assert sum(part["images"] + part["left_out"] + part["unknown"] for part in parts) == table.height
    assert load_recipe(run.folder.recipe).cohort.where == "sex = 'F' and age > 62"


def test_another_condition_is_another_run(finished, recipe, cohort):
    changed = override_recipe(recipe, {"cohort.where": "sex = 'F'"})
    with pytest.raises(TrainingError, match=r"differs in cohort\.where"):
        fit(changed, cohort.manifest, cohort.split, finished.folder.path, resume=True, progress=False)


def test_the_split_is_certified_for_all_rows_and_no_patient_changes_sides(cohort):
    everyone = read_rows(cohort.manifest, cohort.split).frame
    women = read_rows(cohort.manifest, cohort.split, where="sex = 'F'").frame
    assert women.equals(everyone.filter(sex="F"))


def test_each_fold_of_a_cross_validation_says_what_it_lost(recipe, cohort, tmp_path):
    chosen = override_recipe(recipe, {"cohort.where": "site = 'a'", "trainer.max_epochs": 1})
    run = crossval(chosen, cohort.manifest, cohort.folds, tmp_path / "cv", progress=False)
    folds = pl.read_csv(cohort.folds).join(
        pl.read_csv(cohort.manifest).select("image_id", "site"), "image_id"
    )
    expected = {
        f"fold {fold}": (part.filter(site="a").height, part.filter(site="b").height)
        for (fold,), part in folds.group_by("fold")
    }
    parts = run.summary["chosen"]["parts"]
    assert {name: (part["images"], part["left_out"]) for name, part in parts.items()} == expected
    assert set(run.predictions["site"]) == {"a"}
