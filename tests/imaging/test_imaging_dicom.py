from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from strnet.errors import DicomError, ImageError
from strnet.imaging import pixel_sha256, read_acquisition, read_radiograph, stored_values
from strnet.imaging.dicom import age_in_years

FILM = np.random.default_rng(3).integers(0, 4096, (48, 40)).astype(np.uint16)


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
        uid.JPEG2000Lossless,
    ],
)
def test_a_film_is_the_same_in_every_lossless_encoding(make_film, tmp_path, syntax):
    plain, other = make_film(FILM, BitsStored=12), make_film(FILM, BitsStored=12)
    plain.save_as(tmp_path / "plain", enforce_file_format=True)
    if syntax.is_encapsulated:
        other.compress(syntax)
    elif syntax == uid.ExplicitVRBigEndian:
        other.PixelData = FILM.byteswap().tobytes()
        other["PixelData"].VR = "OB"  # the writer must not swap what is swapped already
    other.file_meta.TransferSyntaxUID = syntax
    pydicom.dcmwrite(tmp_path / "other", other, enforce_file_format=True)
    first, second = read_radiograph(tmp_path / "plain"), read_radiograph(tmp_path / "other")
    assert np.allclose(first.pixels, FILM / 4095)
    assert np.array_equal(first.pixels, second.pixels)
    assert pixel_sha256(first) == pixel_sha256(second)


@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("meta", [True, False])
def test_a_film_is_recognised_with_or_without_preamble_and_file_meta(make_film, tmp_path, preamble, meta):
    film = make_film(FILM, BitsStored=12)
    film.save_as(tmp_path / "whole", enforce_file_format=True)
    whole = (tmp_path / "whole").read_bytes()
    start = whole.index(b"\x08\x00\x16\x00UI")  # SOP Class UID opens the data set proper
    content = (whole[:132] if preamble else b"") + (whole[132:start] if meta else b"") + whole[start:]
    (tmp_path / "film.png").write_bytes(content)
    assert np.allclose(read_radiograph(tmp_path / "film.png").pixels, FILM / 4095)


def test_a_film_without_file_meta_whose_pixels_do_not_fit_is_refused(make_film, tmp_path):
    film = make_film(FILM[:-1], Rows=48)
    film.save_as(tmp_path / "film", enforce_file_format=True)
    content = (tmp_path / "film").read_bytes()
    (tmp_path / "film").write_bytes(content[content.index(b"\x08\x00\x16\x00UI") :])
    with pytest.raises(DicomError, match="cannot be decoded"):
        read_radiograph(tmp_path / "film")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"PixelData": None}, r"Pixel Data \(7FE0,0010\) is missing"),
        ({"NumberOfFrames": 3}, r"Number of Frames \(0028,0008\) is 3"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, r"Samples per Pixel \(0028,0002\) is 3"),
        ({"BitsAllocated": 32}, r"Bits Allocated \(0028,0100\) is 32"),
        ({"BitsAllocated": None}, r"Bits Allocated \(0028,0100\) is missing"),
        ({"BitsStored": 17}, r"Bits Stored \(0028,0101\) is 17"),
        ({"BitsStored": 12, "HighBit": 15}, r"High Bit \(0028,0102\) is 15, expected Bits Stored - 1 = 11"),
        ({"Rows": 0}, r"Rows \(0028,0010\)"),
        ({"Columns": 60_000}, r"Columns \(0028,0011\) is 60000"),
        ({"Modality": "SR"}, r"Modality \(0008,0060\) is SR"),
        ({"Modality": "CT"}, "not a projection radiograph"),
        ({"FloatPixelData": b"\0" * 4}, r"Float Pixel Data"),
        ({"PixelSpacing": [0.1, 5.0]}, r"Pixel Spacing \(0028,0030\)"),
        ({"WindowCenter": float("nan"), "WindowWidth": 3}, "WindowCenter is nan"),
    ],
)
def test_what_is_no_grey_film_is_refused_with_its_file_and_tag(write_dicom, tags, message):
    path = write_dicom(FILM, **tags)
    with pytest.raises(DicomError, match=message) as caught:
        read_radiograph(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_truncated_pixels_are_an_error(write_dicom):
    path = write_dicom(FILM)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DicomError, match=r"film.dcm: the pixels cannot be decoded"):
        read_radiograph(path)


