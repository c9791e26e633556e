"""A small bundle with every kind of task, and small films to predict."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
import torch
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from strnet.config import Recipe, parse_recipe
from strnet.imaging import prepare, to_network_input
from strnet.inference import (
    Bundle,
    ExportReport,
    Provenance,
    ReferenceStandard,
    export_onnx,
    weights_sha256,
    write_bundle,
)
from strnet.models import ClinicalScaling, build_network
from strnet.stats import Calibrator, fit_calibrator
from strnet.thresholds import OperatingPoint, ScoreIdentity, fit_threshold
from strnet.trust import (
    Applicability,
    ApplicabilityFiles,
    TrainedOn,
    fit_picture_model,
    picture_bytes,
    picture_limit,
    picture_statistics,
    read_picture,
)

SCALING = ClinicalScaling(("age", "sex", "bmi"), (64.0, 0.3, 26.0), (9.0, 0.45, 4.0))
CLASSES = ("normal", "osteopenia", "osteoporosis")


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    diagnosis = {"column": "diagnosis", "positive": ["osteopenia", "osteoporosis"]}
    clinical = ["age", "sex", "bmi"]
    given = {"column": "diagnosis", "values": ["osteopenia", "osteoporosis"]}
    worst = {"column": "diagnosis", "positive": ["osteoporosis"]}
    tasks = [
        {"name": "bone_loss", "kind": "binary", "target": diagnosis, "clinical": clinical},
        {"name": "osteoporosis_given_loss", "kind": "binary", "target": worst, "given": given},
        {"name": "t_score", "kind": "regression", "target": {"column": "t_score"}, "clinical": ["age"]},
        {"name": "grade", "kind": "ordinal", "target": {"column": "diagnosis", "classes": CLASSES}},
        {"name": "finding", "kind": "multiclass", "target": {"column": "diagnosis", "classes": CLASSES}},
    ]
    network = {
        "backbone": {"name": "test_resnet", "weights": "/home/someone/imagenet.pth"},
        "neck": {"features": 16},
    }
    return parse_recipe(
        {
            "name": "tiny",
            "cohort": {"manifest": "/home/someone/manifest.csv", "where": "view = 'AP'"},
            "preprocessing": {"height": 64, "width": 48},
            "network": network,
            "tasks": tasks,
        }
    )


@pytest.fixture(scope="session")
def state_dict(recipe: Recipe) -> dict[str, Any]:
    trunk = recipe.network.backbone.model_copy(update={"weights": None})
    config = recipe.network.model_copy(update={"backbone": trunk})
    network = build_network(config, recipe.tasks, SCALING, seed=3).eval()
    films = np.stack([prepare(knee(seed) / 4095, recipe.preprocessing) for seed in range(8)])
    spread_outputs(network, torch.from_numpy(to_network_input(films, recipe.preprocessing))[:, None])
    return network.state_dict()


@torch.no_grad()
def spread_outputs(network: torch.nn.Module, image: torch.Tensor) -> None:
    """Heads start near zero and small films are alike; these tests want outputs on both sides of zero."""
    random = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if name.startswith("heads.") and parameter.ndim == 2:
            parameter.copy_(500 * parameter + 0.3 * torch.randn(parameter.shape, generator=random))
    parameters = dict(network.named_parameters())
    for task, output in network(image).items():
        own = [name for name in parameters if name.startswith(f"heads.{task}.")]
        (bias,) = (parameters[name] for name in own if name.endswith("bias"))
        bias -= output.mean(dim=0).reshape(-1)


@pytest.fixture(scope="session")
def calibrators() -> dict[str, Calibrator]:
    logit = np.array([-2.0, -1.0, -0.5, 0.0, 0.2, 0.9, 1.1, 3.0])
    target = np.array([0, 0, 1, 0, 1, 0, 1, 1])
    return {"bone_loss": fit_calibrator("platt", logit, target)}


@pytest.fixture(scope="session")
def points(state_dict: dict[str, Any], calibrators: dict[str, Calibrator]) -> list[OperatingPoint]:
    score = np.linspace(0.02, 0.98, 60)
    point = fit_threshold((score > 0.4).astype(int), score, method="empirical")
    model = weights_sha256(state_dict)
    calibrator = calibrators["bone_loss"].digest
    on_prob = ScoreIdentity("bone_loss", "prob.bone_loss", model, calibrator, "probability")
    exact = fit_threshold((score > 0.4).astype(int), np.log(score / (1 - score)), method="exact")
    on_logit = ScoreIdentity("bone_loss", "logit.bone_loss", model, "none", "logit")
    return [replace(point, score=on_prob), replace(exact, score=on_logit)]


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    return Provenance(
        created=datetime(2025, 3, 1, 12, tzinfo=UTC),
        strnet_version="0.1.0",
        packages={"torch": "2.14.1"},
        manifest_sha256="a" * 64,
        split_sha256="b" * 64,
        images={"train": 10, "validation": 5},
        reference_standard=ReferenceStandard(standards=("phantom",), sites=("knee",)),
    )


@pytest.fixture(scope="session")
def parts(recipe, state_dict, calibrators, points, provenance, applicability) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "state_dict": state_dict,
        "clinical": SCALING,
        "calibrators": calibrators,
        "operating_points": points,
        "provenance": provenance,
        "applicability": applicability,
    }


@pytest.fixture(scope="session")
def applicability(recipe: Recipe, state_dict: dict[str, Any]) -> ApplicabilityFiles:
    """Of thirty training films and sixty validation films like those the tests predict."""
    features, statistics = seen(recipe, state_dict, range(100, 130))
    content = picture_bytes(fit_picture_model(features, statistics))
    others = seen(recipe, state_dict, range(200, 260))
    validation = read_picture(content, "here").atypicality(*others)
    document = Applicability(
        trained_on=TrainedOn(anatomies=("knee",), views=("AP",), modalities=("DX",), ages=(40.0, 90.0)),
        picture=picture_limit(validation, 0.02, content),
    )
    return ApplicabilityFiles(document, content)


@torch.no_grad()
def seen(recipe: Recipe, state_dict: dict[str, Any], seeds: range) -> tuple[Any, Any]:
    """Features and statistics of the films of these seeds."""
    trunk = recipe.network.backbone.model_copy(update={"weights": None})
    network = build_network(recipe.network.model_copy(update={"backbone": trunk}), recipe.tasks, SCALING)
    network.load_state_dict(state_dict)
    films = np.stack([prepare(knee(seed) / 4095, recipe.preprocessing) for seed in seeds])
    image = torch.from_numpy(to_network_input(films, recipe.preprocessing))[:, None]
    return network.eval().forward_with_features(image)[1].numpy(), picture_statistics(films)


@pytest.fixture(scope="session")
def bundle(parts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_bundle(tmp_path_factory.mktemp("run") / "bundle", **parts)


@pytest.fixture(scope="session")
def exported(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return export_onnx(bundle, tmp_path_factory.mktemp("onnx") / "net.onnx")


@pytest.fixture
def copied(bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the bundle's folder, to be spoilt."""
    return Path(shutil.copytree(bundle.folder, tmp_path / "bundle"))


