"""Prediction: film files and a bundle to a table with one row per file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from strnet import schema
from strnet.errors import ConfigError, PartialResultError, RefusedFilmsError, unknown_name
from strnet.imaging import to_network_input
from strnet.inference.bundle import Bundle
from strnet.inference.engines import Array, Engine
from strnet.inference.film_regions import films_looked_at
from strnet.inference.film_session import RAN, FilmSession, state
from strnet.inference.journal import Outputs, PredictionJournal, Row
from strnet.inference.opening import ENGINES
from strnet.inference.region_answers import combined_regions
from strnet.inference.results import column_notes, result_columns
from strnet.inference.roster import SOP_INSTANCE_UID, Roster, film_roster
from strnet.trust import Screen, picture_statistics
from strnet.workers import AnyWorkers, Workers

Progress = Callable[[int, int], None]
"""Called with (files done, files in all)."""

BATCH_SIZE = 8
_LISTED = 20
_TEXTS = (
    *("path", *schema.IDENTITY_COLUMNS, SOP_INSTANCE_UID, "body_part"),
    *("status", "reason_code", "reason", "flags", "missing_clinical"),
)
ROW_TYPES = {
    **dict.fromkeys(_TEXTS, pl.String),
    **dict.fromkeys(("age", schema.ATYPICALITY), pl.Float64),
    "accept_anyway": pl.Boolean,
}


class Predictor:
    """A bundle ready to predict."""

    def __init__(self, bundle: Bundle, engine: str | Engine = "torch", *, mirrored: bool = False) -> None:
        """Opens the engine: `torch` or `onnx` with their defaults, or takes one that is open.

        With `mirrored` outputs are the mean of those for a film and for its mirror image.

        Raises: ConfigError: an unknown engine. BundleError, MissingExtraError: see `open_torch`, `open_onnx`.
        """
        self.bundle = bundle
        self.engine = _open(bundle, engine) if isinstance(engine, str) else engine
        self._picture = bundle.picture_model()
        self._mirrored = mirrored

    def predict_prepared(
        self, films: NDArray[np.uint16], clinical: NDArray[np.float32], *, batch_size: int = BATCH_SIZE
    ) -> Outputs:
        """Raw outputs per task, (N,) or (N, C), of prepared `films` (N, height, width) and `clinical` (N, K);
        under `atypicality` how unlike the training films each is (N,), where the bundle knows.

        Every call to the engine has `batch_size` films, the last one filled up with blank ones: what a film
        gets does not depend on how many others there are.
        """
        parts = [
            self._run_filled(
                films[start : start + batch_size], clinical[start : start + batch_size], batch_size
            )
            for start in range(0, len(films), batch_size)
        ]
        return {task: np.concatenate([part[task] for part in parts]) for task in parts[0]}

    def predict_files(
        self,
        paths: Sequence[Path | str],
        *,
        clinical: pl.DataFrame | None = None,
        batch_size: int = BATCH_SIZE,
        workers: AnyWorkers = None,
        accept_anyway: bool = False,
        progress: Progress | None = None,
    ) -> pl.DataFrame:
        """One row per file in `paths` and below the folders among them; columns as in `column_notes`.

        `clinical` is a table in the manifest's words, with any of `row_matching.KEYS` to tie its rows to
        films. Its values come before those of a header. A file that cannot be read, or that contradicts its
        row, has status `failed` and a reason, and the others are done. One that the bundle's applicability
        rules out has status `refused` and no score, unless `accept_anyway` is asked for, which every row then
        says. `require_all` turns both into an error. Files in folders that are no films have status
        `skipped`, at the end.

        Raises: ImageError: no file at all. ManifestError: a clinical table that cannot be used, found before
        any film is read. ConfigError: a batch below 1, or fewer than no workers.
        """
        workers = checked_workers(batch_size, workers)
        roster = film_roster(self.bundle, paths, clinical, workers)
        return self.predict_roster(
            roster,
            batch_size=batch_size,
            workers=workers,
            accept_anyway=accept_anyway,
            progress=progress,
        )

    def predict_roster(
        self,
        roster: Roster,
        *,
        batch_size: int = BATCH_SIZE,
        workers: AnyWorkers = None,
        accept_anyway: bool = False,
        progress: Progress | None = None,
        journal: PredictionJournal | None = None,
    ) -> pl.DataFrame:
        """One row per file of `roster`, see `predict_files`; what `journal` holds is not done again.

        Raises: ConfigError: a batch below 1, or fewer than no workers.
        """
        workers = checked_workers(batch_size, workers)
        screen = Screen(self.bundle.applicability, accept_anyway)
        session = self.session(roster, batch_size, accept_anyway=accept_anyway, journal=journal)
        done = len(session.rows)
        films = films_looked_at([(self.bundle, screen)], roster.files[done:], roster, workers)
        for position, (film,) in enumerate(films, start=done):
            session.take(position, film)
            if progress is not None:
                progress(position + 1, len(roster.files))
        rows = session.rows + [state(film.path, film.status, film.reason) for film in roster.skipped]
        told = [{**row, "accept_anyway": accept_anyway} for row in rows]
        return _table(self.bundle, told, session.merged())

    def session(
        self,
        roster: Roster,
        batch_size: int,
        *,
        accept_anyway: bool = False,
        journal: PredictionJournal | None = None,
    ) -> FilmSession:
        """The answers to the films of `roster`, which are then handed to it one by one."""
        own = replace(roster, clinical=self.bundle.clinical_inputs)
        screen = Screen(self.bundle.applicability, accept_anyway)
        return FilmSession(self._run_batches, own, screen, batch_size, journal)

    def _run_batches(
        self, pictures: NDArray[np.uint16], clinical: NDArray[np.float32], batch_size: int
    ) -> Outputs:
        """Raw outputs of films, each of which is one picture, or one of each of its regions."""
        outputs = self.predict_prepared(pictures, clinical, batch_size=batch_size)
        region = self.bundle.recipe.region
        if not region.several:
            return outputs
        return combined_regions(self.bundle, outputs, len(pictures) // len(region.names))

    def _run_filled(self, films: NDArray[np.uint16], clinical: NDArray[np.float32], size: int) -> Outputs:
        """Outputs of up to `size` films, run with blank ones up to that number."""
        own = self._filled(films, clinical, size)
        if self._mirrored:
            other = self._filled(films[:, :, ::-1], clinical, size)
            own |= {task.name: mean_of_both(own[task.name], other[task.name]) for task in self.bundle.tasks}
        features = own.pop(schema.FEATURES)
        if self._picture is not None:
            atypicality = self._picture.atypicality(features, picture_statistics(films))
            own[schema.ATYPICALITY] = atypicality.astype(np.float32)
        return own

    def _filled(
        self, films: NDArray[np.uint16], clinical: NDArray[np.float32], size: int
    ) -> dict[str, Array]:
        """Outputs and features of the engine for `films`, filled up with blank ones to `size`."""
        blank = size - len(films)
        image = to_network_input(np.pad(films, [(0, blank), (0, 0), (0, 0)]), self.bundle.preprocessing)
        values = np.pad(clinical, [(0, blank), (0, 0)], constant_values=np.nan)
        outputs = self.engine.run(image[:, np.newaxis], values.astype(np.float32))
        return {name: output[: len(films)] for name, output in outputs.items()}


def mean_of_both(film: NDArray[Any], mirrored: NDArray[Any]) -> Array:
    """Outputs (N, ...) for films and their mirror images as one, in the precision that networks answer in."""
    mean = (film.astype(np.float64) + mirrored.astype(np.float64)) / 2
    return mean.astype(np.float32)


def require_all(results: pl.DataFrame) -> None:
    """Raise unless every film was answered.

    Raises: PartialResultError: films that could not be predicted, with their reasons, whatever else is.
        RefusedFilmsError: films that the network may not answer.
    """
    films = results.filter(pl.col("status") != "skipped").height
    refused = results.filter(pl.col("status") == "refused")
    failed = results.filter(pl.col("status") == "failed")
    if not failed.is_empty():
        also = f", {refused.height} were refused" if refused.height else ""
        lines = _listed(failed["reason"].to_list())
        raise PartialResultError(
            f"{failed.height} of {films} films could not be predicted{also}; the others are done.{lines}"
        )
    if not refused.is_empty():
        reasons = [f"{path}: {reason}" for path, reason in refused.select("path", "reason").rows()]
        raise RefusedFilmsError(
            f"{refused.height} of {films} films were refused: the network was not made for them. The others "
            f"are done. --accept-anyway answers these too, and says so in every row.{_listed(reasons)}"
        )


def _listed(reasons: Sequence[str]) -> str:
    more = [f"and {len(reasons) - _LISTED} more"] if len(reasons) > _LISTED else []
    return "".join(f"\n  {line}" for line in [*reasons[:_LISTED], *more])


def _table(bundle: Bundle, rows: Sequence[Row], outputs: Outputs) -> pl.DataFrame:
    """The results table: identities of all files, and the scores of those that are answered.

    A film that its picture alone refused was run, and has no score all the same: somebody would put a
    threshold on it.
    """
    names = list(column_notes(bundle))
    identity = pl.DataFrame(rows, schema_overrides=ROW_TYPES, infer_schema_length=None)
    run = result_columns(bundle, outputs) if outputs else {}
    ran = [position for position, row in enumerate(rows) if row.get(RAN)]
    position = pl.Series("position", ran, dtype=pl.Int64)
    found = pl.DataFrame({"position": position, **run})
    table = identity.with_row_index("position").cast({"position": pl.Int64})
    table = table.join(found, on="position", how="left", maintain_order="left")
    answered = pl.col("status") == "ok"
    table = table.with_columns(pl.when(answered).then(pl.col(name)).alias(name) for name in run)
    measured = str(bundle.provenance.reference_standard)
    table = table.with_columns(pl.lit(measured).alias("reference_standard"))
    absent = [pl.lit(None).alias(name) for name in names if name not in table.columns]
    return table.with_columns(absent).select(names)


def checked_workers(batch_size: int, workers: AnyWorkers) -> Workers:
    """`workers` as read, once the size of a batch is known to be one.

    Raises: ConfigError: a batch below 1, or fewer than no workers.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size is {batch_size}, expected 1 or more.")
    return Workers.of(workers)


def _open(bundle: Bundle, engine: str) -> Engine:
    if engine not in ENGINES:
        raise ConfigError(unknown_name("engine", engine, ENGINES))
    return ENGINES[engine](bundle)
