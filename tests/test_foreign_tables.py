"""Tables as other programs write them: separators, decimal marks, encodings."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import ManifestError
from strnet.tables import read_foreign_table

GERMAN = "Bild;Größe;T-Wert\na.png;1,63;-2,7\nb.png;;0,4\n"


def rows_of(path, **options):
    return read_foreign_table(path, **options).frame.rows()


def write(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path, **options):
    with pytest.raises(ManifestError) as caught:
        read_foreign_table(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_german_spreadsheet_is_read_in_every_encoding_it_is_saved_in(tmp_path, encoding):
    table = read_foreign_table(write(tmp_path, GERMAN.encode(encoding)))
    assert table.frame.columns == ["Bild", "Größe", "T-Wert"]
    assert table.frame.rows() == [("a.png", "1.63", "-2.7"), ("b.png", None, "0.4")]
    assert table.lines.to_list() == [2, 3]
    named = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}.get(encoding, encoding.upper())
    assert str(table.dialect) == f"cells separated by semicolon, decimal comma, {named}"


def test_tabs_windows_line_ends_blank_rows_and_the_line_that_excel_writes_first(tmp_path):
    table = read_foreign_table(write(tmp_path, 'sep=;\r\na;b\r\n"x\r\ny";1,5\r\n;\r\n\r\nz;2\r\n'))
    assert table.frame.rows() == [("x\r\ny", "1.5"), ("z", "2")]
    assert table.lines.to_list() == [3, 7]
    assert rows_of(write(tmp_path, "a\tb\n1,5\t2\n")) == [("1.5", "2")]


def test_an_ordinary_table_is_read_as_it_stands(tmp_path):
    path = write(tmp_path, 'id,t,list,note\n007,-1.234,"1;2","a, b"\n')
    assert rows_of(path) == [("007", "-1.234", "1;2", "a, b")]
    assert read_foreign_table(path).dialect.is_plain


@pytest.mark.parametrize(
    "text", ["a;b\nx;1,234\ny;5\n", 'a,b\nx,"1,234"\n', 'a,b\nx,"1,5"\n', "a;b\nx;1.234,5\n"]
)
def test_a_number_with_two_readings_is_refused_with_both(tmp_path, text):
    message = refusal(write(tmp_path, text))
    assert "can be read in two ways" in message
    assert "line 2  b" in message
    assert "/comma or --csv-dialect" in message


def test_the_readings_of_a_thousand_are_both_named(tmp_path):
    message = refusal(write(tmp_path, "a;b\nx;1,234\n"))
    assert "'1,234': 1.234 by a decimal comma, 1234 by a decimal point" in message


def test_a_surer_cell_settles_a_doubtful_one(tmp_path):
    assert rows_of(write(tmp_path, "a;b\n0,9;1,234\n")) == [("0.9", "1.234")]


def test_a_grouped_thousand_in_a_table_with_decimal_commas_is_no_fraction(tmp_path):
    assert "'1.234': 1234 by a decimal comma" in refusal(write(tmp_path, "a;b\n0,9;1.234\n"))
    assert "two ways" in refusal(write(tmp_path, "a;b\n0,9;1\n1.5;1\n"))


def test_a_column_that_is_ignored_raises_no_question(tmp_path):
    path = write(tmp_path, "a;version\n0,9;1.100\n")
    assert "--ignore COLUMN" in refusal(path)
    assert rows_of(path, ignored=["version"]) == [("0.9", "1.100")]


def test_a_column_of_text_keeps_its_commas(tmp_path):
    text = "name;t\nMaier, A;0,5\nLWK 1,2;0,6\nX;0,7\n"
    assert rows_of(write(tmp_path, text))[1] == ("LWK 1,2", "0.6")


@pytest.mark.parametrize(("dialect", "row"), [("comma/comma", ("x", "1.5")), ("comma/point", ("x", "1,5"))])
def test_what_is_said_is_not_guessed(tmp_path, dialect, row):
    assert rows_of(write(tmp_path, 'a,b\nx,"1,5"\n'), dialect=dialect) == [row]


def test_a_table_with_two_separators_is_refused_until_one_is_said(tmp_path):
    path = write(tmp_path, "a,b;c\n1,2;3\n")
    assert "comma: 2 columns\n  semicolon: 2 columns" in refusal(path)
    assert rows_of(path, dialect="semicolon") == [("1.2", "3")]
    assert "did you mean 'semicolon'" in refusal(path, dialect="semicolons")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3\n", "line 3  1 cells"),
        (b"a,a\n1,2\n", "column 'a' stands twice"),
        (b"", "the file is empty"),
        (b",,\n1,2,3\n", "names no columns"),
        (b"a,b\n\x00,\x81\n", "is no text"),
        (b"a,b\n\x00,1\n", "line 2 holds a zero byte"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    assert message in refusal(write(tmp_path, content))


def test_columns_without_name_and_cells_are_left_behind_and_others_get_a_name(tmp_path):
    assert read_foreign_table(write(tmp_path, ",a,,\n0,x,,\n1,y,,\n")).frame.columns == ["column_1", "a"]


def test_a_spreadsheet_may_hold_text_with_decimal_commas(tmp_path):
    pl.DataFrame({"a": ["007", "8"], "t": ["-2,7", "1"]}).write_excel(tmp_path / "t.xlsx")
    table = read_foreign_table(tmp_path / "t.xlsx")
    assert table.frame.rows() == [("007", "-2.7"), ("8", "1")]
    assert (table.lines.to_list(), table.line_word) == ([2, 3], "row")


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 99)), min_size=1, max_size=20))
def test_decimal_commas_and_points_give_the_same_numbers(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("t")
    texts = [f"{whole}.{part:02}" for whole, part in numbers]
    by_point = write(folder, "id;t\n" + "".join(f"x;{t}\n" for t in texts), "p.csv")
    by_comma = write(folder, "id;t\n" + "".join(f"x;{t.replace('.', ',')}\n" for t in texts), "c.csv")
    assert rows_of(by_point) == rows_of(by_comma) == [("x", text) for text in texts]