def knee(seed: int, shape: tuple[int, int] = (80, 60)) -> np.ndarray[Any, Any]:
    """Grey values 0..4095 with smooth structure, as different from film to film as knees are."""
    small = np.random.default_rng(seed).random((6, 5)).astype(np.float32)
    large = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.rint(large.clip(0, 1) * 4095).astype(np.float32)


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., str]:
    """A function that writes a film as DICOM, with any header values, and returns its SOP Instance UID."""

    def write(path: Path, seed: int, **header: Any) -> str:
        pixels = knee(seed).astype(np.uint16)
        film = Dataset()
        film.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        film.SOPInstanceUID = generate_uid(entropy_srcs=[str(path), str(seed)])
        film.Modality, film.BodyPartExamined = "DX", "KNEE"
        film.Rows, film.Columns = pixels.shape
        film.SamplesPerPixel, film.PhotometricInterpretation, film.PixelRepresentation = 1, "MONOCHROME2", 0
        film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
        film.WindowCenter, film.WindowWidth = 2048, 4096
        for keyword, value in header.items():
            setattr(film, keyword, value)
        film.PixelData = pixels.tobytes()
        film.file_meta = FileMetaDataset()
        film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        film.file_meta.MediaStorageSOPClassUID = film.SOPClassUID
        film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
        pydicom.dcmwrite(path, film, enforce_file_format=True)
        return str(film.SOPInstanceUID)

    return write


@pytest.fixture(scope="session")
def write_picture() -> Callable[[Path, int], None]:
    """A function that writes a film as PNG or JPEG, by the name's ending."""

    def write(path: Path, seed: int) -> None:
        done, content = cv2.imencode(path.suffix, (knee(seed) / 16).astype(np.uint8))
        assert done
        path.write_bytes(content.tobytes())

    return write
