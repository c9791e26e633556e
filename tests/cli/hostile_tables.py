"""Tables that no threshold may be fitted from, and tables that only look so: made here, byte by byte.

`test_cli_hostile_tables.py` gives each of them to the command; `pytest -s` on it prints what each is told.
"""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

LINES = ["id,y,p", *(f"c{i:02},{i % 2},{(i + 30 * (i % 2)) / 100}" for i in range(60))]
"""Thirty positives that score higher; c59, the last, has 0.89."""
TEXT = "\n".join(LINES) + "\n"
FRAME = pl.read_csv(io.StringIO(TEXT))


class Hostile(NamedTuple):
    """A table by the name of its file, what it holds, and words that its message must have, in order."""

    name: str
    content: bytes | Callable[[Path], None]
    words: tuple[str, ...]
    options: tuple[str, ...] = ()


def with_cell(cell: str, row: int = 8) -> bytes:
    """The table with another score in a row."""
    lines = list(LINES)
    lines[row] = lines[row].rsplit(",", 1)[0] + "," + cell
    return ("\n".join(lines) + "\n").encode()


def with_score(write: Callable[[float], str], separator: str = ",") -> bytes:
    """The table with every score written in another way."""
    rows = [line.split(",") for line in LINES[1:]]
    lines = [
        separator.join(LINES[0].split(",")),
        *(separator.join([i, y, write(float(p))]) for i, y, p in rows),
    ]
    return ("\n".join(lines) + "\n").encode()


def parquet(frame: pl.DataFrame = FRAME) -> bytes:
    """The bytes of a Parquet file."""
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def workbook(**sheets: pl.DataFrame) -> bytes:
    """The bytes of a workbook."""
    from xlsxwriter import Workbook

    content = io.BytesIO()
    with Workbook(content) as book:
        for name, frame in sheets.items():
            frame.write_excel(book, worksheet=name)
    return content.getvalue()


def folder(**parts: bytes) -> Callable[[Path], None]:
    """A folder with the files named (`_` for the point of an extension)."""

    def make(path: Path) -> None:
        path.mkdir()
        for name, content in parts.items():
            (path / ".".join(name.rsplit("_", 1))).write_bytes(content)

    return make


def as_r_writes() -> bytes:
    """R: write.table(x, sep = ",")."""
    rows = [line.split(",") for line in LINES[1:]]
    return (
        "\n".join(['"id","y","p"', *(f'"{n}","{i}",{y},{p}' for n, (i, y, p) in enumerate(rows, 1))]).encode()
        + b"\n"
    )


def r_table_of_blanks() -> bytes:
    """R: write.table(x)."""
    return as_r_writes().replace(b",", b" ")


def two_copies() -> bytes:
    """A table of 2,000 films in which one stands twice, far down."""
    frame = pl.concat([FRAME.with_columns(id=pl.col("id") + f"-{k}") for k in range(33)])
    return pl.concat([frame, frame.tail(1)]).rename({"id": "image_id"}).write_csv().encode()


HTML = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n"

