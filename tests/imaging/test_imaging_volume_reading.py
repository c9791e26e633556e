"""A series becomes HU at the right place in the patient, or the reason why not; nothing in between."""

import math

import numpy as np
import pydicom
import pytest
from ct_series import ORIGIN, SPACING, body, enhanced_dataset, slice_dataset, write_series
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from strnet.errors import ImageError
from strnet.imaging.nifti import read_nifti, write_nifti
from strnet.imaging.volume_reading import read_volume, voxel_sha256

sitk = pytest.importorskip("SimpleITK", reason="the independent reader is not installed")
PLAIN = np.array(
    [
        [SPACING[2], 0, 0, ORIGIN[0]],
        [0, SPACING[1], 0, ORIGIN[1]],
        [0, 0, SPACING[0], ORIGIN[2]],
        [0, 0, 0, 1],
    ]
)


def by_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image), affine


def test_a_series_is_read_in_hu_at_its_place_with_how_it_was_taken(tmp_path):
    write_series(tmp_path / "ct")
    volume, source = read_volume(tmp_path / "ct")
    assert volume.values.dtype == np.int16
    assert np.array_equal(volume.values, body())
    assert np.allclose(volume.affine, PLAIN)
    assert (source.kvp, source.kernel, source.slice_thickness_mm) == (120.0, "Br38f", 3.0)
    assert (source.slice_spacing_mm, source.plane, source.gantry_tilt_degrees) == (2.5, "axial", 0.0)
    assert (source.contrast, source.scanner, source.serial) == ("none", "SIEMENS Definition", "60064")
    assert (source.patient_id, source.patient_age, source.patient_sex) == ("P1", 71.0, "F")


def _turned(first, second):
    """Orientation of rows and columns that tags give, and positions along their normal."""

    def change(dataset, number):
        dataset.ImageOrientationPatient = [*first, *second]
        place = np.array(ORIGIN) + np.cross(first, second) * number * SPACING[0]
        dataset.ImagePositionPatient = [round(float(part), 6) for part in place]

    return change


@pytest.mark.parametrize(
    ("first", "second", "plane"),
    [
        ((1, 0, 0), (0, 1, 0), "axial"),
        ((-1, 0, 0), (0, -1, 0), "axial"),
        ((0, 1, 0), (0, 0, -1), "sagittal"),
        ((1, 0, 0), (0, 0, -1), "coronal"),
        ((0.8, 0.6, 0), (0, 0, -1), "oblique"),
        ((1, 0, 0), (0, math.cos(0.3), math.sin(0.3)), "axial"),
    ],
)
def test_every_orientation_is_read_as_simpleitk_reads_it(tmp_path, first, second, plane):
    write_series(tmp_path / "ct", change=_turned(first, second))
    volume, source = read_volume(tmp_path / "ct")
    values, affine = by_simpleitk(tmp_path / "ct")
    assert np.array_equal(volume.values, values)
    assert np.allclose(volume.affine, affine, atol=1e-5)
    assert source.plane == plane


def _own_rescale(dataset, number):
    slope, intercept = 1 + number % 3, -1024 - 8 * number
    hu = body()[number].astype(np.int32)
    dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    dataset.PixelData = ((hu - intercept) // slope).astype(np.uint16).tobytes()


def test_every_slice_is_rescaled_by_its_own_slope_and_intercept(tmp_path):
    write_series(tmp_path / "ct", change=_own_rescale)
    volume, _ = read_volume(tmp_path / "ct")
    for number, values in enumerate(volume.values):
        assert np.abs(values - body()[number]).max() < 1 + number % 3
    assert np.array_equal(volume.values, by_simpleitk(tmp_path / "ct")[0])


def test_a_slope_that_is_no_whole_number_gives_float32(tmp_path):
    write_series(tmp_path / "ct", RescaleSlope="0.75", RescaleIntercept="-768")
    volume, _ = read_volume(tmp_path / "ct")
    assert volume.values.dtype == np.float32
    assert np.allclose(volume.values, body() * 0.75)


def _signed(dataset, number):
    dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.PixelData = body()[number].tobytes()


def test_signed_values_are_read(tmp_path):
    write_series(tmp_path / "ct", change=_signed)
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_padding_outside_the_scanned_circle_is_air_and_is_not_rescaled(tmp_path, padding):
    def change(dataset, number):
        _signed(dataset, number)
        stored = body()[number].copy()
        stored[:2] = -2000
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)

    write_series(tmp_path / "ct", change=change)
    volume, _ = read_volume(tmp_path / "ct")
    assert (volume.values[:, :2] == -1024).all()
    assert np.array_equal(volume.values[:, 2:], body()[:, 2:])


