"""A form filled from the rows of a hospital: how many positives and negatives each cut-off flags."""

from __future__ import annotations

import hashlib
from typing import Unpack

import numpy as np

from strnet.errors import ThresholdError
from strnet.options import with_defaults
from strnet.schema import PATIENT_ID
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.thresholds.cutoff_form import CutoffForm, FilledForm
from strnet.thresholds.known_rows import require_each_once
from strnet.thresholds.score_identity import identity_of, require_in_range
from strnet.thresholds.scores_table import ScoreColumns, ScoreRows, Source, read_scores
from strnet.verification_options import FillOptions


def fill_form(form: CutoffForm, source: Source, **asked: Unpack[FillOptions]) -> FilledForm:
    """The counts of one hospital; where patients are named (`cluster`), one film of each counts.

    Raises: ThresholdError: unusable rows, patients with several films who were not named, or a table that was
        pasted twice. BundleError: another score than the form's.
    """
    options = with_defaults(FillOptions, asked)
    columns = ScoreColumns(
        target=options["target"], score=options["score"] or form.score, cluster=options["cluster"]
    )
    rows = read_scores(source, columns, options["where"])
    wanted = identity_of(form.score, form.kind)
    wanted.require_same(rows.identity, said_same=options["same_score"])
    require_in_range(wanted, rows.score)
    _require_counted_once(rows)
    target, score = rows.target, np.asarray(rows.score, dtype=np.float64)
    if rows.clusters is not None:
        kept = one_film_each(rows.clusters, target, score)
        target, score = target[kept], score[kept]
    positives, negatives = score[target], score[~target]
    return FilledForm(
        hospital=options["hospital"],
        form=form,
        positives_flagged=_flagged(positives, form),
        positives=positives.size,
        negatives_flagged=_flagged(negatives, form),
        negatives=negatives.size,
    )


def _require_counted_once(rows: ScoreRows) -> None:
    """Raise unless each patient counts once, as far as a table shows; counts that were sent show nothing.

    Raises: ThresholdError: as `require_each_once`, or films of the same patients and no `cluster`.
    """
    if rows.patients_unnamed:
        raise ThresholdError(
            f"counts: some patients ({PATIENT_ID}) have several films, and each would count as a patient of "
            f"its own. Name the column: --cluster {PATIENT_ID}."
        )
    require_each_once(rows.target, rows.score, rows.clusters, rows.numbered)


def one_film_each(patients: Ints, target: Bools, score: Floats) -> Ints:
    """Rows (m,): of the positive films of each patient one, and of the negative films one.

    Which one of them, in the order of their scores, follows from a hash of the patient's place among all:
    nobody can choose it, and it knows nothing of the scores.
    """
    order = np.lexsort((score, target, patients))
    unit = patients[order] * 2 + target[order]
    first = np.flatnonzero(np.diff(unit, prepend=-1))
    films = np.diff(first, append=unit.size)
    drawn = np.array([_hashed(int(code)) for code in unit[first]], dtype=np.uint64) % films.astype(np.uint64)
    kept: Ints = order[first + drawn.astype(np.int64)]
    return kept


def _hashed(number: int) -> int:
    return int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8], "big")


def _flagged(score: Floats, form: CutoffForm) -> Ints:
    """How many scores (n,) each cut-off flags, shape (k,)."""
    sign = 1.0 if form.operator == ">=" else -1.0
    ordered = np.sort(sign * score)
    below = np.searchsorted(ordered, sign * np.asarray(form.cutoffs), side="left")
    flagged: Ints = score.size - below
    return flagged
