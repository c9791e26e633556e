import json
from dataclasses import replace as replaced

import numpy as np
import onnx
import onnxruntime
import pytest

from strnet.errors import BundleError, MissingExtraError
from strnet.inference import export as export_module
from strnet.inference import export_onnx, open_onnx, open_torch, write_bundle
from strnet.models import ClinicalScaling, build_network


@pytest.fixture(scope="module")
def films(bundle):
    random = np.random.default_rng(5)
    image = random.normal(size=(6, 1, 64, 48)).astype(np.float32)
    clinical = random.normal(50, 20, size=(6, 3)).astype(np.float32)
    clinical[random.random(clinical.shape) < 0.4] = np.nan
    return image, clinical


def test_onnx_runtime_gives_what_torch_gives(bundle, exported, films):
    expected = open_torch(bundle).run(*films)
    found = open_onnx(bundle, exported.path).run(*films)
    assert list(found) == [*(task.name for task in bundle.tasks), "features"]
    for task, output in expected.items():
        np.testing.assert_allclose(found[task], output, atol=1e-4, rtol=0)
        varies = output.std(axis=0)
        least = varies.max() if task == "features" else varies.min()  # a channel may well be dead
        assert least > 1e-3, "a constant output would agree with anything"


def test_the_file_is_valid_and_says_what_it_is(bundle, exported):
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    says = {entry.key: entry.value for entry in model.metadata_props}
    assert says["strnet.bundle_sha256"] == bundle.sha256 == exported.bundle_sha256
    assert says["strnet.preprocessing_sha256"] == bundle.preprocessing.digest
    assert says["strnet.reference_standard"] == "phantom (knee)"
    assert [task["name"] for task in json.loads(says["strnet.tasks"])] == [task.name for task in bundle.tasks]
    assert [entry.name for entry in model.graph.input] == ["image", "clinical"]
    assert [entry.name for entry in model.graph.output] == [*(task.name for task in bundle.tasks), "features"]


def test_the_sidecar_is_enough_to_serve_the_file_without_strnet(bundle, exported, films):
    about = json.loads(exported.sidecar.read_text())
    assert exported.sidecar.name == "net.json"
    assert about["inputs"] == {"image": ["batch", 1, 64, 48], "clinical": ["batch", 3]}
    session = onnxruntime.InferenceSession(exported.path.with_name(about["file"]))
    image, clinical = films
    outputs = session.run(["bone_loss"], {"image": image, "clinical": clinical})
    line = about["calibrators"]["bone_loss"]
    prob = 1 / (1 + np.exp(-(line["slope"] * outputs[0].astype(float) + line["intercept"])))
    mine = bundle.calibrators["bone_loss"].prob(open_torch(bundle).run(image, clinical)["bone_loss"])
    np.testing.assert_allclose(prob, mine, atol=1e-5)
    assert about["preprocessing"] == bundle.preprocessing.model_dump(mode="json")
    assert about["reference_standard"] == {"standards": ["phantom"], "sites": ["knee"]}


@pytest.mark.slow
def test_a_network_without_clinical_inputs_has_an_image_input_only(parts, tmp_path):
    tasks = tuple(task.model_copy(update={"clinical": ()}) for task in parts["recipe"].tasks[1:2])
    recipe = parts["recipe"].model_copy(update={"tasks": tasks})
    trunk = recipe.network.backbone.model_copy(update={"weights": None})
    network = build_network(recipe.network.model_copy(update={"backbone": trunk}), tasks, ClinicalScaling())
    bare = write_bundle(
        tmp_path / "bundle",
        **{
            **parts,
            "recipe": recipe,
            "state_dict": network.state_dict(),
            "clinical": ClinicalScaling(),
            "calibrators": {},
            "operating_points": [],
        },
    )
    session = onnxruntime.InferenceSession(export_onnx(bare, tmp_path / "net.onnx").path)
    assert [given.name for given in session.get_inputs()] == ["image"]
    image = np.zeros((3, 1, 64, 48), np.float32)
    found = open_onnx(bare, tmp_path / "net.onnx").run(image, np.empty((3, 0), np.float32))
    assert found["osteoporosis_given_loss"].shape == (3,)


@pytest.fixture
def retraced(exported, monkeypatch):
    """Tracing takes seconds: here it copies the good file, with the weights of the T-score times `factor`."""

    def install(factor: float) -> None:
        def trace(network, bundle, path):
            model = onnx.load(exported.path)
            del model.metadata_props[:]
            weight = next(t for t in model.graph.initializer if ".heads.t_score." in t.name)
            scaled = onnx.numpy_helper.to_array(weight) * np.float32(factor)
            weight.CopyFrom(onnx.numpy_helper.from_array(scaled, weight.name))
            onnx.save(model, path)

        monkeypatch.setattr(export_module, "_trace", trace)

    return install


def test_a_file_that_differs_from_torch_is_not_left_behind(bundle, tmp_path, retraced):
    retraced(1.01)
    with pytest.raises(BundleError, match=r"differs from torch by t_score 0\.0\d+; allowed is 0\.0001"):
        export_onnx(bundle, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_failed_export_leaves_the_old_file(bundle, tmp_path, retraced):
    retraced(1.01)
    (tmp_path / "net.onnx").write_bytes(b"old")
    with pytest.raises(BundleError, match="differs from torch"):
        export_onnx(bundle, tmp_path / "net.onnx")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("net.onnx", b"old")]


def test_a_larger_tolerance_is_taken_at_its_word_and_reported(bundle, tmp_path, retraced):
    retraced(1.01)
    report = export_onnx(bundle, tmp_path / "net.onnx", tolerance=0.1)
    assert 1e-4 < report.differences["t_score"] <= 0.1
    assert report.differences["bone_loss"] < 1e-4


def test_a_file_of_another_bundle_is_refused(bundle, exported):
    other = replaced(bundle, sha256="f" * 64)
    with pytest.raises(BundleError, match=f"exported from bundle {bundle.sha256}"):
        open_onnx(other, exported.path)


def test_a_file_that_is_no_onnx_is_refused(bundle, tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"not a graph")
    with pytest.raises(BundleError, match="not a readable ONNX file"):
        open_onnx(bundle, tmp_path / "net.onnx")


def test_without_a_file_the_bundle_is_exported_first(bundle, exported, films, monkeypatch):
    def copied(asked, path):
        assert asked is bundle
        return replaced(exported, path=exported.path)

    monkeypatch.setattr(export_module, "export_onnx", copied)
    np.testing.assert_array_equal(
        open_onnx(bundle).run(*films)["t_score"], open_onnx(bundle, exported.path).run(*films)["t_score"]
    )


def test_a_name_that_is_no_onnx_name_is_refused(bundle, tmp_path):
    with pytest.raises(BundleError, match=r"ends in \.onnx"):
        export_onnx(bundle, tmp_path / "net.json")


def test_the_json_beside_the_file_replaces_only_an_older_one_of_its_kind(bundle, copied):
    before = (copied / "bundle.json").read_bytes()
    with pytest.raises(BundleError, match=r"bundle\.json: would be replaced"):
        export_onnx(bundle, copied / "bundle.onnx")
    assert (copied / "bundle.json").read_bytes() == before
    assert not (copied / "bundle.onnx").exists()
    for _ in range(2):
        export_onnx(bundle, copied.with_name("net.onnx"))


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_names_the_extra(bundle, tmp_path, monkeypatch, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(MissingExtraError, match=r"strnet\[onnx\]"):
        export_onnx(bundle, tmp_path / "net.onnx")
