from __future__ import annotations

import io
import json
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

GOLDEN = Path(__file__).parent.parent / "golden"


@cache
def golden_table(name: str) -> pl.DataFrame:
    """A golden set; the one that is not committed is made by its recipe."""
    path = GOLDEN / f"{name}.csv"
    if path.exists():
        # polars takes a column with "nan" in it for text unless told otherwise
        numbers = {"score": pl.Float64} if name == "g09_nan_inf" else {}
        return pl.read_csv(path, schema_overrides=numbers)
    recipes = runpy.run_path(str(GOLDEN / "datasets.py"))
    text = recipes["texts"]()[name]
    recipes["require_known"](name, text)
    return pl.read_csv(io.StringIO(text))


@pytest.fixture
def table():
    return golden_table


@pytest.fixture
def scored():
    """Target and score of a golden set as arrays."""

    def arrays(name: str, score: str = "score") -> tuple[np.ndarray, np.ndarray]:
        frame = golden_table(name)
        return frame["y"].to_numpy(), frame[score].to_numpy()

    return arrays


@pytest.fixture(scope="session")
def r():
    """What R says of the golden sets."""
    return json.loads((GOLDEN / "expected_r.json").read_text())


@pytest.fixture(scope="session")
def python():
    """What other Python libraries say of the golden sets."""
    return json.loads((GOLDEN / "expected_python.json").read_text())


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
