import os
import signal
import subprocess
import sys

import polars as pl
import pytest

from strnet.errors import ManifestError, StrnetError
from strnet.files import read_json, sha256_file, write_atomically, write_json, write_text
from strnet.tables import TableNote, read_table, require_columns, write_table


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "result.json"
    write_text(target, "old")
    with pytest.raises(TypeError), write_atomically(target) as temporary:
        temporary.write_text(None)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path):
    target = tmp_path / "result.txt"
    write_text(target, "old")
    program = (
        "import os, signal\nfrom strnet.files import write_atomically\n"
        f"with write_atomically({str(target)!r}) as temporary:\n"
        "    temporary.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


def test_a_new_file_obeys_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_nan_is_refused_on_the_way_out_and_on_the_way_in(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"auroc": float("nan")})
    (tmp_path / "b.json").write_text('{"auroc": NaN}')
    with pytest.raises(StrnetError, match="NaN is not a JSON number"):
        read_json(tmp_path / "b.json")


def test_json_is_utf8_whatever_the_locale(tmp_path):
    write_json(tmp_path / "a.json", {"site": "K\u00f6ln"})
    program = f"from strnet.files import read_json; read_json({str(tmp_path / 'a.json')!r})"
    strict = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]  # asks the locale: an error
    assert subprocess.run([sys.executable, *strict, "-c", program], check=False).returncode == 0


def test_the_hash_of_a_file_is_the_published_one_of_its_content(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256_file(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_table_comes_back_with_blanks_unknown_and_ids_as_text(tmp_path, suffix):
    frame = pl.DataFrame({"patient_id": ["007", "12"], "t_score": [None, -2.5]})
    write_table(frame, tmp_path / f"table{suffix}")
    assert read_table(tmp_path / f"table{suffix}").equals(frame)


def test_a_missing_or_strange_table_is_named_in_the_error(tmp_path):
    with pytest.raises(ManifestError, match="no such scores table"):
        read_table(tmp_path / "absent.csv", "scores table")
    (tmp_path / "table.docx").write_text("x")
    with pytest.raises(ManifestError, match=r"'\.docx' is not read"):
        read_table(tmp_path / "table.docx")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then")
    with pytest.raises(ManifestError, match="cut short"):
        read_table(tmp_path / "torn.parquet")


def test_a_missing_column_suggests_the_nearest_one():
    with pytest.raises(ManifestError, match="did you mean 'tscore'"):
        require_columns(pl.DataFrame({"tscore": [1.0]}), ["t_score"], "table.csv")


UNEVEN = {
    b"a,b,c\n1,2,3\n4,5\n6,7,8\n": "number of cells than the header (3).\n  line 3  2 cells",
    b'a,b\n"1\n2",3\n4,5,6\n': "line 4  3 cells",
}
OF_OTHERS = {
    b"a;b\n1,5;2\n": "separated by ';', expected ','",
    "a,b\n1,2\nK\u00f6ln,3\n".encode("cp1252"): "line 3 is not UTF-8",
}


@pytest.mark.parametrize(
    ("content", "as_text"),
    [*((c, t) for c in UNEVEN for t in (True, False)), *((c, True) for c in OF_OTHERS)],
)
def test_a_table_with_uneven_rows_or_a_manifest_of_another_dialect_is_refused_with_its_line(
    tmp_path, content, as_text
):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        read_table(tmp_path / "t.csv", as_text=as_text)
    assert {**UNEVEN, **OF_OTHERS}[content] in str(caught.value)


def test_a_table_of_another_dialect_is_read_and_that_is_said(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a;b\n1,5;2\n")
    with pytest.warns(TableNote, match="semicolon, decimal comma"):
        assert read_table(tmp_path / "t.csv").rows() == [(1.5, 2)]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert read_table(tmp_path / "t.csv").rows(named=True) == [{"a": 1, "b": 2}]


def test_a_decimal_far_down_a_column_of_whole_numbers_is_read(tmp_path):
    (tmp_path / "t.csv").write_text("x\n" + "1\n" * 20_000 + "0.5\n")
    assert read_table(tmp_path / "t.csv")["x"].sum() == 20_000.5
