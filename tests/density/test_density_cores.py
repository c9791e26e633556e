import json

import numpy as np
import pytest

from strnet.density.trabecular_core import (
    CoreRules,
    core_reading,
    trabecular_core,
    vertebral_body,
)
from strnet.density.vertebra_readings import read_vertebrae, require_air
from strnet.density.vertebrae import (
    require_order,
    trabecular_labels,
    vertebra_in,
)
from strnet.errors import DensityError
from strnet.imaging.nifti import read_nifti
from strnet.imaging.volume import Volume
from strnet.imaging.volume_masks import same_grid

WHOLE = {"L1": (31, 32, 33), "L2": (41, 42, 43), "L3": (51, 52, 53)}


def block(spacing, size_mm=(30.0, 30.0, 40.0), around=2):
    """A box of bone of that size in millimetres."""
    sides = [round(length / side) for length, side in zip(size_mm, spacing, strict=True)]
    found = np.zeros([side + 2 * around for side in sides], dtype=bool)
    found[tuple(slice(around, around + side) for side in sides)] = True
    return found


def reasons(readings):
    return {one.vertebra: one.reason for one in readings}


@pytest.mark.parametrize(
    "spacing", [(1.0, 1.0, 1.0), (5.0, 0.75, 0.75), (2.5, 0.8, 0.8), (1.0, 2.5, 0.5), (3.0, 3.0, 3.0)]
)
def test_the_core_keeps_its_distances_in_millimetres_whatever_the_voxels(spacing):
    bone = block(spacing)
    rules = CoreRules(cortex_mm=4.0, endplate_mm=6.0, front_share=1.0)
    core = trabecular_core(bone, spacing, rules)
    for axis, margin in enumerate((6.0, 4.0, 4.0)):
        others = tuple(i for i in range(3) if i != axis)
        held = np.nonzero(bone.any(axis=others))[0]
        inner = np.nonzero(core.any(axis=others))[0]
        side = spacing[axis]
        depth = (inner.min() - held.min() + 0.5) * side
        assert margin - 1e-6 <= depth < margin + side + 1.0


def test_the_same_bone_in_thick_and_thin_slices_has_a_core_of_the_same_volume():
    volumes = [
        trabecular_core(block(spacing), spacing).sum() * np.prod(spacing) / 1000
        for spacing in ((1.0, 1.0, 1.0), (5.0, 0.75, 0.75))
    ]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.15)


def test_the_back_of_the_body_is_left_to_the_vessels():
    bone = block((1.0, 1.0, 1.0))
    core = trabecular_core(bone, (1.0, 1.0, 1.0), CoreRules(front_share=0.5))
    rows = np.nonzero(core.any(axis=(0, 2)))[0] - 2
    assert rows.max() == 14
    assert rows.min() == 3


def test_processes_are_no_body():
    bone = np.zeros((40, 90, 60), dtype=bool)
    bone[5:35, 5:37, 8:52] = True
    bone[14:24, 37:80, 26:34] = True
    body = vertebral_body(bone, (1.0, 1.0, 1.0))
    assert body[20, 20, 30]
    assert not body[:, 48:].any()
    assert body.sum() > 0.9 * bone[:, :37].sum()


def test_a_collapsed_vertebra_has_no_core():
    with pytest.raises(DensityError, match="collapsed"):
        trabecular_core(block((1.0, 1.0, 1.0), (8.0, 30.0, 40.0)), (1.0, 1.0, 1.0))
    with pytest.raises(DensityError, match="collapsed"):
        vertebral_body(block((1.0, 1.0, 1.0), (8.0, 30.0, 40.0)), (1.0, 1.0, 1.0))


def test_a_core_that_is_too_small_is_not_read():
    core = np.zeros((10, 10, 10), dtype=bool)
    core[:3, :10, :10] = True
    with pytest.raises(DensityError, match=r"0\.30 cm3 in 300 voxels"):
        core_reading(np.ones(core.shape), core, 1.0)
    with pytest.raises(DensityError, match="20 voxels"):
        core_reading(np.ones((2, 10, 1)), np.ones((2, 10, 1), dtype=bool), 100.0)


