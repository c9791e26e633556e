"""A search over recipe keys, judged on the validation rows; test rows are never read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from strnet.config import Frozen, Recipe, dump_recipe, override_recipe
from strnet.data.records import drop_torn_tail
from strnet.errors import ConfigError, TrainingError
from strnet.files import sha256_file, write_text, writing_to
from strnet.training.cohort_rows import CohortRows, check_rows, prepare_cohort, rows_of
from strnet.training.fit import cache_folder, identity_of
from strnet.training.learning import check_recipe, refuse_segmentation, train_network
from strnet.training.machine import keep_freed_memory
from strnet.training.parent_rows import require_unseen_by_parent
from strnet.training.progress import film_progress
from strnet.training.run_folder import RunFolder, open_run
from strnet.yaml_text import read_yaml_file

_BEST = "best.yaml"
_JOURNAL = "journal.log"
_ERROR = "error"
_SPACE = "space_sha256"
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)

Choice = bool | int | float | str | None


class Range(Frozen):
    """A number between `low` and `high`; whole if both are whole."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="search on a logarithmic scale")

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError("expected low < high, and 0 < low on a logarithmic scale")
        return self


Space = Mapping[str, Range | tuple[Choice, ...]]
"""By dotted recipe key: a range, or the choices."""


@dataclass(frozen=True)
class TuneResult:
    """What a search found."""

    objective: str
    """The validation quantity: the recipe's `trainer.monitor`, at each trial's best epoch."""
    best_value: float
    best_recipe: Path
    trials: list[dict[str, Any]]
    """number, state (complete, pruned, failed), value, parameters; in order."""


def read_space(path: Path) -> Space:
    """The search space in a YAML file: dotted recipe keys to `{low, high, log}` or a list of choices.

    Raises: ConfigError: unreadable, or an entry that is neither.
    """
    content = read_yaml_file(path)
    try:
        space = TypeAdapter(dict[str, Range | tuple[Choice, ...]]).validate_python(content)
    except ValidationError as error:
        lines = "\n  ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"{path}: a search space maps recipe keys to a list of choices, or to low and high.\n  {lines}"
        ) from error
    if not space or () in space.values():
        raise ConfigError(f"{path}: a search space needs one key or more, and each key one choice or more.")
    return space


def tune(
    recipe: Recipe,
    space: Path,
    manifest: Path,
    split: Path,
    run: Path,
    *,
    trials: int = 20,
    regions: Path | None = None,
    progress: bool = True,
) -> TuneResult:
    """The best recipe of a search with `trials` trials in all, those of earlier calls in `run` counted.

    Each trial trains on the training rows and is judged by the best epoch's `trainer.monitor` on the
    validation rows; one that falls behind the median of the others at the same epoch is pruned. The sampler
    is seeded by the recipe, so that an interrupted search goes on as it would have.

    Raises: ConfigError: a key or value that the recipe cannot take. TrainingError: another search in `run`,
    or no trial that came to its end. Otherwise as `fit`.
    """
    refuse_segmentation(recipe)
    check_recipe(recipe)
    choices = read_space(space)
    _check_values(recipe, choices)
    keep_freed_memory()
    rows = rows_of(recipe, manifest, split, regions=regions).of(("train", "validation"))
    require_unseen_by_parent(recipe, rows)
    check_rows(recipe, rows)
    identity = identity_of(recipe, rows)
    with (
        _quiet_optuna(),
        open_run(run, identity, resume=True, overwrite=False, trained=_holds_a_trial) as folder,
    ):
        if not _holds_a_trial(folder):
            (folder.path / _JOURNAL).unlink(missing_ok=True)  # of an earlier start, perhaps of another recipe
        search = _Search(recipe, choices, rows, cache_folder(recipe, manifest), folder, progress)
        study = _open_study(search, sha256_file(space))
        _requeue_interrupted(study)
        while (ended := _count(study)) < trials:
            # Seeded by the count, not once: a search that was killed then draws as one that was not.
            study.sampler = optuna.samplers.TPESampler(seed=(recipe.seed + ended) % 2**32)
            study.optimize(search.objective, n_trials=1)
        return _result(study, search)


