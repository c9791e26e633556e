"""A disk that fills up at any moment of any command: one line, exit code 2, what stood before intact."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from strnet.cli.main import run as strnet
from strnet.files import is_unfinished

pytestmark = pytest.mark.slow

TINY = {
    "network.backbone.name": "test_resnet",
    "network.backbone.weights": "null",
    "network.neck.features": "8",
    "preprocessing.height": "32",
    "preprocessing.width": "32",
    "trainer.max_epochs": "2",
    "trainer.loggers": "[csv, tensorboard]",
}
RECIPE = Path(__file__).parents[2] / "experiments" / "strnet_knee" / "recipe.yaml"
SIZE = 64 * 2**20
ROOM = [0, *(4096 * 3**k for k in range(9))]
"""Bytes left on the disk, from try to try."""
JOURNALS = (".unfinished", ".inspected.jsonl")
"""What lets the next call go on where this one met the full disk."""


class Disk:
    """A small file system in memory, of which only some bytes are left."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def leave(self, room: int) -> None:
        self._filler.unlink(missing_ok=True)
        free = shutil.disk_usage(self.path).free
        with self._filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, max(free - room, 1))

    def make_room(self) -> None:
        self._filler.unlink()

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.path.rglob("*") if path.is_file() and path != self._filler)
        return {str(path.relative_to(self.path)): path.read_bytes() for path in found}


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, f"size={SIZE}".encode()) != 0:
        pytest.skip(f"a tmpfs cannot be mounted here: {os.strerror(ctypes.get_errno())} (run as root)")
    yield Disk(path)
    assert libc.umount2(os.fsencode(path), 2) == 0  # 2: also where a mapped file is still open


