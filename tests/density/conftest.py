"""Where the real scans are, if they are: beside the checkout, or where STRNET_SHARED_DATA says."""

import os
from pathlib import Path

import pytest
from torso import build_torso

REAL = Path(os.environ.get("STRNET_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="session")
def verse():
    """The folder of the calibrated vertebra and of the densities with and without a phantom."""
    return _folder("ct_verse")


@pytest.fixture(scope="session")
def spine_scan():
    """The folder of the CT with labelled vertebrae."""
    return _folder("ct")


def _folder(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"no real data in {REAL / name}: they may not be redistributed")
    return REAL / name


@pytest.fixture(scope="session")
def torso():
    """A function that builds a scan of a trunk whose tissues and vertebrae have known HU, and its mask."""
    return build_torso
