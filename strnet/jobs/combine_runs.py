"""Several runs made into an ensemble: a run folder like any other, with a bundle of bundles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

import strnet
from strnet.calibration import Calibrated, Cases, Combination, calibrate, fit_combination, output_columns
from strnet.calibration import combine as combined_cases
from strnet.config import CohortConfig, CombinationConfig, EnsembleRecipe, dump_recipe
from strnet.errors import ConfigError, TrainingError
from strnet.files import read_json, write_json, write_text
from strnet.inference import (
    EnsembleProvenance,
    ReferenceStandard,
    load_network,
    member_entries,
    write_ensemble,
)
from strnet.inference.ensemble_document import scores_sha256
from strnet.inference.predictor import mean_of_both
from strnet.jobs.complete_run import OPERATING_POINTS, told_of, write_points
from strnet.jobs.ensemble_members import MemberRun, long_table, member_runs
from strnet.schema import BUNDLE_FOLDER, IMAGE_ID, SPLIT
from strnet.tables import write_table
from strnet.training import RunFolder, clear_run, mirrored_predictions
from strnet.training.environment import environment

T = TypeVar("T")


def combine(
    runs: Sequence[Path],
    out: Path,
    *,
    wanted: CombinationConfig | None = None,
    mirrored: bool = False,
    min_sensitivity: str | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """What came of the ensemble of `runs` now in `out`: cases, operating points, bundle.

    Calibrators, operating points and a stack are fitted on rows that are validation rows for all members.
    With `mirrored` each member also answers for the mirror image of every film. `min_sensitivity` is the
    floor, where the members' recipes name different ones. No option chooses members by what they score.

    Raises: TrainingError: no complete run, members that were trained on each other's rows, or a folder with
        other files. ConfigError: members that do not fit together, or no case that can be answered.
    """
    members = member_runs(runs)
    folder = _claimed(out, members, overwrite=overwrite)
    recipe = _recipe(out, members, wanted or CombinationConfig(), mirrored, min_sensitivity)
    tables = {name: _table(member, recipe) for name, member in members.items()}
    rows = long_table(members, tables)
    combination = fit_combination(rows.rows, recipe.tasks, recipe.combination, tuple(members))
    cases = combined_cases(rows.rows, recipe.tasks, combination)
    _require_any(cases, recipe)
    done = _calibrated(cases, members, combination, recipe)
    _write(folder, recipe, members, combination, done)
    told = {**_counts(cases), **({"remarks": [rows.remark]} if rows.remark else {})}
    folder.finish({"ensemble": {name: str(m.path) for name, m in members.items()}, "chosen": None, **told})
    return {
        "run": str(out),
        "members": list(members),
        **told,
        **told_of(done),
        "bundle": str(out / BUNDLE_FOLDER),
    }


def _claimed(out: Path, members: Mapping[str, MemberRun], *, overwrite: bool) -> RunFolder:
    """The folder of the ensemble, empty or with another one, which is kept until the new one can be written.

    Raises: TrainingError: it holds something else, or a whole ensemble and `overwrite` is not asked for.
    """
    for member in members.values():
        if out.resolve() in (member.path.resolve(), *member.path.resolve().parents):
            raise TrainingError(f"{out}: holds the member {member.path}. Give another folder.")
    folder = RunFolder(out)
    held = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    if out.exists() and not out.is_dir():
        raise TrainingError(f"{out} is a file. Give a new or empty folder.")
    if held and not _is_ensemble(folder):
        raise TrainingError(f"{out} holds files but no ensemble, such as {held[0]}. Give a new folder.")
    if folder.complete and not overwrite:
        raise TrainingError(f"{out} holds an ensemble. Overwrite it, or choose another folder.")
    return folder


def _is_ensemble(folder: RunFolder) -> bool:
    if folder.complete:
        return "ensemble" in read_json(folder.run)
    return folder.environment.is_file() and "ensemble" in read_json(folder.environment)


def _recipe(
    out: Path,
    members: Mapping[str, MemberRun],
    wanted: CombinationConfig,
    mirrored: bool,
    min_sensitivity: str | None,
) -> EnsembleRecipe:
    recipes = [member.recipe for member in members.values()]
    floors = [r.operating_point for r in recipes]
    if min_sensitivity is not None:
        without = [str(member.path) for member in members.values() if member.recipe.operating_point is None]
        if without:
            raise ConfigError(
                f"--min-sensitivity {min_sensitivity}: {without[0]} has no operating_point in its recipe, "
                "whose floor this could be. Combine without it, then fit one: strnet threshold fit."
            )
        floors = [f and f.model_copy(update={"min_sensitivity": min_sensitivity}) for f in floors]
    point = _shared(floors, "operating_point", members, " Name the floor with --min-sensitivity.")
    calibration = _shared([r.calibration for r in recipes], "calibration", members)
    return EnsembleRecipe.model_validate(
        {
            "name": re.sub(r"[^A-Za-z0-9_.-]", "_", out.resolve().name) or "ensemble",
            "description": f"{len(members)} networks that answer together.",
            "cohort": _cohort([r.cohort for r in recipes]).model_dump(),
            "tasks": [task.model_dump() for task in recipes[0].tasks],
            "combination": wanted.model_dump(),
            "mirrored": mirrored,
            "calibration": calibration.model_dump(),
            "operating_point": None if point is None else point.model_dump(),
        }
    )


def _shared(values: Sequence[T], what: str, members: Mapping[str, MemberRun], advice: str = "") -> T:
    for value, member in zip(values, members.values(), strict=True):
        if value != values[0]:
            first = next(iter(members.values()))
            raise ConfigError(
                f"combine: {member.path} has another {what} than {first.path}; the ensemble has one.{advice}"
            )
    return values[0]


def _cohort(cohorts: Sequence[CohortConfig]) -> CohortConfig:
    """What the members' cohorts share; of different conditions, that a row meets one of them."""
    conditions = list(dict.fromkeys(cohort.where for cohort in cohorts))
    where = " or ".join(f"({where})" for where in conditions) if None not in conditions else None
    found: dict[str, Any] = {"where": conditions[0] if len(conditions) == 1 else where}
    for name in ("manifest", "split"):
        paths = {getattr(cohort, name) for cohort in cohorts}
        found[name] = next(iter(paths)) if len(paths) == 1 else None
    return CohortConfig(**found)


