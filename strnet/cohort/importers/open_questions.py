"""Everything that an import cannot know, asked at once, with the command that would work."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from strnet.cohort.findings import Finding, finding_text
from strnet.cohort.importers.request import ImportRequest
from strnet.errors import ManifestError

PATIENT_IDS = "patient ids"
"""What the question whose films they are is about; it is asked once."""
_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is open, and the arguments that settle it; none where the table must be corrected."""

    about: str
    text: str
    mend: tuple[str, ...] = ()
    """A word in capitals stands for what only the user knows."""
    placeholders: tuple[str, ...] = ()


def raise_open(
    request: ImportRequest,
    questions: Sequence[Question],
    findings: Sequence[Finding] = (),
    *,
    clear: Sequence[str] = (),
    line_word: str = "line",
) -> None:
    """Raise if anything is open.

    `clear` says what was found without asking.

    Raises: ManifestError: all questions, all broken rows, and the command that would work.
    """
    if not questions and not findings:
        return
    questions = _once(questions)
    count = len(questions) + len(findings)
    lines = [f"{request.table or request.folder}: {count} thing(s) are open."]
    lines += [_wrapped(f"{question.about}: {question.text}") for question in questions]
    lines += [_wrapped_finding(found, line_word) for found in findings]
    if clear:
        lines += ["Clear so far:", *(_wrapped(sentence, "  ") for sentence in clear)]
    mends = [part for question in questions for part in question.mend]
    if mends:
        words = sorted({word for question in questions for word in question.placeholders})
        first = "Once these rows are corrected, this works" if findings else "This works"
        where = f", with your own word for {', '.join(words)}" if words else ""
        lines += [f"{first}{where}:", f"  {_without_broken_rule(request, mends).command(mends)}"]
    raise ManifestError("\n".join(lines))


def _once(questions: Sequence[Question]) -> list[Question]:
    """The questions, of those about patients the first: its mend settles the others."""
    patients = [question for question in questions if question.about == PATIENT_IDS]
    return [question for question in questions if question not in patients[1:]]


def _without_broken_rule(request: ImportRequest, mends: Sequence[str]) -> ImportRequest:
    """The request without the rule for patient ids that a mend replaces."""
    return replace(request, patient_id_from=None) if "--patient-id-from" in mends else request


def _wrapped(text: str, first: str = "- ") -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent="  " + " " * (len(first) - 2),
        break_on_hyphens=False,
    )


def _wrapped_finding(found: Finding, line_word: str) -> str:
    return "- " + finding_text(found, line_word).replace("\n", "\n  ")
