"""From scores to regions: where they lie on the file, and which look like none of training."""

import numpy as np
import pytest

from strnet.config import Preprocessing
from strnet.imaging.film_parts import FilmShape
from strnet.imaging.finding_regions import find_regions, largest_parts
from strnet.imaging.plausibility import OrderRule, Plausibility, implausible, learn_plausibility
from strnet.imaging.preparation import placement, prepare_labels
from strnet.imaging.region import Box, filled

PREPARATION = Preprocessing(height=64, width=64, crop_to_field=False)


def scores_of(labels: np.ndarray, count: int) -> np.ndarray:
    """Scores as a network that is right about every pixel gives them, for labels on a file's grid."""
    canvas = prepare_labels(labels, PREPARATION)
    return np.stack([canvas == label for label in range(count + 1)]).astype(np.float32)


def test_a_find_comes_back_on_the_grid_of_the_file():
    labels = np.zeros((128, 96), np.uint8)
    labels[20:60, 10:50], labels[70:110, 20:80] = 1, 2
    shape = FilmShape((128, 96), (128, 96), turned=False)
    found = find_regions(scores_of(labels, 2), shape, ["a", "b"], Plausibility(), PREPARATION)
    assert found.reasons == {}
    assert found.labels.shape == (128, 96)
    for name, expected in {"a": Box((20, 10), (60, 50)), "b": Box((70, 20), (110, 80))}.items():
        ends = np.subtract(
            (*found.boxes[name].start, *found.boxes[name].stop), (*expected.start, *expected.stop)
        )
        assert np.abs(ends).max() <= 2  # a pixel of the network is two of the file
    assert (found.labels == labels).mean() > 0.97


def test_pixels_that_are_not_square_are_undone():
    # A file of 64 x 96 whose rows are twice as far apart: its film has 128 x 96 square pixels.
    labels = np.zeros((128, 96), np.uint8)
    labels[40:80, 10:50] = 1
    shape = FilmShape((128, 96), (64, 96), turned=False)
    found = find_regions(scores_of(labels, 1), shape, ["a"], Plausibility(), PREPARATION)
    assert found.labels.shape == (64, 96)
    box = found.boxes["a"]
    assert np.abs(np.subtract((*box.start, *box.stop), (20, 10, 40, 50))).max() <= 2
    assert {row["rows"] for row in found.rows(["a"])} == {64}


def test_what_occurs_nowhere_is_not_found_and_a_turned_picture_has_nothing():
    labels = np.zeros((64, 64), np.uint8)
    labels[10:20, 10:20] = 1
    shape = FilmShape((64, 64), (64, 64), turned=False)
    found = find_regions(scores_of(labels, 2), shape, ["a", "b"], Plausibility(), PREPARATION)
    first, second = found.rows(["a", "b"])
    assert (first["status"], first["label"], first["left"], first["bottom"]) == ("found", 1, 10, 20)
    assert (second["status"], second["left"]) == ("not_found", None)
    assert second["reason"] == "nothing on the film looks like b"
    turned = find_regions(
        scores_of(labels, 2), shape._replace(turned=True), ["a", "b"], Plausibility(), PREPARATION
    )
    assert turned.boxes == {}
    assert "EXIF" in turned.rows(["a"])[0]["reason"]


@pytest.mark.parametrize("axes", [2, 3])
def test_specks_beside_a_region_are_dropped(axes):
    shape = (30,) * axes
    labels = np.zeros(shape, np.uint8)
    labels[filled([Box((3,) * axes, (12,) * axes)], shape)] = 1
    labels[(25,) * axes] = 1
    kept, boxes = largest_parts(labels, ["a"])
    assert boxes == {"a": Box((3,) * axes, (12,) * axes)}
    assert kept.sum() == 9**axes


def test_limits_are_those_of_training_with_slack_and_an_order_that_no_film_breaks():
    films = [
        ({"L1": Box((10, 10), (20, 30)), "L2": Box((30, 20), (40, 40))}, (100, 100)),
        ({"L1": Box((20, 10), (40, 30)), "L2": Box((50, 0), (70, 20))}, (200, 100)),
    ]
    limits = learn_plausibility(films, slack=2.0)
    assert limits.sizes["L1"].low == (0.05, 0.1)
    assert limits.sizes["L1"].high == (0.2, 0.4)
    # Along the columns L2 lies to the right once and to the left once: no rule.
    assert limits.order == (OrderRule(axis=0, first="L1", second="L2"),)
    assert learn_plausibility(films[:1]).order == ()
    assert Plausibility.model_validate(limits.model_dump(mode="json")) == limits


def test_a_region_of_another_size_or_out_of_order_says_what_was_expected():
    films = [({"L1": Box((10, 10), (20, 30)), "L2": Box((30, 10), (40, 30))}, (100, 100))] * 2
    limits = learn_plausibility(films, slack=1.5)
    fine = {"L1": Box((50, 50), (60, 70)), "L2": Box((70, 50), (80, 70))}
    assert implausible(fine, (100, 100), limits) == {}
    large = {**fine, "L1": Box((40, 50), (60, 70))}
    assert implausible(large, (100, 100), limits) == {
        "L1": "it takes 20.0% of the film along axis 0, expected 6.7% to 15.0%"
    }
    swapped = {"L1": fine["L2"], "L2": fine["L1"]}
    told = "L2 lies before L1 along axis 0, in training never"
    assert implausible(swapped, (100, 100), limits) == {"L1": told, "L2": told}
    # Twice the pixels of the same film change nothing.
    doubled = {
        name: Box(tuple(2 * s for s in b.start), tuple(2 * s for s in b.stop)) for name, b in fine.items()
    }
    assert implausible(doubled, (200, 200), limits) == {}


def test_the_place_of_a_film_keeps_its_proportions():
    place = placement((128, 32), PREPARATION)
    assert (place.top, place.left, place.rows, place.columns) == (0, 24, 64, 16)