def test_a_reading_is_mean_median_and_spread():
    values = np.arange(2000.0).reshape(20, 10, 10)
    found = core_reading(values, np.ones(values.shape, dtype=bool), 1.0)
    assert (found.mean_hu, found.median_hu, found.voxels, found.volume_cm3) == (999.5, 999.5, 2000, 2.0)
    assert found.sd_hu == pytest.approx(np.std(values, ddof=1))


@pytest.mark.parametrize("spacing", [(2.0, 1.5, 1.5), (5.0, 0.9, 0.9)])
def test_planted_hu_are_found_in_the_trabecular_label_and_in_whole_vertebrae(torso, spacing):
    scan, mask = torso(spacing)
    rules = CoreRules(whole_vertebra=True)
    for found in (
        read_vertebrae(scan, mask, trabecular_labels(["L1", "L2", "L3"]), CoreRules()),
        read_vertebrae(scan, mask, WHOLE, rules),
    ):
        assert [one.vertebra for one in found] == ["L1", "L2", "L3"]
        assert [one.core.mean_hu for one in found] == pytest.approx([150, 140, 130], abs=1.0)


def test_a_stray_piece_is_left_out_and_told_and_a_second_bone_is_refused(torso):
    scan, mask = torso()
    labels = mask.values.copy()
    labels[5:8, 5:8, 5:8] = 31
    one = read_vertebrae(scan, Volume(labels, mask.affine), trabecular_labels(["L1"]), CoreRules())[0]
    assert one.stray_share == pytest.approx(27 / (labels == 31).sum())
    assert one.core.mean_hu == pytest.approx(150, abs=1)
    labels[mask.values == 51] = 31
    two = read_vertebrae(scan, Volume(labels, mask.affine), trabecular_labels(["L1"]), CoreRules())[0]
    assert two.core is None
    assert "pieces" in two.reason


def test_swapped_labels_are_refused(torso):
    scan, mask = torso()
    labels = mask.values.copy()
    labels[mask.values == 31], labels[mask.values == 51] = 51, 31
    with pytest.raises(DensityError, match="L1 lies below L2"):
        read_vertebrae(scan, Volume(labels, mask.affine), trabecular_labels(["L1", "L2", "L3"]), CoreRules())
    require_order({"L1": 3.0, "L3": 1.0})


def test_a_mask_upside_down_is_refused(torso):
    scan, mask = torso()
    turned = Volume(mask.values[::-1].copy(), mask.affine)
    with pytest.raises(DensityError, match="lies below"):
        read_vertebrae(scan, turned, trabecular_labels(["L1", "L2", "L3"]), CoreRules())


@pytest.mark.parametrize(("rows", "columns", "word"), [(0, 40, "expected -60"), (30, 0, "not brighter")])
def test_a_mask_beside_the_bone_is_refused(torso, rows, columns, word):
    scan, mask = torso()
    moved = Volume(np.roll(mask.values, (rows, columns), axis=(1, 2)), mask.affine)
    found = reasons(read_vertebrae(scan, moved, trabecular_labels(["L1", "L2"]), CoreRules()))
    assert all(word in reason for reason in found.values())


def test_a_vertebra_cut_by_the_end_of_the_scan_is_refused(torso):
    scan, mask = torso()
    first = int(np.nonzero((mask.values == 51).any(axis=(1, 2)))[0][3])
    cut = reasons(
        read_vertebrae(
            Volume(scan.values[first:], scan.affine),
            Volume(mask.values[first:], mask.affine),
            trabecular_labels(["L1", "L3"]),
            CoreRules(),
        )
    )
    assert cut["L1"] is None
    assert "cut by the edge" in cut["L3"]


