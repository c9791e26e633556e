"""Whether contrast medium was in the vessels when a scan was taken, as far as its header says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

Contrast = Literal["none", "iv", "unknown"]
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)

_NO_AGENT = re.compile(r"^(no|none|non|nein|without|ohne|nil|0|n/a|not applied|native?|plain|unenhanced)$")
_NOT_IV = re.compile(r"oral|rectal|enema|\bp\.?o\.?\b|gastrograf")
_IV = re.compile(r"\bi\.?v\.?\b|intra ?ven|intravascular|vein|venous")
_WITHOUT = re.compile(
    r"\bnative?\b|\bnativ|non[- ]?contrast|without|\bw/?o\b|unenhanced|\bnon[- ]?enhanced|\bncct\b|"
    r"\bohne\b|\bplain\b"
)
_WITH = re.compile(
    r"(?<!non )(?<!non-)(?<!without )(?<!w/o )\bcontrast\b|\bce ?ct\b|(?<!un)(?<!non-)enhanced|\bkm\b|\bc\+"
)
_PHASES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("arterial", re.compile(r"\bart(erial|eriell|\.)?\b|angio|\bcta\b")),
    ("venous", re.compile(r"\b(portal|porto)[- ]?ven|\bportal\b|\bven(ous|oes|ös|\.)?\b|\bpv\b")),
    ("delayed", re.compile(r"\bdelayed?\b|\blate\b|\bexcret|\burograph|\bspaet|\bspät")),
)


def contrast_of(agent: str | None, route: str | None, descriptions: Sequence[str]) -> Contrast:
    """`iv`, `none` or `unknown`; statements that contradict each other are unknown.

    `agent` and `route` are Contrast/Bolus Agent (0018,0010) and Route (0018,1040). That a header names no
    agent says nothing: scanners and anonymisers leave it out of contrast scans too.

    Source: DICOM PS3.3 C.7.6.4 (contrast/bolus module).
    """
    said = {found for found in (_by_agent(agent, route), _by_words(descriptions)) if found}
    return said.pop() if len(said) == 1 else "unknown"


def phase_of(descriptions: Sequence[str]) -> str | None:
    """`arterial`, `venous` or `delayed`, where exactly one of them stands in the descriptions."""
    text = " ".join(descriptions).lower().replace("_", " ")
    found = [name for name, pattern in _PHASES if pattern.search(text)]
    return found[0] if len(found) == 1 else None


def _by_agent(agent: str | None, route: str | None) -> Contrast | None:
    if not agent:
        return None
    words = f"{agent} {route or ''}".lower().strip()
    if _NO_AGENT.match(agent.lower().strip()):
        return "none"
    if _NOT_IV.search(words):  # says what was swallowed, not what was injected
        return "iv" if _IV.search(words) else None
    return "iv"


def _by_words(descriptions: Sequence[str]) -> Contrast | None:
    text = " ".join(descriptions).lower().replace("_", " ")
    without, with_it = (
        bool(_WITHOUT.search(text)),
        bool(_WITH.search(text)) or phase_of(descriptions) is not None,
    )
    if without and with_it:
        return "unknown"
    return "none" if without else "iv" if with_it else None
