"""A prediction that was cut off goes on where it stopped, to the same results, and trusts no changed file."""

import json
from functools import partial
from pathlib import Path

import pytest

from strnet.errors import ManifestError, OutputError
from strnet.inference import film_files, journal
from strnet.jobs import predict
from strnet.tables import read_table
from strnet.workers import Workers


@pytest.fixture
def films(tmp_path, write_picture) -> Path:
    """Thirteen films, the fifth of them broken."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(13):
        write_picture(folder / f"film{number:02d}.png", number)
    (folder / "film04.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files that are read, all in this process."""
    seen = []
    read = film_files.read_radiograph

    def counted(path):
        seen.append(path.name)
        return read(path)

    monkeypatch.setattr(film_files, "read_radiograph", counted)
    monkeypatch.setattr(film_files, "in_order", partial(_in_this_process, film_files.in_order))
    return seen


def _in_this_process(in_order, function, items, failed, workers):
    return in_order(function, items, failed, Workers(0))


def names(numbers) -> list[str]:
    # The fifth shows at its header that it is broken, so its pixels are never asked for.
    return [f"film{number:02d}.png" for number in numbers if number != 4]


def interrupted_after(count):
    def progress(done, _total):
        if done == count:
            raise KeyboardInterrupt

    return progress


def cut_off(bundle, films, out, after, **options):
    """A prediction in batches of 3 that Ctrl-C ends once so many films were looked at."""
    with pytest.raises(KeyboardInterrupt):
        predict(bundle.folder, [films], out, batch_size=3, progress=interrupted_after(after), **options)


def test_it_goes_on_after_the_last_whole_batch_and_ends_with_the_same_table(
    bundle, films, tmp_path, reads, caplog
):
    straight = predict(bundle.folder, [films], tmp_path / "straight.csv", batch_size=3).table
    out = tmp_path / "out.csv"
    cut_off(bundle, films, out, after=9)  # films 0-3 and 5-6 are whole batches; 4 is broken, 7 and 8 wait
    assert not out.exists()
    reads.clear()
    again = predict(bundle.folder, [films], out, batch_size=3)
    assert reads == names(range(7, 13))
    assert "goes on after the 7 films" in caplog.text
    assert again.table.equals(straight)
    assert out.read_bytes() == (tmp_path / "straight.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.csv"]


def test_a_torn_line_counts_for_nothing(bundle, films, tmp_path, reads):
    straight = predict(bundle.folder, [films], tmp_path / "straight.csv", batch_size=3).table
    out = tmp_path / "out.csv"
    kept = tmp_path / "out.csv.unfinished"
    for cut in (1, 40):
        cut_off(bundle, films, out, after=9)
        kept.write_bytes(kept.read_bytes()[:-cut])
        reads.clear()
        assert predict(bundle.folder, [films], out, batch_size=3).table.equals(straight)
        assert reads == names(range(3, 13))


@pytest.mark.parametrize("change", ["content", "rights", "gone", "new"])
def test_it_starts_again_at_the_first_file_that_is_not_what_it_was(
    bundle, films, tmp_path, reads, write_picture, change
):
    cut_off(bundle, films, tmp_path / "out.csv", after=9)
    third = films / "film03.png"
    if change == "content":
        write_picture(third, 99)
    elif change == "rights":
        third.chmod(0o600)
    elif change == "gone":
        third.unlink()
    else:
        write_picture(films / "film02b.png", 98)
    reads.clear()
    table = predict(bundle.folder, [films], tmp_path / "out.csv", batch_size=3).table
    assert reads[0] == {"gone": "film05.png", "new": "film02b.png"}.get(change, "film03.png")
    assert table.equals(predict(bundle.folder, [films], tmp_path / "straight.csv", batch_size=3).table)


@pytest.mark.parametrize("other", ["batch_size", "clinical", "engine"])
def test_what_was_done_otherwise_is_done_again(bundle, films, tmp_path, reads, other):
    out = tmp_path / "out.csv"
    (tmp_path / "clinical.csv").write_text("image_id,age,sex,bmi\nfilm01,70,F,22\nfilm02,60,F,22\n")
    cut_off(bundle, films, out, after=9, clinical=tmp_path / "clinical.csv")
    options = {"batch_size": 3, "clinical": tmp_path / "clinical.csv"}
    if other == "clinical":
        (tmp_path / "clinical.csv").write_text("image_id,age,sex,bmi\nfilm01,50,F,22\nfilm02,60,F,22\n")
    else:
        options[other] = {"batch_size": 4, "engine": "onnx"}[other]
        if other == "engine":
            pytest.importorskip("onnxruntime")
    reads.clear()
    table = predict(bundle.folder, [films], out, **options).table
    assert reads == names(range(13))
    assert table.equals(predict(bundle.folder, [films], tmp_path / "straight.csv", **options).table)


def test_a_full_disk_at_the_end_keeps_what_was_done(bundle, films, tmp_path, reads, monkeypatch):
    from strnet.jobs import predict_files

    def full(_table, path):
        raise OutputError(str(path), OSError(28, "No space left on device"))

    with monkeypatch.context() as patched:
        patched.setattr(predict_files, "write_table", full)
        with pytest.raises(OutputError, match=r"out\.csv: cannot be written"):
            predict(bundle.folder, [films], tmp_path / "out.csv", batch_size=3)
    reads.clear()
    predict(bundle.folder, [films], tmp_path / "out.csv", batch_size=3)
    assert reads == []
    assert read_table(tmp_path / "out.csv").height == 13


def test_a_table_that_fits_no_film_leaves_nothing_behind(bundle, films, tmp_path):
    (tmp_path / "clinical.csv").write_text("image_id,age,sex,bmi\nnobody,70,F,22\n")
    with pytest.raises(ManifestError):
        predict(bundle.folder, [films], tmp_path / "out.csv", clinical=tmp_path / "clinical.csv")
    assert not list(tmp_path.glob("out*"))


def test_numbers_come_back_to_the_last_bit(tmp_path):
    import numpy as np

    single = np.random.default_rng(0).normal(size=1000).astype(np.float32) * np.float32(1e-3)
    double = single.astype(np.float64) / 3  # as a mean over the regions of a film is
    for values in (single, double):
        line = json.loads(json.dumps(journal._lists({"t": values})))
        assert journal._arrays(line)["t"].tobytes() == values.astype(np.float64).tobytes()
