from hashlib import sha256

import pytest
import yaml

from strnet.config import Preprocessing, dump_recipe, load_recipe, parse_override, parse_recipe
from strnet.errors import ConfigError
from strnet.schema import diagnosis_from_t_score, diagnosis_from_vbmd

TASK = {
    "name": "bone_loss",
    "kind": "binary",
    "target": {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]},
}
CLASSES = {"column": "diagnosis", "classes": ["normal", "osteopenia", "osteoporosis"]}


def recipe(**changes):
    return {"name": "r", "tasks": [TASK], **changes}


def test_an_unknown_key_is_an_error_with_the_nearest_valid_one():
    with pytest.raises(
        ConfigError, match=r"trainer\.max_epoch: Unknown key 'max_epoch', did you mean 'max_epochs'"
    ):
        parse_recipe(recipe(trainer={"max_epoch": 3}))


def test_an_unknown_key_inside_a_task_is_found_too():
    task = {**TASK, "copling": 0.1}
    with pytest.raises(
        ConfigError, match=r"tasks\.0\.copling: Unknown key 'copling', did you mean 'coupling'"
    ):
        parse_recipe(recipe(tasks=[task]))


def test_an_unknown_value_is_an_error_with_the_nearest_valid_one():
    with pytest.raises(ConfigError, match="Unknown value 'gates', did you mean 'gate'"):
        parse_recipe(recipe(network={"routing": {"kind": "gates"}}))


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError, match=r"2 problem\(s\)"):
        parse_recipe(recipe(trainer={"max_epochs": 0, "batch_size": -1}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": {"column": "t_score"}}, "exactly one of positive, at_most, below"),
        ({"kind": "multiclass"}, "two or more `classes`"),
        ({"kind": "regression"}, "takes a column only"),
        ({"loss": "huber"}, "loss huber is not for binary"),
    ],
)
def test_a_target_that_does_not_fit_its_kind_is_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        parse_recipe(recipe(tasks=[{**TASK, **change}]))


def test_two_tasks_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="must differ"):
        parse_recipe(recipe(tasks=[TASK, TASK]))


def test_an_operating_point_needs_its_task():
    with pytest.raises(ConfigError, match="no binary task 'fracture'"):
        parse_recipe(recipe(operating_point={"task": "fracture"}))


@pytest.mark.parametrize("floor", ["86", 86, "0.86%", "1.01", "-0.5", "0", "0.0", "", None, True])
def test_a_floor_that_is_no_fraction_is_refused(floor):
    with pytest.raises(ConfigError, match="min_sensitivity"):
        parse_recipe(recipe(operating_point={"min_sensitivity": floor}))


def test_a_written_recipe_reads_back_equal(tmp_path):
    first = parse_recipe(recipe(seed=7, operating_point={"task": "bone_loss"}))
    (tmp_path / "recipe.yaml").write_text(dump_recipe(first))
    assert load_recipe(tmp_path / "recipe.yaml") == first


def test_paths_are_relative_to_the_recipe_and_overrides_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path / "recipe.yaml").write_text(
        "name: r\ncohort: {manifest: m.csv, split: s.csv}\n"
        "tasks: [{name: a, kind: regression, target: {column: t_score}}]\n"
    )
    loaded = load_recipe(tmp_path / "recipe.yaml", {"cohort.split": "here.csv", "tasks.a.weight": 0.5})
    assert loaded.cohort.manifest == tmp_path / "m.csv"
    assert loaded.cohort.split == tmp_path.parent / "here.csv"
    assert loaded.tasks[0].weight == 0.5


def test_an_override_of_an_unknown_task_names_the_nearest(tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        "name: r\ntasks: [{name: t_score, kind: regression, target: {column: t_score}}]\n"
    )
    with pytest.raises(ConfigError, match="did you mean 't_score'"):
        load_recipe(tmp_path / "recipe.yaml", {"tasks.tscore.weight": 2})


