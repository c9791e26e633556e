"""What the T-score plants in each knee, and what those features tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from strnet.phantom import observer

Array = np.ndarray

KNEE_SD: Final = 0.15
"""Deviation of one knee from the patient, T-score units."""
FEATURE_SD: Final = {"bone_volume": 0.72, "cortical": 0.70, "connectivity": 0.95}
"""Biological scatter of each planted feature about the knee's T-score, T-score units."""


@dataclass(frozen=True)
class Knee:
    """What one knee carries of the T-score: `scores` are T-score units, one per planted feature."""

    knee_t_score: float
    bone_volume_score: float
    cortical_score: float
    connectivity_score: float

    @property
    def scores(self) -> Array:
        """The planted feature scores, shape (3,), in the order of `FEATURE_SD`."""
        return np.array([self.bone_volume_score, self.cortical_score, self.connectivity_score])

    @property
    def bone_volume_fraction(self) -> float:
        """Trabecular bone volume per tissue volume in the femoral condyles."""
        return float(0.135 * np.exp(0.33 * self.bone_volume_score))

    @property
    def cortical_index(self) -> float:
        """Cortical thickness of the femoral shaft as a fraction of its half width."""
        return float(0.335 * np.exp(0.25 * self.cortical_score))

    @property
    def trabecular_spacing_mm(self) -> float:
        """Distance between neighbouring trabeculae, mm."""
        return float(1.60 * np.exp(-0.15 * self.connectivity_score))

    @property
    def transverse_share(self) -> float:
        """Strength of transverse trabeculae relative to those along the load, 0 to 1: lost first."""
        return float(1.0 / (1.0 + np.exp(-(self.connectivity_score + 1.2) * 0.8)))


def draw_knee(true_t_score: float, generator: np.random.Generator) -> Knee:
    """A knee of a patient with `true_t_score`: knee deviation, then scatter of each feature."""
    knee = true_t_score + KNEE_SD * generator.standard_normal()
    scatter = np.array(list(FEATURE_SD.values())) * generator.standard_normal(len(FEATURE_SD))
    return Knee(float(knee), *(float(value) for value in knee + scatter))


def belief(expected: Array, scores: Array) -> observer.Posterior:
    """The ideal observer's posterior from the clinical expectation (N,) and the feature scores (N, 3)."""
    return observer.posterior(expected, scores, tuple(FEATURE_SD.values()), KNEE_SD)
