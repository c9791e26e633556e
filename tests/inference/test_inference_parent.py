"""A bundle as the start of another network: what is taken, and what is refused."""

import json
import shutil
from contextlib import nullcontext

import numpy as np
import polars as pl
import pytest
import timm
import torch
from safetensors.torch import save_file

from strnet.bundle_format import FORMAT
from strnet.config import Preprocessing, override_recipe
from strnet.errors import ModelError, TrainingError
from strnet.files import write_json
from strnet.inference import export_onnx, open_onnx, open_torch, write_bundle
from strnet.inference.engines import load_network
from strnet.models import ClinicalScaling, build_network, starting_weights
from strnet.sealed import seal
from strnet.training.cohort_rows import CohortRows
from strnet.training.parent_rows import require_unseen_by_parent

FRESH = ClinicalScaling((), (), ())


def child(recipe, folder, preprocessing=None, **changes):
    """The network of a child whose one task has no clinical inputs, and its configuration."""
    dotted = {"network.backbone.weights": str(folder)} | changes
    changed = override_recipe(recipe, dotted)
    task = changed.tasks[0].model_copy(update={"clinical": ()})
    films = preprocessing or changed.preprocessing
    return build_network(changed.network, [task], FRESH, seed=8, preprocessing=films), changed.network


def own(network, prefix):
    return {key: value for key, value in network.state_dict().items() if key.startswith(prefix)}


def test_a_child_starts_from_the_backbone_of_its_parent_and_from_its_own_neck(bundle, recipe):
    network, config = child(recipe, bundle.folder)
    parent = load_network(bundle)
    torch.testing.assert_close(own(network, "backbone."), own(parent, "backbone."), rtol=0, atol=0)
    assert not torch.equal(network.neck[0].weight, parent.neck[0].weight)
    start = starting_weights(config, network)
    assert (start.source, start.name, start.sha256) == ("bundle", "tiny", bundle.sha256)
    assert start.parts == ("backbone",)


def test_the_neck_comes_with_it_where_it_is_asked_for(bundle, recipe):
    network, config = child(recipe, bundle.folder, **{"network.neck.from_bundle": True})
    parent = load_network(bundle)
    for prefix in ("backbone.", "pooling.", "neck."):
        torch.testing.assert_close(own(network, prefix), own(parent, prefix), rtol=0, atol=0)
    assert starting_weights(config, network).parts == ("backbone", "pooling", "neck")


@pytest.mark.parametrize(
    ("manifest", "split", "fold", "refused"),
    [
        ("same", "same", None, False),
        ("same", "other", None, True),
        ("same", "same", 0, True),
        ("other", "other", 0, False),
    ],
)
def test_a_parent_may_not_have_learned_from_the_films_its_child_is_judged_on(
    bundle, recipe, manifest, split, fold, refused
):
    told = bundle.provenance
    rows = CohortRows(
        pl.DataFrame(),
        (),
        told.manifest_sha256 if manifest == "same" else "e" * 64,
        told.split_sha256 if split == "same" else "f" * 64,
    )
    changed = override_recipe(recipe, {"network.backbone.weights": str(bundle.folder)})
    with pytest.raises(TrainingError, match="may have learned") if refused else nullcontext():
        require_unseen_by_parent(changed, rows, fold)


def test_films_of_another_size_are_welcome(bundle, recipe):
    child(recipe, bundle.folder, Preprocessing(height=96, width=96, crop_to_field=False))


