"""How many of the reported films the bundle would refuse or flag, if they came to prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from strnet import schema
from strnet.report.decisions import share_of
from strnet.report.evaluation import ApplicabilityEvaluation, FilmShare
from strnet.report.folds import by_fold
from strnet.report.settings import EvaluationSettings
from strnet.report.table import Table
from strnet.report.task_rows import patient_codes
from strnet.report.wording import counted_text, plain_name, sentence
from strnet.trust import Applicability, Finding, age_findings, facts_of_row, header_findings, picture_findings

OfFolds = Applicability | Mapping[int, Applicability]
"""One for all rows, or one for each fold."""
_ALWAYS = ("another_body_part", "another_view", "another_age", "atypical_picture")
"""Told even where no film has it: the predictions table always says enough."""


def evaluate_applicability(
    frame: pl.DataFrame, applicability: OfFolds, settings: EvaluationSettings
) -> ApplicabilityEvaluation:
    """Shares of the rows of `frame` by what refuses or flags them; those without `atypicality` have no such.

    Of the headers it sees what the table says: anatomy, view and age, and modality and presentation intent
    where they were joined to it. A film whose manifest row is blank is flagged at prediction, not refused,
    and so not counted here.
    """
    findings = list(_findings(frame, applicability))
    patients = patient_codes(frame)
    rows = np.ones(frame.height, dtype=bool)

    def share(hits: list[bool]) -> Any:
        return share_of(np.array(hits, dtype=bool), rows, patients, settings)

    codes = [finding.code for found in findings for finding in found]
    return ApplicabilityEvaluation(
        refused=share([any(finding.refuses for finding in found) for found in findings]),
        by_code=tuple(
            FilmShare(code, share([any(finding.code == code for finding in found) for found in findings]))
            for code in dict.fromkeys([*_ALWAYS, *codes])
            if code != "atypical_picture" or schema.ATYPICALITY in frame.columns
        ),
        notes=tuple(dict.fromkeys(_promise(one) for one in _each(applicability))),
    )


def applicability_table(result: ApplicabilityEvaluation) -> Table:
    """The shares in a table, by reason."""
    rows = [("Refused for any reason", counted_text(result.refused))]
    rows += [(sentence(plain_name(entry.code)), counted_text(entry.share)) for entry in result.by_code]
    return Table("Films that prediction would refuse or flag", ("What", "Films"), tuple(rows), result.notes)


def _findings(frame: pl.DataFrame, applicability: OfFolds) -> Iterator[list[Finding]]:
    """What refuses each row, and whether its picture is atypical, in order."""
    judges: list[Applicability | None] = [None] * frame.height
    for one, rows in (
        [(applicability, np.ones(frame.height, dtype=bool))]
        if isinstance(applicability, Applicability)
        else by_fold(applicability, frame)
    ):
        for position in np.flatnonzero(rows):
            judges[position] = one
    for row, judge in zip(frame.iter_rows(named=True), judges, strict=True):
        assert judge is not None  # by_fold refuses rows of no fold
        yield [finding for finding in _of_row(row, judge) if finding.refuses or finding.code in _ALWAYS]


def _of_row(row: Mapping[str, Any], judge: Applicability) -> tuple[Finding, ...]:
    atypicality = row.get(schema.ATYPICALITY)
    return (
        *header_findings(facts_of_row(row), judge.trained_on),
        *age_findings(row.get("age"), judge.trained_on),
        *(() if atypicality is None else picture_findings(atypicality, judge)),
    )


def _each(applicability: OfFolds) -> list[Applicability]:
    return [applicability] if isinstance(applicability, Applicability) else [*applicability.values()]


def _promise(applicability: Applicability) -> str:
    limit = applicability.picture
    if limit is None:
        return "No picture layer."
    does = "refused" if applicability.picture_refuses else "answered and flagged"
    short = "" if limit.kept else f"; {limit.false_refusal:.1%} asked for needs more validation films"
    return (
        f"An atypical picture is {does}. Of films like the {limit.validation_films} validation films at most "
        f"{limit.at_most:.1%} are, on average{short}."
    )
