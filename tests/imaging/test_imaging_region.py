"""Boxes and masks: what their cells and files mean, and what is no box or mask at all."""

import cv2
import numpy as np
import pytest

from strnet.errors import ImageError
from strnet.imaging.mask_files import Mask, mask_sha256, png_of, read_mask, require_labels
from strnet.imaging.region import (
    Box,
    blank_outside,
    box_of,
    boxes_cell,
    clipped,
    filled,
    intersection_over_union,
    largest_component,
    parse_boxes,
    require_inside,
    scaled,
    union,
    with_margin,
)

FOUR = "L1: 10 20 200 180; L2: 10 190 200 350"


def test_a_cell_is_left_top_right_bottom_and_reads_back_as_written():
    boxes = parse_boxes(FOUR)
    assert boxes["L1"] == Box((20, 10), (180, 200))
    assert boxes["L2"].shape == (160, 190)
    assert boxes_cell(boxes) == FOUR
    assert boxes_cell(parse_boxes("1 2 3 4")) == "1 2 3 4"


def test_the_box_of_a_volume_has_six_numbers_and_its_slices_last():
    assert parse_boxes("L1: 1 2 3 11 22 33")["L1"] == Box((3, 2, 1), (33, 22, 11))


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("200 20 10 180", "no extent"),
        ("10 20 10 180", "no extent"),
        ("10 180 20 180", "no extent"),
        ("10 20 200", "is no box"),
        ("10 20 200 180 5", "is no box"),
        ("a b c d", "is no box"),
        ("-1 2 3 4", "is no box"),
        ("1.5 2 3 4", "is no box"),
        ("", "is no box"),
        ("L1: 1 2 3 4; L1: 1 2 3 4", "L1 twice"),
        ("1 2 3 4; 5 6 7 8", "twice"),
    ],
)
def test_a_cell_that_is_no_box_says_what_one_looks_like(cell, said):
    with pytest.raises(ImageError, match=said):
        parse_boxes(cell)


def test_a_margin_is_a_share_of_each_side_and_stops_at_the_edge():
    box = Box((10, 20), (30, 120))
    assert with_margin(box, 0.1, (1000, 1000)) == Box((8, 10), (32, 130))
    assert with_margin(box, 1.0, (40, 1000)) == Box((0, 0), (40, 220))
    assert with_margin(box, 0.0, (1000, 1000)) == box


def test_the_union_is_the_smallest_box_around_all():
    assert union([Box((5, 9), (6, 10)), Box((1, 20), (2, 30))]) == Box((1, 9), (6, 30))
    assert union([Box((1, 2, 3), (4, 5, 6)), Box((0, 3, 3), (2, 9, 4))]) == Box((0, 2, 3), (4, 9, 6))
    with pytest.raises(ImageError, match="0 boxes"):
        union([])
    with pytest.raises(ImageError, match="all of films"):
        union([Box((1, 2), (3, 4)), Box((1, 2, 3), (4, 5, 6))])


def test_what_lies_outside_is_cut_or_refused():
    box = Box((10, 10), (60, 90))
    assert clipped(box, (50, 80)) == Box((10, 10), (50, 80))
    with pytest.raises(ImageError, match=r"box of L3, 10 10 90 60 .* outside its image of 50 x 100 pixels"):
        require_inside(box, (50, 100), "L3")
    require_inside(box, (60, 90), "L3")
    with pytest.raises(ImageError, match="nothing of the box"):
        clipped(box, (10, 200))
    with pytest.raises(ImageError, match="outside"):
        require_inside(box, (100, 100, 100))


@pytest.mark.parametrize("shape", [(40, 50), (12, 40, 50)])
def test_a_box_becomes_a_mask_and_the_mask_that_box_again(shape):
    box = Box(tuple(2 + axis for axis in range(len(shape))), tuple(9 + axis for axis in range(len(shape))))
    inside = filled([box], shape)
    assert inside.sum() == 7 ** len(shape)
    assert box_of(inside) == box