def test_truncated_compressed_pixels_are_called_cut_short(make_film, tmp_path):
    film = make_film(FILM, BitsStored=12)
    film.compress(uid.RLELossless)
    film.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    whole = (tmp_path / "film.dcm").read_bytes()
    (tmp_path / "film.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DicomError, match=r"film.dcm: Pixel Data \(7FE0,0010\) is cut short"):
        read_radiograph(tmp_path / "film.dcm")


def test_a_missing_file_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="No such file"):
        read_radiograph(tmp_path / "absent.dcm")


@pytest.mark.parametrize("content", [b"hello", b"<html>" * 50, b"\x08\x00" + bytes(200)])
def test_what_is_no_image_is_refused_by_its_content(tmp_path, content):
    path = tmp_path / "film.dcm"
    path.write_bytes(content)
    with pytest.raises(DicomError):
        read_radiograph(path)
    with pytest.raises(DicomError):
        read_acquisition(path)


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "film.dcm").touch()
    with pytest.raises(DicomError, match=r"film.dcm: the file is empty \(0 bytes\)"):
        read_radiograph(tmp_path / "film.dcm")


def test_a_panicking_decoder_is_an_error_and_an_interrupt_is_not(write_dicom, monkeypatch):
    class Panic(BaseException):
        pass

    path = write_dicom(FILM)
    for raised, expected in (
        (Panic("index out of bounds"), DicomError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),  # the machine's fault or a limit's, and told as such by who set it
    ):

        def fail(*_, error=raised, **__):
            raise error

        monkeypatch.setattr(stored_values, "pixel_array", fail)
        with pytest.raises(expected):
            read_radiograph(path)


def test_overlays_are_ignored(make_film, tmp_path):
    plain, marked = make_film(FILM), make_film(FILM)
    block = marked.private_block(0x6001, "none", create=True)
    block.add_new(1, "LO", "x")
    marked.add_new(0x60000010, "US", 48)
    marked.add_new(0x60000011, "US", 40)
    marked.add_new(0x60003000, "OW", b"\xff" * 240)
    plain.save_as(tmp_path / "a", enforce_file_format=True)
    marked.save_as(tmp_path / "b", enforce_file_format=True)
    assert np.array_equal(read_radiograph(tmp_path / "a").pixels, read_radiograph(tmp_path / "b").pixels)


def test_oblong_pixels_are_made_square_by_the_finer_spacing(write_dicom):
    film = read_radiograph(write_dicom(FILM, PixelSpacing=[0.2, 0.1]))
    assert film.pixels.shape == (96, 40)
    assert film.spacing_mm == (0.1, 0.1)
    assert (film.source.rows, film.source.columns) == (48, 40)
    aspect = read_radiograph(write_dicom(FILM, PixelAspectRatio=[1, 2], name="b.dcm"))
    assert aspect.pixels.shape == (48, 80)
    assert aspect.spacing_mm is None


def test_square_pixels_are_left_alone(write_dicom):
    film = read_radiograph(write_dicom(FILM, ImagerPixelSpacing=[0.1, 0.1004]))
    assert film.pixels.shape == FILM.shape
    assert film.spacing_mm == (0.1, 0.1004)


