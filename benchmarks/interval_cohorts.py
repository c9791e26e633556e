"""Cohorts whose every true figure is known: scores, errors and classes are of normals.

The truth is in closed form, by quadrature, or for three classes from one large sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from strnet import stats

SENSITIVITY = 0.9  # of the operating point
CLASS_SHARES, CLASS_MEANS = np.array([0.4, 0.35, 0.25]), np.array([0.0, 1.2, 2.6])
BIAS, SHRINKAGE, SCATTER = 0.2, 0.8, 0.6  # a T-score t is predicted as 0.2 + 0.8 t, with that error


@dataclass(frozen=True)
class Cell:
    """A kind of cohort: patients, how many films each may have, the true AUROC, the share of positives.

    With `only_areas` no other figures are judged: those of a few films, near 1, are wide whatever the method.
    """

    name: str
    patients: int
    films: tuple[int, ...]
    area: float
    required: float
    prevalence: float = 0.6
    only_areas: bool = False
    widest: float = 1.25

    @property
    def alike(self) -> float:
        """The correlation of a patient's films, given the target."""
        return 0.8 if max(self.films) > 1 else 0.0

    @property
    def separation(self) -> float:
        """How many standard deviations the classes lie apart."""
        return float(np.sqrt(2) * ndtri(self.area))

    @property
    def threshold(self) -> float:
        """The score of the operating point."""
        return self.separation - float(ndtri(SENSITIVITY))


CELLS = (
    Cell("89 patients, 1 or 2 films", 89, (1, 2), 0.92, 0.94),
    Cell("30 patients, 1 or 2 films", 30, (1, 2), 0.92, 0.93),
    Cell("60 patients, 1, 2, 4 or 10 films", 60, (1, 2, 4, 10), 0.92, 0.93),
    *(
        Cell(f"{films} films, AUROC {area}", films, (1,), area, 0.94 if films > 40 else 0.93)
        for area in (0.92, 0.97)
        for films in (40, 126, 224)
    ),
    Cell("126 films, 10% positive", 126, (1,), 0.92, 0.93, 0.1, only_areas=True),
    Cell("126 films, 90% positive", 126, (1,), 0.92, 0.93, 0.9, only_areas=True),
    Cell("224 films, 5% positive", 224, (1,), 0.92, 0.93, 0.05, only_areas=True),
    Cell("400 films, 10% positive", 400, (1,), 0.92, 0.93, 0.1, only_areas=True),
    Cell("89 patients, 1 or 2 films, AUROC 0.99", 89, (1, 2), 0.99, 0.93, only_areas=True, widest=1.35),
)


@dataclass(frozen=True)
class Rows:
    """The films of one cohort, and a second scorer as good as the first.

    `patients` is None where each has one film.
    """

    target: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    prob: np.ndarray
    measured: np.ndarray
    predicted: tuple[np.ndarray, np.ndarray]
    codes: np.ndarray
    chances: tuple[np.ndarray, np.ndarray]
    patients: np.ndarray | None


def draw(cell: Cell, rng: np.random.Generator) -> Rows:
    """A cohort in which every class occurs."""
    sick, code = rng.random(cell.patients) < cell.prevalence, rng.choice(3, cell.patients, p=CLASS_SHARES)
    if sick.all() or not sick.any() or np.unique(code).size < 3:
        return draw(cell, rng)
    owner = np.repeat(np.arange(cell.patients), rng.choice(cell.films, cell.patients))
    target, codes = sick[owner], code[owner]

    def error() -> np.ndarray:
        own = rng.normal(size=owner.size)
        return cell.alike**0.5 * rng.normal(size=cell.patients)[owner] + (1 - cell.alike) ** 0.5 * own

    def twice() -> tuple[np.ndarray, np.ndarray]:
        common = error()
        first, second = ((common + error()) / 2**0.5 for _ in range(2))
        return first, second

    scores, levels, measured = twice(), twice(), error()
    predictions = [BIAS + SHRINKAGE * measured + SCATTER * part for part in twice()]
    first, second = (part + cell.separation * target for part in scores)
    return Rows(
        target=target,
        scores=(first, second),
        prob=expit(logit(cell.prevalence) + cell.separation * (first - cell.separation / 2)),
        measured=measured,
        predicted=(predictions[0], predictions[1]),
        codes=codes,
        chances=(class_chances(levels[0], codes), class_chances(levels[1], codes)),
        patients=owner if max(cell.films) > 1 else None,
    )