@pytest.fixture
def command(monkeypatch, capfd):
    """A function that runs a command in this process and returns its exit code and what it said."""

    def started(*arguments):
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["strnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            strnet()
        return ended.value.code or 0, capfd.readouterr().err

    return started


def require_one_line(said: str, disk: Disk) -> None:
    errors = [line for line in said.splitlines() if "Error" in line]
    assert len(errors) == 1, said
    assert said.splitlines()[-1] == errors[0]
    assert str(disk.path) in errors[0]
    assert "No space left on device" in errors[0]
    assert "Traceback" not in said


def require_every_fold_told(said: str, disk: Disk) -> None:
    if "TrainingError" not in said:  # the disk was full before any fold began
        require_one_line(said, disk)
        return
    assert len([line for line in said.splitlines() if "TrainingError" in line]) == 1, said
    told = [line for line in said.splitlines() if line.startswith("  fold ")]
    assert told
    for line in told:
        assert str(disk.path) in line
        assert "No space left on device" in line
    assert "Traceback" not in said


def until_it_fits(disk, command, *arguments, again=(), told=require_one_line):
    """How often the disk was full before the command came to its end, on a disk with ever more room."""
    for full, room in enumerate(ROOM):
        disk.leave(room)
        code, said = command(*arguments, *(again if full else ()))
        if code == 0:
            return full
        assert code == 2, said
        told(said, disk)
        left = [path for path in disk.path.rglob(".*") if is_unfinished(path)]
        assert not left, left
    raise AssertionError(said)


def require_intact_until_it_fits(disk, command, written: list[Path], *arguments):
    """Run once; then every output stands as marked until one run has the room for all of them."""
    assert command(*arguments)[0] == 0
    for path in written:
        path.write_bytes(path.read_bytes() + b"\n")
    marked = disk.files()
    for full, room in enumerate(ROOM):  # noqa: B007 - how often it was full is asked below
        disk.leave(room)
        code, said = command(*arguments)
        if code == 0:
            break
        assert code == 2, said
        require_one_line(said, disk)
        now = {name: content for name, content in disk.files().items() if not name.endswith(JOURNALS)}
        assert now == marked
    assert full, "the disk was never full"
    assert code == 0, said
    after = disk.files()
    assert set(after) == set(marked)
    assert all(
        after[str(path.relative_to(disk.path))] != marked[str(path.relative_to(disk.path))]
        for path in written
    )


def with_settings(cohort, split="split.csv"):
    settings = [f"{key}={value}" for key, value in TINY.items()]
    files = ["--manifest", cohort / "manifest.csv", "--split", cohort / split]
    return [*files, *(part for setting in settings for part in ("--set", setting))]


@pytest.fixture(scope="module")
def trained(cohort, tmp_path_factory):
    """A tiny run on a disk with room."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    arguments = [
        "train",
        RECIPE,
        "-o",
        folder,
        *with_settings(cohort),
        "--set",
        f"cohort.cache={cohort / 'cache'}",
    ]
    subprocess.run([sys.executable, "-m", "strnet", *map(str, arguments)], check=True, capture_output=True)
    return folder


def same_predictions(first: Path, second: Path) -> bool:
    return pl.read_parquet(first / "predictions.parquet").equals(
        pl.read_parquet(second / "predictions.parquet")
    )


def test_a_training_goes_on_to_the_same_predictions(disk, command, cohort, trained):
    run = disk.path / "run"
    cache = ["--set", f"cohort.cache={disk.path / 'cache'}"]
    full = until_it_fits(
        disk, command, "train", RECIPE, "-o", run, *with_settings(cohort), *cache, again=["--resume"]
    )
    assert full > 4
    assert same_predictions(run, trained)
    assert (run / "bundle" / "bundle.json").exists()


def test_a_cross_validation_goes_on(disk, command, cohort, tmp_path):
    assert command("split", cohort / "manifest.csv", "-o", tmp_path / "folds.csv", "--folds", 3)[0] == 0
    arguments = with_settings(cohort, tmp_path / "folds.csv")
    cache = ["--set", f"cohort.cache={cohort / 'cache'}"]
    run = disk.path / "run"
    asked = ["crossval", RECIPE, "-o", run, *arguments, *cache]
    full = until_it_fits(disk, command, *asked, again=["--resume"], told=require_every_fold_told)
    assert full > 4
    assert command("crossval", RECIPE, "-o", tmp_path / "whole", *arguments, *cache)[0] == 0
    assert same_predictions(run, tmp_path / "whole")


def test_a_search_goes_on_to_the_same_trials(disk, command, cohort, tmp_path):
    (tmp_path / "space.yaml").write_text("network.neck.features: [4, 8, 12]\n")
    cache = ["--set", f"cohort.cache={cohort / 'cache'}"]
    arguments = ["tune", RECIPE, tmp_path / "space.yaml", "--trials", 2, *with_settings(cohort), *cache]
    full = until_it_fits(disk, command, *arguments, "-o", disk.path / "study")
    assert full > 3
    assert command(*arguments, "-o", tmp_path / "study")[0] == 0
    best = [(folder / "best.yaml").read_text() for folder in (disk.path / "study", tmp_path / "study")]
    assert best[0] == best[1]


def test_a_phantom_goes_on_to_the_same_bytes(disk, command, tmp_path):
    options = ["--patients", 3, "--rows", 128, "--columns", 128, "--workers", 1]
    assert until_it_fits(disk, command, "phantom", disk.path / "cohort", *options) > 2
    assert command("phantom", tmp_path / "cohort", *options)[0] == 0
    for path in (tmp_path / "cohort").rglob("*"):
        assert path.is_dir() or path.read_bytes() == (disk.path / path.relative_to(tmp_path)).read_bytes()


def test_ingest_and_split_leave_old_files_as_they_were(disk, command, tmp_path):
    films = tmp_path / "films"
    films.mkdir()
    rows = ["image_id,patient_id,t_score,reference_standard"]
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 16)).astype(np.uint8)
        Image.fromarray(pixels).save(films / f"f{number}.png")
        rows.append(f"f{number},p{number},{-3.0 if number % 2 else 0.0},dxa")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    manifest, split = disk.path / "m.csv", disk.path / "s.csv"
    written = [manifest, *(disk.path / f"m.{name}" for name in ("quarantine.csv", "flow.json", "audit.json"))]
    arguments = ["ingest", films, "-o", manifest, "--table", tmp_path / "labels.csv", "--workers", 1]
    require_intact_until_it_fits(disk, command, written, *arguments)
    written = [split, disk.path / "s.certificate.json"]
    disk.make_room()
    require_intact_until_it_fits(disk, command, written, "split", manifest, "-o", split)


def test_thresholds_leave_old_files_as_they_were(disk, command, trained):
    point, decided, picture = disk.path / "op.json", disk.path / "decided.csv", disk.path / "plot.svg"
    names = ["--target", "bone_loss", "--score", "bone_loss", "--method", "empirical"]
    fit = ["threshold", "fit", trained, *names, "-o", point, "--where", "split = 'validation'"]
    require_intact_until_it_fits(disk, command, [point], *fit)
    disk.make_room()
    require_intact_until_it_fits(disk, command, [point, picture], *fit, "--plot", picture)
    disk.make_room()
    apply = ["threshold", "apply", point, trained, "--score", "bone_loss", "-o", decided]
    require_intact_until_it_fits(disk, command, [decided], *apply)


def test_evaluation_report_and_export_leave_old_files_as_they_were(disk, command, trained):
    run = disk.path / "run"
    shutil.copytree(trained, run, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    require_intact_until_it_fits(disk, command, [run / "evaluation.json"], "evaluate", run)
    disk.make_room()
    assert command("report", run)[0] == 0
    pictures = sorted((run / "report" / "figures").glob("*.svg"))
    assert pictures
    written = [run / "report" / "report.html", *pictures]
    require_intact_until_it_fits(disk, command, written, "report", trained, "-o", run / "report")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    disk.make_room()
    onnx = disk.path / "net.onnx"
    require_intact_until_it_fits(
        disk, command, [onnx, onnx.with_suffix(".json")], "export", "onnx", trained / "bundle", "-o", onnx
    )


def test_a_prediction_leaves_the_old_table_and_goes_on(disk, command, trained, cohort):
    out = disk.path / "results.csv"
    arguments = [
        "predict",
        trained / "bundle",
        cohort / "images",
        "-o",
        out,
        "--workers",
        1,
        "--batch-size",
        4,
    ]
    require_intact_until_it_fits(disk, command, [out], *arguments)
    assert not list(disk.path.glob("*.unfinished"))


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_goes_to_a_full_disk_is_a_line_and_exit_code_2(options):
    arguments = [sys.executable, "-m", "strnet", "check-metrics", "accuracy=.82", "--n", "23", *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("OutputError: standard output: cannot be written (No space left on device)")
    assert len(done.stderr.splitlines()) == 1