REFUSED = {
    "a file that is not there": Hostile(
        "absent.csv", lambda path: None, ("no such scores table", "- for standard input")
    ),
    "an empty file": Hostile("t.csv", b"", ("the file is empty", "Write the table again")),
    "a header and nothing below": Hostile("t.csv", b"id,y,p\n", ("a header and no rows",)),
    "a table without a header": Hostile(
        "t.csv",
        "\n".join(line[4:] for line in LINES[1:]).encode(),
        ("first line holds numbers", "names of the columns"),
    ),
    "a second header among the rows": Hostile(
        "t.csv",
        "\n".join([*LINES[:31], *LINES[:1], *LINES[31:]]).encode() + b"\n",
        ("row 31 below the header is the header again", "Remove that line"),
    ),
    "a second header in a table with semicolons that is compressed": Hostile(
        "t.csv.gz",
        gzip.compress((TEXT * 2).replace(",", ";").encode()),
        ("row 61 below the header is the header again",),
    ),
    "a first line that names nothing": Hostile("t.csv", b",,\n" + TEXT.encode(), ("names no columns",)),
    "a column name that stands twice": Hostile(
        "t.csv",
        TEXT.replace("id,y,p", "p,y,p").encode(),
        ("column 'p' stands twice (columns 1, 3)", "Keep one"),
    ),
    "a column name twice in a workbook": Hostile(
        "t.xlsx", lambda path: path.write_bytes(twice_in_a_workbook()), ("column 'p' stands twice",)
    ),
    "a comment above the header": Hostile(
        "t.csv", b"# made by a tool\n" + TEXT.encode(), ("a comment (#)", "Remove such lines")
    ),
    "a comment among the rows": Hostile(
        "t.csv",
        "\n".join([*LINES[:9], "# second site", *LINES[9:]]).encode(),
        ("line 10  1 cells", "Line 10 is a comment"),
    ),
    "R's write.table with commas": Hostile(
        "t.csv", as_r_writes(), ("60 row(s)", "R's write.table", "row.names = FALSE")
    ),
    "R's write.table": Hostile("t.csv", r_table_of_blanks(), ("separated by blanks", "write.csv")),
    "a quote that is never closed": Hostile(
        "t.csv", TEXT.replace("c07,", '"c07,').encode(), ("line 9 opens a quote that is never closed",)
    ),
    "a quote that is never closed in the last column": Hostile(
        "t.csv", with_cell('"0.4', 59), ("line 60 opens a quote",)
    ),
    "text behind a closing quote": Hostile(
        "t.csv", TEXT.replace("c07,", '"c"07,').encode(), ("line 9 goes on behind the quote",)
    ),
    "a zero byte": Hostile("t.csv", TEXT.encode().replace(b"c07", b"c\x007"), ("line 9 holds a zero byte",)),
    "UTF-16 without its mark": Hostile("t.csv", TEXT.encode("utf-16-le"), ("looks like UTF-16",)),
    "UTF-16 cut within a letter": Hostile(
        "t.csv", TEXT.encode("utf-16")[:-1], ("no text in UTF-16", "cut short")
    ),
    "bytes that are text in no encoding": Hostile(
        "t.csv", TEXT.encode().replace(b"c07", b"c\x81\x8d7"), ("line 9 is no text in Windows-1252", "UTF-8")
    ),
    "the mark that Excel leaves beside an open workbook": Hostile(
        "~$scores.xlsx", b"\x05admin".ljust(165), ("mark that Excel leaves", "Give scores.xlsx itself")
    ),
    "a web page saved as a table": Hostile("t.csv", HTML, ("a web page", "log-in page")),
    "a web page saved as a workbook": Hostile("t.xlsx", HTML, ("a web page",)),
    "a PDF named as a table": Hostile("t.csv", b"%PDF-1.7\n" + bytes(200), ("a PDF document", "as CSV")),
    "a workbook named as text": Hostile(
        "t.csv", b"PK\x03\x04" + bytes(200), ("an Excel workbook", "Name it .xlsx")
    ),
    "an old workbook, or one with a password": Hostile(
        "t.xlsx", b"\xd0\xcf\x11\xe0" + bytes(200), ("password",)
    ),
    "a Parquet file named as text": Hostile("t.csv", parquet(), ("a Parquet file", "Name it .parquet")),
    "text named as Parquet": Hostile("t.parquet", TEXT.encode(), ("is text",)),
    "a Parquet file cut short": Hostile("t.parquet", parquet()[:-40], ("Parquet file was cut short",)),
    "a workbook cut short": Hostile(
        "t.xlsx", lambda path: path.write_bytes(workbook(One=FRAME)[:-300]), ("damaged or was cut short",)
    ),
    "a workbook without the sheet asked for": Hostile(
        "t.xlsx#Tow",
        lambda path: path.with_name("t.xlsx").write_bytes(workbook(One=FRAME, Two=FRAME)),
        ("Unknown sheet 'Tow', did you mean 'Two'",),
    ),
    "a sheet without cells": Hostile(
        "t.xlsx", lambda path: path.write_bytes(workbook(One=pl.DataFrame())), ("holds no cells",)
    ),
    "a compressed file cut short": Hostile(
        "t.csv.gz", gzip.compress(TEXT.encode())[:-40], ("compressed file was cut short",)
    ),
    "a compressed file with a wrong byte": Hostile(
        "t.csv.gz", gzip.compress(TEXT.encode())[:-8] + bytes(8), ("compressed file is damaged",)
    ),
    "text named as compressed": Hostile("t.csv.gz", TEXT.encode(), ("is not compressed",)),
    "a compressed file named as text": Hostile(
        "t.csv", gzip.compress(TEXT.encode()), ("compressed with gzip", "Name it .csv.gz")
    ),
    "an extension that is not read": Hostile("t.dta", b"<stata>", ("'.dta' is not read", ".csv")),
    "a last row that is cut": Hostile(
        "t.csv", TEXT.encode()[: TEXT.rindex(",")], ("line 61  2 cells", "the file was cut short")
    ),
    "a row too short in the middle": Hostile(
        "t.csv", TEXT.replace("c07,1,", "c07,").encode(), ("line 9  2 cells",)
    ),
    "a row too long in the middle": Hostile(
        "t.csv", TEXT.replace("c07,1,", "c07,1,1,").encode(), ("line 9  4 cells",)
    ),
    "a short row that a long one makes up for": Hostile(
        "t.csv",
        TEXT.replace("c07,1,", "c07,").replace("c08,", "c08,,").encode(),
        ("2 row(s)", "line 9  2 cells", "line 10  4 cells"),
    ),
    "a separator behind every row": Hostile(
        "t.csv",
        "\n".join([LINES[0], *(line + "," for line in LINES[1:])]).encode(),
        ("60 row(s)", "ends with a separator"),
    ),
    "decimal commas between commas": Hostile(
        "t.csv",
        "\n".join(line.replace(".", ",") for line in LINES).encode(),
        ("row(s)", "a comma stands for the decimal point"),
    ),
    "decimal commas in quotes": Hostile(
        "t.csv", with_score(lambda p: f'"{p:.3f}"'.replace(".", ",")), ("Commas stand for the decimal point",)
    ),
    "a thousand or a fraction": Hostile(
        "t.csv",
        with_score(lambda p: f"{1 + p:.3f}".replace(".", ","), ";"),
        ("read in two ways", "--csv-dialect semicolon/comma"),
    ),
    "two separators that fit": Hostile(
        "t.csv",
        "\n".join(line.replace(",", ";", 1) for line in LINES).encode(),
        ("told apart in 2 ways", "--csv-dialect comma or --csv-dialect semicolon"),
    ),
    "thousands separators in a score": Hostile(
        "t.csv", with_cell('"1,234.5"'), ("row 7: 1,234.5", "between thousands")
    ),
    "percent signs": Hostile(
        "t.csv", with_score(lambda p: f"{100 * p:.0f}%"), ("percentages", "write 68.5% as 0.685")
    ),
    "decisions in place of scores": Hostile(
        "t.csv", with_score(lambda p: str(p > 0.4).lower()), ("decisions (true and false)",)
    ),
    "dates in place of scores": Hostile(
        "t.csv", with_score(lambda p: f"2024-03-{1 + 20 * p:02.0f}"), ("These are dates",)
    ),
    "dates in place of scores in Parquet": Hostile(
        "t.parquet", parquet(FRAME.with_columns(p=pl.date(2024, 1, 1))), ("found dates",)
    ),
    "a formula that failed": Hostile("t.csv", with_cell("#DIV/0!"), ("row 7: #DIV/0!", "formula")),
    "a score that is missing": Hostile("t.csv", with_cell(""), ("row 7: None",)),
    "a score that is infinite": Hostile("t.csv", with_cell("inf"), ("row 7: inf",)),
    "scores of more digits than a float holds": Hostile(
        "t.csv", with_score(lambda p: str(2**53 + int(100 * p))), ("more than 15 digits",)
    ),
    "scores of more digits than 64 bits": Hostile(
        "t.csv", with_score(lambda p: str(10**25 + int(100 * p))), ("more than 15 digits",)
    ),
    "a film that stands twice far down": Hostile(
        "t.csv", two_copies(), ("image_id: 1 ids stand in more than one row", "c59-32 (2 times)")
    ),
    "targets that are words": Hostile(
        "t.csv",
        TEXT.replace(",1,", ",yes,").replace(",0,", ",no,").encode(),
        ("'no', 'yes'", "Code the positive class as 1"),
    ),
    "targets other than 0 and 1": Hostile(
        "t.csv", TEXT.replace("c07,1", "c07,2").encode(), ("row 7: 2", "Code them as 0 and 1")
    ),
    "a column without a single target": Hostile(
        "t.csv", TEXT.replace(",1,", ",,").replace(",0,", ",,").encode(), ("none of 60 rows has a target",)
    ),
    "a folder without tables": Hostile("parts", folder(notes_md=b"# x"), ("a folder without tables",)),
    "a run that has no predictions": Hostile(
        "parts",
        folder(recipe_yaml=b"seed: 0", metrics_csv=b"epoch\n1\n"),
        ("a run without predictions.parquet",),
    ),
    "a part with other columns": Hostile(
        "parts",
        folder(a_csv=TEXT.encode(), b_csv=TEXT.replace("id,y,p", "id,y,q").encode()),
        ("b.csv: has other columns", "with q and without p"),
    ),
    "a part with text where others have numbers": Hostile(
        "parts",
        folder(a_csv=TEXT.encode(), b_csv=with_cell("?")),
        ("b.csv: column 'p' holds String, and Float64 in a.csv",),
    ),
    "a part that is cut short": Hostile(
        "parts",
        folder(a_csv=TEXT.encode(), b_csv=TEXT.encode()[: TEXT.rindex(",")]),
        ("b.csv", "the file was cut short"),
    ),
    "parts in folders below": Hostile(
        "parts",
        lambda path: [path.joinpath("b").mkdir(parents=True), path.joinpath("b", "a.csv").write_text(TEXT)],
        ("folders below it too (b)",),
    ),
    "nothing on standard input": Hostile("-", b"", ("standard input: is empty", "before the pipe")),
    "a web page on standard input": Hostile("-", HTML, ("standard input: is a web page",)),
    "an unknown dialect": Hostile(
        "t.csv", TEXT.encode(), ("did you mean 'semicolon'",), ("--csv-dialect", "semicolons")
    ),
}
"""What is refused with exit code 2."""