@dataclass(frozen=True)
class _Search:
    recipe: Recipe
    space: Space
    rows: CohortRows
    cache: Path
    folder: RunFolder
    progress: bool

    def objective(self, trial: Trial) -> float:
        """The monitored quantity of the trial's best epoch."""
        recipe = override_recipe(
            self.recipe, {k: _suggest(trial, k, entry) for k, entry in self.space.items()}
        )
        identity = identity_of(recipe, self.rows)

        def report(epoch: int, quantities: Mapping[str, float]) -> None:
            trial.report(quantities[recipe.trainer.monitor], epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        path = self.folder.path / "trials" / f"{trial.number:04d}"
        with open_run(path, identity, resume=False, overwrite=True) as folder:
            try:
                with film_progress(self.progress) as films:
                    cohort = prepare_cohort(recipe, self.rows, self.cache, films)
                return train_network(
                    recipe, cohort, folder, progress=self.progress, on_epoch=report
                ).best_value
            except TrainingError as error:
                # Pruned, not failed: the sampler ignores failures, and would walk into the next one.
                trial.set_user_attr(_ERROR, str(error))
                raise optuna.TrialPruned from error
            finally:
                folder.weights.unlink(missing_ok=True)
                shutil.rmtree(folder.last_checkpoint.parent, ignore_errors=True)


def _suggest(trial: Trial, key: str, entry: Range | tuple[Choice, ...]) -> Choice:
    if isinstance(entry, tuple):
        return trial.suggest_categorical(key, list(entry))
    if isinstance(entry.low, int) and isinstance(entry.high, int):
        return trial.suggest_int(key, entry.low, entry.high, log=entry.log)
    return trial.suggest_float(key, entry.low, entry.high, log=entry.log)


def _check_values(recipe: Recipe, space: Space) -> None:
    for key, entry in space.items():
        if _moves_the_yardstick(key, recipe.trainer.monitor):
            raise ConfigError(
                f"{key}: {recipe.trainer.monitor} would be computed otherwise for each value of it, and the "
                "trials could not be compared. Leave it out of the search space, or set trainer.monitor to a "
                "quantity that it does not enter."
            )
        for value in (entry.low, entry.high) if isinstance(entry, Range) else entry:
            check_recipe(override_recipe(recipe, {key: value}))


def _moves_the_yardstick(key: str, monitor: str) -> bool:
    """Whether the recipe's `key` changes the rows, the targets or the formula of the quantity `monitor`."""
    part, *rest = key.split(".")
    if part != "tasks" or len(rest) < 2:
        return part in ("cohort", "region") or key in ("trainer.monitor", "trainer.monitor_mode")
    task, setting = rest[:2]
    if monitor == "validation/loss" and setting in ("weight", "loss", "balance"):
        return True
    if monitor == f"validation/{task}_loss" and setting in ("loss", "balance"):
        return True
    return setting in ("name", "kind", "target", "given")


class _Journal(JournalFileBackend):
    """Optuna's journal, whose errors of writing name it."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines at its end.

        Raises: OutputError: see `files.writing_to`.
        """
        with writing_to(self._file_path):
            super().append_logs(logs)


def _storage(folder: RunFolder) -> JournalStorage:
    """The trials of the search in `folder`, none if it is new; this process holds the folder's lock."""
    journal = folder.path / _JOURNAL
    with writing_to(journal):
        # What a kill or a full disk cut off; optuna would append to it, and then read nothing any more.
        drop_torn_tail(journal)
        journal.with_name(f"{_JOURNAL}.lock").unlink(missing_ok=True)
        return JournalStorage(_Journal(str(journal)))


def _holds_a_trial(folder: RunFolder) -> bool:
    """Whether an epoch of any trial was completed."""
    if not (folder.path / _JOURNAL).exists():
        return False
    storage = _storage(folder)
    return any(
        trial.intermediate_values or trial.state in _ENDED
        for study in optuna.get_all_study_names(storage)
        for trial in optuna.load_study(study_name=study, storage=storage).get_trials(deepcopy=False)
    )


def _open_study(search: _Search, space_sha256: str) -> optuna.Study:
    trainer = search.recipe.trainer
    study = optuna.create_study(
        storage=_storage(search.folder),
        study_name=search.recipe.name,
        direction="minimize" if trainer.monitor_mode == "min" else "maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=trainer.max_epochs // 4),
        load_if_exists=True,
    )
    if study.user_attrs.get(_SPACE, space_sha256) != space_sha256:
        raise TrainingError(f"{search.folder.path} holds a search of another space. Choose another folder.")
    study.set_user_attr(_SPACE, space_sha256)
    return study


def _requeue_interrupted(study: optuna.Study) -> None:
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _count(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=_ENDED))


def _result(study: optuna.Study, search: _Search) -> TuneResult:
    ended = study.get_trials(deepcopy=False, states=_ENDED)
    if not any(trial.state == TrialState.COMPLETE for trial in ended):
        reason = ended[0].user_attrs.get(_ERROR, "pruned")
        raise TrainingError(f"None of {len(ended)} trials came to its end. The first: {reason}")
    best = search.folder.path / _BEST
    write_text(best, dump_recipe(override_recipe(search.recipe, study.best_params)))
    return TuneResult(search.recipe.trainer.monitor, study.best_value, best, [_described(t) for t in ended])


def _described(trial: FrozenTrial) -> dict[str, Any]:
    state = "failed" if _ERROR in trial.user_attrs else trial.state.name.lower()
    return {"number": trial.number, "state": state, "value": trial.value, "parameters": trial.params}


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # a failed trial is raised, and told once
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
