from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from strnet.schema import ANATOMIES, REFERENCE_STANDARDS

FOLDER = Path(__file__).parents[2] / "data_manifests"
CARDS = sorted((FOLDER / "cards").glob("*.yaml"))
KEYS = [
    "name",
    "title",
    "anatomy",
    "images",
    "patients",
    "reference_standard",
    "labels",
    "citation",
    "url",
    "licence",
    "importer",
    "traps",
]


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_schema", FOLDER / "write_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_schema_is_what_the_code_says(writer):
    assert json.loads((FOLDER / "manifest.schema.json").read_text()) == writer.row_schema()
    assert (FOLDER / "manifest.md").read_text() == writer.readable_schema()


@pytest.mark.parametrize(
    ("cells", "valid"),
    [
        ({}, True),
        ({"sex": "F", "age": 61, "t_score": -2.5, "bmi": None, "menopause_age": 48}, True),
        ({"sex": "female"}, False),
        ({"t_score": -12}, False),
        ({"rows": 12.5}, False),
        ({"pixel_sha256": "abc"}, False),
        ({"patient_id": ""}, False),
        ({"patient_id": None}, False),
    ],
)
def test_the_schema_accepts_and_refuses_rows(cells, valid):
    schema = json.loads((FOLDER / "manifest.schema.json").read_text())
    row = {"image_id": "a", "patient_id": "1", "path": "a.png", **cells}
    assert jsonschema.Draft202012Validator(schema).is_valid(row) == valid


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_every_card_says_where_a_cohort_comes_from_and_what_is_wrong_with_it(card):
    content = yaml.safe_load(card.read_text())
    assert list(content) == KEYS
    assert content["name"] == card.stem
    assert content["anatomy"] in ANATOMIES
    assert content["reference_standard"] in (*REFERENCE_STANDARDS, None)
    assert content["traps"]
    assert all(
        isinstance(content[key], str) for key in ("title", "labels", "citation", "licence", "importer")
    )
    assert all(isinstance(trap, str) for trap in content["traps"])


def test_there_is_a_card_for_each_knee_cohort_and_a_chest_one():
    assert {card.stem for card in CARDS} >= {
        "mendeley_knee_qus",
        "kaggle_knee_two_class",
        "kaggle_knee_multi_class",
        "nih_chest_opscan",
    }