def _table(member: MemberRun, recipe: EnsembleRecipe) -> pl.DataFrame:
    """A member's predictions; where mirror images count, the mean of both outputs."""
    if not recipe.mirrored:
        return member.predictions
    names = [name for task in recipe.tasks for name in output_columns(task)]
    network = load_network(member.bundle)
    other = mirrored_predictions(member.recipe, member.path, network)
    both = member.predictions.join(
        other.select(IMAGE_ID, *names), on=IMAGE_ID, how="left", suffix=".mirrored", maintain_order="left"
    )
    means = [
        pl.Series(name, mean_of_both(both[name].to_numpy(), both[f"{name}.mirrored"].to_numpy())).cast(
            pl.Float64
        )
        for name in names
    ]
    return member.predictions.with_columns(means)


def _require_any(cases: Cases, recipe: EnsembleRecipe) -> None:
    if cases.table.is_empty():
        by = recipe.combination.by
        raise ConfigError(
            f"combine: of {cases.left_out.height} cases by {by} none has an answer of every member. Combine "
            "by examination or patient if the members are for different views, or allow missing members."
        )


def _calibrated(
    cases: Cases, members: Mapping[str, MemberRun], combination: Combination, recipe: EnsembleRecipe
) -> Calibrated:
    entries = member_entries({name: member.bundle for name, member in members.items()})
    done = calibrate(
        cases.table,
        tasks=recipe.tasks,
        calibration=recipe.calibration,
        operating_point=recipe.operating_point,
        weights_sha256=scores_sha256(entries, combination, recipe.mirrored),
    )
    if combination.rule != "stack":
        return done
    points = tuple(replace(point, label=f"{point.label} and fitted the stack") for point in done.points)
    return replace(done, points=points)


def _write(
    folder: RunFolder,
    recipe: EnsembleRecipe,
    members: Mapping[str, MemberRun],
    combination: Combination,
    done: Calibrated,
) -> None:
    """Write all of the run folder but `run.json`; the environment first, by which it is known."""
    told = environment()
    if folder.path.is_dir():
        clear_run(folder)
    write_json(folder.environment, {**told, **_hashes(members), "ensemble": list(members)})
    write_text(folder.recipe, dump_recipe(recipe))
    write_table(done.table, folder.predictions)
    write_points(done, folder.path / OPERATING_POINTS)
    provenance = EnsembleProvenance(
        created=datetime.now(UTC),
        strnet_version=strnet.__version__,
        code_commit=told["git_commit"],
        cases=dict(done.table.group_by(SPLIT).len().sort(SPLIT).rows()),
        reference_standard=_standard(members),
    )
    bundles = {name: member.bundle for name, member in members.items()}
    write_ensemble(folder.path / BUNDLE_FOLDER, recipe, bundles, combination, done, provenance)


def _hashes(members: Mapping[str, MemberRun]) -> dict[str, Any]:
    """SHA-256 of manifest and split where the members share them; None where they do not."""
    found: dict[str, Any] = {"fold": None}
    for name in ("manifest_sha256", "split_sha256"):
        values = {getattr(member.bundle.provenance, name) for member in members.values()}
        found[name] = next(iter(values)) if len(values) == 1 else None
    return found


def _standard(members: Mapping[str, MemberRun]) -> ReferenceStandard:
    own = [member.bundle.provenance.reference_standard for member in members.values()]
    return ReferenceStandard(
        standards=tuple(sorted({name for one in own for name in one.standards})),
        sites=tuple(sorted({name for one in own for name in one.sites})),
    )


def _counts(cases: Cases) -> dict[str, Any]:
    """Cases by split, how many lack a member, and how many are not answered for that."""
    lacking = cases.table["missing_members"].drop_nulls().len()
    return {
        "cases": dict(cases.table.group_by(SPLIT).len().sort(SPLIT).rows()),
        **({"with_missing_members": lacking} if lacking else {}),
        **({"left_out": cases.left_out.height} if cases.left_out.height else {}),
    }
