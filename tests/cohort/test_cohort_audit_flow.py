from __future__ import annotations

import json

import polars as pl
import pytest

from strnet.cohort import audit_manifest, make_split, read_flow, write_flow, write_manifest
from strnet.cohort.flow import flow_of
from strnet.errors import ManifestError


@pytest.fixture
def manifest(tmp_path):
    """40 films: two PNG-only scanners' worth of structure, and three groups of identical pictures."""
    rows = []
    for n in range(40):
        t_score = -2.0 if n < 24 else 0.0
        content = {0: "a", 1: "a", 2: "b", 30: "b", 3: "c", 4: "c"}.get(n)
        rows.append(
            (
                f"i{n}",
                f"p{n if n != 4 else 3}",
                f"{n}.png",
                t_score,
                content and content * 64,
                "png" if n < 12 else "jpeg",
            )
        )
    names = ["image_id", "patient_id", "path", "t_score", "pixel_sha256", "file_format"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(reference_standard=pl.lit("qus"))
    return write_manifest(frame, tmp_path / "manifest.csv")


def test_identical_pictures_are_reported_across_patients_and_across_labels(manifest):
    found = audit_manifest(manifest)
    groups = {group.pixel_sha256[0]: group for group in found.duplicates}
    assert groups["a"].image_ids == ("i0", "i1")
    assert (groups["a"].across_patients, groups["a"].across_labels) == (True, False)
    assert (groups["b"].across_patients, groups["b"].across_labels) == (True, True)
    assert groups["b"].diagnoses == ("osteopenia", "normal")
    assert (groups["c"].across_patients, groups["c"].patient_ids) == (False, ("p3",))
    assert found.images_without_pixel_sha256 == 34


def test_a_format_that_gives_the_label_away_is_reported_and_a_mixed_one_is_not(manifest):
    found = audit_manifest(manifest)
    (value,) = found.one_class_values
    # 12 films, all osteopenia, of which there are 24 of 40: 0.6 ** 12 = 0.002
    assert (value.column, value.value, value.diagnosis, value.images) == (
        "file_format",
        "png",
        "osteopenia",
        12,
    )


def test_a_pure_value_that_chance_explains_is_not_reported(manifest):
    few = manifest.frame.with_columns(
        file_format=pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("png")).otherwise(pl.lit("jpeg"))
    )
    assert audit_manifest(write_manifest(few, manifest.path)).one_class_values == ()  # 0.6 ** 8 = 0.017


def test_the_audit_is_json_with_the_counts_first(manifest):
    content = json.loads(json.dumps(audit_manifest(manifest).as_json(), allow_nan=False))
    assert content["duplicate_groups"] == 3
    assert content["duplicate_groups_across_patients"] == 2
    assert content["duplicate_groups_across_labels"] == 1
    assert content["reference_standards"] == {"qus": 40}
    assert content["unknown"]["bmi"] == 40
    assert "t_score" not in content["unknown"]


def test_the_flow_counts_down_from_files_to_sides(manifest, tmp_path):
    frame = manifest.frame.with_columns(
        diagnosis=pl.when(pl.col("image_id") != "i9").then("diagnosis"),
        t_score=pl.when(pl.col("image_id") != "i9").then("t_score"),
    )
    flow = flow_of(found=46, unreadable=2, unusable=["no patient id", "twice", "twice", "twice"], frame=frame)
    assert [(step.name, step.images, step.patients) for step in flow.steps] == [
        ("found", 46, None),
        ("readable", 44, None),
        ("usable", 40, 39),
        ("labelled", 39, 38),
    ]
    assert flow.steps[2].left_out == {"no patient id": 1, "twice": 3}
    ended = flow.with_split(make_split(manifest, seed=0, folds=3))
    assert sum(side.images for side in ended.sides) == 40
    write_flow(ended, tmp_path / "flow.json", manifest)
    assert read_flow(tmp_path / "flow.json", manifest) == ended


@pytest.mark.parametrize("content", ["{}", '{"steps": [{"nme": 1}], "sides": []}', "[]"])
def test_a_file_that_is_no_flow_is_refused(manifest, tmp_path, content):
    (tmp_path / "flow.json").write_text(content)
    with pytest.raises(ManifestError, match="not a cohort flow"):
        read_flow(tmp_path / "flow.json", manifest)


def test_the_flow_of_another_manifest_is_refused(manifest, tmp_path):
    write_flow(flow_of(40, 0, (), manifest.frame), tmp_path / "flow.json", manifest)
    fewer = write_manifest(manifest.frame.head(39), tmp_path / "fewer.csv")
    with pytest.raises(ManifestError, match="the flow of another manifest"):
        read_flow(tmp_path / "flow.json", fewer)