def test_metal_near_a_vertebra_is_refused_and_far_away_is_not(torso):
    scan, mask = torso()
    values = scan.values.copy()
    level = int(np.nonzero((mask.values == 31).any(axis=(1, 2)))[0].mean())
    middle = scan.values.shape[2] // 2
    values[level - 1 : level + 2, 83:87, middle - 3 : middle + 3] = 3071
    found = reasons(
        read_vertebrae(Volume(values, scan.affine), mask, trabecular_labels(["L1", "L3"]), CoreRules())
    )
    assert "metal" in found["L1"]
    assert found["L3"] is None


def test_cement_in_the_core_is_refused(torso):
    scan, mask = torso()
    values = scan.values.copy()
    centre = np.argwhere(mask.values == 41).mean(axis=0).astype(int)
    values[tuple(slice(c - 3, c + 4) for c in centre)] = 1200
    found = reasons(read_vertebrae(Volume(values, scan.affine), mask, trabecular_labels(["L2"]), CoreRules()))
    assert "cement" in found["L2"]


def test_values_without_air_are_not_taken_for_hu(torso):
    scan, _ = torso()
    require_air(scan.values, scan.voxel_mm3)
    for values in (scan.values + 1024, np.rint(scan.values * 0.8), scan.values[:, 60:100, 80:140]):
        with pytest.raises(DensityError, match="no air"):
            require_air(values, scan.voxel_mm3)


def test_a_label_that_is_not_there_is_a_reason():
    with pytest.raises(DensityError, match="label 7 is not in the mask"):
        vertebra_in(np.ones((3, 3, 3), dtype=np.uint8), (7,))


def test_rules_that_leave_nothing_are_refused():
    with pytest.raises(DensityError, match="a share of more than 0 to 1"):
        CoreRules(front_share=0.0)


def test_the_calibrated_vertebra_has_its_published_density_in_label_1(verse):
    image = read_nifti(verse / "sub-verse004_0000_vertebra_21_im.nii.gz").in_patient_order()
    mask = read_nifti(verse / "sub-verse004_0000_vertebra_21_seg.nii.gz").in_patient_order()
    assert same_grid(image, mask)
    piece = vertebra_in(mask.values, (1,))
    assert piece.stray_share == 0
    whole = core_reading(image.values, piece.inside, image.voxel_mm3)
    assert whole.mean_hu == pytest.approx(75.5, abs=0.05)
    core = trabecular_core(piece.inside, image.spacing)
    assert (mask.values[core] == 1).all()
    # Away from cortex and endplates there is less bone than in the whole label.
    assert 65 < core_reading(image.values, core, image.voxel_mm3).mean_hu < 75.5


def test_the_body_is_found_in_the_calibrated_vertebra_with_its_processes(verse):
    mask = read_nifti(verse / "sub-verse004_0000_vertebra_21_seg.nii.gz").in_patient_order()
    piece = vertebra_in(mask.values, (1, 2, 3, 4))
    core = trabecular_core(piece.inside, mask.spacing, CoreRules(whole_vertebra=True))
    assert (mask.values[core] == 1).all()


def test_cores_of_labelled_vertebrae_are_bodies_and_darker_than_a_report_with_cortex(spine_scan):
    folder = spine_scan / "spine_report" / "example_ct_report"
    scan = read_nifti(spine_scan / "example_ct.nii.gz").in_patient_order()
    mask = read_nifti(folder / "totalseg.nii.gz").in_patient_order()
    body = read_nifti(folder / "totalseg_vertebrae_body.nii.gz").in_patient_order()
    assert same_grid(scan, mask)
    labels = {"T12": (32,), "L1": (31,), "L2": (30,), "L3": (29,), "L4": (28,), "L5": (27,)}
    rules = CoreRules(whole_vertebra=True)
    found = {one.vertebra: one for one in read_vertebrae(scan, mask, labels, rules)}
    assert "cut by the edge" in found.pop("T12").reason
    report = json.loads((folder / "spine_report.json").read_text())["results"]
    for name, one in found.items():
        core = trabecular_core(vertebra_in(mask.values, labels[name]).inside, scan.spacing, rules)
        assert (body.values[core] == 1).all()
        assert 85 < one.core.mean_hu < report[f"vertebrae_{name}_intensity"]
