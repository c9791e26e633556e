"""A segmenter of L1 to L4, on scanners that it has not seen, and what its regions are worth to a network.

People of their own teach the segmenter. A network then learns from whole lateral films, from the planted
regions and from those that the segmenter finds; all are judged on the same people. A finished run is kept, an
interrupted one goes on. Writes into ./reproduce/lumbar_regions, and with --write-readme the tables into the
README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from experiments.lumbar_regions.tables import compared_section, segmenter_table
from experiments.steps import SAY, arguments, overrides, rows_of, show, sizes
from strnet.config import load_recipe
from strnet.files import read_json
from strnet.jobs import compare, evaluate, phantom, split, train

HERE = Path(__file__).parent
SEED, SEGMENTER_SEED = 6, 7
UNSEEN = ("site_c", "site_d")
NAMES = ["L1", "L2", "L3", "L4"]


def main(argv: list[str] | None = None) -> None:
    """Make the cohorts, the segmenter, the three networks, and their tables."""
    chosen = arguments(__doc__, "lumbar_regions").parse_args(argv)
    size = sizes(HERE / "sizes.yaml", chosen.size)
    out: Path = chosen.out
    readme = HERE / "README.md" if chosen.write_readme else None
    SAY("Making the phantom cohorts")
    make_cohort(out / "cohort", size, size["people"], SEED)
    rows = _manifest(out / "cohort")
    split(rows, out / "split.csv", ratios=size["ratios"], seed=SEED, external_sites=UNSEEN)
    figures = segmenter(out, size)
    show("segmenter", segmenter_table(figures), readme)
    changes = {**size["changes"], **overrides(chosen.set)}
    runs = [network(name, source, out, changes) for name, source in sources(out).items()]
    for side in ("test", "external"):
        truth = out / "cohort" / "truth.csv"
        found = {run.name: evaluate(run, truth=truth, split=side).evaluation for run in runs}
        compared = compare(runs, split=side, against="whole", common=True)
        show(side, compared_section(found, compared), readme)


def make_cohort(folder: Path, size: dict[str, Any], people: int, seed: int) -> None:
    """Make a lumbar phantom cohort of four hospitals in `folder`."""
    film = tuple(size["film"]) if "film" in size else None
    phantom(folder, anatomy="lumbar", patients=people, seed=seed, size=film, t_score_known=1.0, sites=4)


def segmenter(out: Path, size: dict[str, Any]) -> dict[str, Any]:
    """Figures of the segmenter by side of its own split, after it was trained unless it is there.

    Its training and test films are of two hospitals, its external ones of the other two.
    """
    home = out / "segmenter_cohort"
    make_cohort(home, size, size["segmenter_people"], SEGMENTER_SEED)
    shares = {"train": 0.7, "validation": 0.15, "test": 0.15}
    split(_manifest(home), out / "segmenter.csv", ratios=shares, seed=SEED, external_sites=UNSEEN)
    rows = rows_of(_manifest(home), out / "segmenter.csv", out / "cache")
    recipe = load_recipe(HERE / "segmenter.yaml", {**rows, **size["segmenter_changes"]})
    train(recipe, out / "segmenter", resume=True)
    figures: dict[str, Any] = read_json(out / "segmenter" / "segmentation.json")
    return figures


def sources(out: Path) -> dict[str, dict[str, Any]]:
    """What each network looks at: changes of the recipe's region."""
    planted = {"region.source": "manifest", "region.names": NAMES}
    found = {"region.source": str(out / "segmenter" / "segmenter"), "region.names": NAMES}
    return {"whole": {}, "planted": planted, "found": found}


def network(name: str, source: dict[str, Any], out: Path, changes: dict[str, Any]) -> Path:
    """Where the run of a network stands, trained unless it is there."""
    SAY(f"{name}: training")
    rows = rows_of(_manifest(out / "cohort"), out / "split.csv", out / "cache")
    train(load_recipe(HERE / "recipe.yaml", {**rows, **source, **changes}), out / name, resume=True)
    return out / name


def _manifest(folder: Path) -> Path:
    """The lateral films of a cohort; a segmenter that is searched over others would waste its time."""
    path = folder / "lateral.csv"
    if not path.exists():
        pl.read_csv(folder / "manifest.csv").filter(pl.col("view") == "LATERAL").write_csv(path)
    return path


if __name__ == "__main__":
    main()