def test_a_header_says_whose_film_it_is(write_dicom):
    path = write_dicom(
        FILM,
        BitsStored=12,
        PatientID=" P7 ",
        PatientAge="063Y",
        PatientSex="F",
        StudyDate="20240229",
        Manufacturer="Maker",
        ManufacturerModelName="One",
        InstitutionName="North",
        BodyPartExamined="KNEE",
        ViewPosition="AP",
        ImageLaterality="L",
        PresentationIntentType="FOR PRESENTATION",
        PixelSpacing=[0.15, 0.15],
    )
    source = read_acquisition(path)
    assert source == read_radiograph(path).source
    assert (source.file_format, source.rows, source.columns, source.bits_stored) == ("dicom", 48, 40, 12)
    assert (source.patient_id, source.patient_age, source.patient_sex) == ("P7", 63.0, "F")
    assert (source.manufacturer, source.model, source.institution) == ("Maker", "One", "North")
    assert (source.body_part, source.view, source.laterality) == ("KNEE", "AP", "L")
    assert (source.photometric, source.modality, source.study_date) == (
        "MONOCHROME2",
        "DX",
        date(2024, 2, 29),
    )
    assert (source.presentation_intent, source.spacing_mm) == ("FOR PRESENTATION", (0.15, 0.15))


def test_a_silent_header_leaves_everything_unknown(write_dicom):
    source = read_acquisition(write_dicom(FILM, PatientID="", StudyDate="2024", PixelSpacing=[0, 0]))
    assert (source.patient_id, source.patient_age, source.study_date, source.spacing_mm) == (
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("063Y", 63.0),
        ("018M", 1.5),
        ("62", 62.0),
        ("000Y", None),
        ("unknown", None),
        ("999Y", None),
        (None, None),
    ],
)
def test_age_strings_become_years_or_stay_unknown(text, years):
    assert age_in_years(text) == years


def test_weeks_and_days_become_fractions_of_a_year():
    assert age_in_years("026W") == pytest.approx(0.498, abs=0.001)
    assert age_in_years("365D") == pytest.approx(1.0, abs=0.001)


def test_identical_pictures_share_a_hash_whatever_their_polarity_and_depth(make_film, tmp_path):
    eight = np.random.default_rng(0).integers(0, 256, (20, 10)).astype(np.uint8)
    variants = {
        "a": make_film(eight),
        "b": make_film(255 - eight, PhotometricInterpretation="MONOCHROME1"),
        "c": make_film(eight.astype(np.uint16), BitsStored=8),
        "d": make_film(np.ascontiguousarray(eight.T)),
    }
    for name, film in variants.items():
        film.save_as(tmp_path / name, enforce_file_format=True)
    a, b, c, d = (pixel_sha256(read_radiograph(tmp_path / name)) for name in variants)
    assert a == b == c
    assert a != d


def _cases(folder):
    with (folder / "dicom" / "index.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_real_file_is_read_or_refused_with_a_reason(shared_data):
    read, refused = set(), {}
    for case in _cases(shared_data):
        path = shared_data / "dicom" / case["file"]
        try:
            film = read_radiograph(path)
        except DicomError as error:
            refused[case["file"]] = str(error)
            continue
        assert 0.0 <= film.pixels.min() < film.pixels.max() <= 1.0
        read.add(case["file"])
    decodable = {
        c["file"]
        for c in _cases(shared_data)
        if c["file"].startswith("radiograph") and c["decode"][:2] == "ok"
    }
    assert decodable <= read
    assert "radiograph/fo-dicom_fo-dicom__CR-MONO1-10-chest" in read, "no file meta, but its pixels fit"
    assert all(reason for reason in refused.values())
    assert read.isdisjoint(
        c["file"] for c in _cases(shared_data) if c["mod"] in ("CT", "MR", "PT", "SEG", "SR", "US")
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_one_real_film_in_five_lossless_encodings_is_one_film(shared_data):
    names = ["Enet4_dicom-test-files__RG2_J2KR", "Enet4_dicom-test-files__RG2_RLE"]
    names += [f"pydicom_pylibjpeg-data__RG2_{code}.dcm" for code in ("JLSL", "JPLL")]
    hashes = {pixel_sha256(read_radiograph(shared_data / "dicom" / "radiograph" / name)) for name in names}
    assert len(hashes) == 1


def test_the_test_films_are_what_a_plain_reader_sees(make_film, tmp_path):
    make_film(FILM, BitsStored=12).save_as(tmp_path / "film", enforce_file_format=True)
    dataset: Dataset = pydicom.dcmread(tmp_path / "film")
    assert np.array_equal(dataset.pixel_array, FILM)
