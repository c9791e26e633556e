"""The highest threshold that keeps the patients' mean miss below 1 - floor: proven, on average, or here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr

from strnet.errors import ImpossibleError
from strnet.stats.inputs import Floats
from strnet.thresholds import betting
from strnet.thresholds.effective import kish
from strnet.thresholds.patient_films import PatientFilms
from strnet.thresholds.point import Promise, SpeaksOf, Status
from strnet.thresholds.rules import best_floor, chance_of_holding, impossible
from strnet.thresholds.threshold_request import Request

ROUNDING = 1e-9
"""Of a mean miss: a sum of thirds may exceed its limit by so much."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold (higher means positive) and what it rests on.

    `allowed` of `units` (films, or patients) may lie below it. The law of its sensitivity is that of
    `law_misses` among `law_units`, which are effective numbers where films are weighted or clustered.
    `standing` is what may be said of it if the method is exact: then `promise`, about `speaks_of`.
    """

    threshold: float
    units: int
    allowed: int
    law_units: float
    law_misses: float
    chance: float
    unit: Literal["film", "patient"] = "film"
    standing: Status = "guaranteed"
    promise: Promise = "if_answered"
    speaks_of: SpeaksOf = "films"
    silence: float = 0.0
    note: str = ""

    @property
    def proven(self) -> bool:
        """Whether it is a guarantee."""
        return self.standing == "guaranteed"


def mean_miss_choice(films: PatientFilms, request: Request) -> Choice:
    """The highest threshold that keeps the mean miss of patients, each by its worth, as `request` asks.

    Raises: ImpossibleError: there is none; the message says how many patients it takes.
    """
    share, delta = float(request.floor.miss_share), float(request.delta)
    if request.method == "exact":
        if share == 0:
            raise ImpossibleError(
                impossible("exact", films.patients, request.floor, request.delta, "positive patients")
            )
        threshold = betting.highest_safe(films, share, delta, request.seed)
        if threshold is None:
            raise ImpossibleError(_impossible(films, request))
    else:
        threshold = _within(films, _mean_allowed(films, request))
    units, misses = _law(films, threshold)
    silence = _chance_of_silence(films, share, delta)
    return Choice(
        threshold,
        films.score.size,
        int(np.count_nonzero(films.score < threshold)),
        units,
        misses,
        float(1 - request.delta)
        if request.method == "exact"
        else chance_of_holding(misses, units, request.floor),
        # which weights were drawn decides whether there is an answer
        promise="if_answered" if request.max_weight is None else "wrong_or_silent",
        speaks_of="patients",
        silence=silence,
    )


def _weighted(films: PatientFilms) -> bool:
    return bool(films.worth.min() < 1 - ROUNDING)


def _mean_allowed(films: PatientFilms, request: Request) -> float:
    """The mean miss that the rows themselves may show.

    Raises: ImpossibleError: crc with too few patients.
    """
    share = float(request.floor.miss_share)
    if request.method == "empirical":
        return share
    patients = kish(films.worth)
    allowed = (share * (patients + 1) - 1) / patients
    if allowed < 0:
        raise ImpossibleError(impossible("crc", patients, request.floor, request.delta, "positive patients"))
    return allowed


def _within(films: PatientFilms, mean_miss: float) -> float:
    """The highest score with a mean miss of at most `mean_miss` below it."""
    order = np.argsort(films.score, kind="stable")
    missed = np.cumsum(films.part[order]) - films.part[order]
    limit = (mean_miss + ROUNDING) * float(films.worth.sum())
    place = max(int(np.searchsorted(missed, limit, side="right")) - 1, 0)
    return float(films.score[order[place]])


def _law(films: PatientFilms, threshold: float) -> tuple[float, float]:
    """What the patients' misses are worth in independent ones, and how many of those are missed.

    Source: Cochran 1977, Sampling Techniques, 3.12 (the variance of a ratio).
    """
    worth, missed = films.worth, films.missed(threshold)
    share = float(missed.sum() / worth.sum())
    count = worth.size
    if count < 2 or not 0 < share < 1:
        return kish(worth), share * kish(worth)
    spread = float(np.square(missed - share * worth).sum()) * count / (count - 1) / float(worth.sum()) ** 2
    units = share * (1 - share) / spread if spread > 0 else kish(worth)
    return units, share * units


def _chance_of_silence(films: PatientFilms, share: float, delta: float) -> float:
    """That of other weights from the same design proving nothing, even if no film were missed.

    Without weights the number of patients decides, and it is 0 once there is an answer.
    """
    if not _weighted(films):
        return 0.0
    gain: Floats = np.log1p(films.worth * share / (1 - share))
    spread = float(gain.std()) * math.sqrt(films.patients)
    missing = math.log(1 / delta) - float(gain.sum())
    return float(ndtr(missing / spread)) if spread > 0 else float(missing > 0)


def _impossible(films: PatientFilms, request: Request) -> str:
    if not _weighted(films):
        return impossible(request.method, films.patients, request.floor, request.delta, "positive patients")
    share, delta, mean = float(request.floor.miss_share), float(request.delta), float(films.worth.mean())
    needed = max(betting.fewest_patients(share, delta, mean), films.patients + 1)
    return (
        f"min_sensitivity {request.floor.text} at confidence {request.confidence:g} is impossible with "
        f"{films.patients} positives that weigh {mean:.3g} of max_weight on average, even for a threshold "
        f"that misses none of them. It takes about {needed}: add {needed - films.patients}, ask for less, or "
        f"sample with weights that differ less ({films.patients} of equal weight can promise "
        f"{best_floor(films.patients, delta):.3f})."
    )
