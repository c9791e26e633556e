"""Five networks on AP and on lateral phantom films of the lumbar spine, then both views together.

A finished run is kept, an interrupted one goes on. Writes into ./reproduce/lumbar_two_views, and with
--write-readme the tables into the README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from experiments.lumbar_two_views.tables import comparison_section, member_section, shortcut_table, view_table
from experiments.steps import SAY, arguments, overrides, rows_of, show, sizes
from strnet.config import CombinationConfig, Recipe, load_recipe
from strnet.jobs import combine, evaluate, phantom, report, split, train_each
from strnet.jobs.one_protocol import Protocol
from strnet.report import Evaluation

HERE = Path(__file__).parent
SEED = 1
NETWORKS = ("resnet18", "darknet19", "mobilenetv2_100", "efficientnet_b0", "resnet34")
VIEWS = {"ap": "AP", "lateral": "LATERAL"}
FROM_PAPER = {"ap": "resnet18", "lateral": "darknet19"}
"""The networks that the paper reports; both are combined, whatever the others score."""
FLOORS = {"ap": "0.797", "lateral": "0.875"}
"""The paper's sensitivities, kept here as floors on validation, so that specificities can be compared."""


def main(argv: list[str] | None = None) -> None:
    """Make the cohort, the networks of each view, both together, and their tables."""
    chosen = arguments(__doc__, "lumbar_two_views").parse_args(argv)
    size = sizes(HERE / "sizes.yaml", chosen.size)
    out: Path = chosen.out
    readme = HERE / "README.md" if chosen.write_readme else None
    made = make_cohort(out, size)
    show("cohort", shortcut_table(made), readme)
    paper = yaml.safe_load((HERE / "paper.yaml").read_text())
    changes = {**size["changes"], **overrides(chosen.set)}
    networks = tuple(size.get("networks", NETWORKS))
    for view in VIEWS:
        evaluations, compared = networks_of(view, out, networks, changes)
        show(view, f"{view_table(evaluations, paper[view])}\n\n{comparison_section(compared)}", readme)
    members = [out / view / _paper_network(view, networks) for view in VIEWS]
    show("both", both(out, members), readme)


def make_cohort(out: Path, size: dict[str, Any]) -> dict[str, Any]:
    """The phantom's summary, once the cohort of people with one view or both, and its split, are in `out`."""
    people = size["people"]
    SAY("Making the phantom cohort")
    made = phantom(
        out / "cohort",
        anatomy="lumbar",
        patients=sum(people.values()),
        seed=SEED,
        size=tuple(size["film"]) if "film" in size else None,
        t_score_known=1.0,
    )
    manifest = pl.read_csv(out / "cohort" / "manifest.csv")
    sides = assigned(manifest["patient_id"].unique(maintain_order=True), size)
    rows = manifest.join(sides, on="patient_id", how="left", maintain_order="left")
    rows = rows.filter((pl.col("view") != "AP") | ~pl.col("lacks_ap"))
    rows.select("image_id", "split").write_csv(out / "assignment.csv")
    rows.drop("split", "lacks_ap").write_csv(out / "cohort" / "films.csv")
    split(out / "cohort" / "films.csv", out / "split.csv", assignment=out / "assignment.csv")
    return made


def assigned(people: pl.Series, size: dict[str, Any]) -> pl.DataFrame:
    """`patient_id`, `split` and whether the person lacks an AP film, drawn by the seed."""
    order = np.random.default_rng(SEED).permutation(people.len())
    splits = [part for part, count in size["people"].items() for _ in range(count)]
    lacking = [
        place < size["without_ap"][part] for part, count in size["people"].items() for place in range(count)
    ]
    return pl.DataFrame({"patient_id": people[order], "split": splits, "lacks_ap": lacking})


def recipe_of(view: str, out: Path, changes: dict[str, Any]) -> Recipe:
    """The recipe of one view, on the cohort in `out`."""
    own = {
        "name": f"lumbar-{view}",
        "cohort.where": f"view = '{VIEWS[view]}'",
        "operating_point.min_sensitivity": FLOORS[view],
    }
    rows = rows_of(out / "cohort" / "films.csv", out / "split.csv", out / "cache")
    return load_recipe(HERE / "recipe.yaml", {**rows, **own, **changes})


def networks_of(
    view: str, out: Path, networks: tuple[str, ...], changes: dict[str, Any]
) -> tuple[dict[str, Evaluation], Any]:
    """The evaluation of each network of a view, and the paired comparison of them all."""
    protocol = Protocol(recipe_of(view, out, changes), "network.backbone.name", networks)
    _, compared = train_each(protocol, out / view, resume=True, notice=SAY)
    truth = out / "cohort" / "truth.csv"
    found = {name: evaluate(out / view / name, truth=truth).evaluation for name in networks}
    SAY(f"Report: {report(out / view / _paper_network(view, networks), truth=truth)}")
    return found, compared


def both(out: Path, members: list[Path]) -> str:
    """Both views together, and each view beside them on the people who have it, in Markdown."""
    wanted = CombinationConfig(rule="mean", by="examination", missing="allow")
    combine(members, out / "both", wanted=wanted, min_sensitivity="0.86", overwrite=True)
    SAY(f"Report: {report(out / 'both')}")
    return member_section(evaluate(out / "both").evaluation)


def _paper_network(view: str, networks: tuple[str, ...]) -> str:
    return FROM_PAPER[view] if FROM_PAPER[view] in networks else networks[0]


if __name__ == "__main__":
    main()
