import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from experiments.strnet_knee.run import variant
from strnet.config import Recipe, dump_recipe, load_recipe

ROOT = Path(__file__).parents[1]
RECIPES = sorted(ROOT.glob("experiments/**/*.yaml"))


@pytest.mark.parametrize(
    "path",
    [path for path in RECIPES if "\ntasks:" in path.read_text()],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_a_shipped_recipe_is_valid_and_reads_back_as_written(path, tmp_path):
    recipe = load_recipe(path)
    (tmp_path / "recipe.yaml").write_text(dump_recipe(recipe))
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def keys_of(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Default of every dotted key of a recipe; tasks without their number."""
    keys: dict[str, object] = {}
    for name, field in model.model_fields.items():
        inner = models_in(field.annotation)
        keys |= keys_of(inner[0], f"{prefix}{name}.") if inner else {f"{prefix}{name}": field.default}
    return keys


def models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def test_the_documentation_has_every_key_of_a_recipe_with_its_default():
    text = (ROOT / "docs" / "recipe.md").read_text()
    told = dict(re.findall(r"^\| `([a-z_.]+)` \| (?:`(.*?)`)?", text, flags=re.MULTILINE))
    keys = keys_of(Recipe)
    assert told.keys() == keys.keys()
    for key, default in keys.items():
        if default not in (None, "", PydanticUndefined):
            written = list(default) if isinstance(default, tuple) else default
            assert str(yaml.safe_load(told[key])) == str(written), key


def test_every_variant_of_the_ablation_is_a_recipe_and_differs_from_the_others(tmp_path):
    plan = yaml.safe_load((ROOT / "experiments" / "strnet_knee" / "ablation.yaml").read_text())
    variants = [
        variant(tmp_path, plan["overrides"], changes, seed=1) for changes in plan["variants"].values()
    ]
    assert len({dump_recipe(recipe) for recipe in variants}) == len(variants)
    assert {recipe.network.backbone.name for recipe in variants} == {"resnet10t"}