def test_padding_that_could_be_tissue_is_refused(tmp_path):
    write_series(tmp_path / "ct", PixelPaddingValue=int(body()[0, 12, 10]) + 1024)
    with pytest.raises(ImageError, match="padding cannot be told from tissue"):
        read_volume(tmp_path / "ct")


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_uncompressed_syntax_gives_the_same_hu(tmp_path, syntax):
    folder = tmp_path / "ct"
    for path in write_series(folder):
        dataset = pydicom.dcmread(path)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        big = syntax == ExplicitVRBigEndian
        implicit = syntax == ImplicitVRLittleEndian
        plain = pydicom.Dataset()
        plain.update(dataset)
        plain.file_meta = dataset.file_meta
        plain.preamble = bytes(128)
        pydicom.dcmwrite(
            path, plain, enforce_file_format=True, implicit_vr=implicit, little_endian=not big, overwrite=True
        )
    assert np.array_equal(read_volume(folder)[0].values, body())


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_every_lossless_compression_gives_the_same_hu(tmp_path, syntax):
    for path in write_series(tmp_path / "ct"):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())


def test_an_enhanced_ct_is_the_same_volume_as_its_slices(tmp_path):
    write_series(tmp_path / "slices")
    (tmp_path / "enhanced").mkdir()
    enhanced_dataset(body()).save_as(tmp_path / "enhanced" / "all.dcm", enforce_file_format=True)
    one, _ = read_volume(tmp_path / "slices")
    other, source = read_volume(tmp_path / "enhanced")
    assert np.array_equal(one.values, other.values)
    assert np.allclose(one.affine, other.affine)
    assert (source.kvp, source.kernel, source.slice_thickness_mm) == (100.0, "STANDARD", 3.0)


def test_a_compressed_enhanced_ct_is_decoded_frame_by_frame(tmp_path):
    dataset = enhanced_dataset(body())
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "all.dcm", enforce_file_format=True)
    assert np.array_equal(read_volume(tmp_path)[0].values, body())


def test_an_enhanced_ct_with_fewer_pixels_than_frames_is_refused(tmp_path):
    dataset = enhanced_dataset(body())
    dataset.PixelData = dataset.PixelData[:-200]
    dataset.save_as(tmp_path / "all.dcm", enforce_file_format=True)
    with pytest.raises(ImageError, match="cut short"):
        read_volume(tmp_path)


def _tilted(degrees):
    """Slices of a gantry that leans by `degrees`, on a table that moves along the patient."""
    lean = math.radians(degrees)

    def change(dataset, number):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, math.cos(lean), math.sin(lean)]
        dataset.GantryDetectorTilt = abs(degrees)

    return change


@pytest.mark.parametrize("degrees", [-20.0, 12.0])
def test_a_tilted_gantry_is_undone_and_every_voxel_lies_where_it_lay(tmp_path, degrees):
    lean = math.radians(degrees)
    down = np.array([0, math.cos(lean), math.sin(lean)])
    slices, rows, columns = body().shape
    k, j, i = np.indices((slices, rows, columns))
    places = (
        np.array(ORIGIN)
        + i[..., None] * SPACING[2] * np.array([1, 0, 0])
        + j[..., None] * SPACING[1] * down
        + k[..., None] * SPACING[0] * np.array([0, 0, 1])
    )

    def meant(points):
        """HU that are linear in the place, so that linear interpolation keeps them."""
        return 6 * points[..., 0] + 9 * points[..., 1] + 5 * (points[..., 2] - ORIGIN[2])

    write_series(tmp_path / "ct", hu=np.rint(meant(places)), change=_tilted(degrees))
    volume, source = read_volume(tmp_path / "ct")
    axes = volume.affine[:3, :3]
    assert np.allclose(axes.T @ axes, np.diag(np.diag(axes.T @ axes)), atol=1e-9)
    assert source.gantry_tilt_degrees == pytest.approx(degrees, abs=0.01)
    assert source.slice_spacing_mm == pytest.approx(SPACING[0] * math.cos(lean), abs=1e-3)
    assert volume.spacing == pytest.approx((SPACING[0] * math.cos(lean), SPACING[1], SPACING[2]))
    k, j, i = np.indices(volume.values.shape)
    found_at = np.stack([i, j, k, np.ones_like(i)], -1) @ volume.affine.T
    known = volume.values != -1024
    inner = known & np.roll(known, 1, axis=1) & np.roll(known, -1, axis=1)
    assert inner.sum() >= slices * (rows - 3) * columns
    assert np.abs(volume.values - meant(found_at[..., :3]))[inner].max() <= 1.5


