"""The site certificate: what the patients of one site have shown of a floor so far, in a file that goes on.

Each batch of patients is a look. The order of patients plays no part, in a batch or among batches. What a
look has decided stays, since each kind of error has probability at most 1 - confidence over all looks. The
file holds no ids: patients and films are known again by 64-bit numbers, and outcomes stand apart from them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from strnet.errors import BundleError, ThresholdError
from strnet.files import write_json
from strnet.sealed import Format, read_sealed, seal
from strnet.threshold_options import SiteMethod
from strnet.thresholds.certification import SiteQuestion
from strnet.thresholds.confidence_sequence import PatientMisses
from strnet.thresholds.known_rows import packed, unpacked
from strnet.thresholds.reading_order import Keys
from strnet.thresholds.site_verdict import SiteVerdict, Verdict

FORMAT: Final = Format(
    name="strnet site certificate",
    version=2,
    noun="a site certificate",
    source="Give the file that --state of threshold certify wrote.",
    remake="Begin a new one with all patients of the site; figures changed by hand certify nothing.",
)
NUMBERS: Final = "<u8"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCertificate:
    """Patients counted so far, and what they showed.

    `outcomes` are different ones: share of a patient's positive films missed, weight, number of patients.
    `lower` and `upper` are the best bounds of the sensitivity at any look, `certified_after` and
    `alarm_after` the patients at the first look that said so. `counted_patients` and `counted_films` are
    sorted 64-bit numbers of ids (base64).
    """

    operating_point: str
    min_sensitivity: str
    confidence: str
    cluster_method: SiteMethod
    max_weight: float | None
    looks: int = 0
    films: int = 0
    films_missed: int = 0
    outcomes: tuple[tuple[float, float, int], ...] = ()
    lower: float = 0.0
    upper: float = 1.0
    certified_after: int | None = None
    alarm_after: int | None = None
    counted_patients: str = ""
    counted_films: str = ""

    @property
    def misses(self) -> PatientMisses:
        """The misses of all patients counted."""
        columns = np.array(self.outcomes, dtype=np.float64).reshape(-1, 3)
        share, weight = (np.repeat(columns[:, at], columns[:, 2].astype(np.int64)) for at in (0, 1))
        return (
            PatientMisses(share) if self.max_weight is None else PatientMisses(share, weight, self.max_weight)
        )

    @property
    def known_patients(self) -> Keys:
        """The numbers of the patients counted, sorted."""
        return unpacked(self.counted_patients, NUMBERS).astype(np.uint64)

    @property
    def known_films(self) -> Keys:
        """The numbers of their positive films, sorted."""
        return unpacked(self.counted_films, NUMBERS).astype(np.uint64)


def begun(operating_point: str, question: SiteQuestion) -> SiteCertificate:
    """A site certificate without a patient, of the operating point with this SHA-256."""
    return SiteCertificate(operating_point=operating_point, **_asked(question))


def require_same_question(certificate: SiteCertificate, operating_point: str, question: SiteQuestion) -> None:
    """Raise unless the certificate goes on under the terms that it began with.

    Raises: ThresholdError: another operating point, confidence, way to count patients, or largest weight.
    """
    asked = {"operating_point": operating_point, **_asked(question)}
    for name, now in asked.items():
        before = getattr(certificate, name)
        if before != now:
            raise ThresholdError(
                f"state: the site certificate began with {name} {before}, and now it is {now}. What was "
                "counted under other terms proves nothing: give the same, or begin a new file with new "
                "patients."
            )


def continued(
    certificate: SiteCertificate,
    question: SiteQuestion,
    misses: PatientMisses,
    *,
    films: tuple[int, int],
    patients: Keys,
    film_numbers: Keys,
) -> tuple[SiteCertificate, SiteVerdict]:
    """The certificate after one more look, at new patients, and the verdict of all looks together.

    `films` are the positive films of the new patients, and how many of them were missed; `patients` (k,) and
    `film_numbers` (n,) what both are known again by.
    """
    grown = replace(
        certificate,
        films=certificate.films + films[0],
        films_missed=certificate.films_missed + films[1],
        outcomes=_outcomes(certificate, misses),
        counted_patients=packed(np.union1d(certificate.known_patients, patients), NUMBERS),
        counted_films=packed(np.union1d(certificate.known_films, film_numbers), NUMBERS),
    )
    now = question.verdict(grown.misses)
    if not misses.patients:
        return certificate, _standing(certificate, now)
    looked = replace(
        grown,
        looks=certificate.looks + 1,
        lower=max(certificate.lower, now.lower),
        upper=min(certificate.upper, now.upper),
        certified_after=certificate.certified_after or (now.patients if now.verdict == "certified" else None),
        alarm_after=certificate.alarm_after or (now.patients if now.verdict == "alarm" else None),
    )
    return looked, _standing(looked, now)


def write_site_certificate(certificate: SiteCertificate, path: Path | str) -> None:
    """Write the certificate to `path`: whole, or the file is what it was before."""
    write_json(path, seal(asdict(certificate), FORMAT))


def read_site_certificate(path: Path | str) -> SiteCertificate:
    """The certificate that a file holds.

    Raises: BundleError: not such a file, of another schema version, incomplete, or edited since.
    """
    try:
        return _adapter().validate_python(read_sealed(path, FORMAT).content)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in first["loc"])
        raise BundleError(f"{path}: {place}: {first['msg']}. {FORMAT.remake}") from error


@cache
def _adapter() -> TypeAdapter[SiteCertificate]:
    return TypeAdapter(SiteCertificate)


def _asked(question: SiteQuestion) -> dict[str, Any]:
    return {
        "min_sensitivity": question.floor.text,
        "confidence": str(question.confidence),
        "cluster_method": question.method,
        "max_weight": question.max_weight,
    }


def _outcomes(certificate: SiteCertificate, new: PatientMisses) -> tuple[tuple[float, float, int], ...]:
    counted = Counter({(share, weight): times for share, weight, times in certificate.outcomes})
    weights = np.ones(new.patients) if new.weight is None else new.weight
    counted.update(zip(new.share.tolist(), weights.tolist(), strict=True))
    return tuple((share, weight, times) for (share, weight), times in sorted(counted.items()))


def _standing(certificate: SiteCertificate, now: SiteVerdict) -> SiteVerdict:
    """The verdict of all looks: an alarm stands, and so does what was certified where there is none."""
    best = replace(now, lower=certificate.lower, upper=certificate.upper)
    if certificate.alarm_after is None and certificate.certified_after is None:
        return best
    verdict: Verdict = "certified" if certificate.alarm_after is None else "alarm"
    return replace(best, verdict=verdict, more_if_none_missed=None, more_at_this_rate=None)
