"""Prediction with an ensemble: every film decoded once, every member asked, one row per case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from strnet.inference.ensemble_bundle import EnsembleBundle
from strnet.inference.ensemble_films import cases_of, film_of_case
from strnet.inference.ensemble_results import ensemble_table
from strnet.inference.film_files import as_text
from strnet.inference.film_regions import films_looked_at
from strnet.inference.film_session import RAN, FilmSession
from strnet.inference.journal import PredictionJournal
from strnet.inference.predictor import BATCH_SIZE, Predictor, Progress, checked_workers
from strnet.inference.results import Outputs
from strnet.inference.roster import Roster, film_roster
from strnet.trust import Screen
from strnet.workers import AnyWorkers


class EnsemblePredictor:
    """An ensemble ready to predict."""

    def __init__(self, bundle: EnsembleBundle, engine: str = "torch") -> None:
        """Opens the engine of every member.

        Raises: ConfigError: an unknown engine. BundleError, MissingExtraError: see `open_torch`, `open_onnx`.
        """
        self.bundle = bundle
        mirrored = bundle.recipe.mirrored
        self.members = {
            name: Predictor(member, engine, mirrored=mirrored) for name, member in bundle.members.items()
        }

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
        """One row per case among the films in `paths`; columns as in `ensemble_notes`.

        As `Predictor.predict_files`: what cannot be read or may not be answered stands there with its reason.

        Raises: as `Predictor.predict_files`.
        """
        workers = checked_workers(batch_size, workers)
        return self.predict_roster(
            film_roster(self.bundle, paths, clinical, workers),
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
        journals: Mapping[str, PredictionJournal] | None = None,
    ) -> pl.DataFrame:
        """One row per case of `roster`; what the members' `journals` hold is not done again.

        Raises: ConfigError: a batch below 1, or fewer than no workers.
        """
        workers = checked_workers(batch_size, workers)
        kept = journals or {}
        sessions = {
            name: member.session(roster, batch_size, accept_anyway=accept_anyway, journal=kept.get(name))
            for name, member in self.members.items()
        }
        done = min(len(session.rows) for session in sessions.values())
        networks = [
            (member, Screen(member.applicability, accept_anyway)) for member in self.bundle.members.values()
        ]
        films = films_looked_at(networks, roster.files[done:], roster, workers)
        for position, of_members in enumerate(films, start=done):
            for session, film in zip(sessions.values(), of_members, strict=True):
                session.take(position, film)
            if progress is not None:
                progress(position + 1, len(roster.files))
        return self._table(roster, sessions, accept_anyway)

    def _table(
        self, roster: Roster, sessions: Mapping[str, FilmSession], accept_anyway: bool
    ) -> pl.DataFrame:
        films = [
            film_of_case(
                position, {name: own.rows[position] for name, own in sessions.items()}, self.bundle.views
            )
            for position in range(len(roster.files))
        ]
        cases = cases_of(films, self.bundle.combination.by)
        outputs = {name: _by_position(session) for name, session in sessions.items()}
        table = ensemble_table(self.bundle, cases, outputs, accept_anyway=accept_anyway)
        skipped = [
            {"path": as_text(film.path), "status": film.status, "reason": film.reason}
            for film in roster.skipped
        ]
        if not skipped:
            return table
        rows = pl.DataFrame(skipped).with_columns(pl.lit(accept_anyway).alias("accept_anyway"))
        return pl.concat([table, rows], how="diagonal_relaxed")


def _by_position(session: FilmSession) -> dict[int, Outputs]:
    """Raw outputs of each film that was run, by its position in the roster."""
    merged = session.merged()
    ran = [position for position, row in enumerate(session.rows) if row.get(RAN)]
    return {
        position: {task: output[place] for task, output in merged.items()}
        for place, position in enumerate(ran)
    }
