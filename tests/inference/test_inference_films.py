import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from strnet.config import Preprocessing
from strnet.errors import ImageError
from strnet.inference.film_files import as_text, find_films, read_film, read_films
from strnet.workers import Workers

PREPROCESSING = Preprocessing(height=64, width=48)


class Deadly(type(Path())):
    """A path that ends the process that unpickles it, as a crashing decoder would."""

    def __reduce__(self):
        return os._exit, (13,)


def test_several_processes_give_the_same_films_in_the_same_order_as_one(tmp_path, write_picture):
    paths = [tmp_path / f"{seed}.png" for seed in range(10)]
    for seed, path in enumerate(paths):
        write_picture(path, seed)
    paths[4].write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    one, two = (list(read_films(paths, PREPROCESSING, workers)) for workers in (0, 2))
    assert [film.path for film in two] == paths
    assert [film.status for film in two] == ["ok"] * 4 + ["failed"] + ["ok"] * 5
    assert two[4].reason == one[4].reason
    for a, b in zip(one, two, strict=True):
        assert a.status == "failed" or np.array_equal(a.pixels, b.pixels)


def test_a_file_that_kills_its_process_fails_alone(tmp_path, write_picture):
    paths = [tmp_path / f"{seed}.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        write_picture(path, seed)
    paths[1] = Deadly(paths[1])
    films = list(read_films(paths, PREPROCESSING, 2))
    assert [film.status for film in films] == ["ok", "failed", "ok"]
    assert films[1].reason.startswith(f"{paths[1]}: the process at work on it ended twice (exit code 13)")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory holds on Linux only")
def test_a_small_file_that_unfolds_to_gigabytes_fails_alone(tmp_path, write_picture):
    write_picture(tmp_path / "film.png", 1)
    blank = np.zeros((8000, 8000), dtype=np.uint16)  # 128 MB of pixels, and some copies of them
    assert cv2.imwrite(str(tmp_path / "huge.png"), blank)
    assert (tmp_path / "huge.png").stat().st_size < 1_000_000
    paths = [tmp_path / "huge.png", tmp_path / "film.png"]
    films = list(read_films(paths, PREPROCESSING, Workers(1, file_memory_gib=0.1)))
    assert [film.status for film in films] == ["failed", "ok"]
    assert films[0].reason == f"{paths[0]}: needs more than 0.1 GiB, the limit file_memory_gib."


def test_an_unexpected_error_of_a_decoder_is_a_reason_and_not_the_end(tmp_path, write_picture, monkeypatch):
    write_picture(tmp_path / "a.png", 1)

    def broken(path):
        raise RuntimeError("codec\nexploded")

    monkeypatch.setattr("strnet.inference.film_files.read_radiograph", broken)
    film = read_film(tmp_path / "a.png", PREPROCESSING)
    assert (film.status, film.reason) == ("failed", f"{tmp_path / 'a.png'}: RuntimeError: codec exploded")


def test_a_named_file_is_always_to_be_read_and_one_in_a_folder_only_if_it_may_be_a_film(
    tmp_path, write_picture
):
    write_picture(tmp_path / "film.png", 1)
    (tmp_path / "table.csv").write_text("a,b")
    (tmp_path / "broken.DCM").write_text("")
    found = find_films([tmp_path])
    assert {path.name for path in found.files} == {"film.png", "broken.DCM"}
    assert [film.path.name for film in found.skipped] == ["table.csv"]
    assert find_films([tmp_path / "table.csv"]).files == (tmp_path / "table.csv",)


def test_a_named_device_is_refused_and_not_read():
    film = read_film(Path("/dev/zero"), PREPROCESSING)
    assert (film.status, film.reason) == ("failed", "/dev/zero: not a regular file.")


def test_a_link_to_a_folder_above_is_not_followed(tmp_path, write_picture):
    write_picture(tmp_path / "film.png", 1)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(find_films([tmp_path]).files) == 1


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImageError, match="cannot be listed"):
        find_films([tmp_path])


@pytest.mark.slow
def test_every_real_file_of_an_odd_collection_has_a_row_or_a_reason():
    shared = Path(os.environ.get("STRNET_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (shared / "dicom").is_dir():
        pytest.skip(f"no real DICOM files in {shared} (set STRNET_SHARED_DATA)")
    found = find_films([shared / "dicom"])
    films = list(read_films(found.files, PREPROCESSING))
    assert len(films) == len(found.files) > 0
    for film in films:
        assert (film.pixels is None) == (film.status in ("failed", "refused"))
        assert bool(film.reason) == (film.status == "failed")
        assert any(finding.refuses for finding in film.findings) == (film.status == "refused")
        assert film.reason is None or (film.reason.isprintable() and film.path.name in film.reason)


def test_a_name_that_is_no_utf8_becomes_readable_text():
    assert as_text(os.fsdecode(b"film-\xff.png")) == "film-\\udcff.png"
