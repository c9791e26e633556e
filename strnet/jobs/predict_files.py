"""A bundle applied to films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from strnet.inference import Predictor, read_bundle, require_all
from strnet.tables import read_table, write_table


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
        """Nothing if every film could be read.

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
    batch_size: int = 8,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Prediction:
    """Results for every film among `paths` and below the folders there, now in the table `out`.

    A film that cannot be read stands there with its reason, and the others are done.

    Raises: BundleError: a bundle that was edited. ManifestError: an unusable clinical table.
        ImageError: no film at all.
    """
    predictor = Predictor(read_bundle(bundle), engine)
    known = None if clinical is None else read_table(clinical, "clinical table")
    table = predictor.predict_files(
        paths, clinical=known, batch_size=batch_size, workers=workers, progress=progress
    )
    write_table(table, out)
    counts = dict(table.group_by("status").len().sort("status").rows())
    return Prediction(table, {"results": str(out), **counts})
