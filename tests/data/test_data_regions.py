"""Regions in the store: which pixels are taken, that nothing is decoded twice, and what is no region."""

import cv2
import numpy as np
import polars as pl
import pytest

from strnet.config import RegionConfig
from strnet.data import build_cache, prepared_files
from strnet.data.region_choice import choose_regions
from strnet.data.regions import (
    SCHEMA,
    RegionsTable,
    checked_regions,
    manifest_regions,
    read_regions,
    write_regions,
)
from strnet.errors import ConfigError, ManifestError
from strnet.files import write_bytes
from strnet.imaging import prepare, read_radiograph
from strnet.imaging.mask_files import png_of

SIZE = (64, 80)
"""Rows and columns of the films of conftest."""


def row(image_id: str, region: str = "L1", box=(8, 16, 40, 56), **more):
    left, top, right, bottom = box
    sides = {"left": left, "top": top, "right": right, "bottom": bottom}
    own = {"image_id": image_id, "region": region, "rows": SIZE[0], "columns": SIZE[1], "status": "found"}
    return {**dict.fromkeys(SCHEMA), **own, **sides, **more}


def table(*rows, folder) -> RegionsTable:
    return checked_regions(pl.DataFrame(rows, schema=SCHEMA), folder, "regions.csv")


def config(**keys) -> RegionConfig:
    return RegionConfig(source="manifest", margin=0.0, **keys)


@pytest.fixture
def reads(monkeypatch) -> list:
    seen = []
    monkeypatch.setattr(
        prepared_files, "read_radiograph", lambda path: seen.append(path) or read_radiograph(path)
    )
    return seen


def chosen(films, preprocessing, tmp_path, regions, how):
    choice = choose_regions(regions, [image_id for image_id, _ in films], how)
    return build_cache(films, preprocessing, tmp_path / "cache", parts=choice.parts, workers=0)


def test_a_box_gives_what_preparing_the_cut_film_gives(films, preprocessing, tmp_path):
    cache = chosen(films[:1], preprocessing, tmp_path, table(row("image0"), folder=tmp_path), config())
    whole = read_radiograph(films[0][1]).pixels
    np.testing.assert_array_equal(
        cache["image0"], prepare(np.ascontiguousarray(whole[16:56, 8:40]), preprocessing)
    )


def test_the_field_crop_does_not_move_a_region(films, preprocessing, tmp_path):
    framed = np.zeros((64, 80), np.uint8)
    framed[20:50, 20:60] = np.random.default_rng(0).integers(60, 250, (30, 40))
    assert cv2.imwrite(str(films[0][1]), framed)
    regions = table(row("image0", box=(0, 0, 80, 64)), folder=tmp_path)
    cropping = preprocessing.model_copy(update={"crop_to_field": True})
    cache = chosen(films[:1], cropping, tmp_path, regions, config())
    np.testing.assert_array_equal(cache["image0"], prepare(framed.astype(np.float32) / 255, preprocessing))


def test_another_margin_box_or_use_is_another_record_and_the_same_one_is_not_read_again(
    films, preprocessing, tmp_path, reads
):
    regions = table(row("image0"), row("image0", "L2", (10, 40, 50, 60)), folder=tmp_path)
    whole = build_cache(films[:1], preprocessing, tmp_path / "cache", workers=0)["image0"]
    for number, keys in enumerate(({}, {"names": ("L1",)}, {"outside": "blank"}), start=2):
        first = chosen(films[:1], preprocessing, tmp_path, regions, config(**keys))["image0"]
        assert len(reads) == number
        again = chosen(films[:1], preprocessing, tmp_path, regions, config(**keys))["image0"]
        assert len(reads) == number
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, whole)
    np.testing.assert_array_equal(
        build_cache(films[:1], preprocessing, tmp_path / "cache", workers=0)["image0"], whole
    )
    assert len(reads) == 4


def test_each_region_is_a_record_of_its_own_and_the_film_is_decoded_once(
    films, preprocessing, tmp_path, reads
):
    regions = table(row("image0"), row("image0", "L2", (10, 40, 50, 60)), folder=tmp_path)
    cache = chosen(films[:1], preprocessing, tmp_path, regions, config(use="each"))
    assert len(reads) == 1
    assert list(cache) == [("image0", "L1"), ("image0", "L2")]
    whole = read_radiograph(films[0][1]).pixels
    expected = prepare(np.ascontiguousarray(whole[40:60, 10:50]), preprocessing)
    np.testing.assert_array_equal(cache["image0", "L2"], expected)


