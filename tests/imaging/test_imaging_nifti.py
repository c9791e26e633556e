"""NIfTI is read to the same HU at the same places as SimpleITK reads it, or refused with the reason."""

import gzip
import itertools

import nibabel as nib
import numpy as np
import pytest

from strnet.errors import ImageError
from strnet.imaging.nifti import is_nifti, read_nifti, write_nifti
from strnet.imaging.volume import Volume

sitk = pytest.importorskip("SimpleITK", reason="the independent reader is not installed")
SHAPE = (5, 6, 7)


def turned_affine(angles=(0.2, -0.3, 0.4), spacing=(0.7, 0.8, 2.5), place=(-20.5, 33.0, -512.25)):
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        rotation = turn @ rotation
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = place
    return affine


def scan(dtype=np.int16, affine=None):
    values = np.random.default_rng(4).integers(-1024, 3000, SHAPE).astype(np.int16)
    if dtype == np.uint8:
        values = values % 7
    return Volume(values.astype(dtype), turned_affine() if affine is None else affine)


def itk_affine(image):
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return affine


def nifti(path, values, affine=None, **header):
    """A file as nibabel writes it: `values` (columns, rows, slices), affine in RAS."""
    image = nib.Nifti1Image(values, np.diag([0.7, 0.8, 2.5, 1.0]) if affine is None else affine)
    image.header.set_xyzt_units("mm")
    for key, value in header.items():
        image.header[key] = value
    path.write_bytes(image.to_bytes())
    return path


WHOLE = np.arange(210, dtype=np.int16).reshape(7, 6, 5)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.uint8])
def test_what_was_written_is_read_again_the_same(tmp_path, dtype, ending):
    path = tmp_path / f"scan{ending}"
    write_nifti(scan(dtype), path)
    found = read_nifti(path)
    assert np.array_equal(found.values, scan(dtype).values)
    assert np.allclose(found.affine, scan(dtype).affine, atol=1e-4)
    assert found.values.dtype == (np.uint8 if dtype == np.uint8 else np.int16)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.2, -0.3, 0.4), (3.0, 0.1, -1.5)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_simpleitk_finds_what_was_written_at_the_same_place(tmp_path, angles, mirrored):
    affine = turned_affine(angles)
    affine[:3, 2] *= -1 if mirrored else 1
    write_nifti(scan(affine=affine), tmp_path / "scan.nii.gz")
    image = sitk.ReadImage(str(tmp_path / "scan.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image), scan().values)
    assert np.allclose(itk_affine(image), affine, atol=1e-4)


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.2, -0.3, 0.4), (3.0, 0.1, -1.5)])
def test_what_simpleitk_wrote_is_read_at_the_same_place(tmp_path, angles):
    image = sitk.GetImageFromArray(scan().values)
    affine = turned_affine(angles)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetDirection((affine[:3, :3] / (0.7, 0.8, 2.5)).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    sitk.WriteImage(image, str(tmp_path / "scan.nii"))
    found = read_nifti(tmp_path / "scan.nii")
    assert np.array_equal(found.values, scan().values)
    assert found.spacing == pytest.approx((2.5, 0.8, 0.7), abs=1e-5)
    assert np.allclose(found.affine, affine, atol=1e-3)


def test_the_same_volume_gives_the_same_bytes_wherever_it_is_written(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(scan(), tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


def test_a_sheared_volume_keeps_its_places(tmp_path):
    affine = np.diag([0.7, 0.8, 2.5, 1.0])
    affine[1, 2] = 0.9
    write_nifti(scan(affine=affine), tmp_path / "scan.nii.gz")
    assert np.allclose(read_nifti(tmp_path / "scan.nii.gz").affine, affine, atol=1e-5)


def test_scaling_is_applied_and_whole_numbers_stay_int16(tmp_path):
    path = nifti(tmp_path / "scan.nii", WHOLE, scl_slope=2.0, scl_inter=-1024.0)
    found = read_nifti(path)
    assert found.values.dtype == np.int16
    assert np.array_equal(found.values, WHOLE.T * 2 - 1024)
    assert np.array_equal(found.values, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_scaling_to_fractions_gives_float32(tmp_path):
    found = read_nifti(nifti(tmp_path / "scan.nii", WHOLE, scl_slope=0.5, scl_inter=-10.0))
    assert found.values.dtype == np.float32
    assert found.values[0, 0, 1] == WHOLE[1, 0, 0] * 0.5 - 10.0


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_zero_or_nan_scales_nothing(tmp_path, slope):
    found = read_nifti(nifti(tmp_path / "scan.nii", WHOLE, scl_slope=slope, scl_inter=7.0))
    assert np.array_equal(found.values, WHOLE.T)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.float64, ">i2"])
def test_whole_numbers_of_a_wide_type_come_as_int16(tmp_path, dtype):
    found = read_nifti(nifti(tmp_path / "scan.nii", WHOLE.astype(dtype)))
    assert found.values.dtype == np.int16
    assert np.array_equal(found.values, WHOLE.T)


def test_numbers_beyond_int16_are_not_wrapped(tmp_path):
    found = read_nifti(nifti(tmp_path / "scan.nii", WHOLE.astype(np.int32) + 40000))
    assert found.values.max() == 40209


def test_a_last_axis_of_one_is_still_a_volume(tmp_path):
    found = read_nifti(nifti(tmp_path / "scan.nii", WHOLE[..., None]))
    assert np.array_equal(found.values, WHOLE.T)


def test_a_file_without_a_unit_is_in_millimetres_as_simpleitk_takes_it(tmp_path):
    path = nifti(tmp_path / "scan.nii", WHOLE, xyzt_units=0)
    assert read_nifti(path).spacing == pytest.approx(sitk.ReadImage(str(path)).GetSpacing()[::-1])


def other_forms(**header):
    image = nib.Nifti1Image(WHOLE, np.diag([0.7, 0.8, 2.5, 1.0]))
    image.set_qform(image.affine, code=1)
    content = image.to_bytes()
    written = np.frombuffer(content[:348], dtype=nib.Nifti1Header.template_dtype).copy()
    for key, value in header.items():
        written[key] = value
    return written.tobytes() + content[348:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: nib.Nifti1Image(np.stack([WHOLE, WHOLE], -1), np.eye(4)).to_bytes(), "several volumes"),
        (lambda: nib.Nifti1Image(WHOLE[:, :, 0], np.eye(4)).to_bytes(), "no volume"),
        (lambda: nib.Nifti1Image(WHOLE[:, :, :1], np.eye(4)).to_bytes(), "no volume"),
        (lambda: other_forms(xyzt_units=1), "in metres"),
        (lambda: other_forms(xyzt_units=3), "in micrometres"),
        (lambda: other_forms(xyzt_units=5), "code 5"),
        (lambda: other_forms(qoffset_x=-0.6), "mm apart"),
        (lambda: other_forms(quatern_d=0.3), "mm apart"),
        (lambda: other_forms(sform_code=4), "template"),
        (lambda: other_forms(sform_code=0, qform_code=0), "left and right are unknown"),
        (lambda: other_forms(qform_code=0, pixdim=[1, 1, 1, 1, 0, 0, 0, 0]), "two spacings"),
        (lambda: nib.Nifti1Image(WHOLE, np.eye(4) * [1e-3, 1e-3, 1e-3, 1]).to_bytes(), "spacing"),
        (lambda: nib.Nifti1Image(WHOLE.astype(np.complex64), np.eye(4)).to_bytes(), "one number per voxel"),
        (lambda: nib.Nifti1Image(np.where(WHOLE, WHOLE, np.nan), np.eye(4)).to_bytes(), "no number"),
        (lambda: other_forms()[:-40], "scan.nii"),
        (lambda: b"not NIfTI at all" * 40, "scan.nii"),
        (lambda: other_forms(magic=b""), "magic"),
        (lambda: b"", "scan.nii"),
    ],
)
def test_what_is_no_volume_at_a_certain_place_is_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "scan.nii").write_bytes(content())
    with pytest.raises(ImageError, match=reason):
        read_nifti(tmp_path / "scan.nii")


