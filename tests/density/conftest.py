"""Where the real scans are, if they are: beside the checkout, or where STRNET_SHARED_DATA says."""

import os
from pathlib import Path

import numpy as np
import pytest

from strnet.imaging.volume import Volume

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


VERTEBRAE = ("L3", "L2", "L1")
"""From the feet up, as slices go."""
TRABECULAR_HU = {"L1": 150.0, "L2": 140.0, "L3": 130.0}
TISSUE_HU = {"air": -1000.0, "fat": -100.0, "muscle": 50.0, "blood": 42.0}


def build_torso(spacing=(2.0, 1.5, 1.5), noise=8.0, scale=lambda hu: hu, aorta=42.0):
    """Scan and mask (31, 41, 51: trabecular; one more: cortex; two more: processes), in patient order."""
    shape = tuple(round(length / side) for length, side in zip((130, 240, 330), spacing, strict=True))
    z, y, x = np.meshgrid(
        *((np.arange(n) + 0.5) * side for n, side in zip(shape, spacing, strict=True)), indexing="ij"
    )
    x, y = x - 165, y - 110
    hu = np.full(shape, TISSUE_HU["air"])
    hu[(x / 150) ** 2 + (y / 100) ** 2 < 1] = TISSUE_HU["fat"]
    hu[(x / 120) ** 2 + (y / 75) ** 2 < 1] = TISSUE_HU["muscle"]
    hu[(x / 95) ** 2 + ((y + 25) / 45) ** 2 < 1] = TISSUE_HU["fat"]
    hu[(x - 12) ** 2 + (y + 34) ** 2 < 11**2] = aorta
    labels = np.zeros(shape, dtype=np.uint8)
    for place, name in enumerate(VERTEBRAE):
        number = {"L1": 31, "L2": 41, "L3": 51}[name]
        level = z - (24 + 40 * place)
        round_ = (x / 22) ** 2 + (y / 16) ** 2
        body = (round_ < 1) & (np.abs(level) < 15)
        inner = ((x / 20) ** 2 + (y / 14) ** 2 < 1) & (np.abs(level) < 13)
        process = (np.abs(x) < 5) & (y >= 14) & (y < 50) & (np.abs(level) < 6) & ~body
        for part, where, value in ((2, process, 400.0), (1, body, 500.0), (0, inner, TRABECULAR_HU[name])):
            labels[where] = number + part
            hu[where] = value
    rng = np.random.default_rng(3)
    values = scale(hu) + rng.normal(0, noise, shape)
    affine = np.diag([spacing[2], spacing[1], spacing[0], 1.0])
    return Volume(np.rint(values).astype(np.int16), affine), Volume(labels, affine)
