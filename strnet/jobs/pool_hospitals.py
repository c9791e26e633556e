"""A threshold over several hospitals whose rows stay where they are: form, counts, pool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from strnet.errors import ThresholdError
from strnet.thresholds import write_operating_point
from strnet.thresholds.cutoff_counts import fill_form
from strnet.thresholds.cutoff_form import (
    CutoffForm,
    FilledForm,
    make_form,
    read_filled,
    read_form,
    write_form,
)
from strnet.thresholds.pooled_threshold import PooledThreshold, pool_counts
from strnet.verification_options import FillOptions, FormOptions, PoolOptions


def threshold_form(out: Path, **asked: Unpack[FormOptions]) -> CutoffForm:
    """The form now in `out`, for every hospital to fill in.

    Raises: ThresholdError: cut-offs that are no numbers.
    """
    form = make_form(**asked)
    write_form(form, out)
    return form


def threshold_counts(scores: Path, form: Path, out: Path, **asked: Unpack[FillOptions]) -> FilledForm:
    """What `out` now holds: the form, filled in from the rows of a hospital, none of which leaves it.

    Raises: ThresholdError: unusable rows, or a form that was changed. BundleError: another score.
    """
    for read in (scores, form):
        if out.resolve() == read.resolve():
            raise ThresholdError(f"{out}: is read and would be overwritten. Name another file to write.")
    filled = fill_form(read_form(form), scores, **asked)
    write_form(filled.form, out, filled)
    return filled


def threshold_pool(forms: Sequence[Path], out: Path, **asked: Unpack[PoolOptions]) -> PooledThreshold:
    """The threshold over the hospitals that filled in `forms`; its operating point is now in `out`.

    Raises: ThresholdError: forms that cannot be used, with the line. ImpossibleError: too few positives.
    """
    found = pool_counts([read_filled(path) for path in forms], **asked)
    write_operating_point(found.point, out)
    return found