def test_outside_the_mask_is_blank_and_only_the_inside_decides_the_contrast(films, preprocessing, tmp_path):
    film = np.full((64, 80), 10, np.uint8)
    film[20:40, 20:60] = np.arange(20)[:, None] + 100
    assert cv2.imwrite(str(films[0][1]), film)
    labels = np.zeros((64, 80), np.uint8)
    labels[20:40, 20:60] = 2
    labels[0:10, 0:10] = 7
    write_bytes(tmp_path / "m.png", png_of(labels))
    same = preprocessing.model_copy(update={"normalisation": "minmax", "height": 64, "width": 80})
    regions = table(row("image0", box=(0, 0, 80, 64), mask="m.png", label=2), folder=tmp_path)
    found = chosen(films[:1], same, tmp_path, regions, config(outside="blank"))["image0"]
    np.testing.assert_array_equal(
        found[20:40, 20:60][:, 0], np.rint(np.arange(20) / 19 * 65535).astype(np.uint16)
    )
    found[20:40, 20:60] = 0
    assert not found.any()


def test_a_changed_mask_is_another_record(films, preprocessing, tmp_path):
    regions = table(row("image0", mask="m.png"), folder=tmp_path)
    made = []
    for last in (30, 50):
        labels = np.zeros((64, 80), np.uint8)
        labels[20:last, 10:40] = 1
        write_bytes(tmp_path / "m.png", png_of(labels))
        made.append(chosen(films[:1], preprocessing, tmp_path, regions, config(outside="blank"))["image0"])
    assert (made[0] > 0).sum() < (made[1] > 0).sum()


def test_a_film_saved_again_at_half_size_is_in_quarantine_with_both_sizes(films, preprocessing, tmp_path):
    regions = table(*(row(image_id) for image_id, _ in films[:2]), folder=tmp_path)
    half = cv2.resize(cv2.imread(str(films[0][1]), 0), (40, 32))
    assert cv2.imwrite(str(films[0][1]), half)
    cache = chosen(films[:2], preprocessing, tmp_path, regions, config())
    assert list(cache) == ["image1"]
    reason = cache.quarantine["reason"][0]
    assert "film0.png" in reason
    assert "file of 64 x 80 pixels, and this one has 32 x 40 pixels" in reason
    # The whole film is sound, and says nothing of its region.
    assert build_cache(films[:2], preprocessing, tmp_path / "cache", workers=0).quarantine.is_empty()


def test_a_mask_of_another_size_or_none_puts_its_film_into_quarantine(films, preprocessing, tmp_path):
    write_bytes(tmp_path / "m.png", png_of(np.ones((32, 40), np.uint8)))
    regions = table(
        row("image0", mask="m.png"), row("image1", mask="absent.png"), row("image2"), folder=tmp_path
    )
    choice = choose_regions(regions, ["image0", "image1", "image2"], config(outside="blank"))
    assert "absent.png: the mask cannot be read" in choice.absent["image1"]
    cache = build_cache(films[:1], preprocessing, tmp_path / "cache", parts=choice.parts, workers=0)
    assert "the mask has 32 x 40 pixels, its film 64 x 80 pixels" in cache.quarantine["reason"][0]


def test_a_picture_that_exif_turns_has_no_region(films, preprocessing, tmp_path):
    from PIL import Image

    with Image.open(films[0][1]) as picture:
        exif = picture.getexif()
        exif[0x0112] = 3
        picture.save(films[0][1], exif=exif)
    cache = chosen(films[:1], preprocessing, tmp_path, table(row("image0"), folder=tmp_path), config())
    assert "EXIF orientation" in cache.quarantine["reason"][0]


