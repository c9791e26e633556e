"""Who may import whom. The table is the design; an edge outside it is a failure, not a discussion."""

import ast
import graphlib
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "strnet"
LEAVES = {
    *(
        "bundle_format",
        "schema",
        "config",
        "errors",
        "files",
        "grouping",
        "locks",
        "row_filter",
        "sealed",
        "workers",
    ),
    "yaml_text",
    "tables",
    *("options", "threshold_options", "floor_options", "local_options", "verification_options"),
}
ALLOWED = {
    "errors": set(),
    "schema": set(),
    "options": set(),
    "threshold_options": {"options"},
    "floor_options": {"options", "threshold_options"},
    "local_options": {"options", "threshold_options"},
    "verification_options": {"options", "threshold_options"},
    "dotted_keys": {"errors"},
    "config": {"dotted_keys", "errors", "schema", "yaml_text", "workers"},
    "files": {"errors"},
    "sealed": {"errors", "files"},
    "bundle_format": {"config", "sealed"},
    "locks": {"errors"},
    "yaml_text": {"errors"},
    "row_filter": {"errors"},
    "grouping": {"errors", "schema"},
    "tables": {"errors", "files"},
    "worker_process": {"errors"},
    "workers": {"errors", "worker_process"},
    "imaging": LEAVES,
    "stats": LEAVES,
    "density": LEAVES | {"imaging", "stats"},
    "models": LEAVES,
    "thresholds": LEAVES | {"stats"},
    "published": LEAVES | {"stats"},
    "cohort": LEAVES | {"imaging"},
    "trust": LEAVES | {"imaging", "stats"},
    "phantom": LEAVES | {"imaging"},
    "data": LEAVES | {"cohort", "imaging"},
    "calibration": LEAVES | {"stats", "thresholds"},
    "training": LEAVES | {"data", "imaging", "models", "stats", "cohort", "thresholds", "trust"},
    "inference": LEAVES | {"calibration", "imaging", "models", "stats", "thresholds", "trust"},
    "interop": LEAVES | {"inference", "imaging"},
    "report": LEAVES | {"stats", "thresholds", "trust"},
    "jobs": LEAVES
    | {
        "imaging",
        "density",
        "cohort",
        "phantom",
        "data",
        "models",
        "training",
        "stats",
        "thresholds",
        "calibration",
        "inference",
        "report",
        "trust",
        "published",
    },
    "cli": LEAVES | {"jobs"},
}
HOMES = {
    "pytorch_lightning": ("training/", "data/datamodule.py"),
    "lightning": (),
    "optuna": ("training/tune.py",),
    "nibabel": ("imaging/",),
    "SimpleITK": (),
    "pydicom": ("imaging/", "interop/", "phantom/"),
    "timm": ("models/",),
    "monai": ("models/", "inference/saliency.py"),
    "torch": ("models/", "training/", "data/", "inference/"),
    "pandas": (),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Absolute names of all modules a file imports, at the top or inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_part_of_the_package_has_an_import_rule():
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts <= set(ALLOWED)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_the_parts_below_it(path):
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    used = {name.split(".")[1] for name in imported(path) if name.startswith("strnet.")} - {part}
    forbidden = {name for name in used if name != "__version__"} - ALLOWED[part]
    assert not forbidden, f"{path.relative_to(PACKAGE)} imports {sorted(forbidden)}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_heavy_library_stays_in_its_home(path):
    relative = path.relative_to(PACKAGE).as_posix()
    for name in imported(path):
        top = name.split(".")[0]
        if top in HOMES:
            assert relative.startswith(HOMES[top]), f"{relative} imports {top}"


def test_the_parts_form_no_circle():
    seen: set[str] = set()
    while len(seen) < len(ALLOWED):
        free = {part for part, below in ALLOWED.items() if part not in seen and below <= seen}
        assert free, f"circle among {sorted(set(ALLOWED) - seen)}"
        seen |= free


def test_the_modules_form_no_circle_not_even_for_their_types():
    paths = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in modules()}
    below = {}
    for name, path in paths.items():
        if path.stem != "__init__":  # a face hands on the names of the modules behind it
            found = imported(path)
            below[name] = (found | {inside.rpartition(".")[0] for inside in found}) & set(paths)
    graphlib.TopologicalSorter(below).prepare()  # raises CycleError, which names the circle


def test_no_module_is_named_after_nothing():
    empty_words = {"utils", "helpers", "common", "misc", "info", "data_utils"}
    assert not {path.stem for path in modules()} & empty_words


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_holds_one_idea(path):
    assert len(path.read_text().splitlines()) <= 400


def test_no_two_modules_share_a_name():
    stems = Counter(path.stem for path in modules() if not path.stem.startswith("__"))
    assert not [stem for stem, count in stems.items() if count > 1]
