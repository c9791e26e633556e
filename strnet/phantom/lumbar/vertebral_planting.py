"""What the lumbar T-score plants in the vertebrae, and which of it a film from front or side shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from strnet.phantom.dxa_observer import JointPosterior
from strnet.phantom.scanned_people import RESIDUAL_COVARIANCE

Array = np.ndarray

FEATURE_SD: Final = MappingProxyType(
    {
        "bone_volume": 1.1,
        "endplate": 1.5,
        "side_wall": 1.4,
        "coronal_links": 1.6,
        "front_wall": 1.0,
        "sagittal_links": 1.1,
    }
)
"""Biological scatter of each planted feature about the lumbar T-score, T-score units."""
SEEN: Final = MappingProxyType(
    {
        "AP": ("bone_volume", "endplate", "side_wall", "coronal_links"),
        "LATERAL": ("bone_volume", "endplate", "front_wall", "sagittal_links"),
    }
)
"""The features that a view shows. Trabeculae are seen across the beam only; a wall that faces the beam adds
under a tenth to the path through a body, and nothing tells it from the trabeculae on that path."""


@dataclass(frozen=True)
class Planted:
    """What one person's vertebrae carry of the lumbar T-score: a score per feature, T-score units."""

    bone_volume: float
    endplate: float
    side_wall: float
    coronal_links: float
    front_wall: float
    sagittal_links: float

    @property
    def bone_volume_fraction(self) -> float:
        """Trabecular bone volume per tissue volume in the vertebral bodies."""
        return float(0.145 * np.exp(0.33 * self.bone_volume))

    @property
    def endplate_mm(self) -> float:
        """Thickness of an endplate, mm."""
        return float(0.85 * np.exp(0.24 * self.endplate))

    @property
    def side_wall_mm(self) -> float:
        """Thickness of the lateral walls and of the rims of the pedicles, mm."""
        return float(1.10 * np.exp(0.24 * self.side_wall))

    @property
    def front_wall_mm(self) -> float:
        """Thickness of the anterior and the posterior wall, mm."""
        return float(1.10 * np.exp(0.24 * self.front_wall))

    def links(self, view: str) -> float:
        """Score of the trabecular links that `view` shows."""
        return self.coronal_links if view == "AP" else self.sagittal_links

    def spacing_mm(self, view: str) -> float:
        """Distance between neighbouring trabeculae as `view` shows them, mm."""
        return float(2.0 * np.exp(-0.11 * self.links(view)))

    def transverse_share(self, view: str) -> float:
        """Strength of transverse trabeculae relative to those along the load, 0 to 1: lost first."""
        return float(1.0 / (1.0 + np.exp(-(self.links(view) + 1.2) * 0.8)))


def draw_planted(lumbar_t_score: float, generator: np.random.Generator) -> Planted:
    """The vertebrae of a person with the true `lumbar_t_score`: each feature scatters about it."""
    scatter = np.array(list(FEATURE_SD.values())) * generator.standard_normal(len(FEATURE_SD))
    return Planted(*(float(value) for value in lumbar_t_score + scatter))


def joint_posterior(expected: Array, planted: Planted, features: Sequence[str]) -> JointPosterior:
    """Posterior of both T-scores from their clinical expectation (2,) and the named `features` of `planted`.

    Source: conditional of a joint normal: T ~ N(expected, RESIDUAL_COVARIANCE), score_k = T_lumbar +
    N(0, FEATURE_SD_k^2), the scatter independent.
    """
    precision = np.array([FEATURE_SD[name] ** -2 for name in features])
    scores = np.array([getattr(planted, name) for name in features])
    found, variance = float(precision @ scores / precision.sum()), float(1.0 / precision.sum())
    gain = RESIDUAL_COVARIANCE[:, 0] / (RESIDUAL_COVARIANCE[0, 0] + variance)
    mean = expected + gain * (found - expected[0])
    return JointPosterior(mean, RESIDUAL_COVARIANCE - np.outer(gain, RESIDUAL_COVARIANCE[0]))
