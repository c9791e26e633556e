"""One row per film from the rows of its regions, before anything is calibrated."""

from __future__ import annotations

import polars as pl

from strnet.calibration import Combination, combine, fit_combination
from strnet.config import CombinationConfig, Recipe
from strnet.schema import MEMBERS, MISSING_MEMBERS, REGION
from strnet.tables import read_table, write_table
from strnet.training import RunFolder, read_run


def combine_regions(recipe: Recipe, folder: RunFolder) -> Combination | None:
    """How the regions of a film become its answer; the predictions table now has one row per film.

    The rows of the regions stand beside it. None where the network looks at one picture of each film.
    """
    if not recipe.region.several:
        return None
    if not folder.region_predictions.exists():
        write_table(read_table(folder.predictions), folder.region_predictions)
    rows = read_table(folder.region_predictions)
    names = read_run(folder.path)["regions"]["names"]
    wanted = CombinationConfig(rule=recipe.region.combine, by="image", missing="refuse")
    rule = fit_combination(rows, recipe.tasks, wanted, names, column=REGION)
    write_table(films_of(recipe, rows, rule), folder.predictions)
    return rule


def films_of(recipe: Recipe, rows: pl.DataFrame, rule: Combination) -> pl.DataFrame:
    """One row per film, in the order of `rows`; `disagreement.*` says how far its regions are apart."""
    films = combine(rows, recipe.tasks, rule, column=REGION).table.drop(MEMBERS, MISSING_MEMBERS)
    order = rows.select("image_id").unique(maintain_order=True)
    return order.join(films, on="image_id", how="inner", maintain_order="left").select(films.columns)
