"""The numbers of a spine mask, by hand."""

import pytest

from strnet.imaging.spine_labels import CORTEX, NAME_OF, NUMBER_OF, POSTERIOR, TRABECULAR, spine_label


@pytest.mark.parametrize(
    ("vertebra", "tissue", "number"),
    [("T11", TRABECULAR, 11), ("T12", CORTEX, 22), ("L1", TRABECULAR, 31), ("L5", POSTERIOR, 73)],
)
def test_a_part_of_a_vertebra_has_the_number_that_is_written_in_masks(vertebra, tissue, number):
    assert spine_label(vertebra, tissue) == number


def test_every_number_has_one_name_fits_a_byte_and_is_not_the_background():
    assert len(NUMBER_OF) == len(NAME_OF) == 21
    assert all(0 < number < 256 and NUMBER_OF[NAME_OF[number]] == number for number in NAME_OF)


def test_a_vertebra_that_masks_do_not_know_is_an_error():
    with pytest.raises(KeyError):
        spine_label("T10", TRABECULAR)
