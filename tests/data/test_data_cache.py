"""The sample cache: what it holds, what it reads again, what survives a kill."""

import errno
import fcntl
import importlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from strnet.data import build_cache, building, prepared_files
from strnet.errors import CacheError, OutputError, StrnetError
from strnet.imaging import prepare, read_radiograph


@pytest.fixture
def reads(monkeypatch) -> list[Path]:
    """Every file that is decoded in this process."""
    seen: list[Path] = []

    def counted(path):
        seen.append(Path(path))
        return read_radiograph(path)

    monkeypatch.setattr(prepared_files, "read_radiograph", counted)
    return seen


def home(folder: Path, preprocessing) -> Path:
    return folder / preprocessing.digest[:16]


def test_a_cached_film_is_what_preparing_its_file_gives(films, preprocessing, tmp_path):
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    assert list(cache) == [image_id for image_id, _ in films]
    for image_id, path in films:
        np.testing.assert_array_equal(cache[image_id], prepare(read_radiograph(path).pixels, preprocessing))


def test_films_fetched_together_come_in_the_order_asked_for(films, preprocessing, tmp_path):
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    together = cache.records[cache.rows(["image5", "image0", "image5"])]
    np.testing.assert_array_equal(together, np.stack([cache["image5"], cache["image0"], cache["image5"]]))


def test_worker_processes_make_the_same_cache(films, preprocessing, tmp_path):
    alone = build_cache(films, preprocessing, tmp_path / "alone", workers=0)
    together = build_cache(films, preprocessing, tmp_path / "together", workers=2)
    np.testing.assert_array_equal(alone.records, together.records)
    assert alone.numbers == together.numbers


def test_a_second_build_and_every_fetch_decode_no_file(films, preprocessing, tmp_path, reads):
    build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    assert len(reads) == len(films)
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    for _ in range(3):
        _ = cache.records[cache.rows(list(cache))].sum()
    assert len(reads) == len(films)


def test_only_new_and_changed_files_are_read(films, preprocessing, tmp_path, reads):
    build_cache(films[:7], preprocessing, tmp_path / "cache", workers=0)
    reads.clear()
    shutil.copy(films[8][1], films[0][1])  # image0 now shows what image8 shows
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    assert sorted(reads) == sorted(films[i][1] for i in (0, 7, 8))
    np.testing.assert_array_equal(cache["image0"], cache["image8"])


def test_a_renamed_film_is_known_by_its_content(films, preprocessing, tmp_path, reads):
    build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    reads.clear()
    moved = films[3][1].rename(tmp_path / "elsewhere.png")
    cache = build_cache([("other", moved)], preprocessing, tmp_path / "cache", workers=0)
    assert reads == []
    assert cache["other"].shape == (32, 40)


def test_another_preprocessing_has_its_own_records(films, preprocessing, tmp_path):
    build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    other = preprocessing.model_copy(update={"normalisation": "minmax"})
    cache = build_cache(films, other, tmp_path / "cache", workers=0)
    np.testing.assert_array_equal(cache["image2"], prepare(read_radiograph(films[2][1]).pixels, other))


def test_an_unreadable_file_is_quarantined_with_its_reason_and_the_others_are_done(
    films, preprocessing, tmp_path
):
    films[4][1].write_bytes(b"not a film")
    missing = ("absent", tmp_path / "absent.png")
    cache = build_cache([*films, missing], preprocessing, tmp_path / "cache", workers=0)
    assert cache.quarantine["image_id"].to_list() == ["image4", "absent"]
    assert all(cache.quarantine["reason"])
    assert len(cache) == 8
    with pytest.raises(CacheError, match="quarantine"):
        cache.rows(["image4"])


def test_a_repaired_file_leaves_the_quarantine(films, preprocessing, tmp_path):
    whole = films[4][1].read_bytes()
    films[4][1].write_bytes(whole[:100])
    build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    films[4][1].write_bytes(whole)
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    assert cache.quarantine.is_empty()
    assert "image4" in cache


