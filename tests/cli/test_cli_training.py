"""What `strnet train` and `strnet crossval` ask of their jobs."""

import pytest
from typer.testing import CliRunner

from strnet import jobs
from strnet.cli.main import app

RECIPE = "name: r\ntasks: [{name: t_score, kind: regression, target: {column: t_score}}]\n"


@pytest.mark.parametrize("command", ["train", "crossval"])
@pytest.mark.parametrize(
    ("options", "resume", "overwrite"),
    [([], False, False), (["--resume"], True, False), (["--overwrite"], False, True)],
)
def test_a_run_is_resumed_or_overwritten_only_when_asked(
    command, options, resume, overwrite, tmp_path, monkeypatch
):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    asked = {}
    monkeypatch.setattr(jobs, command, lambda recipe, out, **how: asked.update(how, name=recipe.name) or {})
    arguments = [command, str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "run"), *options, "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    asked.pop("notice", None)
    assert asked.pop("folds_at_once", None) is None
    assert asked == {"name": "r", "resume": resume, "overwrite": overwrite, "progress": False}


def test_the_number_of_folds_at_once_reaches_the_job(tmp_path, monkeypatch):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    asked = {}
    monkeypatch.setattr(jobs, "crossval", lambda recipe, out, **how: asked.update(how) or {})
    arguments = ["crossval", str(tmp_path / "recipe.yaml"), "-o", "run", "--folds-at-once", "3", "--json"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert asked["folds_at_once"] == 3


@pytest.mark.parametrize("options", [["--where", "view == 'AP'"], ["--set", "cohort.where=view == 'AP'"]])
def test_the_rows_of_a_run_are_chosen_on_the_command_line_over_the_recipe(options, tmp_path, monkeypatch):
    (tmp_path / "recipe.yaml").write_text(RECIPE + "cohort: {where: age > 50}\n")
    asked = []
    monkeypatch.setattr(jobs, "train", lambda recipe, out, **how: asked.append(recipe.cohort.where) or {})
    arguments = ["train", str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "run"), *options, "--json"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert asked == ["view == 'AP'"]
