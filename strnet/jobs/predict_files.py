"""A bundle applied to films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import strnet
from strnet.cohort.importers.film_facts import film_facts
from strnet.cohort.importers.labels import read_labels
from strnet.errors import ManifestError, StrnetError
from strnet.files import sha256_file
from strnet.inference import AnyBundle, Bundle, EnsemblePredictor, Predictor, open_bundle, require_all
from strnet.inference.journal import prediction_journal
from strnet.inference.predictor import BATCH_SIZE
from strnet.inference.roster import Roster, film_roster
from strnet.tables import require_writable, write_table
from strnet.workers import AnyWorkers

_EXAMPLES = 5


@dataclass(frozen=True)
class Prediction:
    """What was predicted: the results table as written, its counts, and what a person should know of them."""

    table: pl.DataFrame
    content: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """What the command ends with: 4 if a film failed, else 5 if one was refused, else 0."""
        try:
            self.raise_if_partial()
        except StrnetError as error:
            return error.exit_code
        return 0

    def raise_if_partial(self) -> None:
        """Raise unless every film was answered.

        Raises: PartialResultError: films that could not be predicted, with their reasons.
            RefusedFilmsError: films that the network was not made for.
        """
        require_all(self.table)


@dataclass(frozen=True)
class ClinicalSource:
    """A table of clinical values as a user names it: the manifest, or any table that `ingest` takes."""

    path: Path
    columns: Mapping[str, str] | None = None
    """Manifest columns by the table's."""
    constants: Mapping[str, str] | None = None
    """Values for the blank cells of a column."""


def predict(  # noqa: PLR0913 - a public entry: every ability is one keyword
    bundle: Path,
    paths: Sequence[Path],
    out: Path,
    *,
    clinical: ClinicalSource | Path | None = None,
    engine: str = "torch",
    batch_size: int = BATCH_SIZE,
    workers: AnyWorkers = None,
    accept_anyway: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Results for every film among `paths` and below the folders there, now in the table `out`.

    A film that is refused or cannot be read stands there with its reason, and the others are done;
    `accept_anyway` answers what would be refused, and every row says so. An older table at `out` is replaced,
    in one step at the end. A call that was interrupted keeps what it did beside `out`, and the same call goes
    on there.

    Raises: BundleError: a bundle that was edited. ManifestError: an unusable clinical table, or a place where
        no table can be written, both found before any film is read. ImageError: no film at all.
    """
    source = ClinicalSource(clinical) if isinstance(clinical, Path) else clinical
    require_writable(out)
    if source is not None and source.path.resolve() == out.resolve():
        raise ManifestError(f"{out}: is the clinical table, and would be replaced. Give another name.")
    opened = open_bundle(bundle)
    roster = film_roster(opened, paths, None if source is None else _facts(source, opened), workers)
    predictor = Predictor(opened, engine) if isinstance(opened, Bundle) else EnsemblePredictor(opened, engine)
    identity = {
        "strnet": strnet.__version__,
        "bundle": opened.sha256,
        "engine": engine,
        "batch_size": batch_size,
        "accept_anyway": accept_anyway,
        "clinical": None if source is None else {**asdict(source), "path": sha256_file(source.path)},
    }
    ask = partial(
        predictor.predict_roster,
        roster,
        batch_size=batch_size,
        workers=workers,
        accept_anyway=accept_anyway,
        progress=progress,
    )
    with ExitStack() as journals:
        if isinstance(predictor, Predictor):
            table = ask(journal=journals.enter_context(prediction_journal(out, identity)))
        else:
            table = ask(
                journals={
                    name: journals.enter_context(prediction_journal(_beside(out, name), identity))
                    for name in predictor.members
                }
            )
        write_table(table, out)
    fit = _fit(roster)
    content = {
        "results": str(out),
        **_counts(table, roster),
        **({} if fit is None else {"clinical_table": fit}),
    }
    return Prediction(table, content, tuple(_notes(roster)))


def _beside(out: Path, member: str) -> Path:
    """The name by which the journal of one member of an ensemble is known."""
    return out.with_name(f"{out.name}.{member}")


def _facts(source: ClinicalSource, bundle: AnyBundle) -> pl.DataFrame:
    labels = read_labels(source.path, source.columns, source.constants)
    return film_facts(labels, [*bundle.clinical_inputs, *bundle.cells_needed])


def _counts(table: pl.DataFrame, roster: Roster) -> dict[str, Any]:
    """Films by status, reason code and flag, and per clinical input how many answered ones lacked it."""
    counts = {**dict(table.group_by("status").len().sort("status").rows()), **_codes(table)}
    if not roster.clinical:
        return counts
    predicted = table.filter(pl.col("status") == "ok")["missing_clinical"].drop_nulls()
    lacked = Counter(name for cell in predicted for name in cell.split())
    return {**counts, "missing": {name: lacked[name] for name in roster.clinical if lacked[name]}}


def _codes(table: pl.DataFrame) -> dict[str, Any]:
    """Films that are flagged, and films by each reason code and flag; a film may have several."""
    flagged = int((table["flags"].fill_null("") != "").sum())
    by = {"by_reason": _each(table["reason_code"]), "by_flag": _each(table["flags"])}
    return {
        **({"flagged": flagged} if flagged else {}),
        **{name: found for name, found in by.items() if found},
    }


def _each(cells: pl.Series) -> dict[str, int]:
    return dict(sorted(Counter(code for cell in cells.drop_nulls() for code in cell.split()).items()))


def _fit(roster: Roster) -> dict[str, Any] | None:
    """How a table and the films fit together, with the first that do not."""
    if roster.tied is None:
        return None
    strange = [str(file) for file, row in zip(roster.files, roster.tied.row_of, strict=True) if row is None]
    return {
        "rows": len(roster.tied.table.rows),
        "rows_without_film": len(roster.tied.unused),
        "first_rows_without_film": list(roster.tied.unused[:_EXAMPLES]),
        "films_without_row": len(strange),
        "first_films_without_row": strange[:_EXAMPLES],
        "absent_columns": list(roster.tied.table.absent),
    }


def _notes(roster: Roster) -> list[str]:
    absent = () if roster.tied is None else roster.tied.table.absent
    if not absent:
        return []
    return [f"The clinical table has no column {', '.join(absent)}: unknown, unless a film's header says it."]
