"""Which films a bundle answers, flags and refuses: its own test films, and folders of other films.

Run: python benchmarks/applicability.py RUN FOLDER [FOLDER ...]; RUN is the run folder whose bundle is asked.
One pass answers everything anyway, so that the picture layer's score is known of films that their header
refuses too. `make bench` leaves it out: it needs folders of films of other kinds.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from strnet.inference import Bundle, Predictor, read_bundle
from strnet.stats import auroc, proportion

SAY = Console(width=150, highlight=False).print


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("run", type=Path)
    arguments.add_argument("folders", type=Path, nargs="+")
    chosen = arguments.parse_args()
    bundle = read_bundle(chosen.run / "bundle")
    predictor = Predictor(bundle)
    own = pl.read_parquet(chosen.run / "predictions.parquet").filter(pl.col("split") == "test")["atypicality"]
    print_own(bundle, own.to_numpy())
    parts = {folder.name: predictor.predict_files([folder], accept_anyway=True) for folder in chosen.folders}
    print_counts(parts)
    print_picture(bundle, own.to_numpy(), parts)


def print_own(bundle: Bundle, own: np.ndarray) -> None:
    """How many of the run's own test films its picture layer finds atypical."""
    limit = bundle.applicability.picture
    if limit is None:
        raise SystemExit("The bundle has no picture layer.")
    share = proportion(int((own > limit.threshold).sum()), len(own))
    SAY(
        f"Own test films: {share.events} of {share.count} atypical = {share.value:.3f} "
        f"({share.low:.3f} to {share.high:.3f}); asked for {limit.false_refusal:g}, the "
        f"{limit.validation_films} validation films promise {limit.at_most:.3f} at most."
    )


def print_counts(parts: dict[str, pl.DataFrame]) -> None:
    """Files by what becomes of them, and films by each code."""
    table = Table("folder", "files", "answered", "answered, flagged", "refused", "failed, skipped", "by code")
    for name, results in parts.items():
        refused = results["reason_code"].is_not_null() & (results["status"] == "ok")
        flagged = (results["flags"].fill_null("") != "") & ~refused & (results["status"] == "ok")
        read = int((results["status"] == "ok").sum())
        counts = (read - int(refused.sum()) - int(flagged.sum()), int(flagged.sum()), int(refused.sum()))
        others = results.height - read
        table.add_row(name, str(results.height), *map(str, counts), str(others), by_code(results))
    SAY(table)


def by_code(results: pl.DataFrame) -> str:
    """Films by reason code, then by flag."""
    counted = [
        Counter(code for cell in results[column].drop_nulls() for code in cell.split())
        for column in ("reason_code", "flags")
    ]
    return "; ".join(f"{code} {count}" for codes in counted for code, count in codes.most_common())


def print_picture(bundle: Bundle, own: np.ndarray, parts: dict[str, pl.DataFrame]) -> None:
    """What the picture layer alone makes of each folder, and of each body part that its headers name."""
    limit = bundle.applicability.picture
    assert limit is not None
    table = Table("films", "n", "AUROC against own test films", "atypical", "smallest / limit")
    for name, results in parts.items():
        read = results.filter(pl.col("atypicality").is_not_null())
        for (part,), group in read.group_by("body_part", maintain_order=True):
            scores = group["atypicality"].to_numpy()
            truth = np.repeat([0, 1], [len(own), len(scores)])
            area = auroc(truth, np.concatenate([own, scores]).clip(max=1e6)).value
            share = f"{(scores > limit.threshold).mean():.3f}"
            nearest = f"{scores.min() / limit.threshold:.2f}"
            table.add_row(f"{name}: {part or 'not named'}", str(len(scores)), f"{area:.3f}", share, nearest)
    SAY(table)


if __name__ == "__main__":
    main()
