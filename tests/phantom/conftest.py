from __future__ import annotations

import pytest

from strnet.phantom import make_knee_cohort

SMALL = (192, 160)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory):
    """Twelve patients on all four scanners, small films, made in this process."""
    out = tmp_path_factory.mktemp("phantom") / "cohort"
    return make_knee_cohort(out, patients=12, seed=3, size=SMALL, sites=4, workers=1)
