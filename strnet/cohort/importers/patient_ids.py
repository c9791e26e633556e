"""Whose film it is, by its name: the rule that the user gives, and one to offer where none is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from strnet.cohort.importers.request import ImportRequest
from strnet.errors import ManifestError
from strnet.imaging import image_name

FOLDER = "folder"
"""The rule by which the folder that a film lies in names its patient."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PatientsByName:
    """The patient of each film, and what to say of how that was found."""

    patients: tuple[str, ...]
    sentence: str


def patients_by_name(request: ImportRequest, films: Sequence[str]) -> PatientsByName | None:
    """The patient of each film, named by relative path, as the request asks; None if it asks for none.

    `--patient-id-from` is `folder`, a template such as `{patient}_{n}.png`, or a regular expression with a
    group `patient` (or one group only). Templates and expressions are tried on the file's name, or on the
    relative path where they hold a stroke, with and without the ending.

    Raises: ManifestError: a pattern that is none, films that it does not fit, or fits in two ways.
    """
    if request.one_patient_per_film:
        return PatientsByName(
            tuple(image_name(film) for film in films),
            "patients are not known: each film counts as one, so splits are by film, not by patient.",
        )
    if request.patient_id_from is None:
        return None
    return by_rule(request.patient_id_from, films)


def by_rule(rule: str, films: Sequence[str]) -> PatientsByName:
    """The patient of each film by one rule.

    Raises: ManifestError: as `patients_by_name`.
    """
    patient_of = _reader(rule)
    patients = [patient_of(film) for film in films]
    strangers = [film for film, patient in zip(films, patients, strict=True) if not patient]
    if strangers:
        raise ManifestError(
            f"{len(strangers)} of {len(films)} films do not fit '{rule}': {_listed(strangers)}."
        )
    found = tuple(patient for patient in patients if patient)
    example = f"; {films[0]} is of {found[0]}" if films else ""
    return PatientsByName(
        found, f"file names by '{rule}' ({len(set(found))} patients in {len(films)} films{example})"
    )


def suggested_rule(films: Sequence[str]) -> str | None:
    """A rule that fits every film and gives what can be patients; None if there is none."""
    names = [image_name(PurePosixPath(film).name) for film in films]
    rules = []
    for sign in "_-":
        if names and all(sign in name for name in names):
            one = all(name.count(sign) == 1 for name in names)
            rules.append(f"{{patient}}{sign}{{n}}" if one else f"^(?P<patient>[^{sign}]+){sign}")
    for rule in (*rules, FOLDER):
        try:
            patients = by_rule(rule, films).patients
        except ManifestError:
            continue
        if _parts_well(patients, films):
            return rule
    return None


def _parts_well(patients: Sequence[str], films: Sequence[str]) -> bool:
    """Whether these can be patients: several, numbered, and none of them in two folders.

    Folders of classes or sites often count from 1 each: then 17 in two of them is two people.
    """
    folders = {(patient, PurePosixPath(film).parent) for patient, film in zip(patients, films, strict=True)}
    different = set(patients)
    numbered = all(re.search(r"\d", patient) for patient in different)
    return 1 < len(different) == len(folders) and numbered


def _reader(rule: str) -> Callable[[str], str | None]:
    """A function from a relative path to its patient; None where the rule does not fit."""
    if rule == FOLDER:
        return lambda film: PurePosixPath(film).parent.name or None
    if "{patient}" in rule and "(?P<" not in rule:
        return _template_reader(rule)
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ManifestError(f"'{rule}' is no regular expression: {error}.") from error
    if "patient" not in pattern.groupindex and pattern.groups != 1:
        raise ManifestError(
            f"'{rule}' does not say which part is the patient. Write {{patient}} in a template such as "
            "{patient}_{n}, a group (?P<patient>...) in a regular expression, or folder."
        )
    group: int | str = "patient" if "patient" in pattern.groupindex else 1
    return lambda film: next((m[group] for text in _texts(rule, film) if (m := pattern.search(text))), None)


def _template_reader(template: str) -> Callable[[str], str | None]:
    short, long = _compiled(template, "+?"), _compiled(template, "+")

    def patient_of(film: str) -> str | None:
        for text in _texts(template, film):
            first, last = short.fullmatch(text), long.fullmatch(text)
            if first and last and first["patient"] != last["patient"]:
                raise ManifestError(
                    f"'{template}' fits {film} in two ways: the patient is '{first['patient']}' or "
                    f"'{last['patient']}'. Write a regular expression, such as '^(?P<patient>[^_]+)_'."
                )
            if first:
                return first["patient"]
        return None

    return patient_of


def _compiled(template: str, many: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", template)
    texts = [re.escape(part) if not part.startswith("{") else f"([^/]{many})" for part in parts]
    at = parts.index("{patient}")
    texts[at] = f"(?P<patient>[^/]{many})"
    return re.compile("".join(texts))


def _texts(rule: str, film: str) -> tuple[str, str]:
    text = film if "/" in rule else PurePosixPath(film).name
    return text, image_name(text)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def parted_patients(patient_of_film: Mapping[str, str]) -> str | None:
    """An example of films whose names begin alike while their patients differ; None if there are none."""
    films = list(patient_of_film)
    rule = suggested_rule(films)
    if rule is None:
        return None
    by_name: dict[str, dict[str, str]] = {}
    for film, begin in zip(films, by_rule(rule, films).patients, strict=True):
        by_name.setdefault(begin, {}).setdefault(patient_of_film[film], film)
    parted = next((patients for patients in by_name.values() if len(patients) > 1), None)
    if parted is None:
        return None
    return " and ".join(f"{film} of '{patient}'" for patient, film in list(parted.items())[:2])
