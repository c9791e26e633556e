"""The importer of BUU-LSPINE on a small made-up tree of its layout."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from strnet.cohort.importers import ImportRequest, import_buu_lspine
from strnet.errors import ManifestError

AP = [
    f"{100 - n},{40 * n + 20 + 12 * low},{160 + n},{40 * n + 22 + 12 * low},0"
    for n in range(5)
    for low in (0, 2)
]
"""L1 begins at 20, each vertebra 40 below the one above it: upper and lower edge are 24 apart."""

CELLS = [edge.split(",") for edge in AP]
IN_SHARES = [",".join([*(str(float(cell) / 300) for cell in cells[:4]), "0"]) for cells in CELLS]
NARROW = [f"10,{cells[1]},12,{cells[3]},0" for cells in CELLS]


@pytest.fixture
def tree(tmp_path):
    def film(name, lines):
        path = tmp_path / "buu" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = sum(map(ord, name))
        pixels = np.random.default_rng(seed).integers(0, 256, (300, 256)).astype(np.uint8)
        Image.fromarray(pixels).save(path)
        if lines is not None:
            path.with_suffix(".csv").write_text("\n".join(lines) + "\n")
        return path

    film("AP/0001-F-037Y0.jpg", AP)
    film("LA/0001-F-037Y1.jpg", [*AP, "100,225,160,228,0"])
    return film


def imported(tmp_path):
    out = tmp_path / "m.csv"
    return import_buu_lspine(ImportRequest(folder=tmp_path / "buu", out=out, workers=0))


def test_both_views_of_a_patient_are_one_examination_with_boxes_around_their_edges(tree, tmp_path):
    frame = imported(tmp_path).manifest.frame.sort("view")
    assert frame["patient_id"].to_list() == ["0001", "0001"]
    assert frame["exam_id"].to_list() == ["0001-F-037"] * 2
    assert frame["view"].to_list() == ["AP", "LATERAL"]
    assert frame.select("sex", "age", "anatomy").unique().rows() == [("F", 37.0, "lumbar")]
    boxes = frame["box"][0].split("; ")
    assert boxes[0] == "L1: 100 20 160 46"
    assert boxes[4] == "L5: 96 180 164 206"
    assert len(boxes) == 5
    assert frame["diagnosis"].null_count() == 2
    assert frame.select("rows", "columns").unique().rows() == [(300, 256)]


def test_a_header_is_no_edge(tree, tmp_path):
    tree("AP/0002-M-060Y0.jpg", ["x1,y1,x2,y2,label", *AP])
    assert imported(tmp_path).manifest.frame["patient_id"].to_list().count("0002") == 1


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (AP[:8], "8 edges, expected 10"),
        ([*AP[:4], "100,x,160,5,0", *AP[5:]], "Y0.csv: line 5: found '100,x,160,5,0'"),
        ([*AP[:4], "100,90,160,95", *AP[5:]], "Y0.csv: line 5: found"),
        ([*AP[:4], "100,90,160,nan,0", *AP[5:]], "Y0.csv: line 5: found"),
        ([*AP[:9], "100,310,160,310,0"], "line 10: an edge outside its film of 300 x 256"),
        ([AP[1], AP[0], *AP[2:]], "line 2: an edge that is not below that of line 1"),
        (IN_SHARES, "of the film's height"),
        ([",".join([e.split(",")[i] for i in (1, 0, 3, 2, 4)]) for e in AP], "not below|outside"),
        (NARROW, "less than 4 pixels"),
        (None, "cannot be read"),
    ],
)  # fmt: skip
def test_edges_that_cannot_be_confirmed_leave_their_film_out_with_file_and_line(
    tree, tmp_path, lines, reason
):
    tree("AP/0007-F-050Y0.jpg", lines)
    cohort = imported(tmp_path)
    assert cohort.manifest.frame.height == 2
    (told,) = cohort.quarantine["reason"].to_list()
    assert any(part in told for part in reason.split("|")), told
    assert "0007-F-050Y0.csv" in told


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("AP/0007-F-050Y1.jpg", "Y1 in AP, expected Y0"),
        ("AP/0007-X-050Y0.jpg", "expected number-sex-age"),
        ("AP/0007-F-150Y0.jpg", "age 150"),
        ("PA/0007-F-050Y0.jpg", "it lies in 'PA'"),
    ],
)
def test_a_name_that_is_not_of_the_layout_leaves_its_film_out(tree, tmp_path, name, reason):
    tree(name, AP)
    cohort = imported(tmp_path)
    assert cohort.manifest.frame.height == 2
    assert reason in cohort.quarantine["reason"][0]


def test_a_number_with_two_ages_is_nobody(tree, tmp_path):
    tree("AP/0005-F-050Y0.jpg", AP)
    tree("LA/0005-F-051Y1.jpg", [*AP, "100,225,160,228,0"])
    cohort = imported(tmp_path)
    assert cohort.manifest.frame["patient_id"].unique().to_list() == ["0001"]
    assert all("0005-F-050, 0005-F-051" in reason for reason in cohort.quarantine["reason"])


def test_the_manifest_says_that_the_layout_is_unverified(tree, tmp_path):
    (tmp_path / "buu" / "AP" / "0009-F-050Y0.csv").write_text("\n".join(AP))
    notes = imported(tmp_path).notes
    assert "Neither has been verified" in notes[0]
    assert "1 table(s) of edges without a film, such as 0009-F-050Y0.csv." in notes


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "buu").mkdir()
    with pytest.raises(ManifestError, match="neither AP nor LA"):
        imported(tmp_path)


def test_a_tree_of_which_no_film_can_be_used_says_why(tree, tmp_path):
    for table in (tmp_path / "buu").rglob("*.csv"):
        table.write_text("1,2,3,4,0\n")
    with pytest.raises(ManifestError, match=r"no film could be used of 2 .*1 edges, expected"):
        imported(tmp_path)
