from __future__ import annotations

import pytest

from strnet.phantom import Draw, make_cohort

SMALL = (192, 160)


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory):
    """Twelve patients on all four scanners, small films, made in this process."""
    out = tmp_path_factory.mktemp("phantom") / "cohort"
    return make_cohort("knee", out, Draw(3, SMALL, sites=4), patients=12, workers=1)
