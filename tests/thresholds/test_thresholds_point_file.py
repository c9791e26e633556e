import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from strnet.errors import BundleError
from strnet.thresholds import (
    ScoreIdentity,
    fit_cascade,
    fit_threshold,
    read_operating_point,
    read_threshold,
    write_operating_point,
)
from strnet.thresholds.point_file import from_document, published_schema, to_document


@pytest.fixture
def point(binormal):
    target, score = binormal(600, seed=1)
    fitted = fit_threshold(target, score, groups=np.arange(600) % 3, min_sensitivity=".8")
    identity = ScoreIdentity("bone_loss", "logit.bone_loss", "a" * 64, "none", "logit")
    return replace(fitted, score=identity, rows_sha256="b" * 64, label="T < -1.0")


@pytest.fixture
def path(point, tmp_path):
    write_operating_point(point, tmp_path / "op.json")
    return tmp_path / "op.json"


def points(binormal):
    target, score = binormal(400, seed=2)
    patients = np.repeat(np.arange(200), 2)
    yield fit_threshold(target, score)
    yield fit_threshold(target, -score, higher_is_positive=False, anchor="midgap")
    yield fit_threshold(np.ones(50), np.arange(50.0))
    yield fit_threshold(target, score, weights=np.linspace(0.5, 1, 400))
    yield fit_threshold(target, score, groups=np.arange(400) % 2, group_policy="per_group")
    for method in ("korn_graubard", "one_per_cluster", "betting", "worst"):
        yield fit_threshold(target, score, clusters=patients, cluster_method=method, mixed_clusters=True)
    level = np.where(target, 1 + (score > 2), 0)
    yield fit_cascade(level > 0, level == 2, score, score, min_sensitivity="0.5")


def test_what_is_written_is_what_is_read(point, path):
    assert read_operating_point(path) == read_threshold(path) == point


def test_every_kind_of_point_survives_the_file_and_fits_the_published_schema(binormal, tmp_path):
    jsonschema.Draft202012Validator.check_schema(published_schema())
    for number, one in enumerate(points(binormal)):
        file = tmp_path / f"{number}.json"
        write_operating_point(one, file)
        content = json.loads(file.read_text())
        jsonschema.validate(content, published_schema())
        assert to_document(read_operating_point(file)) == content


def test_the_threshold_stands_as_decimal_and_as_hex(point, path):
    stored = json.loads(path.read_text())["point"]["threshold"]
    assert float.fromhex(stored["hex"]) == stored["decimal"] == point.threshold


@pytest.mark.parametrize(
    ("key", "value"),
    [("min_sensitivity", "0.5"), ("status", "approximate"), ("confidence", 0.5), ("misses_made", 0)],
)
def test_a_file_that_was_edited_is_refused(path, key, value):
    content = json.loads(path.read_text())
    content["point"][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="edited after it was written"):
        read_operating_point(path)


def rehashed(content):
    from strnet.files import canonical_json, sha256_bytes

    rest = {key: value for key, value in content.items() if key != "sha256"}
    return {**rest, "sha256": sha256_bytes(canonical_json(rest))}


def test_decimal_and_hex_that_differ_are_refused_even_with_a_fresh_hash(point):
    content = to_document(point)
    content["point"]["threshold"]["decimal"] = 0.5
    with pytest.raises(BundleError, match=r"threshold 0\.5 is not 0x"):
        from_document(rehashed(content))


def test_what_the_schema_does_not_know_is_refused(point):
    content = to_document(point)
    content["point"]["extra"] = 1
    with pytest.raises(BundleError, match="extra"):
        from_document(rehashed(content))
    content = to_document(point)
    content["point"]["operator"] = ">"
    with pytest.raises(BundleError, match="point/operator"):
        from_document(rehashed(content))


def test_files_of_another_kind_or_version_are_refused(point, tmp_path):
    for version, told in ((1, "Fit the operating point again"), (3, "Update strnet")):
        with pytest.raises(BundleError, match=f"schema version {version}, and this strnet reads 2. {told}"):
            from_document({**to_document(point), "schema_version": version})
    for text in ("{}", "[1]", '{"format": "else"}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(BundleError, match="not an operating point"):
            read_operating_point(tmp_path / "other.json")
    (tmp_path / "other.json").write_text('{"threshold": NaN}')
    with pytest.raises(BundleError, match="not strict JSON"):
        read_operating_point(tmp_path / "other.json")
    with pytest.raises(BundleError, match="cannot be read"):
        read_operating_point(tmp_path / "absent.json")


def test_a_cascade_is_not_read_as_one_threshold(binormal, tmp_path):
    *_, cascade = points(binormal)
    write_operating_point(cascade, tmp_path / "cascade.json")
    with pytest.raises(BundleError, match="cascade of two"):
        read_threshold(tmp_path / "cascade.json")


def test_the_published_schema_refuses_what_the_reader_refuses(point):
    content = to_document(point)
    for name in ("operator", "expected_sensitivity", "ties"):
        less = {**content, "point": {key: value for key, value in content["point"].items() if key != name}}
        assert not jsonschema.Draft202012Validator(published_schema()).is_valid(less)
    more = {**content, "point": {**content["point"], "extra": 1}}
    assert not jsonschema.Draft202012Validator(published_schema()).is_valid(more)


def test_a_field_at_its_default_is_not_in_the_file_so_that_a_later_one_changes_no_digest(binormal):
    point = fit_threshold(*binormal(400, seed=2))
    document = to_document(point)
    assert not {"clusters", "weighted", "groups", "notes"} & set(document["point"])
    assert from_document(document) == point
    # as the default stood in a file of an earlier strnet, which wrote it
    written = {**document, "point": {**document["point"], "weighted": False, "groups": []}}
    assert to_document(from_document(rehashed(written))) == document


def test_a_field_without_a_default_is_missed(point):
    content = to_document(point)
    del content["point"]["operator"]
    with pytest.raises(BundleError, match="point/operator: Field required"):
        from_document(rehashed(content))


def test_a_file_of_version_2_is_read_and_written_again_with_the_same_hash():
    """Pinned: what this version wrote, every later version reads, and changes nothing in it."""
    path = Path(__file__).with_name("operating_point_v2.json")
    point = read_threshold(path)
    # 50 positives at 0/64, 1/64, ... 49/64: at floor .86 and confidence .95 the binomial law allows 2 misses
    assert (point.threshold, point.misses_allowed) == (2 / 64, 2)
    assert str(point.score) == "prob.bone_loss (probability)"
    assert to_document(point) == json.loads(path.read_text())
