from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.imaging import image_name, image_names


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("00000002_000.png", "00000002_000"),
        ("00000002_000", "00000002_000"),
        (" a\\IM7.DCM ", "a/IM7"),
        ("1.2.840.113619.2", "1.2.840.113619.2"),
        ("scan.2024.jpeg", "scan.2024"),
        (".png", ".png"),
        ("a/.png", "a/.png"),
    ],
)
def test_only_the_ending_of_a_film_is_no_part_of_its_name(cell, name):
    assert image_name(cell) == name


def test_a_name_that_no_other_film_has_is_short():
    assert image_names([Path("/x/a/IM1.dcm"), Path("/x/b/IM2.dcm")]) == ["IM1", "IM2"]


def test_films_of_one_name_take_the_folders_that_tell_them_apart():
    files = [Path("/x", name) for name in ("n/1/IM1.dcm", "s/1/IM1.dcm", "s/2/IM1.dcm", "IM2")]
    assert image_names(files) == ["n/1/IM1", "s/1/IM1", "2/IM1", "IM2"]


def test_films_that_differ_in_their_ending_only_keep_it():
    files = [Path("/x/a.png"), Path("/x/a.jpg"), Path("/y/b"), Path("/y/b.dcm"), Path("/y/c.png")]
    assert image_names(files) == ["a.png", "a.jpg", "b", "b.dcm", "c"]


def test_a_name_is_the_same_from_whichever_folder_the_films_are_reached(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert image_names([Path("films/a.png"), Path("films/b/a.png")]) == image_names(
        [tmp_path / "films/a.png", tmp_path / "films/b/a.png"]
    )


parts = st.sampled_from(["a", "b", "a.png", "a.png.png", "b.dcm", ".png", "a.jpg"])


@given(
    st.lists(st.lists(parts, min_size=1, max_size=4).map(lambda p: Path("/", *p)), unique=True, max_size=8)
)
def test_no_two_films_share_a_name(files):
    names = image_names(files)
    assert len(set(names)) == len(files)