def class_chances(error: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The true probabilities of three classes, (n, 3)."""
    level = error + CLASS_MEANS[codes]
    density = CLASS_SHARES * np.exp(-((level[:, None] - CLASS_MEANS) ** 2) / 2)
    return density / density.sum(axis=1, keepdims=True)


def truths(cell: Cell, of_classes: Mapping[str, float]) -> dict[str, float]:
    """The figures of the population; those of three classes are those of a `large_sample`."""
    prevalence = cell.prevalence
    x = np.linspace(-12, 12 + cell.separation, 60_001)
    above, alarms = ndtr(cell.separation - x), ndtr(-x)
    positive = normal_density(x - cell.separation)
    mixed = prevalence * positive + (1 - prevalence) * normal_density(x)
    prob = prevalence * positive / mixed
    called = prevalence * above + (1 - prevalence) * alarms
    precision = np.divide(prevalence * above, called, out=np.ones_like(called), where=called > 0)
    return {
        "AUROC": cell.area,
        "AUPRC": float(np.trapezoid(positive * precision, x)),
        "Brier": float(np.trapezoid(mixed * prob * (1 - prob), x)),
        "calibration slope": 1.0,
        "calibration in the large": 0.0,
        **decided(prevalence, float(ndtr(cell.threshold))),
        **agreed(),
        **of_classes,
        "macro AUROC difference": 0.0,
        "AUROC difference": 0.0,
        "MAE difference": 0.0,
    }


def decided(prevalence: float, specificity: float) -> dict[str, float]:
    found, alarms = prevalence * SENSITIVITY, (1 - prevalence) * (1 - specificity)
    missed, cleared = prevalence - found, 1 - prevalence - alarms
    return {
        "sensitivity": SENSITIVITY,
        "specificity": specificity,
        "ppv": found / (found + alarms),
        "npv": cleared / (cleared + missed),
        "accuracy": found + cleared,
        "f1": 2 * found / (2 * found + alarms + missed),
    }


def agreed() -> dict[str, float]:
    """Of differences that are normal around `BIAS`."""
    variance = (1 - SHRINKAGE) ** 2 + SCATTER**2
    spread = variance**0.5
    predicted = SHRINKAGE**2 + SCATTER**2
    folded = 2 * spread * normal_density(BIAS / spread) + BIAS * (1 - 2 * ndtr(-BIAS / spread))
    half = float(ndtri(0.975)) * spread
    return {
        "MAE": float(folded),
        "RMSE": (variance + BIAS**2) ** 0.5,
        "bias": BIAS,
        "lower limit of agreement": BIAS - half,
        "upper limit of agreement": BIAS + half,
        "r": SHRINKAGE / predicted**0.5,
        "CCC": 2 * SHRINKAGE / (1 + predicted + BIAS**2),
    }


def large_sample(films: int = 3_000_000) -> dict[str, float]:
    """The figures of three classes, to three digits and a half."""
    rng = np.random.default_rng(1)
    codes = rng.choice(3, films, p=CLASS_SHARES)
    chances = class_chances(rng.normal(size=films), codes)
    return {
        "weighted kappa": stats.kappa_of_rows(codes, chances.argmax(1), 3).value,
        "macro AUROC": stats.multiclass_auroc(codes, chances).value,
        "AUROC of Hand and Till": stats.multiclass_auroc(codes, chances, average="hand_till").value,
    }


def normal_density(x: np.ndarray | float) -> np.ndarray | float:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
