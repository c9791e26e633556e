"""The runs that are to answer together: whether they fit, and which rows none of them has learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from strnet.config import Recipe, load_recipe
from strnet.errors import ConfigError, TrainingError
from strnet.inference import Bundle, differing_tasks, named_members, read_bundle
from strnet.schema import BUNDLE_FOLDER, MEMBER, PATIENT_ID, SPLIT
from strnet.tables import read_table
from strnet.training import RunFolder, fold_folder, read_run

_SHOWN = 5
EXTERNAL = "external"


@dataclass(frozen=True, eq=False)
class MemberRun:
    """One member: its run folder, recipe and bundle, and its predictions table."""

    path: Path
    recipe: Recipe
    bundle: Bundle
    predictions: pl.DataFrame


def member_runs(runs: Sequence[Path]) -> dict[str, MemberRun]:
    """The members by name, in the order of their names; of a cross-validation each fold is one.

    Raises: TrainingError: no complete run, or an ensemble. BundleError: a bundle that was edited, or is given
        twice. ConfigError: fewer than two members, or members that do not ask the same questions.
    """
    folders = [folder for run in runs for folder in _folders(run)]
    bundles = {folder: read_bundle(folder / BUNDLE_FOLDER) for folder in folders}
    named = named_members(list(bundles.values()))
    if len(named) < 2:
        raise ConfigError(f"combine: found {len(named)} member, expected two or more. Name further runs.")
    place = {bundle.sha256: folder for folder, bundle in bundles.items()}
    members = {name: _member(place[bundle.sha256], bundle) for name, bundle in named.items()}
    _require_same_questions(members)
    return members


def _folders(run: Path) -> list[Path]:
    content = read_run(run)
    if "ensemble" in content:
        raise TrainingError(
            f"{run}: is an ensemble. There is none of ensembles: give the runs of its members, so that each "
            "of them counts once."
        )
    folders = [fold_folder(run, fold) for fold in range(len(content.get("folds", ())))] or [run]
    for folder in folders:
        if not (folder / BUNDLE_FOLDER).is_dir():
            raise TrainingError(f"{folder}: no bundle. Finish the run first, with --resume.")
    return folders


def _member(folder: Path, bundle: Bundle) -> MemberRun:
    run = RunFolder(folder)
    return MemberRun(folder, load_recipe(run.recipe), bundle, read_table(run.predictions, "predictions"))


def _require_same_questions(members: Mapping[str, MemberRun]) -> None:
    first, *others = members.values()
    for other in others:
        differing = differing_tasks(first.bundle, other.bundle)
        if differing:
            raise ConfigError(
                f"combine: {other.path} does not ask what {first.path} does: {differing} Members share their "
                "tasks and targets; their order, losses and clinical inputs may differ."
            )


@dataclass(frozen=True)
class LongTable:
    """A row per member and image, and in words what rows were left away, None where none were."""

    rows: pl.DataFrame
    remark: str | None = None


def long_table(members: Mapping[str, MemberRun], tables: Mapping[str, pl.DataFrame]) -> LongTable:
    """The members' `tables` one below the other, without rows that any member has learned from.

    Where all members use each patient for the same purpose, these are all rows. Where they do not, as folds
    of one cross-validation, only external patients are left: every other one chose or trained a member.

    Raises: TrainingError: such members, and no external patient, by the runs that contradict each other.
    """
    named = [table.with_columns(pl.lit(name).alias(MEMBER)) for name, table in tables.items()]
    # a baseline may exist for some members only
    rows = pl.concat(named, how="diagonal_relaxed")
    use = rows.select(MEMBER, PATIENT_ID, SPLIT).unique()
    splits = use.group_by(PATIENT_ID).agg(pl.col(SPLIT).unique())
    torn = splits.filter(pl.col(SPLIT).list.len() > 1)
    if torn.is_empty():
        return LongTable(rows)
    told = _contradictions(use, members)
    outside = splits.filter(pl.col(SPLIT).list.len() == 1, pl.col(SPLIT).list.first() == EXTERNAL)
    if outside.is_empty():
        raise TrainingError(
            f"combine: members were trained on each other's rows, so none is left to judge the ensemble "
            f"by.\n{told}\nCombine runs that share one split, such as seeds, architectures or views. Folds "
            "of one cross-validation can be judged on external rows only, and their split has none."
        )
    remark = (
        f"Only external rows: members were trained on each other's other rows, {torn.height} patients in "
        "all, and without validation rows in common there is no calibration and no operating point."
    )
    kept = rows.filter(pl.col(PATIENT_ID).is_in(outside[PATIENT_ID].implode()))
    return LongTable(kept, remark)


def _contradictions(use: pl.DataFrame, members: Mapping[str, MemberRun]) -> str:
    """A line per pair of members and pair of uses, with the number of patients."""
    pairs = use.join(use, on=PATIENT_ID, suffix="_other").filter(
        pl.col(MEMBER) < pl.col(f"{MEMBER}_other"), pl.col(SPLIT) != pl.col(f"{SPLIT}_other")
    )
    counts = pairs.group_by(MEMBER, SPLIT, f"{MEMBER}_other", f"{SPLIT}_other").len()
    lines = [
        f"  {members[one].path} has {count} patients as {own} that {members[two].path} has as {other}"
        for one, own, two, other, count in counts.sort(counts.columns).rows()
    ]
    more = [f"  and {len(lines) - _SHOWN} lines more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])
