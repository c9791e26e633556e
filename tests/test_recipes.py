from pathlib import Path

import pytest

from strnet.config import dump_recipe, load_recipe

RECIPES = sorted(Path(__file__).parents[1].glob("experiments/**/*.yaml"))


@pytest.mark.parametrize(
    "path",
    [path for path in RECIPES if "\ntasks:" in path.read_text()],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_a_shipped_recipe_is_valid_and_reads_back_as_written(path, tmp_path):
    recipe = load_recipe(path)
    (tmp_path / "recipe.yaml").write_text(dump_recipe(recipe))
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
