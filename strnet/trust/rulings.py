"""What speaks against answering a film, and what becomes of the film: pure data, the codes in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from strnet import imaging

REFUSALS: Final = MappingProxyType(
    {
        "another_body_part": "the header names a body part that the network was not trained on",
        "another_view": "the header names a view that the network was not trained on",
        "another_modality": "made by a kind of device that the network was not trained on",
        "for_processing": "raw detector signal (FOR PROCESSING), which the network was not trained on",
        "another_age": "the patient's age is outside that of the training rows and the margin",
        **imaging.FAULTS,
        **{code: words for code, words in imaging.FLAGS.items() if code in imaging.LOSSES},
    }
)
"""Codes of what refuses a film, the gravest first, and what they mean."""
FLAGS: Final = MappingProxyType(
    {
        "atypical_picture": "unlike the training films, by the network's own features",
        "body_part_unknown": "nothing says which body part the film shows",
        "body_part_unsure": "the header names the body part only roughly, or only in free text",
        "body_part_contradicted": "the header names another body part beside one that would do",
        "body_part_unchecked": "the bundle does not know which body part it was trained on",
        "view_unknown": "nothing says which view the film is",
        "view_unsure": "the header names the view only roughly",
        "view_contradicted": "the header names another view beside one that would do",
        "view_unchecked": "the bundle does not know which views it was trained on",
        "modality_unknown": "nothing says which kind of device made the film",
        "age_unknown": "the patient's age is not known, and so not compared with the training rows",
        **{code: words for code, words in imaging.FLAGS.items() if code not in imaging.LOSSES},
    }
)
"""Codes of what is said of an answered film, and what they mean."""
ATYPICAL: Final = "atypical_picture"
"""A flag, or a refusal where the recipe says so."""
REASONS: Final = (*REFUSALS, ATYPICAL)
"""Every code that can refuse a film."""

Status = Literal["ok", "refused"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one film: its code, in words what was found, and whether it refuses the film."""

    code: str
    words: str
    refuses: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a film, as its row says it; codes are joined by spaces."""

    status: Status
    reason_code: str | None
    reason: str | None
    flags: str


def refusal(code: str, words: str) -> Finding:
    """A finding that refuses the film."""
    return Finding(code, words, refuses=True)


def flag(code: str, words: str = "") -> Finding:
    """A finding that is told beside the answer."""
    return Finding(code, words or FLAGS[code], refuses=False)


def ruling(findings: Sequence[Finding], *, accept_anyway: bool) -> Ruling:
    """What becomes of a film with these findings; `accept_anyway` answers it and keeps the reasons.

    A refused film has no flags: they are said of an answer.
    """
    against = [finding for finding in findings if finding.refuses]
    refused = bool(against) and not accept_anyway
    return Ruling(
        status="refused" if refused else "ok",
        reason_code=_codes(against) or None,
        reason="; ".join(finding.words for finding in against) or None,
        flags="" if refused else _codes(finding for finding in findings if not finding.refuses),
    )


def _codes(findings: Iterable[Finding]) -> str:
    return " ".join(dict.fromkeys(finding.code for finding in findings))
