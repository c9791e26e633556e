"""Figures of a segmenter, against what counting by hand gives."""

import numpy as np
import pytest

from strnet.imaging.film_parts import FilmLabels
from strnet.imaging.finding_regions import FoundRegions
from strnet.imaging.region import Box
from strnet.training.segment_figures import box_error, figures_of, summary_of
from strnet.training.segment_module import mean_dice

TRUTH = FilmLabels(("a", "b"), (20, 20), boxes=(("a", Box((2, 2), (6, 6))), ("b", Box((10, 10), (14, 14)))))


def found(box: Box | None, reasons=None) -> FoundRegions:
    labels = np.zeros((20, 20), np.uint8)
    if box is not None:
        labels[box.slices] = 1
    boxes = {} if box is None else {"a": box}
    return FoundRegions(labels, boxes, reasons or {"b": ("not_found", "no")})


def test_a_film_is_counted_pixel_by_pixel():
    told = figures_of(TRUTH, found(Box((2, 2), (6, 8))), ["a", "b"], ("i", "p", "test"))
    assert told.figures["a"] == {"dice": 2 * 16 / (16 + 24), "iou": 16 / 24, "box_error": 0.5}
    assert told.figures["b"] == {"dice": 0.0, "iou": 0.0}
    assert told.status == {"a": "found", "b": "not_found"}
    assert figures_of(None, found(None), ["a", "b"], ("i", "p", "test")).figures == {}


def test_the_error_of_a_box_is_the_mean_distance_of_its_sides():
    assert box_error(Box((0, 0), (10, 10)), Box((1, 0), (10, 7))) == 1.0
    assert box_error(Box((0, 0, 0), (9, 9, 9)), Box((3, 0, 0), (9, 9, 12))) == 1.0


def test_means_are_over_films_and_a_label_that_was_not_found_counts_as_0():
    boxes = [Box((2, 2), (6, 6)), Box((2, 2), (6, 8)), None]
    films = [
        figures_of(
            TRUTH,
            found(box, {"a": ("not_found", "no")} if box is None else None),
            ["a", "b"],
            (f"{n}", f"{n}", "test"),
        )
        for n, box in enumerate(boxes)
    ]
    told = summary_of(films, ["a", "b"])["test"]
    assert told["films"] == told["with_truth"] == 3
    a = told["labels"]["a"]
    assert a["dice"]["value"] == pytest.approx((1 + 0.8 + 0) / 3)
    assert a["iou"]["value"] == pytest.approx((1 + 16 / 24 + 0) / 3)
    assert a["box_error"]["value"] == pytest.approx(0.25)
    assert (a["dice"]["count"], a["box_error"]["count"]) == (3, 2)
    assert a["status"] == {"found": 2, "not_found": 1}
    assert told["labels"]["b"]["box_error"] is None


def test_films_of_one_patient_are_one_unit():
    films = [figures_of(TRUTH, found(Box((2, 2), (6, 6 + n))), ["a"], (f"{n}", "p", "test")) for n in (0, 2)]
    told = summary_of(films, ["a"])["test"]["labels"]["a"]["dice"]
    assert told == {"value": pytest.approx(0.9), "count": 2, "lowest": pytest.approx(0.8)}


def test_the_mean_over_labels_gives_each_the_same_weight_and_knows_what_is_unknown():
    films = np.array([[1.0, 0.5], [0.8, np.nan], [0.6, np.nan]])
    assert mean_dice(films) == pytest.approx((0.8 + 0.5) / 2)
    assert mean_dice(np.array([[0.4, np.nan]])) == 0.4
    assert np.isnan(mean_dice(np.array([[np.nan]])))
