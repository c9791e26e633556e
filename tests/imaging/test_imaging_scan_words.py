"""What headers say in words: contrast, kernels, masks on their grid."""

import numpy as np
import pytest

from strnet.errors import ImageError
from strnet.imaging.contrast import contrast_of, phase_of
from strnet.imaging.kernels import sharpness_of
from strnet.imaging.nifti import write_nifti
from strnet.imaging.volume import Volume
from strnet.imaging.volume_masks import read_volume_mask, same_grid


@pytest.mark.parametrize(
    ("agent", "route", "words", "expected"),
    [
        ("Imeron 350", "IV", [], "iv"),
        ("APPLIED", None, ["FDG_TK_KM"], "iv"),
        ("CONTRAST", None, ["Abdomen"], "iv"),
        ("NONE", None, [], "none"),
        ("NO", None, ["Abdomen"], "none"),
        (None, None, ["Abdomen nativ"], "none"),
        (None, None, ["CT ABD W/O CONTRAST"], "none"),
        (None, None, ["CT Abdomen without contrast"], "none"),
        (None, None, ["Non-contrast chest"], "none"),
        (None, None, ["unenhanced"], "none"),
        (None, None, ["CT abdomen with contrast"], "iv"),
        (None, None, ["Portal venous 1.0"], "iv"),
        (None, None, ["Thorax art."], "iv"),
        (None, None, ["Abdomen"], "unknown"),
        (None, None, [], "unknown"),
        ("ORAL & RECTAL", None, [], "unknown"),
        ("Gastrografin", "oral", ["nativ"], "none"),
        ("ORAL and IV", None, [], "iv"),
        ("Imeron", None, ["Abdomen nativ"], "unknown"),
        (None, None, ["without and with contrast"], "unknown"),
        (None, None, ["Alternative protocol"], "unknown"),
    ],
)
def test_contrast_is_said_only_where_the_header_says_it_without_contradiction(agent, route, words, expected):
    assert contrast_of(agent, route, words) == expected


def test_a_phase_is_named_where_one_stands_in_the_words():
    assert phase_of(["Abdomen_portal", "venous 3.0"]) == "venous"
    assert phase_of(["arterial and venous"]) is None
    assert phase_of(["Abdomen"]) is None


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        *(("Br38f", "soft"), ("B30f", "soft"), ("B50f", "medium"), ("B70f", "sharp"), ("I31f", "soft")),
        *(("Qr40", "soft"), ("STANDARD", "soft"), ("BONEPLUS", "sharp"), ("LUNG", "sharp"), ("FC08", "soft")),
        *(("FC30", "sharp"), ("FC86", "sharp"), ("B", "soft"), ("YA", "sharp"), ("my own", "unknown")),
        (None, "unknown"),
    ],
)
def test_kernels_are_as_sharp_as_their_makers_names_say(kernel, expected):
    assert sharpness_of(kernel) == expected


AFFINE = np.array([[0.7, 0, 0, -20], [0, 0.8, 0, 30], [0, 0, 2.5, 100], [0, 0, 0, 1]])
SCAN = Volume(np.zeros((4, 5, 6), dtype=np.int16), AFFINE)


def labels(affine=AFFINE, shape=(4, 5, 6)):
    values = np.random.default_rng(1).integers(0, 5, shape).astype(np.uint8)
    return Volume(values, affine)


def test_a_mask_on_the_grid_of_its_scan_is_read_as_labels(tmp_path):
    write_nifti(labels(), tmp_path / "mask.nii.gz")
    found = read_volume_mask(tmp_path / "mask.nii.gz", SCAN)
    assert found.values.dtype == np.uint8
    assert np.array_equal(found.values, labels().values)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_a_mask_that_stores_the_same_grid_along_other_axes_is_turned_to_its_scan(tmp_path, order, flips):
    values, affine = labels().values.transpose(order), AFFINE.copy()
    affine[:, :3] = AFFINE[:, [2 - order[2 - axis] for axis in range(3)]]
    for axis in flips:
        affine[:, 3] += (values.shape[2 - axis] - 1) * affine[:, axis]
        affine[:, axis] *= -1
        values = np.flip(values, axis=2 - axis)
    write_nifti(Volume(values, affine), tmp_path / "mask.nii.gz")
    found = read_volume_mask(tmp_path / "mask.nii.gz", SCAN)
    assert np.array_equal(found.values, labels().values)
    assert same_grid(found, SCAN)


def moved(offset, scale=1.0):
    affine = AFFINE.copy()
    affine[:3, 3] += offset
    affine[:3, :3] *= scale
    return affine


@pytest.mark.parametrize(
    "mask",
    [
        labels(moved((0.5, 0, 0))),
        labels(moved((0, 0, 0), 1.1)),
        labels(shape=(4, 5, 7)),
        labels(np.diag([-1.0, -1.0, 1.0, 1.0]) @ AFFINE),
    ],
)
def test_a_mask_of_another_geometry_is_refused_with_both(tmp_path, mask):
    write_nifti(mask, tmp_path / "mask.nii.gz")
    with pytest.raises(ImageError, match=r"another grid than its scan: .* voxels of .* the scan 4 x 5 x 6"):
        read_volume_mask(tmp_path / "mask.nii.gz", SCAN)


def test_what_is_no_mask_is_refused(tmp_path):
    for values, reason in (
        (np.zeros((4, 5, 6), np.uint8), "empty"),
        (np.full((4, 5, 6), 300, np.int16), "whole labels"),
        (np.full((4, 5, 6), -1, np.int16), "whole labels"),
        (np.full((4, 5, 6), 0.5, np.float32), "whole labels"),
    ):
        write_nifti(Volume(values, AFFINE), tmp_path / "mask.nii.gz")
        with pytest.raises(ImageError, match=reason):
            read_volume_mask(tmp_path / "mask.nii.gz", SCAN)
