"""Every experiment runs its whole way at its smoke size; its figures mean nothing there."""

import importlib

import pytest

SECTIONS = {
    "lumbar_two_views": ("| darknet19 |", "ideal observer", "p (Holm)", "member lumbar-ap"),
    "lumbar_bmd": ("BMD of the lumbar spine, MAE (g/cm²)", "Categories from predicted BMD", "Lowest site"),
    "lumbar_sagittal_transfer": ("| ensemble |", "Reference, then called", "Macro AUROC"),
    "lumbar_regions": ("| L4 |", "| found |", "Ideal observer: AUROC"),
    "chest": ("Bone loss", "T-score (phantom): agreement"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SECTIONS)
def test_an_experiment_runs_from_films_to_its_tables(name, tmp_path, capsys):
    experiment = importlib.import_module(f"experiments.{name}.run")
    experiment.main(["--size", "smoke", "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    for words in SECTIONS[name]:
        assert words in printed, words