def test_an_image_without_all_its_regions_has_none_and_says_why(tmp_path):
    lost = {"status": "implausible", "reason": "twice the size of any in training"}
    regions = table(row("a"), row("a", "L2"), row("b"), row("b", "L2", **lost), row("c"), folder=tmp_path)
    choice = choose_regions(regions, ["a", "b", "c", "d"], config(use="each"))
    assert list(choice.parts) == ["a"]
    assert choice.absent == {
        "b": "region L2 was implausible: twice the size of any in training",
        "c": "region L2 is not in the regions table",
        "d": "region L1 is not in the regions table; region L2 is not in the regions table",
    }
    assert list(choose_regions(regions, ["a", "b", "c"], config(names=("L1",))).parts) == ["a", "b", "c"]
    with pytest.raises(ConfigError, match=r"region\.names: Unknown region 'L5'.*regions\.csv"):
        choose_regions(regions, ["a"], config(names=("L5",)))


def test_the_hash_of_a_choice_is_that_of_its_pixels(tmp_path):
    one = choose_regions(table(row("a"), folder=tmp_path), ["a"], config())
    assert one.sha256 == choose_regions(table(row("a"), folder=tmp_path / "moved"), ["a"], config()).sha256
    for other in (
        choose_regions(table(row("a", box=(8, 16, 40, 57)), folder=tmp_path), ["a"], config()),
        choose_regions(table(row("a"), folder=tmp_path), ["a", "b"], config()),
        choose_regions(table(row("a"), folder=tmp_path), ["a"], config(use="each")),
    ):
        assert one.sha256 != other.sha256


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"left": 50}, "no extent"),
        ({"bottom": 65}, "outside its image of 64 x 80"),
        ({"top": None}, "its box is blank"),
        ({"rows": None}, "rows is blank"),
        ({"status": "fonud"}, "status 'fonud', expected found"),
        ({"status": "not_found"}, "status not_found without a reason"),
        ({"label": 0}, "label 0"),
    ],
)
def test_a_row_that_is_no_region_is_named(tmp_path, cells, said):
    with pytest.raises(ManifestError, match=f"regions.csv: 1 row(.|\n)*image a, region L1: .*{said}"):
        table(row("a") | cells, folder=tmp_path)


def test_a_mask_of_the_cohort_lies_on_one_film(tmp_path):
    shared = [row(image, mask="m.png") for image in ("a", "b")]
    with pytest.raises(ManifestError, match=r"images a, b: share the mask m\.png"):
        table(*shared, folder=tmp_path)
    found = [cells | {"segmenter_sha256": "f" * 64} for cells in shared]
    assert table(*found, folder=tmp_path).frame["mask"].to_list() == ["m.png"] * 2  # copies of one film


def test_a_region_twice_is_refused_and_a_written_table_reads_back(tmp_path):
    with pytest.raises(ManifestError, match="image a, region L1: stands twice"):
        table(row("a"), row("a"), folder=tmp_path)
    regions = table(row("a"), row("a", "L2", label=3, mask="m.png"), folder=tmp_path)
    for name in ("r.csv", "r.parquet"):
        write_regions(regions, tmp_path / name)
        assert read_regions(tmp_path / name).frame.equals(regions.frame)
    regions.frame.drop("left").write_csv(tmp_path / "bad.csv")
    with pytest.raises(ManifestError, match="column 'left' is missing"):
        read_regions(tmp_path / "bad.csv")


def test_a_manifest_gives_the_boxes_of_its_cells_in_the_size_at_ingest(tmp_path):
    frame = pl.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "box": ["L1: 1 2 3 4; L2: 5 6 7 8", None, "9 10 11 12"],
            "mask": [None, None, "c.png"],
            "rows": [64, 64, 64],
            "columns": [80, 80, 80],
        }
    )
    found = manifest_regions(frame, tmp_path, "manifest.csv")
    assert found.names == ("L1", "L2", "region")
    assert found.frame.select("left", "top", "right", "bottom").rows() == [
        (1, 2, 3, 4),
        (5, 6, 7, 8),
        (9, 10, 11, 12),
    ]
    assert found.frame["mask"].to_list() == [None, None, "c.png"]
    with pytest.raises(ManifestError, match="do not say for which size"):
        manifest_regions(frame.with_columns(rows=pl.lit(None, pl.Int64)), tmp_path, "manifest.csv")
    with pytest.raises(ManifestError, match="no row has a box"):
        manifest_regions(frame[1:2], tmp_path, "manifest.csv")
