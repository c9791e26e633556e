"""A trunk whose tissues and vertebrae have known HU, as a scan and its mask."""

import numpy as np

from strnet.imaging.volume import Volume

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
