"""Four pretrained networks on 254 lateral phantom films, their ensemble, three classes, and 1,000 films more.

A finished run is kept, an interrupted one goes on. Writes into ./reproduce/lumbar_sagittal_transfer, and with
--write-readme the tables into the README beside this file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from experiments.lumbar_sagittal_transfer.cohort import make_cohort, make_pretraining
from experiments.lumbar_sagittal_transfer.tables import class_section, network_table
from experiments.steps import SAY, arguments, overrides, rows_of, show, sizes
from strnet.config import CombinationConfig, load_recipe
from strnet.jobs import combine, describe, evaluate, report, train
from strnet.report import Evaluation

HERE = Path(__file__).parent


def main(argv: list[str] | None = None) -> None:
    """Make the cohorts, the pretrained networks, those of the experiment, and their tables."""
    chosen = arguments(__doc__, "lumbar_sagittal_transfer").parse_args(argv)
    size = sizes(HERE / "sizes.yaml", chosen.size)
    changes = {**size["changes"], **overrides(chosen.set)}
    out: Path = chosen.out
    readme = HERE / "README.md" if chosen.write_readme else None
    SAY("Making the phantom cohorts")
    manifest, knees = make_cohort(out, size), make_pretraining(out, size)
    show("patients", _table_one(out), readme)
    for name in size["networks"]:
        pretrained(name, knees, out, changes)
        fine_tuned(name, manifest, out, changes)
    members = [out / "runs" / name for name in size["networks"]]
    combine(members, out / "ensemble", wanted=CombinationConfig(rule="mean", by="image"), overwrite=True)
    paper = yaml.safe_load((HERE / "paper.yaml").read_text())
    for side, section in (("test", "test"), ("external", "further")):
        found = {path.name: _evaluated(path, out, side) for path in [*members, out / "ensemble"]}
        rows = [paper["row"]] if side == "test" else []
        show(section, f"{network_table(found, rows)}\n\n{class_section(found['ensemble'])}", readme)
    for path in members:
        SAY(f"Report: {report(path, truth=out / 'truth.csv')}")


def pretrained(name: str, manifest: Path, out: Path, changes: dict[str, Any]) -> None:
    """Train a network on the knee films, unless it is there."""
    SAY(f"{name}: pretraining")
    rows = rows_of(manifest, out / "knees.csv", out / "cache")
    own = {"network.backbone.name": name, **_only(changes, ("preprocessing.height", "preprocessing.width"))}
    train(load_recipe(HERE / "pretraining.yaml", {**rows, **own}), out / "pretrained" / name, resume=True)


def fine_tuned(name: str, manifest: Path, out: Path, changes: dict[str, Any]) -> None:
    """Train a network on the enrolled films from its pretrained weights, unless it is there."""
    SAY(f"{name}: training")
    rows = rows_of(manifest, out / "split.csv", out / "cache")
    start = {
        "name": f"lumbar-sagittal-{name}",
        "network.backbone.name": name,
        "network.backbone.weights": str(out / "pretrained" / name / "bundle"),
    }
    train(load_recipe(HERE / "recipe.yaml", {**rows, **start, **changes}), out / "runs" / name, resume=True)


def _table_one(out: Path) -> str:
    made = describe(out / "enrolled.csv", by="diagnosis", columns=("age", "sex", "bmi", "t_score"))
    return str(made.table.markdown())


def _evaluated(run: Path, out: Path, side: str) -> Evaluation:
    return evaluate(run, truth=out / "truth.csv", split=side).evaluation


def _only(changes: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key in keys}


if __name__ == "__main__":
    main()