def test_a_tilt_that_header_and_slices_say_otherwise_is_refused(tmp_path):
    write_series(tmp_path / "ct", GantryDetectorTilt=15)
    with pytest.raises(ImageError, match=r"Gantry/Detector Tilt .* is 15 degrees, but positions"):
        read_volume(tmp_path / "ct")


def test_scans_of_one_place_are_told_apart_by_their_acquisition(tmp_path):
    write_series(tmp_path / "ct", prefix="a", AcquisitionNumber=1)
    write_series(tmp_path / "ct", prefix="b", AcquisitionNumber=2)
    with pytest.raises(ImageError, match=r"(?s)2 scans.*acquisition 1 .*can be read.*acquisition 2"):
        read_volume(tmp_path / "ct")


def test_an_acquisition_number_of_its_own_for_every_slice_is_one_scan(tmp_path):
    def change(dataset, number):
        dataset.AcquisitionNumber = number + 1

    write_series(tmp_path / "ct", change=change)
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())


def test_files_whose_uids_were_blanked_are_one_scan_by_their_folder(tmp_path):
    def change(dataset, number):
        for keyword in ("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "SOPClassUID"):
            setattr(dataset, keyword, "")

    write_series(tmp_path / "ct", change=change)
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())


def test_a_localizer_and_a_dose_report_beside_the_scan_are_passed_over(tmp_path):
    write_series(tmp_path / "ct")
    scout = {"SeriesInstanceUID": "1.2.826.2", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write_series(tmp_path / "ct", prefix="s", hu=body(2), **scout)
    report = {"SeriesInstanceUID": "1.2.826.3", "SeriesDescription": "Dose Report"}
    write_series(tmp_path / "ct", prefix="d", hu=body(1), **report)
    (tmp_path / "ct" / "readme.txt").write_text("not DICOM")
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())


def without(number):
    def spoil(folder):
        sorted(folder.iterdir())[number].unlink()

    return spoil


def every(**tags):
    return lambda folder: write_series(folder, **tags)


def each(change):
    return lambda folder: write_series(folder, change=change)


def _slice_at(folder, number):
    return next(path for path in folder.iterdir() if pydicom.dcmread(path).InstanceNumber == number + 1)


def _edit(number, edit):
    def spoil(folder):
        path = _slice_at(folder, number)
        dataset = pydicom.dcmread(path)
        edit(dataset)
        dataset.save_as(path)

    return spoil


def _cut(number, kept):
    def spoil(folder):
        path = _slice_at(folder, number)
        path.write_bytes(path.read_bytes()[:kept])

    return spoil


def _cut_compressed(folder):
    for number in range(3):
        dataset = pydicom.dcmread(_slice_at(folder, number))
        dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
        frame = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
        dataset.save_as(_slice_at(folder, number))


def _doubled_at(number, **tags):
    def spoil(folder):
        path = _slice_at(folder, number)
        dataset = pydicom.dcmread(path)
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
        dataset.save_as(folder / "copy.dcm")

    return spoil


def _second_stack(offset):
    def spoil(folder):
        for number in range(12):
            place = [ORIGIN[0], ORIGIN[1], ORIGIN[2] + number * SPACING[0] + offset]
            dataset = slice_dataset(body()[number], number, ImagePositionPatient=place)
            dataset.SOPInstanceUID = f"1.2.826.4.{number}"
            dataset.save_as(folder / f"more{number}.dcm", enforce_file_format=True)

    return spoil


def _two_spacings(dataset, number):
    z = ORIGIN[2] + number * SPACING[0] + max(0, number - 6) * 1.2
    dataset.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], z]


def _drifting(dataset, number):
    z = ORIGIN[2] + number * SPACING[0] + 0.03 * number**2
    dataset.ImagePositionPatient = [ORIGIN[0], ORIGIN[1], z]


def _half_sagittal(dataset, number):
    if number >= 6:
        _turned((0, 1, 0), (0, 0, -1))(dataset, number)


