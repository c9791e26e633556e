"""The picture layer: how unlike the training films a film is, by two Gaussians, and the limit to that.

One Gaussian is of the network's pooled features, one of `picture_statistics`. Each keeps a mean, a few
principal directions with their variances and one variance for all others: means over films, where stored
neighbours would be the films' own features. How well it tells films apart: `benchmarks/applicability.py`.

Source: Lee et al. 2018, NeurIPS (distance in feature space); Tipping and Bishop 1999, JRSS B 61:611-622
(probabilistic PCA); Vovk et al. 2005, Algorithmic Learning in a Random World (conformal limit).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from strnet.errors import BundleError
from strnet.files import sha256_bytes
from strnet.trust.applicability import PictureLimit
from strnet.trust.picture_statistics import SMALLEST_SPREAD

Floats = NDArray[np.float64]

FEATURE_DIRECTIONS = 16
STATISTIC_DIRECTIONS = 5
_ROWS_PER_DIRECTION = 4
"""Fewer training films than this per direction, and the directions would be those of single films."""
_PARTS = ("mean", "scale", "directions", "variances", "rest")


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A Gaussian of vectors (D,): wide along `directions` (R, D), one variance in all others."""

    mean: Floats
    scale: Floats
    """What each coordinate is divided by, (D,)."""
    directions: Floats
    variances: Floats
    """Along the directions, (R,)."""
    rest: Floats
    """The variance across them, (1,)."""

    def distance(self, values: NDArray[np.floating]) -> Floats:
        """Squared Mahalanobis distance per coordinate of `values` (N, D), (N,): about 1 for training rows."""
        centred = (values - self.mean) / self.scale
        along = centred @ self.directions.T
        across = np.maximum((centred**2).sum(1) - (along**2).sum(1), 0.0)
        return np.asarray(((along**2 / self.variances).sum(1) + across / self.rest) / self.mean.size)


@dataclass(frozen=True, eq=False)
class PictureModel:
    """What the training films look like to the network, and in a few figures."""

    features: Gaussian
    statistics: Gaussian

    def atypicality(self, features: NDArray[np.floating], statistics: Floats) -> Floats:
        """How unlike the training films films with `features` (N, C) and `statistics` (N, 10) are, (N,).

        About 1 for a training film. Infinite where a feature is not finite.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            both = (self.features.distance(features) + self.statistics.distance(statistics)) / 2
        return np.where(np.isfinite(both), both, np.inf)


def fit_picture_model(features: NDArray[np.floating], statistics: Floats) -> PictureModel:
    """The picture model of training films with `features` (N, C) and `statistics` (N, 10)."""
    spread = np.maximum(statistics.std(axis=0), SMALLEST_SPREAD)
    return PictureModel(
        features=_fit(features, np.ones(features.shape[1]), FEATURE_DIRECTIONS),
        statistics=_fit(statistics, spread, STATISTIC_DIRECTIONS),
    )


def conformal_limit(validation: Floats, false_refusal: float) -> tuple[float, float]:
    """A limit on the atypicality, and the share of new films that it lets exceed it at most.

    With n `validation` films exchangeable with new ones it is the k-th smallest of theirs, k = ceil((n + 1)
    (1 - `false_refusal`)): a new film exceeds it with probability at most 1 - k / (n + 1), on average over
    validation sets. Fewer than 1 / `false_refusal` - 1 of them cannot promise that rate, and the largest is
    taken. Films of one patient are not independent, and these rows chose the epoch: both make it approximate.
    """
    rows = validation.size
    wanted = math.ceil((rows + 1) * (1 - Fraction(str(false_refusal))))
    place = max(1, min(rows, wanted))
    return float(np.sort(validation)[place - 1]), (rows + 1 - place) / (rows + 1)


def picture_limit(validation: Floats, false_refusal: float, content: bytes) -> PictureLimit:
    """The limit from the atypicality of `validation` films, for the model in a file of this `content`."""
    threshold, at_most = conformal_limit(validation, false_refusal)
    return PictureLimit(
        sha256=sha256_bytes(content),
        threshold=threshold,
        false_refusal=false_refusal,
        at_most=at_most,
        validation_films=validation.size,
    )


def picture_bytes(model: PictureModel) -> bytes:
    """The content of a safetensors file that holds `model`, in float32; see `read_picture`."""
    parts = {"features": model.features, "statistics": model.statistics}
    return save(
        {
            f"{name}.{part}": np.ascontiguousarray(getattr(gaussian, part), dtype=np.float32)
            for name, gaussian in parts.items()
            for part in _PARTS
        }
    )


def read_picture(content: bytes, where: str) -> PictureModel:
    """The model in a safetensors file's `content`.

    Raises: BundleError: not such a file.
    """
    try:
        tensors = load(content)
        return PictureModel(_gaussian(tensors, "features"), _gaussian(tensors, "statistics"))
    except (SafetensorError, KeyError) as error:
        raise BundleError(f"{where}: not the numbers of a picture layer ({error}).") from error


def _gaussian(tensors: Mapping[str, NDArray[np.float32]], name: str) -> Gaussian:
    return Gaussian(*(tensors[f"{name}.{part}"].astype(np.float64) for part in _PARTS))


def _fit(values: NDArray[np.floating], scale: Floats, most: int) -> Gaussian:
    rows, size = values.shape
    mean = values.mean(axis=0, dtype=np.float64)
    _, singular, directions = np.linalg.svd((values - mean) / scale, full_matrices=False)
    variances = singular**2 / max(rows - 1, 1)
    kept = min(most, (rows - 1) // _ROWS_PER_DIRECTION, size - 1)
    # A network whose features do not vary at all still gets a distance: everything else is far.
    least = np.finfo(np.float32).eps * max(float((mean**2).mean()), 1.0)
    return Gaussian(
        mean=mean,
        scale=scale,
        directions=directions[:kept],
        variances=np.maximum(variances[:kept], least),
        rest=np.array([max(variances[kept:].sum() / (size - kept), least)]),
    )
