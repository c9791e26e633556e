"""STR-Net on 1,570 phantom films, then the ablation; a finished run is kept, an interrupted one goes on.

Writes into ./reproduce/strnet_knee, and with --write-readme the tables into the README beside this file.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from rich.console import Console

from experiments.readme import write_sections
from experiments.strnet_knee.tables import ablation_table, headline_table
from strnet.config import Recipe, load_recipe
from strnet.jobs import evaluate, phantom, report, split, train
from strnet.report import Evaluation

HERE = Path(__file__).parent
PATIENTS, SEED = 1111, 1  # with this seed 1,111 patients have 1,570 films
SIZES = {"train": 1120, "validation": 226, "test": 224}
FEW, FEW_T_SCORES = "manifest_few_t_scores.csv", 31
SAY = Console(stderr=True).print


def main() -> None:
    """Make the runs and their tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("reproduce/strnet_knee"))
    arguments.add_argument("--headline-only", action="store_true", help="leave the ablation out")
    arguments.add_argument("--write-readme", action="store_true", help="put the tables into the README")
    chosen = arguments.parse_args()
    readme = HERE / "README.md" if chosen.write_readme else None
    make_cohort(chosen.out)
    show("headline", headline(chosen.out), readme)
    if not chosen.headline_only:
        for table in ablation(chosen.out):
            show("ablation", table, readme)


def show(section: str, text: str, readme: Path | None) -> None:
    """Print `text` and write it to its section of `readme`."""
    print(text, flush=True)
    if readme is not None:
        write_sections(readme, {section: text})


def make_cohort(out: Path) -> None:
    """Make the phantom cohort in `out`, its split, and a manifest with few T-scores."""
    manifest = out / "cohort" / "manifest.csv"
    if manifest.with_name(FEW).exists():
        return
    SAY("Making the phantom cohort")
    phantom(out / "cohort", patients=PATIENTS, seed=SEED)
    split(manifest, out / "split.csv", ratios=SIZES, seed=SEED)
    few = keep_few_t_scores(pl.read_csv(manifest), pl.read_csv(out / "split.csv"))
    few.write_csv(manifest.with_name(FEW))


def keep_few_t_scores(manifest: pl.DataFrame, sides: pl.DataFrame) -> pl.DataFrame:
    """The manifest with T-scores for 31 training films only, as many as the paper had in all."""
    training = pl.col("image_id").is_in(sides.filter(pl.col("split") == "train")["image_id"].implode())
    known = manifest.filter(training, pl.col("t_score").is_not_null())["image_id"]
    kept = pl.col("image_id").is_in(known.sample(FEW_T_SCORES, seed=SEED).implode())
    return manifest.with_columns(t_score=pl.when(~training | kept).then(pl.col("t_score")))


def headline(out: Path) -> str:
    """The paper's table beside ours, in Markdown, after the headline run and its report."""
    recipe = load_recipe(HERE / "recipe.yaml", _cohort(out))
    evaluation = run(recipe, out / "headline", out)
    page = report(out / "headline", truth=out / "cohort" / "truth.csv")
    SAY(f"Report: {page}")
    return headline_table(evaluation, yaml.safe_load((HERE / "paper.yaml").read_text()))


def ablation(out: Path) -> Iterator[str]:
    """The Markdown table over the variants and seeds trained so far, after each run."""
    plan = yaml.safe_load((HERE / "ablation.yaml").read_text())
    found: dict[str, list[Evaluation]] = {}
    for seed in plan["seeds"]:
        for name, changes in plan["variants"].items():
            recipe = variant(out, plan["overrides"], changes, seed)
            found.setdefault(name, []).append(run(recipe, out / "ablation" / f"{name}-{seed}", out))
            yield ablation_table(found)


def variant(out: Path, common: dict[str, Any], changes: dict[str, Any], seed: int) -> Recipe:
    """The recipe of one ablation run; `recipe` and `manifest` among the changes name other files."""
    changes = dict(changes)
    file = HERE / changes.pop("recipe", "recipe.yaml")
    cohort = _cohort(out, changes.pop("manifest", "manifest.csv"))
    return load_recipe(file, {**common, **cohort, **changes, "seed": seed})


def run(recipe: Recipe, folder: Path, out: Path) -> Evaluation:
    """The evaluation of a run, trained now unless it is there."""
    SAY(f"{folder.name}: {recipe.name}, seed {recipe.seed}")
    train(recipe, folder, resume=True)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return evaluate(folder, truth=out / "cohort" / "truth.csv").evaluation


def _cohort(out: Path, manifest: str = "manifest.csv") -> dict[str, str]:
    return {
        "cohort.manifest": str(out / "cohort" / manifest),
        "cohort.split": str(out / "split.csv"),
        "cohort.cache": str(out / "cache"),
    }


if __name__ == "__main__":
    main()
