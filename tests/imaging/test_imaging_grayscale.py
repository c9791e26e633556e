from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from strnet.errors import DicomError
from strnet.imaging import read_radiograph
from strnet.imaging.grayscale import display_table, windowed

RAMP = np.array([[0, 1000, 2000], [3000, 4000, 4095]], dtype=np.uint16)


def lut(entries, first=0, depth=16, packed=False):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, depth]
    item.LUTData = np.asarray(entries, dtype=np.uint8 if packed else "<u2").tobytes()
    item["LUTData"].VR = "OW"
    return [item]


def test_without_window_the_whole_range_of_bits_stored_is_shown(write_dicom):
    shown = read_radiograph(write_dicom(RAMP, BitsStored=12)).pixels
    assert np.allclose(shown, RAMP / 4095)


def test_a_linear_window_follows_the_formula_of_the_standard(write_dicom):
    # C.11.2.1.2.1 with c = 2000, w = 2001: black up to 999.5, white above 2999.5, 1500 is a quarter.
    values = np.array([[999, 1000, 1500, 2000, 2999, 3000]], dtype=np.uint16)
    shown = read_radiograph(write_dicom(values, BitsStored=12, WindowCenter=2000, WindowWidth=2001)).pixels
    expected = [0.0, 0.00025, 0.25025, 0.50025, 0.99975, 1.0]
    assert np.allclose(shown, [expected], atol=1e-6)


def test_linear_exact_and_sigmoid_are_half_at_the_centre():
    values = np.array([0.0, 100.0, 125.0, 200.0])
    assert np.allclose(windowed(values, 100, 100, "LINEAR_EXACT"), [0, 0.5, 0.75, 1])
    sigmoid = windowed(values, 100, 100, "SIGMOID")
    assert np.allclose(sigmoid[1:3], [0.5, 1 / (1 + np.exp(-1))])


def test_a_linear_window_of_width_one_is_a_step():
    assert windowed(np.array([99.0, 100.0, 101.0]), 100, 1).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("width", "function"), [(0, "LINEAR"), (0.5, "LINEAR"), (0, "SIGMOID"), (-3, "LINEAR_EXACT")]
)
def test_a_forbidden_window_width_is_refused_and_named(width, function):
    with pytest.raises(DicomError, match=r"Window Width \(0028,1051\)"):
        windowed(np.zeros(1), 10, width, function)


def test_the_first_of_several_windows_counts(write_dicom):
    several = write_dicom(RAMP, WindowCenter=[2000, 100], WindowWidth=[4000, 10], name="a.dcm")
    one = write_dicom(RAMP, WindowCenter=2000, WindowWidth=4000, name="b.dcm")
    assert np.array_equal(read_radiograph(several).pixels, read_radiograph(one).pixels)


@pytest.mark.parametrize(
    ("tags", "turned"),
    [
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"}, False),
        ({"PhotometricInterpretation": "MONOCHROME1"}, True),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "INVERSE"}, True),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, True),
    ],
)
def test_polarity_is_turned_once_and_after_the_window(write_dicom, tags, turned):
    window = {"WindowCenter": 1000, "WindowWidth": 2000}
    shown = read_radiograph(write_dicom(RAMP, **window, **tags)).pixels
    upright = np.clip((RAMP - 999.5) / 1999 + 0.5, 0, 1)
    assert np.allclose(shown, 1 - upright if turned else upright, atol=1e-6)


def test_a_negative_rescale_slope_turns_values_but_not_the_window(write_dicom):
    # 4095 - stored, seen through a window on the upper half of the rescaled values.
    shown = read_radiograph(
        write_dicom(
            RAMP, BitsStored=12, RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=3000, WindowWidth=2000
        )
    ).pixels
    assert shown[0, 0] == 1.0
    assert shown[1, 2] == 0.0


def test_a_modality_table_comes_before_the_window(write_dicom):
    table = np.arange(4096)[::-1] * 2
    shown = read_radiograph(
        write_dicom(RAMP, BitsStored=12, ModalityLUTSequence=lut(table), WindowCenter=4096, WindowWidth=8192)
    ).pixels
    expected = np.clip((table[RAMP] - 4095.5) / 8191 + 0.5, 0, 1)
    assert np.allclose(shown, expected, atol=1e-6)


