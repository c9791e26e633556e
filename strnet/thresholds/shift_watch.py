"""A watch over the scores of new patients: have they changed since the reference was taken?

It needs no targets, and so it cannot speak of sensitivity: a rarer or more common disease moves the scores,
and leaves sensitivity as it is. It flags; only labelled rows withdraw a certificate.
Source: see `strnet.thresholds.conformal_martingale`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter, ValidationError

from strnet.errors import ThresholdError
from strnet.files import write_json
from strnet.local_options import FilmRule
from strnet.sealed import Format, read_sealed, seal
from strnet.thresholds.conformal_martingale import Alarms, Game, p_values, play
from strnet.thresholds.patient_hashes import Uints
from strnet.thresholds.score_identity import ScoreIdentity
from strnet.thresholds.watched_patients import Patients

FORMAT: Final = Format(
    name="strnet shift watch",
    version=2,
    noun="a shift watch",
    source="Give the file that threshold watch --reference began.",
    remake="Begin a new one with threshold watch --reference.",
    error=ThresholdError,
)
FLAGGED: Final = (
    "A flag says that scores have changed, not that sensitivity has: a rarer or more common disease alone "
    "changes them. It withdraws no certificate. Label new films and certify: strnet threshold certify."
)
SILENT: Final = (
    "No flag does not show that sensitivity holds: scores say nothing of it. Only labelled rows do: strnet "
    "threshold certify."
)
NEW_GAME: Final = Game()


@dataclass(frozen=True, slots=True)
class Flag:
    """The new patient, counted from 1, at which the alarm rang, and where scores had gone."""

    patient: int
    towards: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftWatch:
    """All that a watch knows, and goes on from.

    `scores` (n,) and `names` (n,) of the patients in the order they came, those of the reference first; a
    name is 16 hexadecimal digits of a hash. `score` says which score it is, `film` what one stands for in a
    patient with several films.
    """

    score: ScoreIdentity
    film: FilmRule
    alarms: Alarms
    reference: int
    scores: tuple[float, ...]
    names: tuple[str, ...]
    game: Game = NEW_GAME
    flags: tuple[Flag, ...] = ()

    @property
    def patients(self) -> int:
        """New patients seen, those of the reference left aside."""
        return len(self.scores) - self.reference

    @property
    def wealth(self) -> float:
        """What the player owns; the alarm rings at `alarms.limit`."""
        return self.game.wealth(self.alarms)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: how many patients were `new`, how many `known` already, the flags it raised."""

    watch: ShiftWatch
    films: int
    new: int
    known: int
    flags: tuple[Flag, ...]

    @property
    def flagged(self) -> bool:
        """Whether this look raised a flag; where one is promised to be rare for ever, whether any stands."""
        return bool(self.watch.flags if self.watch.alarms.ever else self.flags)

    @property
    def meaning(self) -> str:
        """What a flag says, and what the lack of one does not."""
        return FLAGGED if self.flagged else SILENT

    def to_dict(self) -> dict[str, Any]:
        """What was found, as JSON values, without the scores and names that the watch keeps."""
        seen = self.watch
        return {
            "flagged": self.flagged,
            "films": self.films,
            "new_patients": self.new,
            "known_patients": self.known,
            "new_flags": [asdict(flag) for flag in self.flags],
            "flags": [asdict(flag) for flag in seen.flags],
            "patients": seen.patients,
            "reference": seen.reference,
            "evidence": seen.wealth,
            "flagged_at": seen.alarms.limit,
            "false_alarms": seen.alarms.promise,
            "score": asdict(seen.score),
            "meaning": self.meaning,
        }


def begin_watch(reference: Patients, alarms: Alarms, film: FilmRule) -> ShiftWatch:
    """A watch that has seen its reference, and no new patient.

    Raises: ThresholdError: a reference whose scores are all equal, or an alarm that rings at once.
    """
    if not alarms.limit > 1:
        raise ThresholdError(
            f"watch: found a limit of {alarms.limit:g}, expected more than 1: a false alarm once in so many "
            "patients, or with a chance of 1 in so many."
        )
    if np.ptp(reference.score) == 0:
        raise ThresholdError(
            f"score: all {reference.score.size} patients of the reference have the score "
            f"{float(reference.score[0])!r}. Check that the right column was given."
        )
    return ShiftWatch(
        score=reference.identity,
        film=film,
        alarms=alarms,
        reference=reference.score.size,
        scores=tuple(reference.score.tolist()),
        names=_written(reference.names),
    )


def look_at(watch: ShiftWatch, patients: Patients) -> Look:
    """The watch once it has seen `patients`, one after the other; those that it knows are left out."""
    known = np.array([int(name, 16) for name in watch.names], dtype=np.uint64)
    new = patients.without(known)
    game, flags = watch.game, []
    values = p_values(np.array(watch.scores), new.score, new.draws)
    for number, value in enumerate(values.tolist(), start=watch.patients + 1):
        after = play(game, value, watch.alarms)
        if after.rung and not game.rung:
            flags.append(Flag(number, after.leader))
        game = after if watch.alarms.ever or not after.rung else NEW_GAME
    seen = replace(
        watch,
        scores=(*watch.scores, *new.score.tolist()),
        names=(*watch.names, *_written(new.names)),
        game=game,
        flags=(*watch.flags, *flags),
    )
    return Look(seen, patients.films, new.score.size, patients.score.size - new.score.size, tuple(flags))


def write_watch(watch: ShiftWatch, path: Path | str) -> None:
    """Write the watch to `path`: whole, or the file is what it was before."""
    write_json(path, seal(_FILE.dump_python(watch, mode="json"), FORMAT))


def read_watch(path: Path | str) -> ShiftWatch:
    """The watch in a file.

    Raises: ThresholdError: not such a file, of another schema version, incomplete, or edited since.
    """
    content: dict[str, Any] = read_sealed(path, FORMAT).content
    try:
        return _FILE.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"])) or "top level"
        raise ThresholdError(f"{path}: {place}: {first['msg']}. {FORMAT.remake}") from error


def _written(names: Uints) -> tuple[str, ...]:
    return tuple(f"{name:016x}" for name in names.tolist())


_FILE: Final = TypeAdapter(ShiftWatch)