def test_a_truncated_gzip_is_refused(tmp_path):
    write_nifti(scan(), tmp_path / "scan.nii.gz")
    whole = (tmp_path / "scan.nii.gz").read_bytes()
    for kept in (30, len(whole) // 2, len(whole) - 9):
        (tmp_path / "scan.nii.gz").write_bytes(whole[:kept])
        with pytest.raises(ImageError, match=r"scan\.nii\.gz"):
            read_nifti(tmp_path / "scan.nii.gz")


def test_a_gzip_whose_checksum_does_not_hold_is_refused(tmp_path):
    large = Volume(np.zeros((40, 200, 200), dtype=np.int16), turned_affine())
    write_nifti(large, tmp_path / "scan.nii.gz")
    content = bytearray((tmp_path / "scan.nii.gz").read_bytes())
    content[-5] ^= 0xFF  # of the checksum's four bytes before the length
    (tmp_path / "scan.nii.gz").write_bytes(bytes(content))
    with pytest.raises(ImageError, match="CRC"):
        read_nifti(tmp_path / "scan.nii.gz")


def test_nifti_2_is_read_too(tmp_path):
    (tmp_path / "scan.nii").write_bytes(nib.Nifti2Image(WHOLE, np.diag([0.7, 0.8, 2.5, 1.0])).to_bytes())
    assert np.array_equal(read_nifti(tmp_path / "scan.nii").values, WHOLE.T)


def test_a_header_that_announces_more_than_any_scan_is_refused_before_it_is_read(tmp_path):
    content = bytearray(other_forms())
    content[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(ImageError, match="voxels, more than"):
        read_nifti(tmp_path / "scan.nii.gz")


def test_a_missing_file_and_another_ending_are_refused(tmp_path):
    with pytest.raises(ImageError, match="absent"):
        read_nifti(tmp_path / "absent.nii")
    with pytest.raises(ImageError, match="ending"):
        write_nifti(scan(), tmp_path / "scan.mha")
    assert [is_nifti(name) for name in ("a.nii", "b.NII.GZ", "c.gz", "d.nii.png")] == [
        True,
        True,
        False,
        False,
    ]


def test_every_flip_and_order_of_axes_is_read_where_simpleitk_reads_it(tmp_path):
    for order in itertools.permutations(range(3)):
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[:, order] * np.array([-0.7, 0.8, 2.5])
        path = nifti(tmp_path / "scan.nii", WHOLE, affine)
        image = sitk.ReadImage(str(path))
        assert np.allclose(read_nifti(path).affine, itk_affine(image), atol=1e-5)
        assert np.array_equal(read_nifti(path).values, sitk.GetArrayFromImage(image))


def test_real_scans_are_read_as_simpleitk_reads_them(shared_data):
    files = [
        *sorted((shared_data / "ct").glob("*.nii.gz")),
        *sorted((shared_data / "ct_verse").glob("*.nii.gz")),
    ]
    assert files
    for path in files:
        image = sitk.ReadImage(str(path))
        found = read_nifti(path)
        assert np.allclose(found.affine, itk_affine(image), atol=1e-3), path.name
        assert np.allclose(found.values, sitk.GetArrayFromImage(image), atol=1e-3), path.name
