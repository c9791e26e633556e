"""Who stands where: external sites, shares of a split, folds. Patients and identical pictures stay whole."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.cohort.linked_films import allocate, linked_groups
from strnet.errors import SplitError, unknown_name
from strnet.schema import PATIENT_ID


def external_rows(rows: pl.DataFrame, sites: Sequence[str]) -> pl.Series:
    """Whether each row is of an external site, shape (rows,).

    Raises: SplitError: an unknown site, or patients (or identical pictures) at both kinds of site.
    """
    known = rows["site"].drop_nulls().unique().to_list()
    for site in sites:
        if site not in known:
            raise SplitError(unknown_name("site", site, known) if known else "The manifest names no sites.")
    external = rows["site"].is_in(list(sites)).fill_null(value=False)
    linked = rows.select(PATIENT_ID).with_columns(group=pl.Series(linked_groups(rows)), external=external)
    both = linked.filter(pl.col("external").n_unique().over("group") > 1)[PATIENT_ID].unique().sort()
    if both.len():
        listing = "\n".join(f"  patient {patient}" for patient in both[:20])
        more = f"\n  ... and {both.len() - 20} more" if both.len() > 20 else ""
        raise SplitError(
            f"{both.len()} patient(s) have films at an external site and at another, or share a picture "
            f"with one who has.\n{listing}{more}\n"
            "An external site must be apart: remove their films from one side."
        )
    return external


def split_by_ratio(
    rows: pl.DataFrame, classes: npt.NDArray[np.int64], ratios: Mapping[str, float], seed: int
) -> pl.Series:
    """`train`, `validation` or `test` for each row, near `ratios` in every class.

    Raises: SplitError: unknown names, negative shares, or a part that would stay empty.
    """
    names = ("train", "validation", "test")
    for name in ratios:
        if name not in names:
            raise SplitError(unknown_name("split", name, names))
    shares = [float(ratios.get(name, 0.0)) for name in names]
    if min(shares) < 0.0 or not 0.0 < sum(shares) < float("inf"):
        raise SplitError(f"ratios are {dict(ratios)}, expected shares or numbers of films above 0.")
    parts = allocate(linked_groups(rows), classes, shares, np.random.default_rng(seed))
    empty = [name for number, name in enumerate(names) if shares[number] > 0 and not (parts == number).any()]
    if empty:
        raise SplitError(f"{rows.height} films are too few for {dict(ratios)}: {empty[0]} would be empty.")
    return pl.Series([names[part] for part in parts])


def fold_numbers(rows: pl.DataFrame, classes: npt.NDArray[np.int64], folds: int, seed: int) -> pl.Series:
    """Fold of each row, 0 to `folds` - 1, by scikit-learn's StratifiedGroupKFold.

    Raises: SplitError: more folds than groups, or than films of every class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = linked_groups(rows)
    if not 3 <= folds <= groups.max() + 1:
        raise SplitError(
            f"folds is {folds}, expected 3 (train, validation, test) to {groups.max() + 1}, the number of "
            "patients that share no picture."
        )
    fold_of = np.zeros(rows.height, dtype=np.int64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class rarer than the number of folds is no secret: the certificate counts it fold by fold.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        try:
            for fold, (_, members) in enumerate(splitter.split(classes, classes, groups)):
                fold_of[members] = fold
        except ValueError as error:
            raise SplitError(f"{rows.height} films cannot be split into {folds} folds: {error}") from error
    return pl.Series(fold_of)
