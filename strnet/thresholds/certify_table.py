"""What `strnet threshold certify` does: a frozen operating point on the table of another site."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Unpack, cast

import numpy as np

from strnet.errors import ThresholdError
from strnet.options import with_defaults
from strnet.stats.inputs import Bools
from strnet.threshold_options import CertifyFromTable, CertifyOptions
from strnet.thresholds.applying import column_for, require_same_score
from strnet.thresholds.certification import (
    Certification,
    SiteQuestion,
    SiteRows,
    certify_rows,
    decided_rows,
    described,
    read_question,
    unchecked,
)
from strnet.thresholds.from_table import score_columns
from strnet.thresholds.id_columns import names_asked
from strnet.thresholds.point import OperatingPoint
from strnet.thresholds.point_file import to_document
from strnet.thresholds.reading_order import Keys
from strnet.thresholds.rows import Labels, RowColumns, Rows, checked_rows
from strnet.thresholds.scores_table import ScoreRows, Source, open_table, read_scores
from strnet.thresholds.site_certificate import SiteCertificate, begun, continued, require_same_question
from strnet.thresholds.table_checks import films_of, notes_on, require_new_rows

ALL_ROWS = "all rows"
FILMS_FOR_PATIENTS = (
    "the threshold was fitted on patients, and here each film was counted as one: right only where no "
    "patient has two. Name the column of patients: --cluster."
)


@dataclass(frozen=True)
class SiteTable:
    """The table of a site, read: its scores, its rows decided, and what is asked of it."""

    point: OperatingPoint
    scores: ScoreRows
    site: SiteRows
    question: SiteQuestion
    column: str
    taken_for: str | None

    def named(self, found: Certification) -> Certification:
        """A finding with the score that it was made on."""
        notes = (*found.notes, *unchecked(self.point), *notes_on(self.scores))
        if self.point.clusters is not None and self.scores.clusters is None:
            notes = (*notes, FILMS_FOR_PATIENTS)
        return replace(found, score=self.column, taken_for=self.taken_for, notes=notes)

    def part(self, rows: Bools) -> SiteRows:
        """The rows of the site where `rows` (n,) is true."""
        return SiteRows(self.site.rows.subset(rows), self.site.decided[rows])


def certify_from_table(
    point: OperatingPoint, source: Source, **asked: Unpack[CertifyFromTable]
) -> dict[str, Certification]:
    """What `certify` says of all rows (first), and of each group (site) where a group column is named.

    The score is the operating point's own column if none is named.

    Raises: as `certify` and `read_scores`; ThresholdError: rows that the threshold was chosen from, or a
        table that was pasted twice. BundleError: another score than the operating point's.
    """
    table = _read_site(point, source, asked)
    found = {ALL_ROWS: certify_rows(table.site, table.question)}
    groups = table.scores.groups
    for column, labels in groups.items():
        for code, group in enumerate(labels.names):
            name = group if len(groups) == 1 else f"{column} {group}"
            found[name] = certify_rows(table.part(labels.codes == code), table.question)
    left_out = table.scores.without_target
    found[ALL_ROWS] = replace(found[ALL_ROWS], rows_without_target=left_out)
    return {name: table.named(one) for name, one in found.items()}


def certify_batch(
    point: OperatingPoint,
    source: Source,
    certificate: SiteCertificate | None,
    **asked: Unpack[CertifyFromTable],
) -> tuple[SiteCertificate, Certification]:
    """The site certificate after the new patients of a table, and what it says of all patients so far.

    A patient counts once, with all positive films that the table has; one with a film whose target is still
    empty waits. Rows that were counted before are passed over. The specificity is that of this table.

    Raises: as `certify_from_table`; ThresholdError: groups, a fixed test, patients without ids, other terms
        than the certificate's, or new films of a patient counted before.
    """
    if asked.get("group"):
        raise ThresholdError("state: found groups. A site certificate is of one site: choose it (--where).")
    table = _read_site(point, source, asked)
    if table.question.test != "anytime":
        raise ThresholdError("state: the fixed test is one look, at one table. Leave --test or --state out.")
    own = str(to_document(point)["sha256"])
    certificate = certificate or begun(own, table.question)
    require_same_question(certificate, own, table.question)
    return _count(table, certificate)


def _count(table: SiteTable, certificate: SiteCertificate) -> tuple[SiteCertificate, Certification]:
    target, (patients, films) = table.scores.target, _numbers(table.scores)
    before = target & np.isin(patients, certificate.known_patients)
    _require_no_late_films(before & ~np.isin(films, certificate.known_films), patients)
    waiting = target & ~before & _waiting(table.scores)
    new = target & ~before & ~waiting
    _require_unknown_films(new & np.isin(films, certificate.known_films))
    batch = table.part(new)
    grown, verdict = continued(
        certificate,
        table.question,
        table.question.misses(batch),
        films=(int(np.count_nonzero(new)), int(np.count_nonzero(batch.missed))),
        patients=patients[new],
        film_numbers=films[new],
    )
    found = described(table.part(new | ~target), table.question, grown.misses, verdict)
    found = replace(
        found,
        positives=grown.films,
        misses=grown.films_missed,
        sensitivity=None,
        rows_without_target=table.scores.without_target,
        notes=_notes(grown, certificate, (patients[new], patients[before], patients[waiting])),
    )
    return grown, table.named(found)


def _notes(now: SiteCertificate, past: SiteCertificate, patients: tuple[Keys, Keys, Keys]) -> tuple[str, ...]:
    new, before, waiting = (np.unique(part).size for part in patients)
    counted = f"{new} new patients in look {now.looks}" if now.looks > past.looks else "no new patients"
    notes = [f"{counted}; {before} were counted before, {waiting} wait for a target of another film."]
    for word, after in (("certified", now.certified_after), ("alarm", now.alarm_after)):
        if after is not None:
            notes.append(f"{word} after {after} patients.")
    return tuple(notes)


def _read_site(point: OperatingPoint, source: Source, asked: CertifyFromTable) -> SiteTable:
    if asked.get("prevalence") is not None:
        raise ThresholdError(
            "certify: found a prevalence, expected none: this operating point promises a sensitivity, which "
            "does not depend on it. Leave --prevalence out."
        )
    question = read_question(point, **cast("CertifyOptions", with_defaults(CertifyOptions, asked)))
    table = open_table(source, asked.get("csv_dialect"), names_asked(asked))
    column = column_for(point, table, asked.get("score"))
    scores = read_scores(table, score_columns(asked, column), asked.get("where"))
    taken_for = require_same_score(
        point, scores.identity, scores.score, said_same=asked.get("same_score", False)
    )
    require_new_rows(point, scores)
    if scores.weights is not None:
        scores = scores.subset(scores.weights > 0)  # a row of weight 0 counts as absent
    rows = _rows(point, scores, mixed=asked.get("mixed_clusters", False))
    return SiteTable(point, scores, decided_rows(point, rows), question, column, taken_for)


def _rows(point: OperatingPoint, scores: ScoreRows, *, mixed: bool) -> Rows:
    columns = RowColumns(
        weights=scores.weights,
        clusters=scores.clusters,
        cluster_keys=scores.cluster_keys,
        groups=_thresholds_by(point, scores),
        mixed_clusters=mixed,
        higher_is_positive=point.operator == ">=",
    )
    return checked_rows(scores.target, scores.score, columns)


def _thresholds_by(point: OperatingPoint, scores: ScoreRows) -> Labels | None:
    """The groups that `point` has a threshold each for, or the first that are named."""
    own = next((row.column for row in point.groups), "")
    return scores.groups.get(own) or next(iter(scores.groups.values()), None)


def _numbers(scores: ScoreRows) -> tuple[Keys, Keys]:
    """What the patient and the film of each row (n,) are known again by.

    Raises: ThresholdError: neither patients nor films have ids.
    """
    films = films_of(scores)
    if scores.clusters is not None and scores.cluster_keys is not None:
        return scores.cluster_keys[scores.clusters], films
    if scores.films is None:
        raise ThresholdError(
            "state: found no ids. Patients must be known again in the next table: name their column "
            "(--cluster), or that of the films where each patient has one (--id)."
        )
    return films, films


def _waiting(scores: ScoreRows) -> Bools:
    return np.zeros(scores.target.size, dtype=np.bool_) if scores.waiting is None else scores.waiting


def _require_unknown_films(known: Bools) -> None:
    if known.any():
        raise ThresholdError(
            f"state: found {np.count_nonzero(known)} films that were counted before, for patients of other "
            "names. A patient has one name in all tables: write it in the same way, or name the same column."
        )


def _require_no_late_films(late: Bools, patients: Keys) -> None:
    if late.any():
        count = np.unique(patients[late]).size
        raise ThresholdError(
            f"state: found {np.count_nonzero(late)} new positive films of {count} patients who were counted "
            "before. A patient counts once, with all films: leave later ones out (--where), and leave the "
            "targets of a patient empty until all films are in."
        )
