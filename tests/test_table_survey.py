"""The look at every byte before a table is streamed, against Python's own reader of CSV."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.errors import TableError
from strnet.tables import scan_table, survey
from strnet.tables.survey import surveyed


def read_by_csv(text):
    """Rows that are not blank, by the standard library."""
    return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]


def in_quotes(rows):
    """The rows with every cell in quotes."""
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


cell = st.text(st.sampled_from('ab1."é,\n'), max_size=3)


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from('ab,,"\n\n\r1'), max_size=40), st.integers(1, 3))
def test_what_is_called_plain_has_equal_rows_to_the_standard_library_too(text, width):
    found = surveyed(io.BytesIO(text.encode()), ",", width)
    if found.is_plain:
        rows = read_by_csv(text)
        assert {len(row) for row in rows} <= {width}
        assert len(rows) == found.rows


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(cell, min_size=n, max_size=n), min_size=1)))
def test_a_table_written_with_quotes_is_plain_and_read_cell_by_cell(tmp_path_factory, cells):
    header = [f"n{k}_id" for k in range(len(cells[0]))]  # text, whatever stands in them
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(in_quotes([header, *cells]))
    with path.open("rb") as stream:
        assert surveyed(stream, ",", len(header)).is_plain
    assert [list(row) for row in scan_table(path).fill_null("").collect().rows()] == cells


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 18])
def test_the_size_of_the_pieces_changes_nothing(monkeypatch, size):
    text = '"a",b\r\n1,"x\n\n,y"\r\n\r\n2,"z""z"\r\n3,4'
    monkeypatch.setattr(survey, "CHUNK", size)
    found = surveyed(io.BytesIO(text.encode()), ",", 2)
    assert (found.rows, found.blank, found.is_plain, found.last_line) == (4, 1, True, b"3,4")
    assert found.returns == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 199), st.sampled_from(["short", "long", "quote", "zero"]))
def test_one_bad_row_anywhere_is_found_with_its_line(tmp_path_factory, row, how):
    lines = [f"i{k},{k % 2},0.{k:03}" for k in range(200)]
    broken = {"short": f"i{row},1", "long": lines[row] + ",1", "quote": f'"i{row},1,0.5', "zero": "i\0,1,0.5"}
    lines[row] = broken[how]
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(("id,y,p\n" + "\n".join(lines) + "\n").encode())
    with pytest.raises(TableError, match=rf"line {row + 2} "):
        scan_table(path)
