"""Where tables come from: parts, sheets, compressed files, and the same rows whichever way."""

import gzip
import itertools

import polars as pl
import pytest

from strnet.errors import TableError, TableNote
from strnet.tables import read_table, scan_table, write_table

FRAME = pl.DataFrame({"image_id": ["007", "8", "9"], "y": [0, 1, None], "p": [0.25, 1.0, -3e-5]})


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".CSV"])
def test_what_is_written_is_read_again_by_its_extension(tmp_path, suffix):
    write_table(FRAME, tmp_path / f"t{suffix}")
    assert read_table(tmp_path / f"t{suffix}").equals(FRAME)


def test_the_order_and_the_kind_of_parts_change_nothing(tmp_path):
    whole = None
    for n, order in enumerate(itertools.permutations(range(3))):
        folder = tmp_path / str(n)
        folder.mkdir()
        for row, name in zip(order, ("a.csv", "b.parquet", "c.tsv.gz"), strict=True):
            write_table(FRAME[row : row + 1].select(sorted(FRAME.columns, reverse=row == 1)), folder / name)
        (folder / "README.md").write_text("of no part")
        (folder / ".hidden.csv").write_text("x")
        read = scan_table(folder).collect().select(FRAME.columns).sort("image_id")
        whole = read if whole is None else whole
        assert read.equals(whole)
        assert read.equals(FRAME.sort("image_id"))


def test_a_part_without_values_takes_the_types_of_the_others(tmp_path):
    (tmp_path / "a.csv").write_text("y,p,n\n,0.5,1\n")
    (tmp_path / "b.csv").write_text("y,p,n\n1,1,0.5\n")
    (tmp_path / "c.csv").write_text("y,p,n\n")
    assert scan_table(tmp_path).collect().rows() == [(None, 0.5, 1.0), (1, 1.0, 0.5)]


def test_a_file_whose_name_has_the_mark_of_a_sheet_is_that_file(tmp_path):
    write_table(FRAME, tmp_path / "a#b.csv")
    assert read_table(tmp_path / "a#b.csv").equals(FRAME)
    write_table(FRAME, tmp_path / "a.csv")
    with pytest.raises(TableError, match="has no sheets"):
        read_table(tmp_path / "a.csv#b")


def test_a_row_cut_out_of_a_compressed_part_is_named_by_its_part(tmp_path):
    (tmp_path / "a.csv").write_text("y,p\n1,0.5\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"y,p\n1\n"))
    with pytest.raises(TableError, match=r"b\.csv\.gz: 1 row\(s\)"):
        scan_table(tmp_path)


def test_digits_of_any_length_are_names_and_not_rounded(tmp_path):
    names = [str(10**30 + k) for k in range(3)]
    (tmp_path / "t.csv").write_text("patient,p\n" + "".join(f"{name},0.5\n" for name in names))
    assert scan_table(tmp_path / "t.csv").collect()["patient"].to_list() == names


def test_what_a_plain_table_holds_is_no_news(tmp_path, recwarn):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + FRAME.write_csv().replace("\n", "\r\n").encode())
    assert read_table(tmp_path / "t.csv").equals(FRAME)
    assert not [warning for warning in recwarn if issubclass(warning.category, TableNote)]


def test_the_end_of_a_table_in_another_encoding_is_noted_too(tmp_path):
    (tmp_path / "t.csv").write_bytes("a;b\nx;0,5\ny;0,2".encode("utf-16"))
    with pytest.warns(TableNote) as notes:
        assert scan_table(tmp_path / "t.csv").collect().rows() == [("x", 0.5), ("y", 0.2)]
    assert [
        next(word for word in ("UTF-16", "semicolon", "'y;0,2'") if word in str(note.message))
        for note in notes
    ] == ["UTF-16", "semicolon", "'y;0,2'"]
