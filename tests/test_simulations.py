"""The simulations of promises: which cases they draw, and that a broken promise is an error."""

import argparse
import importlib
from dataclasses import dataclass
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("simulation")


@dataclass(frozen=True)
class Drawn:
    scenario: str


def films_then_patients(rng):
    return [Drawn("films, exact"), Drawn("patients, exact"), Drawn("films, betting")]


def sometimes_silent(rng):
    return [Drawn("patients, crc")] if rng.random() < 0.5 else []


def draws():
    return [films_then_patients, sometimes_silent]


def asked(only):
    return argparse.Namespace(runs=50, processes=1, seed=0, only=only)


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        ("", {"films, exact": 50, "patients, exact": 50, "films, betting": 50, "patients, crc": None}),
        ("patients", {"patients, exact": 50, "patients, crc": None}),
        ("betting", {"films, betting": 50}),
    ],
)
def test_all_cases_of_the_name_are_drawn_wherever_they_stand(simulation, only, kinds):
    table = simulation.tabled(draws, lambda one: one.scenario, asked(only))
    assert set(table) == set(kinds)
    everything = simulation.tabled(draws, lambda one: one.scenario, asked(""))
    for kind, count in kinds.items():
        assert len(table[kind]) == (len(everything[kind]) if count is None else count)


def test_a_name_that_no_case_has_ends_with_an_error(simulation):
    with pytest.raises(SystemExit) as left:
        simulation.tabled(draws, lambda one: one.scenario, asked("pateints"))
    assert "no case has a name that holds this text" in str(left.value)