@pytest.mark.parametrize(
    ("preprocessing", "changes", "message"),
    [
        ({"mean": 0.4}, {}, r"other grey values. Set\n  preprocessing.mean: 0.5\n"),
        (
            {"std": 0.3, "normalisation": "minmax"},
            {},
            r"normalisation: percentile\n  preprocessing.std: 0.25",
        ),
        ({}, {"network.backbone.name": "test_vit"}, "backbone of this parent is test_resnet, not test_vit"),
        (
            {},
            {"network.backbone.name": "resnet18", "network.backbone.adapter": "torchvision"},
            "is test_resnet",
        ),
        (
            {},
            {"network.neck.from_bundle": True, "network.neck.features": 8},
            "another neck. Set network.neck.features: 16",
        ),
        (
            {},
            {"network.neck.from_bundle": True, "network.pooling": "gem"},
            "another neck. Set network.pooling: average",
        ),
    ],
)
def test_a_parent_that_would_be_misread_is_refused(bundle, recipe, preprocessing, changes, message):
    with pytest.raises(ModelError, match=message):
        child(recipe, bundle.folder, Preprocessing(height=64, width=48, **preprocessing), **changes)


def test_a_folder_that_is_no_whole_bundle_is_refused(bundle, recipe, tmp_path):
    with pytest.raises(ModelError, match=r"a folder without bundle\.json"):
        child(recipe, tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(bundle.folder, copy)
    content = bytearray((copy / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256 is"):
        child(recipe, copy)
    document = json.loads((copy / "bundle.json").read_text())
    document["recipe"]["preprocessing"]["mean"] = 0.4
    (copy / "bundle.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match="edited after it was written"):
        child(recipe, copy)


def test_an_ensemble_is_no_parent(recipe, tmp_path):
    write_json(tmp_path / "bundle.json", seal({"members": []}, FORMAT))
    with pytest.raises(ModelError, match="give one of its members"):
        child(recipe, tmp_path)


def test_a_neck_needs_a_bundle_and_not_a_file(bundle, recipe):
    with pytest.raises(ModelError, match=r"network.neck.from_bundle: .* is a file of weights"):
        child(recipe, bundle.folder / "weights.safetensors", **{"network.neck.from_bundle": True})


@pytest.fixture(scope="module")
def adapted(recipe, parts, tmp_path_factory):
    """A bundle whose backbone came through an adapter, and the network it was written from."""
    folder = tmp_path_factory.mktemp("adapted")
    torch.manual_seed(4)
    save_file(timm.create_model("resnet18", num_classes=5).state_dict(), folder / "weights.safetensors")
    changes = {
        "network.backbone.name": "resnet18",
        "network.backbone.weights": str(folder / "weights.safetensors"),
        "network.backbone.adapter": "torchvision",
    }
    changed = override_recipe(recipe, changes)
    network = build_network(
        changed.network, changed.tasks, parts["clinical"], seed=2, preprocessing=changed.preprocessing
    ).eval()
    made = {**parts, "recipe": changed, "state_dict": network.state_dict(), "calibrators": {}}
    return write_bundle(folder / "bundle", **{**made, "operating_points": ()}), network


def test_the_scaling_of_an_adapter_travels_in_the_bundle_and_into_onnx(adapted, tmp_path):
    bundle, network = adapted
    film = np.random.default_rng(0).normal(size=(2, 1, 64, 48)).astype(np.float32)
    unknown = np.full((2, 3), np.nan, np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(film))["bone_loss"].numpy()
    np.testing.assert_allclose(open_torch(bundle).run(film, unknown)["bone_loss"], expected, atol=1e-5)
    exported = export_onnx(bundle, tmp_path / "network.onnx")
    found = open_onnx(bundle, exported.path).run(film, unknown)["bone_loss"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_child_of_an_adapted_parent_needs_its_adapter_and_gets_its_scaling(adapted, recipe):
    bundle, parent = adapted
    resnet = {"network.backbone.name": "resnet18"}
    with pytest.raises(ModelError, match="this parent has the adapter torchvision, not null"):
        child(recipe, bundle.folder, **resnet)
    network, config = child(recipe, bundle.folder, **resnet, **{"network.backbone.adapter": "torchvision"})
    torch.testing.assert_close(own(network, "backbone."), own(parent, "backbone."), rtol=0, atol=0)
    assert "ImageNet" in starting_weights(config, network).licence
    with pytest.raises(ModelError, match="Give the folder of its bundle"):
        child(recipe, bundle.folder / "weights.safetensors", **resnet)
