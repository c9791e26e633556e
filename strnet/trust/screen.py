"""The three layers on one film, in the order of their cost: header, quality, picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from strnet.imaging import Acquisition
from strnet.trust.applicability import Applicability
from strnet.trust.header_layer import age_findings, facts_of_film, header_findings, with_table
from strnet.trust.rulings import ATYPICAL, REFUSALS, Finding, Ruling, flag, refusal, ruling


@dataclass(frozen=True)
class Screen:
    """What decides whether a film is answered; small enough to travel to the processes that read films."""

    applicability: Applicability
    accept_anyway: bool = False

    def header(self, source: Acquisition) -> tuple[Finding, ...]:
        """What the header alone says; the age comes later, for a clinical table knows it better."""
        return header_findings(facts_of_film(source), self.applicability.trained_on)

    def table(self, findings: Sequence[Finding], row: Mapping[str, Any]) -> tuple[Finding, ...]:
        """The findings of a film's header with what its row in a table says as well."""
        return with_table(findings, row, self.applicability.trained_on)

    def age(self, years: float | None) -> tuple[Finding, ...]:
        """What the patient's age says."""
        return age_findings(years, self.applicability.trained_on)

    def picture(self, atypicality: float) -> tuple[Finding, ...]:
        """What the network's own features say."""
        return picture_findings(atypicality, self.applicability)

    def rule(self, findings: Sequence[Finding]) -> Ruling:
        """What becomes of a film with these findings."""
        return ruling(findings, accept_anyway=self.accept_anyway)

    def refuses(self, findings: Sequence[Finding]) -> bool:
        """Whether a film with these findings need not be looked at any further."""
        return self.rule(findings).status == "refused"


ANY_FILM: Final = Screen(Applicability())
"""What a bundle decides by that does not say what it was trained on."""


def quality_findings(faults: Iterable[str]) -> tuple[Finding, ...]:
    """What `Radiograph.flags` and `picture_faults` say against answering a film, each once."""
    return tuple(
        refusal(fault, REFUSALS[fault]) if fault in REFUSALS else flag(fault)
        for fault in dict.fromkeys(faults)
    )


def picture_findings(atypicality: float, applicability: Applicability) -> tuple[Finding, ...]:
    """A flag, or where the recipe says so a refusal, for a film beyond the limit of the picture layer."""
    limit = applicability.picture
    if limit is None or atypicality <= limit.threshold:
        return ()
    words = (
        f"the picture is unlike the training films: atypicality {atypicality:.3g}, "
        f"the limit is {limit.threshold:.3g}"
    )
    return ((refusal if applicability.picture_refuses else flag)(ATYPICAL, words),)