def test_an_eight_bit_table_with_more_than_256_inputs_does_not_wrap_around(write_dicom):
    table = np.minimum(np.arange(4096) // 16, 255)
    shown = read_radiograph(write_dicom(RAMP, BitsStored=12, VOILUTSequence=lut(table, depth=8))).pixels
    assert np.allclose(shown, table[RAMP] / 255)


def test_a_table_of_bytes_is_read_as_bytes(write_dicom):
    table = np.arange(256)[::-1]
    stored = np.array([[0, 100, 255]], dtype=np.uint8)
    shown = read_radiograph(write_dicom(stored, VOILUTSequence=lut(table, depth=8, packed=True))).pixels
    assert np.allclose(shown, [[1, 155 / 255, 0]])


def test_values_outside_a_table_take_its_first_and_last_entry(write_dicom):
    shown = read_radiograph(
        write_dicom(RAMP, VOILUTSequence=lut([100, 200, 300, 400], first=2000, depth=10), BitsStored=12)
    ).pixels
    assert np.allclose(shown * 1023, [[100, 100, 100], [400, 400, 400]])


@pytest.mark.parametrize("first", [-2048, 63488])
def test_a_table_may_begin_at_a_negative_value_however_it_is_written(write_dicom, first):
    stored = np.array([[-2048, 0, 2047]], dtype=np.int16)
    item = lut(np.arange(4096)[::-1], depth=12)
    item[0].add_new("LUTDescriptor", "SS" if first < 0 else "US", [4096, first, 12])
    shown = read_radiograph(write_dicom(stored, BitsStored=12, ModalityLUTSequence=item)).pixels
    assert np.allclose(shown * 4095, [[4095, 2047, 0]], atol=1e-3)


@pytest.mark.parametrize(
    ("item", "tag"),
    [
        (lut([1, 2, 5000], depth=10), r"LUT Data \(0028,3006\)"),
        (lut([1, 2, 3], depth=4), r"LUT Descriptor \(0028,3002\)"),
    ],
)
def test_a_table_that_breaks_its_own_descriptor_is_refused(write_dicom, item, tag):
    with pytest.raises(DicomError, match=tag):
        read_radiograph(write_dicom(RAMP, VOILUTSequence=item))


def test_a_table_with_too_few_entries_is_refused(write_dicom):
    item = lut([1, 2, 3])
    item[0].LUTDescriptor = [1000, 0, 16]
    with pytest.raises(DicomError, match="holds 3 entries, its descriptor says 1000"):
        read_radiograph(write_dicom(RAMP, VOILUTSequence=item))


def test_signed_values_are_shown_over_their_signed_range(write_dicom):
    stored = np.array([[-2048, 0, 2047]], dtype=np.int16)
    shown = read_radiograph(write_dicom(stored, BitsStored=12)).pixels
    assert np.allclose(shown, [[0, 2048 / 4095, 1]])


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_padding_is_background_in_either_polarity(write_dicom, make_film, padding):
    stored = np.array([[-2000, 0, 2047]], dtype=np.int16)
    header = make_film(stored, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    header.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)
    assert display_table(header, stored[0])[0] == 0.0
    assert display_table(header, stored[0])[1] > 0.4


def test_a_padding_range_is_background_from_end_to_end(make_film):
    stored = np.array([[0, 5, 10, 11]], dtype=np.uint16)
    header = make_film(
        stored, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=10, PixelPaddingRangeLimit=5
    )
    assert (display_table(header, stored[0]) == 0.0).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"PhotometricInterpretation": None}, r"Photometric Interpretation \(0028,0004\) is missing"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, r"\(0028,0004\) is PALETTE COLOR"),
        ({"RescaleSlope": 0, "RescaleIntercept": 1}, r"Rescale Slope \(0028,1053\)"),
        ({"WindowCenter": 1, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, r"VOI LUT Function \(0028,1056\)"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_tag(write_dicom, tags, message):
    with pytest.raises(DicomError, match=message):
        read_radiograph(write_dicom(RAMP, **tags))


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": 2000, "WindowWidth": 1500},
        {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 300, "WindowWidth": 900, "RescaleSlope": 0.5, "RescaleIntercept": -100},
        {"VOILUTSequence": lut(np.arange(4096) ** 2 // 4096, depth=12)},
        {"ModalityLUTSequence": lut(np.arange(4096)[::-1])},
    ],
)
def test_the_table_agrees_with_pydicoms_own_chain(make_film, tags):
    stored = np.random.default_rng(7).integers(0, 4096, (50, 40)).astype(np.uint16)
    header = make_film(stored, BitsStored=12, **tags)
    theirs = apply_voi_lut(apply_modality_lut(stored, header), header).astype(float)
    ours = display_table(header, np.arange(4096, dtype=np.uint16))[stored]
    # pydicom leaves the values in the range that goes with the header; two points fix that scale
    slope, intercept = np.polyfit(theirs.ravel(), ours.ravel(), 1)
    assert np.allclose(ours, slope * theirs + intercept, atol=1e-5)
    assert slope > 0


def test_real_films_with_positive_slope_agree_with_pydicoms_own_chain(shared_data):
    compared = 0
    for name in (
        "../lut/pydicom_pydicom-data__vlut_04.dcm",
        "pydicom_pydicom-data__RG1_J2KI.dcm",
        "fo-dicom_fo-dicom__GH133.dcm",
        "Enet4_dicom-test-files__RG3_RLE",
    ):
        path = shared_data / "dicom" / "radiograph" / name
        header = pydicom.dcmread(path)
        theirs = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header).astype(float)
        if header.PhotometricInterpretation == "MONOCHROME1":
            theirs = -theirs
        ours = read_radiograph(path).pixels
        assert np.corrcoef(ours[::5, ::5].ravel(), theirs[::5, ::5].ravel())[0, 1] > 0.999999
        compared += 1
    assert compared == 4
