"""What all tests share."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# No timed assertions: a busy machine must not fail a test that is right.
settings.register_profile("strnet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("strnet")

SEPARATION = 2.119  # of unit normals with AUROC 0.933


@pytest.fixture(scope="session")
def binormal():
    """A function: (rows, seed, prevalence) -> target, score, of two normals as in the paper's simulation."""

    def draw(rows, seed=0, prevalence=0.6):
        rng = np.random.default_rng(seed)
        target = rng.random(rows) < prevalence
        return target, rng.normal(size=rows) + SEPARATION * target

    return draw
