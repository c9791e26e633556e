"""The header layer: body part, view, device, raw signal and age of a film against the training rows.

A film that names what the network has not seen is refused; one that says nothing is answered and flagged.
AP and PA are two views: a bedside AP chest is magnified, lies and breathes otherwise than a PA one, and a PA
knee is a flexed one. Whoever wants both trains on both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from strnet.imaging import Acquisition
from strnet.trust.applicability import TrainedOn
from strnet.trust.body_parts import part_of_code, parts_named, trained_parts
from strnet.trust.rulings import Finding, flag, refusal
from strnet.trust.spellings import Meaning, word_set
from strnet.trust.view_positions import view_of_code, views_named

_PLAIN: Final = frozenset({"CR", "DX", "RG"})
"""Plain radiography under three names: storage phosphor, flat panel, digitised film."""
_OTHERS: Final = word_set(
    "MG XA RF PX IO BMD BDUS CT MR PT NM US IVUS ES XC OP OPT GM SM DG DF DS LS VF CF CS ECG RTIMAGE"
)
"""Devices, today's and retired ones, whose pictures are no plain radiographs."""
_OF_CLASS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1.2.840.10008.5.1.4.1.1.1.2": "MG",
        "1.2.840.10008.5.1.4.1.1.1.2.1": "MG",
        "1.2.840.10008.5.1.4.1.1.1.3": "IO",
        "1.2.840.10008.5.1.4.1.1.1.3.1": "IO",
        "1.2.840.10008.5.1.4.1.1.12.1": "XA",
        "1.2.840.10008.5.1.4.1.1.12.2": "RF",
    }
)
"""Modality by SOP class, where a header leaves it out. Source: DICOM PS3.4 B.5."""
_RAW_CLASSES: Final = frozenset(f"1.2.840.10008.5.1.4.1.1.1.{kind}.1" for kind in (1, 2, 3))
"""The classes whose name ends in For Processing."""


@dataclass(frozen=True, slots=True)
class HeaderFacts:
    """What a header, or a row of a manifest, says of a film; texts as written."""

    body_part: str | None = None
    region: tuple[str, ...] = ()
    """Anatomic Region Sequence: code values and meanings."""
    view: str | None = None
    view_code: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    """Of study, series and protocol."""
    modality: str | None = None
    presentation_intent: str | None = None


def facts_of_film(source: Acquisition) -> HeaderFacts:
    """What the file of a film says."""
    raw = source.presentation_intent is None and source.sop_class in _RAW_CLASSES
    return HeaderFacts(
        body_part=source.body_part,
        region=source.anatomic_region,
        view=source.view,
        view_code=source.view_code,
        descriptions=source.descriptions,
        modality=source.modality or _OF_CLASS.get(source.sop_class or ""),
        presentation_intent="FOR PROCESSING" if raw else source.presentation_intent,
    )


def facts_of_row(row: Mapping[str, Any]) -> HeaderFacts:
    """What a row of a manifest says; columns that it lacks say nothing."""
    return HeaderFacts(
        body_part=row.get("anatomy"),
        view=row.get("view"),
        modality=row.get("modality"),
        presentation_intent=row.get("presentation_intent"),
    )


def header_findings(facts: HeaderFacts, known: TrainedOn) -> tuple[Finding, ...]:
    """What the header says against answering the film, all but the age."""
    return (*_body_part(facts, known), *_view(facts, known), *_modality(facts, known), *_intent(facts, known))


def with_table(findings: Sequence[Finding], row: Mapping[str, Any], known: TrainedOn) -> tuple[Finding, ...]:
    """The findings of a header with what a manifest's row says of body part and view.

    The row fills in what the header leaves open, and can refuse; it does not lift what the header refuses.
    """
    facts = facts_of_row(row)
    told: list[Finding] = []
    open_before: set[str] = set()
    for topic, said, judged in (("body_part", facts.body_part, _body_part), ("view", facts.view, _view)):
        if said:
            told += judged(facts, known)
            open_before |= {f"{topic}_unknown", f"{topic}_unsure", f"{topic}_unchecked"}
    kept = [finding for finding in findings if finding.code not in open_before]
    known_codes = {finding.code for finding in kept}
    return (*kept, *(finding for finding in told if finding.code not in known_codes))


