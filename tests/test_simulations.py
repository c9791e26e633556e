"""The simulations of promises: which cases they draw, and that a broken promise is an error."""

import argparse
import importlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def simulation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("simulation")


@pytest.fixture
def promises(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("promises")


@dataclass(frozen=True)
class Drawn:
    scenario: str


def films_then_patients(rng):
    return [Drawn("films, exact"), Drawn("patients, exact"), Drawn("films, betting")]


def sometimes_silent(rng):
    return [Drawn("patients, crc")] if rng.random() < 0.5 else []


def draws():
    return [films_then_patients, sometimes_silent]


def other_draws():
    return [lambda rng: [Drawn("knees, exact")]]


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


@pytest.fixture
def report(simulation):
    return simulation.Report(
        draws,
        key=lambda one: one.scenario,
        row=lambda key, drawn: (f"| {key} | {len(drawn)} |", "betting" in key),
        header="| case | runs |",
        above="Of {runs} runs",
    )


def test_a_table_stands_below_its_header_and_one_broken_promise_decides(simulation, report, capsys):
    assert simulation.exit_code([report], asked("patients, e")) == 0
    assert capsys.readouterr().out == (
        "Of 50 runs\n\n| case | runs |\n| --- | --- |\n| patients, exact | 50 |\n\n"
    )
    assert simulation.exit_code([report], asked("")) == 1


def test_a_name_that_no_case_has_ends_with_an_error_and_one_of_another_table_does_not(
    simulation, report, capsys
):
    with pytest.raises(SystemExit) as left:
        simulation.exit_code([report], asked("pateints"))
    assert "no case has a name that holds this text" in str(left.value)
    others = replace(report, draws=other_draws)
    assert simulation.exit_code([report, others], asked("knees")) == 0
    assert capsys.readouterr().out.count("Of 50 runs") == 1


def kept(share, promise):
    """A case whose promise holds with a known chance."""

    def attempt(rng, positives):
        return "guaranteed", promise, bool(rng.random() < share)

    return attempt


@pytest.mark.parametrize(
    ("share", "promise", "broken"),
    [
        (0.96, "if_answered", False),
        (0.95, "if_answered", False),
        (0.9, "if_answered", True),
        (0.9, None, False),
    ],
)
def test_a_promise_is_broken_where_chance_explains_it_no_more(promises, share, promise, broken):
    case = promises.Case("made", "", 100, kept(share, promise))
    found = promises.result(case, 2000, np.random.default_rng(1))
    assert found.broken is broken


@pytest.mark.parametrize(("share", "code"), [(0.99, None), (0.5, 1)])
def test_a_simulation_with_a_broken_promise_ends_with_an_error(promises, monkeypatch, share, code):
    monkeypatch.setattr(
        promises, "cases", lambda: iter([promises.Case("made", "f", 9, kept(share, "if_answered"))])
    )
    monkeypatch.setattr("sys.argv", ["promises.py", "--runs", "400"])
    if code is None:
        promises.main()
        return
    with pytest.raises(SystemExit) as left:
        promises.main()
    assert left.value.code == "Broken: made"  # text ends a process with the code 1


def test_the_big_tables_of_the_benchmark_repeat_no_row(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    bench = importlib.import_module("bench_thresholds")
    monkeypatch.setattr(bench, "ROWS_OF_A_PART", 400)
    bench.write_scores(tmp_path / "scores.parquet", 1000)
    table = bench.pl.read_parquet(tmp_path / "scores.parquet")
    assert (table.height, table["p"].n_unique()) == (1000, 1000)
    assert (table.group_by("patient").len()["len"] == 2).all()
    assert bench.print_command(1000, tmp_path, ".parquet", "--cluster", "patient")
    assert not bench.print_command(1000, tmp_path, ".parquet", "--cluster", "nobody")