@pytest.mark.parametrize("axes", [2, 3])
def test_the_largest_component_drops_the_speck(axes):
    inside = np.zeros((20,) * axes, dtype=bool)
    inside[(slice(2, 9),) * axes] = True
    inside[(slice(15, 16),) * axes] = True
    assert box_of(inside) == Box((2,) * axes, (16,) * axes)
    assert box_of(largest_component(inside)) == Box((2,) * axes, (9,) * axes)
    assert inside[(15,) * axes]


def test_an_empty_mask_has_no_box():
    with pytest.raises(ImageError, match="the mask is empty"):
        box_of(np.zeros((4, 4), dtype=bool))


def test_iou_is_what_counting_pixels_gives():
    first, second = Box((0, 0), (4, 4)), Box((2, 1), (6, 5))
    assert intersection_over_union(first, second) == 6 / (16 + 16 - 6)
    assert intersection_over_union(first, first) == 1
    assert intersection_over_union(first, Box((4, 0), (8, 4))) == 0
    volume = Box((0, 0, 0), (2, 2, 2)), Box((1, 1, 1), (3, 3, 3))
    assert intersection_over_union(*volume) == 1 / 15


def test_a_box_drawn_at_one_size_holds_the_same_part_at_another():
    box = Box((10, 10), (20, 30))
    assert scaled(box, (100, 100), (100, 100)) == box
    assert scaled(box, (100, 100), (200, 100)) == Box((20, 10), (40, 30))
    assert scaled(box, (100, 100), (50, 33)) == Box((5, 3), (10, 10))


def test_blanking_leaves_the_inside_and_the_original_alone():
    image = np.arange(12, dtype=np.uint16).reshape(3, 4) + 1
    inside = filled([Box((1, 1), (2, 3))], (3, 4))
    blanked = blank_outside(image, inside)
    assert blanked.tolist() == [[0, 0, 0, 0], [0, 6, 7, 0], [0, 0, 0, 0]]
    assert blanked.dtype == image.dtype
    assert image[0, 0] == 1
    with pytest.raises(ImageError, match="4 x 3 pixels for an image of 3 x 4 pixels"):
        blank_outside(image, inside.T)


def test_a_written_mask_reads_back_and_has_one_hash(tmp_path):
    labels = np.zeros((5, 7), dtype=np.uint8)
    labels[1:3, 2:5] = 4
    (tmp_path / "m.png").write_bytes(png_of(labels))
    (tmp_path / "again.png").write_bytes(png_of(labels))
    mask = read_mask(tmp_path / "m.png", (5, 7))
    assert mask.labels.tolist() == labels.tolist()
    assert mask.values == (4,)
    assert mask.inside([4]).sum() == mask.inside().sum() == 6
    assert mask.inside([1]).sum() == 0
    assert mask_sha256(tmp_path / "m.png") == mask_sha256(tmp_path / "again.png")


def test_what_is_no_mask_says_why(tmp_path):
    labels = np.ones((5, 7), dtype=np.uint8)
    for name, picture in {
        "colour.png": np.ones((5, 7, 3), np.uint8),
        "deep.png": np.ones((5, 7), np.uint16),
        "blurred.jpg": labels,
        "empty.png": 0 * labels,
        "sound.png": labels,
    }.items():
        assert cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "broken.png").write_bytes((tmp_path / "sound.png").read_bytes()[:40])
    for name, said in {
        "colour.png": "in mode RGB, expected a mask as PNG",
        "deep.png": "one channel of 8 bits",
        "blurred.jpg": "JPEG blurs labels",
        "empty.png": "nothing but background",
        "broken.png": "cannot be read",
        "absent.png": "cannot be read",
    }.items():
        with pytest.raises(ImageError, match=said):
            read_mask(tmp_path / name)
    with pytest.raises(ImageError, match="the mask has 5 x 7 pixels, its film 10 x 14 pixels"):
        read_mask(tmp_path / "sound.png", (10, 14))


def test_a_label_without_a_name_is_refused():
    mask = Mask(np.array([[0, 1], [2, 5]], dtype=np.uint8))
    with pytest.raises(ImageError, match=r"film7: the mask holds label 5, expected 1 L1, 2 L2"):
        require_labels(mask, ["L1", "L2"], "film7")
    require_labels(mask, ["a", "b", "c", "d", "e"], "film7")
