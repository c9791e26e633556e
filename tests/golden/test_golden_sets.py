from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
RECIPES = runpy.run_path(str(FOLDER / "datasets.py"))


@pytest.fixture(scope="module")
def texts():
    return RECIPES["texts"]()


@pytest.mark.parametrize("name", sorted(RECIPES["SHA256"]))
def test_the_recipe_still_gives_the_bytes_that_the_figures_were_made_from(name, texts):
    assert hashlib.sha256(texts[name].encode()).hexdigest() == RECIPES["SHA256"][name]


@pytest.mark.parametrize("name", sorted(set(RECIPES["SHA256"]) - set(RECIPES["NOT_COMMITTED"])))
def test_the_committed_file_is_what_the_recipe_gives(name, texts):
    assert (FOLDER / f"{name}.csv").read_text() == texts[name]


@pytest.mark.parametrize("file", ["expected_r.json", "expected_python.json"])
def test_the_expected_figures_are_strict_json_with_their_versions(file):
    figures = json.loads((FOLDER / file).read_text(), parse_constant=pytest.fail)

    assert figures["versions"]
