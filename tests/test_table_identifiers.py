"""The text of ids: one person is one text, whichever program wrote the table."""

import polars as pl
import pytest

from strnet.tables import id_texts, scan_table, write_table


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (pl.Series([7, -3, 2**60 + 1]), ["7", "-3", str(2**60 + 1)]),
        (pl.Series([7.0, 2.5, float("nan"), None]), ["7", "2.5", None, None]),
        (pl.Series([2.0**52, 1e15]), [str(2**52), "1" + "0" * 15]),
        (
            pl.Series(["7", "7.0", "007", "7.50", "p7.0", "1.2.0", ""]),
            ["7", "7", "007", "7.50", "p7.0", "1.2.0", ""],
        ),
        (pl.Series([True, None]), ["true", None]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        (pl.Series([None, None]), [None, None]),
    ],
)
def test_an_id_has_the_same_text_in_whole_numbers_floats_and_text(written, expected):
    assert id_texts(written.alias("id")).to_list() == expected


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_a_column_said_to_be_text_keeps_its_leading_zeros_whatever_the_other_rows_hold(tmp_path, suffix):
    for other in ("x", "8"):
        frame = pl.DataFrame({"patient": ["007", other], "y": [0, 1]})
        write_table(frame, tmp_path / f"t{suffix}")
        assert scan_table(tmp_path / f"t{suffix}", text=("patient", "nobody")).collect().equals(frame)


def test_a_decimal_comma_in_another_column_leaves_the_leading_zeros(tmp_path):
    (tmp_path / "t.csv").write_text("patient;p\n007;0,5\n008;0,25\n")
    with pytest.warns(UserWarning, match="semicolon"):
        read = scan_table(tmp_path / "t.csv", text=("patient",)).collect()
    assert read.rows() == [("007", 0.5), ("008", 0.25)]


def test_parts_may_hold_one_column_of_names_as_numbers_and_as_text(tmp_path):
    (tmp_path / "a.csv").write_text("patient,p\n007,0.5\n8,0.5\n")
    pl.DataFrame({"patient": [9], "p": [0.5]}).write_parquet(tmp_path / "b.parquet")
    read = scan_table(tmp_path, text=("patient",)).collect()
    assert read["patient"].to_list() == ["007", "8", "9"]