def test_overrides_are_read_as_yaml():
    assert parse_override("trainer.max_epochs=5") == ("trainer.max_epochs", 5)
    assert parse_override("network.backbone.weights=null") == ("network.backbone.weights", None)
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_override("trainer.max_epochs")
    with pytest.raises(ConfigError, match=r"--set trainer.loggers=\[: not valid YAML"):
        parse_override("trainer.loggers=[")


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2"])
def test_a_file_that_is_no_recipe_says_so(tmp_path, text):
    (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_recipe(tmp_path / "recipe.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path / "absent.yaml")
    (tmp_path / "recipe.yaml").write_bytes("name: größe".encode("latin-1"))
    with pytest.raises(ConfigError, match="not text in UTF-8"):
        load_recipe(tmp_path / "recipe.yaml")


def test_the_preprocessing_digest_moves_with_every_field():
    base = parse_recipe(recipe()).preprocessing
    changed = [base.model_copy(update={"height": 128}), base.model_copy(update={"percentiles": (1.0, 99.0)})]
    assert len({base.digest, *(other.digest for other in changed)}) == 3


@pytest.mark.parametrize(
    ("t_score", "diagnosis"),
    [
        (-2.5, "osteoporosis"),
        (-2.4999, "osteopenia"),
        (-1.0, "normal"),
        (-1.0001, "osteopenia"),
        (0.3, "normal"),
    ],
)
def test_the_boundaries_belong_to_the_classes_that_who_gave_them(t_score, diagnosis):
    assert diagnosis_from_t_score(t_score) == diagnosis


@pytest.mark.parametrize(
    ("vbmd", "diagnosis"),
    [
        (79.999, "osteoporosis"),
        (80.0, "osteopenia"),
        (120.0, "osteopenia"),
        (120.001, "normal"),
    ],
)
def test_both_boundaries_of_the_volumetric_density_are_osteopenia(vbmd, diagnosis):
    assert diagnosis_from_vbmd(vbmd) == diagnosis


def test_a_key_given_twice_is_an_error_instead_of_the_last_one_winning(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: r\ntrainer: {max_epochs: 3}\ntrainer: {batch_size: 4}\n")
    with pytest.raises(ConfigError, match="key 'trainer' stands in line 2 and in line 3"):
        load_recipe(tmp_path / "recipe.yaml")
    (tmp_path / "recipe.yaml").write_text("name: r\ntasks: [{name: a, name: b}]\n")
    with pytest.raises(ConfigError, match="key 'name' stands in line 2"):
        load_recipe(tmp_path / "recipe.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "multiclass", "target": CLASSES | {"positive": ["osteopenia"]}}, "and no cut-off"),
        ({"kind": "ordinal", "target": CLASSES | {"at_most": -1}}, "and no cut-off"),
        ({"target": CLASSES | {"positive": ["osteopenia"]}}, "exactly one of positive, at_most, below"),
        ({"target": {"column": "diagnosis", "positive": []}}, "Expected a list of 1 or more"),
        ({"kind": "ordinal", "target": {"column": "x", "classes": ["a", "b", "a"]}}, "classes must differ"),
        ({"kind": "regression", "target": {"column": "t_score"}, "balance": True}, "balance is for classes"),
        ({"clinical": "age"}, r"clinical: Expected a list, such as \[a, b\]. Found 'age'"),
    ],
)
def test_what_would_be_ignored_in_a_task_is_refused_and_nothing_else_is_said(change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_recipe(recipe(tasks=[{**TASK, **change}]))
    assert "1 problem(s)" in str(caught.value)


@pytest.mark.parametrize(("written", "kept"), [(0.9, "0.9"), ("0.90", "0.90"), (1, "1"), (0.86, "0.86")])
def test_a_floor_may_be_a_number_and_is_kept_as_written(written, kept):
    assert (
        parse_recipe(recipe(operating_point={"min_sensitivity": written})).operating_point.min_sensitivity
        == kept
    )


@pytest.mark.parametrize("percentiles", [[99, 1], [5, 5], [-1, 99], [1, 101]])
def test_percentiles_out_of_order_or_range_are_refused(percentiles):
    with pytest.raises(ConfigError, match="percentiles"):
        parse_recipe(recipe(preprocessing={"percentiles": percentiles}))


def test_a_field_added_later_leaves_the_digest_of_its_default_as_it_was():
    class Later(Preprocessing):
        region: str = "whole"

    assert Later().digest == Preprocessing().digest
    assert Later(height=160).digest == Preprocessing(height=160).digest
    assert Later(region="lumbar").digest != Preprocessing().digest


def test_the_default_preprocessing_is_known_by_its_digest():
    assert Preprocessing().digest == sha256(b'{"version":1}').hexdigest()
    # Only the version stands in that digest, so a default below that changes needs a new one.
    assert Preprocessing().model_dump() == {
        "version": 1,
        "height": 256,
        "width": 256,
        "crop_to_field": True,
        "normalisation": "percentile",
        "percentiles": (0.5, 99.5),
        "mean": 0.5,
        "std": 0.25,
    }


def bmd_task(**changes):
    column = "bmd_femoral_neck"
    return {"name": column, "kind": "regression", "target": {"column": column}, "unit": "g/cm2", **changes}


def test_young_adults_named_by_a_table_become_numbers_that_travel():
    recipe = parse_recipe({"name": "a", "tasks": [bmd_task(young_adults="nhanes3_white_women")]})
    young = recipe.tasks[0].young_adults
    assert (young.site, young.mean, young.sd) == ("femoral_neck", 0.858, 0.120)
    assert parse_recipe(yaml.safe_load(dump_recipe(recipe))) == recipe


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (bmd_task(young_adults="nhanes3_white_woman"), "did you mean"),
        (bmd_task(young_adults="nhanes3_white_women", unit="mg/cm2"), "unit is mg/cm2"),
        (bmd_task(young_adults="nhanes3_white_women", target={"column": "bmd"}), "found bmd"),
        (
            bmd_task(young_adults="nhanes3_white_women", target={"column": "bmd_lumbar_spine"}),
            "no young adults for lumbar_spine",
        ),
        (
            bmd_task(young_adults={"site": "total_hip", "mean": 0.942, "sd": 0.122, "source": "a"}),
            "are for bmd_total_hip, and target.column is bmd_femoral_neck",
        ),
        (
            bmd_task(
                young_adults={"site": "femoral_neck", "mean": 0.858, "sd": 0.12, "source": "a"},
                target={"column": "t_score_femoral_neck"},
            ),
            "target.column is t_score_femoral_neck",
        ),
        (
            bmd_task(young_adults={"site": "femoral_neck", "mean": 858, "sd": 120, "source": "a"}),
            "is it in mg/cm2",
        ),
        (
            {"name": "loss", "kind": "binary", "target": {"column": "t_score", "below": -1}, "unit": "SD"},
            "for regression",
        ),
    ],
)
def test_units_and_young_adults_that_cannot_be_meant_are_refused(task, message):
    with pytest.raises(ConfigError, match=message):
        parse_recipe({"name": "a", "tasks": [task]})


def test_two_tasks_whose_t_scores_would_stand_in_one_column_are_refused():
    neck = bmd_task(young_adults="nhanes3_white_women")
    with pytest.raises(ConfigError, match="femoral_neck has several tasks with young_adults"):
        parse_recipe({"name": "a", "tasks": [neck, {**neck, "name": "another"}]})
    assert parse_recipe({"name": "a", "tasks": [neck, bmd_task(name="another")]})
