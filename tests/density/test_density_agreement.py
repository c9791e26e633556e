"""Density by a patient's own tissues against a phantom in view: 17 published pairs."""

import csv

import pytest
from scipy import stats

from strnet.schema import diagnosis_from_vbmd
from strnet.stats import bland_altman, pearson


def test_the_17_pairs_agree_as_the_documentation_says(verse):
    with (verse / "verse19fem_AppendixA.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    phantomless, phantom = "Phantomless Calibration vBMD [mg/cc]", "Phantom Calibration vBMD [mg/cc]"
    pairs = [(float(row[phantom]), float(row[phantomless])) for row in rows if row[phantom]]
    with_phantom, without = zip(*pairs, strict=True)
    found, r = bland_altman(with_phantom, without, method="exact"), pearson(with_phantom, without)
    assert len(pairs) == 17
    assert r.value == pytest.approx(0.907, abs=5e-4)
    assert (r.low, r.high) == pytest.approx(stats.pearsonr(with_phantom, without).confidence_interval())
    assert found.bias.value == pytest.approx(-1.2, abs=0.05)
    assert (found.bias.low, found.bias.high) == pytest.approx((-10.4, 8.0), abs=0.05)
    assert found.standard_deviation == pytest.approx(17.8, abs=0.05)
    assert found.lower_limit.value == pytest.approx(-36.2, abs=0.05)
    assert found.upper_limit.value == pytest.approx(33.8, abs=0.05)
    same = [diagnosis_from_vbmd(one) == diagnosis_from_vbmd(other) for one, other in pairs]
    assert sum(same) == 11