def test_the_quarantine_of_one_cohort_leaves_that_of_another_alone(films, preprocessing, tmp_path):
    for number in (1, 6):
        films[number][1].write_bytes(b"")
    build_cache(films[:4], preprocessing, tmp_path / "cache", workers=0)
    cache = build_cache(films[4:], preprocessing, tmp_path / "cache", workers=0)
    assert cache.quarantine["image_id"].to_list() == ["image6"]
    table = (home(tmp_path / "cache", preprocessing) / "quarantine.csv").read_text()
    assert "image1" in table
    assert "image6" in table


def test_an_unknown_image_gets_the_nearest_name(films, preprocessing, tmp_path):
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=0)
    with pytest.raises(CacheError, match="did you mean 'image1'"):
        cache.rows(["imag1"])


def test_an_image_with_two_files_is_refused(films, preprocessing, tmp_path):
    with pytest.raises(CacheError, match="two files"):
        build_cache([films[0], ("image0", films[1][1])], preprocessing, tmp_path / "cache")


def test_a_folder_that_cannot_be_made_is_an_error_that_says_where_to_put_it(films, preprocessing, tmp_path):
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.raises(CacheError, match=r"cohort\.cache"):
        build_cache(films, preprocessing, tmp_path / "cache")


def test_a_torn_index_line_counts_for_nothing_and_is_mended(films, preprocessing, tmp_path, reads):
    folder = tmp_path / "cache"
    whole = build_cache(films, preprocessing, folder, workers=0).records.copy()
    index = home(folder, preprocessing) / "index.txt"
    for cut in (1, 30, 66, 67):
        index.write_bytes(index.read_bytes()[:-cut])
        reads.clear()
        cache = build_cache(films, preprocessing, folder, workers=0)
        assert [path.name for path in reads] == ["film8.png"]
        np.testing.assert_array_equal(cache.records, whole)


def test_records_that_were_lost_are_made_again(films, preprocessing, tmp_path, reads):
    folder = tmp_path / "cache"
    whole = build_cache(films, preprocessing, folder, workers=0).records.copy()
    os.truncate(home(folder, preprocessing) / "records.u16", 2 * 32 * 40 * 6 + 11)
    reads.clear()
    cache = build_cache(films, preprocessing, folder, workers=0)
    assert [path.name for path in reads] == ["film6.png", "film7.png", "film8.png"]
    np.testing.assert_array_equal(cache.records, whole)


def test_identical_files_share_one_record(films, preprocessing, tmp_path):
    shutil.copy(films[0][1], films[1][1])
    cache = build_cache(films[:3], preprocessing, tmp_path / "cache", workers=0)
    assert cache.numbers["image0"] == cache.numbers["image1"]
    assert len(cache.records) == 2


def test_a_second_builder_waits_says_for_whom_and_reads_nothing_twice(
    films, preprocessing, tmp_path, monkeypatch, reads, caplog
):
    folder = tmp_path / "cache"
    build_cache(films[:2], preprocessing, folder, workers=0)
    other = ExitStack()
    other.enter_context(building.building_turn(home(folder, preprocessing), lambda: False))
    # What is complete can be read all the same.
    assert len(build_cache(films[:2], preprocessing, folder, workers=0)) == 2

    def the_other_goes_on(_seconds):
        other.close()
        held = min(len(reads) + 4, 9)
        build_cache(films[:held], preprocessing, folder, workers=0)
        other.enter_context(building.building_turn(home(folder, preprocessing), lambda: False))

    reads.clear()
    monkeypatch.setattr(building.time, "sleep", the_other_goes_on)
    counted = []
    cache = build_cache(films, preprocessing, folder, workers=0, progress=lambda *c: counted.append(c))
    other.close()
    assert [path.name for path in reads] == [f"film{n}.png" for n in range(2, 9)]
    assert len(cache) == 9
    assert counted == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]
    assert caplog.text.count("Waiting for it") == 1
    assert f"process {os.getpid()} on" in caplog.text


