"""A bundle applied to films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.errors import ManifestError
from strnet.inference import Predictor, read_bundle, require_all
from strnet.inference.predictor import BATCH_SIZE
from strnet.tables import read_table, require_writable, write_table


@dataclass(frozen=True)
class Prediction:
    """What was predicted: the results table as written, and its counts."""

    table: pl.DataFrame
    content: dict[str, Any]

    @property
    def failed(self) -> int:
        """How many films could not be read."""
        return int((self.table["status"] == "failed").sum())

    def raise_if_partial(self) -> None:
        """Raise unless every film could be read.

        Raises: PartialResultError: those that could not, with their reasons.
        """
        require_all(self.table)


def predict(
    bundle: Path,
    paths: Sequence[Path],
    out: Path,
    *,
    clinical: Path | None = None,
    engine: str = "torch",
    batch_size: int = BATCH_SIZE,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Results for every film among `paths` and below the folders there, now in the table `out`.

    A film that cannot be read stands there with its reason, and the others are done. An older table at `out`
    is replaced, in one step at the end.

    Raises: BundleError: a bundle that was edited. ManifestError: an unusable clinical table, or a place where
        no table can be written. ImageError: no film at all.
    """
    require_writable(out)
    if clinical is not None and clinical.resolve() == out.resolve():
        raise ManifestError(f"{out}: is the clinical table, and would be replaced. Give another name.")
    predictor = Predictor(read_bundle(bundle), engine)
    known = None if clinical is None else read_table(clinical, "clinical table")
    table = predictor.predict_files(
        paths, clinical=known, batch_size=batch_size, workers=workers, progress=progress
    )
    write_table(table, out)
    counts = dict(table.group_by("status").len().sort("status").rows())
    return Prediction(table, {"results": str(out), **counts})