def age_findings(age: float | None, known: TrainedOn) -> tuple[Finding, ...]:
    """What the patient's age (years, None where unknown) says against answering the film."""
    if known.ages is None:
        return ()
    if age is None or math.isnan(age):
        return (flag("age_unknown"),)
    low, high = known.ages
    if low - known.age_margin <= age <= high + known.age_margin:
        return ()
    seen = f"{low:g} to {high:g} years"
    words = f"age {age:g}; the training rows are {seen}, and {known.age_margin:g} more are answered"
    return (refusal("another_age", words),)


def _body_part(facts: HeaderFacts, known: TrainedOn) -> Iterator[Finding]:
    trained = trained_parts(known.anatomies)
    named = _named(facts.body_part, facts.region, parts_named, part_of_code)
    told = [name for text in facts.descriptions for name in parts_named(text, prose=True)]
    if not named and not told:
        yield flag("body_part_unknown", _not_understood("body part", facts.body_part))
    elif not trained:
        yield flag("body_part_unchecked")
    elif not any(name & trained for name in named or told):
        yield refusal("another_body_part", _another("body part", _said(facts), known.anatomies))
    elif named and _tell_apart(named, trained) == "roughly" and told and not any(n & trained for n in told):
        # EXTREMITY may be a knee; with a description that names the tibia alone it is none.
        yield refusal("another_body_part", _another("body part", _said(facts), known.anatomies))
    elif any(not name & trained for name in (*named, *told)):
        yield flag("body_part_contradicted", f"another body part is named as well: {_said(facts)}")
    elif not named or _tell_apart(named, trained) == "roughly":
        yield flag("body_part_unsure", f"the body part is named only roughly: {_said(facts)}")


def _view(facts: HeaderFacts, known: TrainedOn) -> Iterator[Finding]:
    trained = frozenset(known.views)
    named = _named(facts.view, facts.view_code, views_named, view_of_code)
    said = ", ".join(filter(None, (facts.view, *facts.view_code)))
    if not trained:
        if named:
            yield flag("view_unchecked")
    elif not named:
        yield flag("view_unknown", _not_understood("view", facts.view))
    elif not any(name & trained for name in named):
        yield refusal("another_view", _another("view", said, known.views))
    elif any(not name & trained for name in named):
        yield flag("view_contradicted", f"another view is named as well: {said}")
    elif _tell_apart(named, trained) == "roughly":
        yield flag("view_unsure", f"the view is named only roughly: {said}")


def _modality(facts: HeaderFacts, known: TrainedOn) -> Iterator[Finding]:
    found = (facts.modality or "").strip().upper()
    seen = {name.upper() for name in known.modalities}
    usual = seen - _OTHERS or not seen
    if found in seen or (found in _PLAIN and usual):
        return
    if found in _OTHERS | _PLAIN:
        expected = known.modalities or tuple(sorted(_PLAIN))
        yield refusal("another_modality", _another("modality", found, expected))
    elif seen:
        yield flag("modality_unknown", _not_understood("modality", facts.modality))


def _intent(facts: HeaderFacts, known: TrainedOn) -> Iterator[Finding]:
    raw = "FOR PROCESSING"
    if (facts.presentation_intent or "").strip().upper() == raw and raw not in known.presentation_intents:
        yield refusal(
            "for_processing",
            "Presentation Intent Type is FOR PROCESSING, raw signal; the network was trained on pictures "
            "for a reader. Send the FOR PRESENTATION image",
        )


def _named(text: str | None, codes: Sequence[str], by_name: Any, by_code: Any) -> list[Meaning]:
    """What the plain text, the codes and their meanings name."""
    found = list(by_name(text or ""))
    for code in codes:
        meaning = by_code(code)
        found += [meaning] if meaning else by_name(code)
    return found


def _tell_apart(named: Sequence[Meaning], trained: Meaning) -> str:
    """`surely` if any name stands for nothing but what was trained on, else `roughly`."""
    return "surely" if any(name <= trained for name in named) else "roughly"


def _said(facts: HeaderFacts) -> str:
    """What names body parts; of free text only what it names, for it may say who the patient is."""
    told = {part for text in facts.descriptions for name in parts_named(text, prose=True) for part in name}
    described = f"described as {' and '.join(sorted(told))}" if told else None
    return ", ".join(filter(None, (facts.body_part, *facts.region, described)))


def _another(what: str, found: str, trained: Sequence[str]) -> str:
    return f"{what} {found}; the network was trained on {', '.join(trained)}"


def _not_understood(what: str, text: str | None) -> str:
    return f"the {what} '{text}' is not understood" if text else f"the {what} is not given"
