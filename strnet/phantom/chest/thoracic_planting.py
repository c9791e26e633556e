"""What the T-scores plant in the bones of a chest, and what the ideal observer makes of it."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.phantom.dxa_observer import JointPosterior
from strnet.phantom.scanned_people import RESIDUAL_COVARIANCE

Array = np.ndarray

FEATURE_SD: Final = MappingProxyType(
    {
        "bone_volume": 1.40,
        "endplate": 1.65,
        "links": 1.85,
        "rib_cortex": 1.30,
        "clavicle_cortex": 1.45,
    }
)
"""Biological scatter of each planted feature about what it follows, T-score units."""
FOLLOWS: Final = MappingProxyType(
    {
        "bone_volume": (1.0, 0.0),
        "endplate": (1.0, 0.0),
        "links": (1.0, 0.0),
        "rib_cortex": (0.5, 0.5),
        "clavicle_cortex": (0.0, 1.0),
    }
)
"""How much a feature follows the true T-score of the lumbar spine and of the femoral neck: the vertebrae the
spine's, compact bone the femur's, the ribs both."""


@dataclass(frozen=True)
class Planted:
    """What the bones of one person's chest carry of the T-scores: a score per feature, T-score units."""

    bone_volume: float
    endplate: float
    links: float
    rib_cortex: float
    clavicle_cortex: float

    @property
    def bone_volume_fraction(self) -> float:
        """Trabecular bone volume per tissue volume in the vertebral bodies."""
        return float(0.15 * np.exp(0.33 * self.bone_volume))

    @property
    def endplate_mm(self) -> float:
        """Thickness of the endplates and side walls of the vertebral bodies, mm."""
        return float(0.95 * np.exp(0.25 * self.endplate))

    @property
    def spacing_mm(self) -> float:
        """Distance between neighbouring trabeculae, mm."""
        return float(2.2 * np.exp(-0.12 * self.links))

    @property
    def transverse_share(self) -> float:
        """Strength of transverse trabeculae relative to those along the load, 0 to 1: lost first."""
        return float(1.0 / (1.0 + np.exp(-(self.links + 1.2) * 0.8)))

    @property
    def rib_wall_mm(self) -> float:
        """Thickness of the compact bone of a rib, mm."""
        return float(1.15 * np.exp(0.25 * self.rib_cortex))

    @property
    def clavicle_wall_mm(self) -> float:
        """Thickness of the compact bone of a clavicle's middle, mm."""
        return float(2.3 * np.exp(0.25 * self.clavicle_cortex))


def draw_planted(true_t_scores: tuple[float, float], generator: np.random.Generator) -> Planted:
    """The bones of a person with these true T-scores (spine, femoral neck): each feature scatters."""
    follows = np.array(list(FOLLOWS.values())) @ np.array(true_t_scores)
    scatter = np.array(list(FEATURE_SD.values())) * generator.standard_normal(len(FEATURE_SD))
    return Planted(*(float(value) for value in follows + scatter))


def joint_posterior(expected: Array, planted: Planted) -> JointPosterior:
    """Posterior of both T-scores from their clinical expectation (2,) and what is planted.

    Source: conditional of a joint normal: T ~ N(expected, RESIDUAL_COVARIANCE), scores = FOLLOWS T +
    N(0, FEATURE_SD^2), the scatter independent.
    """
    follows = np.array(list(FOLLOWS.values()))
    noise = np.diag(np.array(list(FEATURE_SD.values())) ** 2)
    scores = np.array(astuple(planted))
    seen = follows @ RESIDUAL_COVARIANCE @ follows.T + noise
    gain = np.linalg.solve(seen, follows @ RESIDUAL_COVARIANCE).T
    mean = expected + gain @ (scores - follows @ expected)
    return JointPosterior(mean, RESIDUAL_COVARIANCE - gain @ follows @ RESIDUAL_COVARIANCE)
