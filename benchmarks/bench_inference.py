"""Films per second of every engine side by side, without and with reading of files.

Run: python benchmarks/bench_inference.py, under three minutes on one core. The engines take turns, round by
round, so that a busy machine slows all of them alike. With files go those that `strnet predict` offers, the
start of the processes that read included. Weights are random: speed does not depend on them. Heavy imports
stand inside the functions, because each process that reads files imports this script again.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from strnet import __version__, inference
from strnet.calibration import Calibrated, Combination
from strnet.config import CombinationConfig, EnsembleRecipe, parse_recipe
from strnet.inference import Bundle, Engine, EnsembleBundle
from strnet.trust import Applicability, ApplicabilityFiles, TrainedOn

BATCH = 8
CLINICAL = ("age", "sex", "bmi")
WITH_FILES = ("torch fp32, channels_last", "ONNX Runtime fp32")


class PlainTorch:
    """The network as it comes: fp32, contiguous. What the other engines are held against."""

    def __init__(self, bundle: Bundle) -> None:
        self.network = inference.load_network(bundle)

    def run(self, image: np.ndarray, clinical: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`."""
        import torch

        with torch.inference_mode():
            inputs = (torch.from_numpy(image), torch.from_numpy(clinical))
            outputs, features = self.network.forward_with_features(*inputs)
        found = {**outputs, "features": features}
        return {name: output.numpy() for name, output in found.items()}


def bundle_of(backbone: str, side: int, folder: Path, view: str = "AP") -> Bundle:
    from strnet.models import ClinicalScaling, build_network

    scaling = ClinicalScaling(CLINICAL, (64.0, 0.3, 26.0), (9.0, 0.45, 4.0))
    loss = {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]}
    recipe = parse_recipe(
        {
            "name": f"{backbone}_{view}",
            "preprocessing": {"height": side, "width": side},
            "network": {"backbone": {"name": backbone}},
            "tasks": [
                {"name": "bone_loss", "kind": "binary", "target": loss, "clinical": CLINICAL},
                {"name": "t_score", "kind": "regression", "target": {"column": "t_score"}},
            ],
        }
    )
    return inference.write_bundle(
        folder / f"{backbone}_{view}",
        recipe=recipe,
        state_dict=build_network(recipe.network, recipe.tasks, scaling).state_dict(),
        clinical=scaling,
        calibrators={},
        operating_points=[],
        applicability=ApplicabilityFiles(Applicability(trained_on=TrainedOn(views=(view,)))),
        provenance=inference.Provenance(
            created=datetime.now(UTC),
            strnet_version=__version__,
            manifest_sha256="0" * 64,
            split_sha256="0" * 64,
            reference_standard=inference.ReferenceStandard(standards=("phantom",)),
        ),
    )


def engines_of(bundle: Bundle, folder: Path, threads: int) -> dict[str, Engine]:
    exported = inference.export_onnx(bundle, folder / f"{bundle.recipe.name}.onnx")
    return {
        "torch fp32, contiguous": PlainTorch(bundle),
        "torch fp32, channels_last": inference.open_torch(bundle),
        "torch bf16, channels_last": inference.open_torch(bundle, precision="bf16"),
        "ONNX Runtime fp32": inference.open_onnx(bundle, exported.path, threads=threads),
    }


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def engine_speeds(engines: dict[str, Engine], side: int, rounds: int) -> dict[str, float]:
    """Films per second of the network alone, median over rounds."""
    random = np.random.default_rng(0)
    image = random.normal(size=(BATCH, 1, side, side)).astype(np.float32)
    clinical = random.normal(60, 10, size=(BATCH, 3)).astype(np.float32)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, engine in engines.items():
            taken = seconds(lambda engine=engine: engine.run(image, clinical))
            if number > 0:  # the first round warms up
                times[name].append(taken)
    return {name: BATCH / statistics.median(taken) for name, taken in times.items()}


def file_speeds(
    bundle: Bundle, engines: dict[str, Engine], films: Path, workers: int, rounds: int
) -> dict[str, float]:
    """Films per second from DICOM files to the results table, median over rounds."""
    count = len(list(films.glob("*.dcm")))
    times: dict[str, list[float]] = {name: [] for name in WITH_FILES}
    for _ in range(rounds):
        for name in WITH_FILES:
            predictor = inference.Predictor(bundle, engines[name])
            times[name].append(
                seconds(lambda p=predictor: p.predict_files([films], batch_size=BATCH, workers=workers))
            )
    return {name: count / statistics.median(taken) for name, taken in times.items()}


