"""The chest phantom, and with --data the 70 real films of NIH ChestX-ray14 whose labels are a model's.

A finished run is kept, an interrupted one goes on. Writes into ./reproduce/chest, and with --write-readme the
tables into the README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.steps import SAY, arguments, overrides, rows_of, show, sizes
from strnet.config import load_recipe
from strnet.jobs import crossval, evaluate, ingest, phantom, report, split, train
from strnet.report import Evaluation, summary_tables

HERE = Path(__file__).parent
SEED, FOLDS = 1, 5


def main(argv: list[str] | None = None) -> None:
    """Make the phantom's run, then the folds of the real films, and their tables."""
    parser = arguments(__doc__, "chest")
    parser.add_argument("--data", type=Path, help="folder with label.csv and images/")
    chosen = parser.parse_args(argv)
    size = sizes(HERE / "sizes.yaml", chosen.size)
    changes = {**size["changes"], **overrides(chosen.set)}
    readme = HERE / "README.md" if chosen.write_readme else None
    show("phantom", tables(of_phantom(chosen.out, size, changes)), readme)
    if chosen.data is None:
        SAY("The real films were left out: say --data FOLDER, or make reproduce-chest DATA=FOLDER.")
        return
    show("real", tables(of_real_films(chosen.data, chosen.out, changes)), readme)


def of_phantom(out: Path, size: dict[str, Any], changes: dict[str, Any]) -> Evaluation:
    """The evaluation of the phantom's test films."""
    SAY("Making the phantom cohort")
    people = size["people"]
    phantom(
        out / "cohort",
        anatomy="chest",
        patients=sum(people.values()),
        seed=SEED,
        size=tuple(size["film"]) if "film" in size else None,
    )
    manifest, truth = out / "cohort" / "manifest.csv", out / "cohort" / "truth.csv"
    split(manifest, out / "split.csv", ratios=people, seed=SEED)
    rows = rows_of(manifest, out / "split.csv", out / "cache")
    train(load_recipe(HERE / "recipe.yaml", {**rows, **changes}), out / "phantom", resume=True)
    SAY(f"Report: {report(out / 'phantom', truth=truth)}")
    return evaluate(out / "phantom", truth=truth).evaluation


def of_real_films(data: Path, out: Path, changes: dict[str, Any]) -> Evaluation:
    """The evaluation of the real films out of fold, started from the phantom's network."""
    manifest = out / "real.csv"
    ingest(
        data / "images",
        manifest,
        layout="table",
        table=data / "label.csv",
        columns={"image_id": "NIH_Image_Index", "sex": "Gender"},
        ignored=("OP",),
        patient_id_from="{patient}_{n}",
        constants={"anatomy": "chest", "reference_standard": "model"},
    )
    split(manifest, out / "real_folds.csv", folds=FOLDS, seed=SEED)
    rows = rows_of(manifest, out / "real_folds.csv", out / "cache")
    start = {"network.backbone.weights": str(out / "phantom" / "bundle")}
    crossval(load_recipe(HERE / "real.yaml", {**rows, **start, **changes}), out / "real", resume=True)
    SAY(f"Report: {report(out / 'real')}")
    return evaluate(out / "real").evaluation


def tables(evaluation: Evaluation) -> str:
    """All tables of an evaluation, in Markdown."""
    return "\n\n".join(table.markdown() for table in summary_tables(evaluation))


if __name__ == "__main__":
    main()
