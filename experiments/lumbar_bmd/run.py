"""Five folds of 1,454 people: BMD at two sites and the category from one AP phantom film of the lumbar spine.

A finished fold is kept, an interrupted one goes on. Writes into ./reproduce/lumbar_bmd, and with
--write-readme the tables into the README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import yaml

from experiments.steps import SAY, arguments, overrides, rows_of, show, sizes
from strnet.config import load_recipe
from strnet.jobs import crossval, evaluate, phantom, report, split
from strnet.report import compare_with_paper, summary_tables

HERE = Path(__file__).parent
SEED = 2


def main(argv: list[str] | None = None) -> None:
    """Make the cohort, its folds, and their tables."""
    chosen = arguments(__doc__, "lumbar_bmd").parse_args(argv)
    size = sizes(HERE / "sizes.yaml", chosen.size)
    out: Path = chosen.out
    make_cohort(out, size)
    rows = rows_of(out / "cohort" / "ap.csv", out / "folds.csv", out / "cache")
    recipe = load_recipe(HERE / "recipe.yaml", {**rows, **size["changes"], **overrides(chosen.set)})
    crossval(recipe, out / "run", resume=True)
    truth = out / "cohort" / "truth.csv"
    SAY(f"Report: {report(out / 'run', truth=truth)}")
    evaluation = evaluate(out / "run", truth=truth).evaluation
    paper = yaml.safe_load((HERE / "paper.yaml").read_text())
    tables = [compare_with_paper(evaluation, paper), *summary_tables(evaluation)]
    text = "\n\n".join(table.markdown() for table in tables)
    show("results", text, HERE / "README.md" if chosen.write_readme else None)


def make_cohort(out: Path, size: dict[str, Any]) -> None:
    """Make the phantom cohort in `out`, the manifest of its AP films, and the folds."""
    SAY("Making the phantom cohort")
    phantom(
        out / "cohort",
        anatomy="lumbar",
        patients=size["people"],
        seed=SEED,
        size=tuple(size["film"]) if "film" in size else None,
        t_score_known=1.0,
    )
    manifest = pl.read_csv(out / "cohort" / "manifest.csv").filter(pl.col("view") == "AP")
    manifest.write_csv(out / "cohort" / "ap.csv")
    split(out / "cohort" / "ap.csv", out / "folds.csv", folds=size["folds"], seed=SEED)


if __name__ == "__main__":
    main()
