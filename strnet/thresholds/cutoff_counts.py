"""A form filled from the rows of a hospital: how many positives and negatives each cut-off flags."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from strnet.errors import ThresholdError
from strnet.options import with_defaults
from strnet.schema import PATIENT_ID
from strnet.stats.inputs import Bools, Floats, Ints
from strnet.thresholds.cutoff_form import CutoffForm, FilledForm
from strnet.thresholds.known_rows import require_each_once
from strnet.thresholds.patient_films import patient_films
from strnet.thresholds.reading_order import order_keys
from strnet.thresholds.rows import ClassRows
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
    positives, negatives = (_scores_of(rows, chosen) for chosen in (rows.target, ~rows.target))
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


def _scores_of(rows: ScoreRows, chosen: Bools) -> Floats:
    """The scores of the films where `chosen` (n,) is true, or of one film of each patient among them.

    Which one follows from the patient's id: nobody can choose it, and it knows nothing of the other patients.
    """
    score = np.asarray(rows.score[chosen], dtype=np.float64)
    if rows.clusters is None:
        return score
    films = patient_films(ClassRows(score, None, rows.clusters[chosen], rows.cluster_keys), None)
    return films.one_each(order_keys(films.keys, 0, None))


def _flagged(score: Floats, form: CutoffForm) -> Ints:
    """How many scores (n,) each cut-off flags, shape (k,)."""
    sign = 1.0 if form.operator == ">=" else -1.0
    ordered = np.sort(sign * score)
    below = np.searchsorted(ordered, sign * np.asarray(form.cutoffs), side="left")
    flagged: Ints = score.size - below
    return flagged