def two_views(source: Path, folder: Path) -> list[Path]:
    """Folders of AP and lateral films: every other one of `source` says it is lateral; two are one study."""
    import pydicom

    folders = [folder / view for view in ("AP", "LL")]
    for home in folders:
        home.mkdir(parents=True)
    for number, path in enumerate(sorted(source.glob("*.dcm"))):
        film = pydicom.dcmread(path)
        film.ViewPosition = folders[number % 2].name
        film.PatientID = f"patient{number // 2}"
        film.StudyInstanceUID = f"1.2.{number // 2}"
        film.save_as(folders[number % 2] / path.name)
    return folders


def ensemble_of(bundles: list[Bundle], folder: Path) -> EnsembleBundle:
    """Two networks, one for each view of an examination."""
    members = inference.named_members(bundles)
    wanted = CombinationConfig(by="examination", missing="allow")
    return inference.write_ensemble(
        folder,
        EnsembleRecipe(name="both", tasks=bundles[0].tasks, combination=wanted),
        members,
        Combination(**wanted.model_dump(), members=tuple(members)),
        Calibrated({}, (), {}, pl.DataFrame()),
        inference.EnsembleProvenance(
            created=datetime.now(UTC),
            strnet_version=__version__,
            reference_standard=inference.ReferenceStandard(standards=("phantom",)),
        ),
    )


def ensemble_speeds(backbone: str, side: int, films: Path, workers: int, rounds: int) -> dict[str, float]:
    """Films per second of a two-view ensemble, and of its members one after the other.

    Each member gets the films of its view alone; medians over rounds, the first of which warms up.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        views = two_views(films, folder / "films")
        bundles = [bundle_of(backbone, side, folder, view) for view in ("AP", "LATERAL")]
        together = inference.EnsemblePredictor(ensemble_of(bundles, folder / "ensemble"))
        alone = [inference.Predictor(bundle) for bundle in bundles]
        ask = {"batch_size": BATCH, "workers": workers}
        works: dict[str, Callable[[], object]] = {
            "ensemble": lambda: together.predict_files(views, **ask),
            "members": lambda: [m.predict_files([own], **ask) for m, own in zip(alone, views, strict=True)],
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds + 1):
            for kind, work in works.items():
                times[kind].append(seconds(work))
        count = sum(len(list(own.glob("*.dcm"))) for own in views)
        return {kind: count / statistics.median(taken[1:]) for kind, taken in times.items()}


def main() -> None:
    import torch

    from strnet.phantom import Draw, make_cohort

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0"])
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--patients", type=int, default=64, help="phantom patients whose films are read")
    parser.add_argument("--workers", type=int, default=2, help="processes that read files")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_cohort("knee", folder / "cohort", Draw(1, (768, 640)), patients=arguments.patients)
        films = folder / "cohort" / "images"
        workers = sorted({1, arguments.workers})
        titles = ["network alone", *(f"files, {n} reading" for n in workers)]
        shape = f"{arguments.side} x {arguments.side}, batch {BATCH}"
        print(f"films/s, {shape}, {arguments.threads} thread(s), {len(list(films.glob('*.dcm')))} films")
        print(f"{'':44}" + "".join(f"{title:>18}" for title in titles), flush=True)
        for backbone in arguments.backbones:
            bundle = bundle_of(backbone, arguments.side, folder)
            engines = engines_of(bundle, folder, arguments.threads)
            columns = [engine_speeds(engines, arguments.side, 4 * arguments.rounds)]
            columns += [file_speeds(bundle, engines, films, n, arguments.rounds) for n in workers]
            for engine in engines:
                figures = "".join(
                    f"{column[engine]:18.1f}" if engine in column else f"{'':18}" for column in columns
                )
                print(f"{backbone:17} {engine:26}{figures}", flush=True)
        for readers in workers:
            speeds = ensemble_speeds(arguments.backbones[0], arguments.side, films, readers, arguments.rounds)
            print(
                f"two views of {arguments.backbones[0]}, files, {readers} reading: ensemble "
                f"{speeds['ensemble']:.1f}, its members one after the other {speeds['members']:.1f}, "
                f"ratio {speeds['ensemble'] / speeds['members']:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
