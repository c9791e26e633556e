"""Golden sets."""

import importlib.util
import io
import json
from functools import cache
from pathlib import Path

import polars as pl
import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


@cache
def _made_by_recipe():
    spec = importlib.util.spec_from_file_location("golden_datasets", GOLDEN / "datasets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.texts()


@pytest.fixture(scope="session")
def golden_set():
    """A function: name -> table; g05_100k is made by its recipe."""

    def load(name):
        path = GOLDEN / f"{name}.csv"
        return pl.read_csv(path if path.exists() else io.StringIO(_made_by_recipe()[name]))

    return load


@pytest.fixture(scope="session")
def golden():
    return json.loads((GOLDEN / "expected_python.json").read_text())


@pytest.fixture(scope="session")
def golden_r():
    return json.loads((GOLDEN / "expected_r.json").read_text())