def _fan(dataset, number):
    angle = 0.1 * number
    _turned((1, 0, 0), (0, math.cos(angle), math.sin(angle)))(dataset, number)


def _aside(dataset, number):
    dataset.ImagePositionPatient = [ORIGIN[0] + 0.4 * number, ORIGIN[1], ORIGIN[2] + 2.5 * number]


def _steep(dataset, number):
    dataset.ImagePositionPatient = [ORIGIN[0], ORIGIN[1] + 2.5 * number, ORIGIN[2] + 2.5 * number]


def _one_out_of_line(dataset, number):
    if number == 5:
        dataset.ImagePositionPatient = [ORIGIN[0] + 3, ORIGIN[1], ORIGIN[2] + 12.5]


def _unscaled(dataset, number):
    dataset.RescaleIntercept = 0


def _remove(keyword):
    return lambda dataset: delattr(dataset, keyword)


def _set(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


def _many_frames(folder):
    for path in folder.iterdir():
        path.unlink()
    dataset = slice_dataset(body()[0], 0, NumberOfFrames=12)
    dataset.PixelData = b"".join(piece.tobytes() for piece in body())
    dataset.save_as(folder / "all.dcm", enforce_file_format=True)


def _four_dimensional(folder):
    """A perfusion scan: every place three times, in one series."""
    for path in folder.iterdir():
        path.unlink()
    for time in (1, 2, 3):
        write_series(folder, prefix=f"t{time}_", AcquisitionNumber=time, TemporalPositionIdentifier=time)


BROKEN = {
    "a slice is missing": (
        lambda folder: _slice_at(folder, 5).unlink(),
        r"1 slice\(s\) missing: between .* 5 mm",
    ),
    "three slices are missing": (
        lambda folder: [_slice_at(folder, number).unlink() for number in (3, 4, 5)],
        r"3 slice\(s\) missing",
    ),
    "a file is there twice": (_doubled_at(4), r"doubled slices: 1 SOP Instance UID"),
    "a place is there twice": (_doubled_at(4, SOPInstanceUID="1.2.3"), r"doubled slices: 1 place"),
    "two stacks overlap": (_second_stack(0.9), "overlapping slices"),
    "two stacks overlap in part": (_second_stack(8.4), "overlapping slices"),
    "the spacing changes": (each(_two_spacings), "changing slice spacing: from 2.5 to 3.7 mm"),
    "the spacing drifts": (each(_drifting), "changing slice spacing"),
    "half is sagittal": (each(_half_sagittal), "mixed orientation, axial and sagittal"),
    "slices lie like a fan": (each(_fan), "mixed orientation: .* planes are not parallel"),
    "one slice is sagittal": (
        _edit(5, _set("ImageOrientationPatient", [0, 1, 0, 0, 0, -1])),
        "mixed orientation: 1 of 12 slices lie in other planes",
    ),
    "slices slide along their rows": (each(_aside), "slide along their rows"),
    "the gantry leans too far": (each(_steep), "more than a gantry tilts"),
    "one slice lies beside the others": (each(_one_out_of_line), "slices out of line"),
    "it is not rescaled": (each(_unscaled), "not HU: nothing is below"),
    "it is rescaled twice": (every(RescaleIntercept=-2048), "not HU: (nothing is above|only)"),
    "it is a map of iodine": (every(RescaleType="MGML"), r"not HU: .*Rescale Type \(0028,1054\) is MGML"),
    "it has no rescale": (_edit(5, _remove("RescaleSlope")), r"RescaleSlope \(0028,1053\) is missing"),
    "it is a localizer": (every(ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), "no scan. .*localizer"),
    "it is a dose report": (every(ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"]), "dose report"),
    "it is a secondary capture": (every(SOPClassUID="1.2.840.10008.5.1.4.1.1.7"), "secondary capture"),
    "it is derived": (every(ImageType=["DERIVED", "SECONDARY", "OTHER"]), "derived from other images"),
    "it is a projection over slices": (
        every(ImageType=["DERIVED", "SECONDARY", "AXIAL", "MIP"]),
        "computed over slices",
    ),
    "it is MR": (every(Modality="MR"), r"not CT: .*Modality \(0008,0060\) is MR"),
    "only one slice is left": (
        lambda folder: [_slice_at(folder, number).unlink() for number in range(11)],
        "a single slice",
    ),
    "two slices are left": (
        lambda folder: [_slice_at(folder, number).unlink() for number in range(10)],
        "only 2 slices",
    ),
    "a file is cut in its pixels": (_cut(5, -300), r"slice \d+\.dcm: .*(PixelData|Pixel Data|bytes)"),
    "a file is cut in its header": (_cut(0, 200), "cut in its header"),
    "a file is cut before its rows": (_cut(0, 700), "cut in its header|is missing|cannot be read"),
    "a file is empty": (_cut(11, 0), "the file is empty"),
    "compressed slices are cut": (_cut_compressed, "slice .*cut short|cannot be decoded"),
    "a slice is of another size": (
        _edit(5, lambda d: (_set("Rows", 12)(d), _set("PixelData", d.PixelData[: 12 * 36 * 2])(d))),
        "several sizes: 40 x 36 .*12 x 36",
    ),
    "a slice has another pixel spacing": (
        _edit(5, _set("PixelSpacing", [0.8, 0.9])),
        "several pixel spacings",
    ),
    "a slice is of another frame of reference": (
        _edit(5, _set("FrameOfReferenceUID", "1.2.3")),
        "several frames of reference",
    ),
    "a slice has no place": (_edit(5, _remove("ImagePositionPatient")), r"\(0020,0032\) is missing"),
    "a slice has half a place": (
        _edit(5, _set("ImagePositionPatient", [1, 2])),
        r"\(0020,0032\) is 1.0, 2.0",
    ),
    "an orientation is no orientation": (
        every(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
        "two unit vectors at right angles",
    ),
    "it has many frames and no functional groups": (_many_frames, "without functional groups"),
    "it is a perfusion scan": (_four_dimensional, r"(?s)3 scans.*temporal position 1.*temporal position 2"),
    "fewer bits are stored than there are": (every(BitsStored=8, HighBit=7), "not HU: nothing is above"),
    "nothing is there": (lambda folder: [path.unlink() for path in folder.iterdir()], "folder is empty"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_series_is_refused_with_its_reason(tmp_path, what):
    spoil, reason = BROKEN[what]
    write_series(tmp_path / "ct")
    assert np.array_equal(read_volume(tmp_path / "ct")[0].values, body())
    spoil(tmp_path / "ct")
    with pytest.raises(ImageError, match=reason) as caught:
        read_volume(tmp_path / "ct")
    assert str(tmp_path / "ct") in str(caught.value) or "series 1.2.826.1" in str(caught.value)


def test_a_path_that_is_no_scan_is_refused(tmp_path):
    (tmp_path / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(ImageError, match="neither a folder nor NIfTI"):
        read_volume(tmp_path / "film.png")


def test_a_nifti_scan_says_only_what_a_nifti_says(tmp_path):
    write_series(tmp_path / "ct")
    volume, _ = read_volume(tmp_path / "ct")
    write_nifti(volume, tmp_path / "scan.nii.gz")
    again, source = read_volume(tmp_path / "scan.nii.gz")
    assert np.array_equal(again.values, volume.values)
    assert (source.file_format, source.kvp, source.contrast) == ("nifti", None, "unknown")
    assert voxel_sha256(again) == voxel_sha256(volume)


def test_a_mask_given_for_a_scan_is_no_hu(tmp_path):
    write_series(tmp_path / "ct")
    volume, _ = read_volume(tmp_path / "ct")
    mask = type(volume)((volume.values > 200).astype(np.uint8), volume.affine)
    write_nifti(mask, tmp_path / "mask.nii.gz")
    with pytest.raises(ImageError, match="not HU"):
        read_volume(tmp_path / "mask.nii.gz")


def test_the_real_series_is_read_as_simpleitk_reads_it_and_again_from_nifti(shared_data, tmp_path):
    folder = shared_data / "ct" / "example_ct_dicom"
    volume, source = read_volume(folder)
    values, affine = by_simpleitk(folder)
    assert np.array_equal(volume.values, values)
    assert np.allclose(volume.affine, affine, atol=1e-6)
    assert (source.kernel, source.contrast, source.slice_spacing_mm) == ("Br38f", "iv", 2.0)
    write_nifti(volume, tmp_path / "scan.nii.gz")
    again = read_nifti(tmp_path / "scan.nii.gz")
    assert np.array_equal(again.values, volume.values)
    assert np.allclose(again.affine, volume.affine, atol=1e-4)