def twice_in_a_workbook() -> bytes:
    """A sheet whose third column has the name of the first."""
    from xlsxwriter import Workbook

    content = io.BytesIO()
    with Workbook(content) as book:
        sheet = book.add_worksheet()
        for n, line in enumerate(LINES):
            sheet.write_row(n, 0, line.replace("id", "p").split(","))
    return content.getvalue()


READ = {
    "a mark of UTF-8 and Windows line ends": Hostile(
        "t.csv", b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode(), ()
    ),
    "quotes around everything": Hostile(
        "t.csv", "\n".join('"' + line.replace(",", '","') + '"' for line in LINES).encode() + b"\n", ()
    ),
    "a name with a line end in quotes": Hostile("t.csv", TEXT.replace("c07", '"c\n07"').encode(), ()),
    "targets that are TRUE and FALSE": Hostile(
        "t.csv", TEXT.replace(",1,", ",TRUE,").replace(",0,", ",FALSE,").encode(), ()
    ),
    "blanks around cells": Hostile("t.csv", TEXT.replace(",", ", ").encode(), ()),
    "blank lines": Hostile("t.csv", TEXT.replace("c07", "\n\nc07").encode() + b"\n\n", ()),
    "tabs": Hostile("t.tsv", TEXT.replace(",", "\t").encode(), ()),
    "compressed": Hostile("t.csv.gz", gzip.compress(TEXT.encode()), ()),
    "compressed, with tabs": Hostile("t.tsv.gz", gzip.compress(TEXT.replace(",", "\t").encode()), ()),
    "standard input": Hostile("-", TEXT.encode(), ()),
    "Parquet on standard input": Hostile("-", parquet(), ()),
    "compressed on standard input": Hostile("-", gzip.compress(TEXT.encode()), ()),
    "a sheet by its name": Hostile(
        "t.xlsx#Two",
        lambda path: path.with_name("t.xlsx").write_bytes(workbook(One=FRAME.head(2), Two=FRAME)),
        (),
    ),
    "parts of two kinds, their columns in other orders, one without rows": Hostile(
        "parts",
        folder(
            b_csv="\n".join([LINES[0], *LINES[31:]]).encode() + b"\n",
            a_parquet=parquet(FRAME.head(30).select("p", "y", "id")),
            c_csv=b"y,id,p\n",
        ),
        (),
    ),
    "a last line without its end": Hostile(
        "t.csv", TEXT.encode()[:-1], ("the last line has no end ('c59,1,0.89')", "cut short")
    ),
    "a last number cut in its middle": Hostile(
        "t.csv", TEXT.encode()[:-2], ("the last line has no end ('c59,1,0.8')",)
    ),
    "line ends of two kinds": Hostile(
        "t.csv", TEXT.encode().replace(b"\n", b"\r\n", 20), ("20 of 61 lines end with CR LF",)
    ),
    "line ends of the old Mac": Hostile("t.csv", TEXT.replace("\n", "\r").encode(), ()),
    "semicolons": Hostile(
        "t.csv", TEXT.replace(",", ";").encode(), ("cells separated by semicolon, decimal point",)
    ),
    "semicolons and decimal commas": Hostile(
        "t.csv",
        TEXT.replace(",", ";").replace(".", ",").encode(),
        ("cells separated by semicolon, decimal comma",),
    ),
    "a separator said above the header": Hostile(
        "t.csv", b"sep=;\n" + TEXT.replace(",", ";").encode(), ("semicolon",)
    ),
    "UTF-16": Hostile("t.csv", TEXT.encode("utf-16"), ("is read as UTF-16",)),
    "UTF-16 with tabs, as Excel saves text": Hostile(
        "t.txt", TEXT.replace(",", "\t").encode("utf-16"), ("is read as UTF-16", "separated by tab")
    ),
    "Latin-1": Hostile(
        "t.csv", TEXT.replace("c07", "Zürich").encode("latin-1"), ("is read as Windows-1252",)
    ),
    "the first of two sheets": Hostile(
        "t.xlsx",
        lambda path: path.write_bytes(workbook(One=FRAME, Two=FRAME.head(2))),
        ("sheet 'One' of 2 is read", "t.xlsx#Two"),
    ),
    "ids of more digits than 128 bits": Hostile(
        "t.csv", TEXT.replace("c", "1" * 43).encode(), (), ("--cluster", "id", "--cluster-method", "worst")
    ),
    "ids that differ in case": Hostile(
        "t.csv",
        TEXT.replace("c07", "C08").replace("id,", "image_id,").encode(),
        ("image_id: 1 names differ", "'C08' and 'c08'"),
    ),
    "two readings, and which is said": Hostile(
        "t.csv",
        with_score(lambda p: f"{p:.3f}".replace(".", ","), ";").replace(b"0,", b"0,"),
        ("decimal comma",),
        ("--csv-dialect", "semicolon/comma"),
    ),
}
"""What is read all the same, with the words of the note that it gives, if any."""