def test_a_builder_that_is_killed_is_followed_by_the_one_that_waited(
    films, preprocessing, tmp_path, monkeypatch
):
    folder = tmp_path / "cache"
    lock = home(folder, preprocessing) / "lock"
    lock.parent.mkdir(parents=True)
    program = f"import filelock; lock = filelock.FileLock({str(lock)!r}); lock.acquire(); print(1); input()"
    holder = subprocess.Popen(
        [sys.executable, "-u", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"1\n"

    def killed(_seconds):
        holder.kill()
        holder.wait()

    monkeypatch.setattr(building.time, "sleep", killed)
    assert len(build_cache(films, preprocessing, folder, workers=0)) == 9
    assert holder.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named_and_what_to_do(
    films, preprocessing, tmp_path, monkeypatch, number
):
    def refused(_file, _operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(StrnetError, match=r"lock: the file cannot be locked(.|\n)*cohort\.cache"):
        build_cache(films, preprocessing, tmp_path / "cache", workers=0)


def test_progress_counts_films_held_as_done(films, preprocessing, tmp_path):
    build_cache(films[:5], preprocessing, tmp_path / "cache", workers=0)
    calls = []
    build_cache(films, preprocessing, tmp_path / "cache", workers=0, progress=lambda *c: calls.append(c))
    assert calls == [(5, 9), (9, 9)]
    calls.clear()
    build_cache(films, preprocessing, tmp_path / "cache", workers=0, progress=lambda *c: calls.append(c))
    assert calls == [(9, 9)]


def test_a_full_disk_is_an_error_and_what_was_held_stays(films, preprocessing, tmp_path, monkeypatch):
    from strnet.data import records

    folder = tmp_path / "cache"
    build_cache(films[:5], preprocessing, folder, workers=0)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        build_cache(films, preprocessing, folder, workers=0)
    monkeypatch.undo()
    assert len(build_cache(films, preprocessing, folder, workers=0)) == 9


CRASHING = """
import os
from strnet.data.prepared_files import prepare_file as prepare_sound

def prepare_file(request, preprocessing, known):
    return os._exit(7) if request.path.name == "film3.png" else prepare_sound(request, preprocessing, known)
"""


def test_a_file_that_brings_its_process_down_is_in_quarantine_and_the_others_in_the_cache(
    films, preprocessing, tmp_path, monkeypatch
):
    (tmp_path / "crashing_preparation.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    crashing = importlib.import_module("crashing_preparation").prepare_file
    monkeypatch.setattr(prepared_files, "prepare_file", crashing)
    cache = build_cache(films, preprocessing, tmp_path / "cache", workers=2)
    assert [image_id for image_id, _ in films if image_id not in cache] == [films[3][0]]
    assert cache.quarantine["image_id"].to_list() == [films[3][0]]
    assert "film3.png: the process at work on it ended twice (exit code 7)" in cache.quarantine["reason"][0]
    monkeypatch.undo()
    again = build_cache(films, preprocessing, tmp_path / "cache", workers=2)
    assert (len(again), again.quarantine.height) == (9, 0)


@pytest.mark.slow
def test_a_killed_build_goes_on_where_it_stopped(films, preprocessing, tmp_path):
    many = [(f"i{n}", shutil.copy(films[n % 9][1], tmp_path / f"many{n}.png")) for n in range(400)]
    for n, (_, path) in enumerate(many):
        with Path(path).open("ab") as stream:
            stream.write(n.to_bytes(4, "big"))  # distinct content, the same picture
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from strnet.config import Preprocessing
        from strnet.data import build_cache
        files = [(f"i{{n}}", Path({str(tmp_path)!r}) / f"many{{n}}.png") for n in range(400)]
        preprocessing = Preprocessing.model_validate_json({preprocessing.model_dump_json()!r})
        build_cache(files, preprocessing, Path({str(tmp_path)!r}) / "cache", workers=0)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    index = home(tmp_path / "cache", preprocessing) / "index.txt"
    while not index.exists() or index.stat().st_size == 0:
        assert process.poll() is None, "the build ended before it could be killed"
        time.sleep(0.001)
    process.kill()
    process.wait()
    held = len(index.read_text().splitlines())
    assert 0 < held < 400
    files = [(image_id, Path(path)) for image_id, path in many]
    cache = build_cache(files, preprocessing, tmp_path / "cache", workers=0)
    assert len(cache) == 400
    expected = {n: prepare(read_radiograph(films[n][1]).pixels, preprocessing) for n in range(9)}
    for n in range(400):
        np.testing.assert_array_equal(cache[f"i{n}"], expected[n % 9])
