"""A table as it was written to a manifest that can be trusted, or every reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from strnet import schema
from strnet.cohort.columns import BY_NAME, COLUMNS, Column, require_known_names
from strnet.cohort.findings import LINE, Finding, finding, named, raise_findings
from strnet.cohort.site_agreement import category, site_agrees
from strnet.errors import ImageError, ManifestError
from strnet.imaging.region import parse_boxes, require_inside
from strnet.tables import id_text

_CODE = r"^[+-]?0\d|^[+-]?\d{16,}$"
"""Digits that name something: a leading zero, or more of them than a number keeps."""
_LARGEST_WHOLE = 2**53
Rule = Callable[[pl.DataFrame], Iterator[Finding | None]]


def validated(table: pl.DataFrame, where: str, *, lines: pl.Series, line_word: str = "line") -> pl.DataFrame:
    """The rows of `table` with every manifest column, typed and in order, then the further columns.

    Blank cells, `NaN` in number columns included, are null. `diagnosis` is filled from `t_score`.
    `lines` says where each row stands in the file called `where`.

    Raises: ManifestError: column names, or every broken rule with its rows; nothing is repaired.
    """
    frame, findings = examined(table, where, lines=lines)
    raise_findings(where, findings, line_word)
    return frame


def examined(table: pl.DataFrame, where: str, *, lines: pl.Series) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows as `validated` gives them, and every broken rule; only without findings can they be trusted.

    Raises: ManifestError: column names, or no rows.
    """
    require_known_names(table.columns, where)
    if not table.height:
        raise ManifestError(f"{where}: no rows below the header, expected one per film.")
    text = _blank_to_null(table).with_columns(lines.alias(LINE))
    typed = _typed(text)
    findings = [found for rule in _RULES for found in rule(typed) if found]
    return _with_diagnosis(typed.drop(LINE)), [*_unreadable(text, typed), *findings]


def lines_of(table: pl.DataFrame) -> pl.Series:
    """Line of each row in the CSV file that `table` was read from as text; the header is line 1."""
    text = [
        pl.col(name).str.count_matches("\n").fill_null(0)
        for name, kind in table.schema.items()
        if kind == pl.String
    ]
    extra = table.select(pl.sum_horizontal(text).alias("n"))["n"] if text else pl.Series([0] * table.height)
    return pl.Series(range(2, table.height + 2)) + extra.cum_sum().shift(1, fill_value=0)


def _blank_to_null(table: pl.DataFrame) -> pl.DataFrame:
    absent = [
        pl.lit(None, pl.String).alias(column.name) for column in COLUMNS if column.name not in table.columns
    ]
    extras = [name for name in table.columns if name not in BY_NAME]
    stripped = table.with_columns(
        pl.col(pl.String).str.strip_chars().replace("", None),
        pl.col(pl.Float64, pl.Float32).fill_nan(None),
    )
    return stripped.with_columns(absent).select(*BY_NAME, *extras)


def _typed(text: pl.DataFrame) -> pl.DataFrame:
    known = [_cast(column, text.schema[column.name]) for column in COLUMNS]
    others = [name for name in text.columns if name not in BY_NAME and name != LINE]
    return text.with_columns(known).with_columns(_further(text[name]) for name in others)


def _cast(column: Column, kind: pl.DataType) -> pl.Expr:
    cell = pl.col(column.name)
    if column.kind == "text":
        # a film may be named 12.0.png, but nobody is patient 12.0
        names = column.name in (schema.PATIENT_ID, schema.EXAM_ID) or kind.is_numeric()
        return id_text(column.name, kind) if names else cell.cast(pl.String)
    number = cell.cast(pl.Float64, strict=False).fill_nan(None)
    number = pl.when(number.is_finite()).then(number)
    if column.kind == "number":
        return number.alias(column.name)
    # 12.0 is how a table with blanks in the column is often written
    return pl.when(number == number.round()).then(number).cast(pl.Int64).alias(column.name)


def _further(cells: pl.Series) -> pl.Series:
    """The cells of a further column: whole numbers, else numbers, else as they are.

    A code stays text: 007 is not 7, and no number is cut to the digits that a float holds.
    """
    if cells.dtype != pl.String and not cells.dtype.is_numeric():
        return cells
    numbers = cells.cast(pl.Float64, strict=False)
    known = numbers.null_count() == cells.null_count() < cells.len()
    if not known or (cells.dtype == pl.String and cells.str.contains(_CODE).any()):
        return cells
    whole = numbers.is_finite() & (numbers == numbers.round()) & (numbers.abs() <= _LARGEST_WHOLE)
    if whole.drop_nulls().all():
        return numbers.cast(pl.Int64)
    return numbers.fill_nan(None)


def _unreadable(text: pl.DataFrame, typed: pl.DataFrame) -> Iterator[Finding]:
    """Cells of number columns that hold something else."""
    for column in COLUMNS:
        if column.kind == "text":
            continue
        cell = text[column.name].cast(pl.String)
        broken = typed[column.name].is_null() & cell.is_not_null() & ~cell.str.to_lowercase().is_in(["nan"])
        expected = "a whole number" if column.kind == "integer" else "a number"
        found = finding(
            text.with_columns(broken.alias("__broken__")),
            pl.col("__broken__"),
            f"{{rows}} with something else than {expected} in {column.name}.",
            [named(column.name)],
            f"Write {expected} ({column.unit}), or leave it blank: blank means unknown.",
        )
        if found:
            yield found


def _required_cells(frame: pl.DataFrame) -> Iterator[Finding | None]:
    for column in COLUMNS:
        if column.required:
            yield finding(
                frame,
                pl.col(column.name).is_null(),
                f"{{rows}} without {column.name}.",
                [named(schema.IMAGE_ID)],
                f"Every film needs one ({column.meaning.lower()}).",
            )


def _unique_cells(frame: pl.DataFrame) -> Iterator[Finding | None]:
    for name in (schema.IMAGE_ID, "path"):
        yield finding(
            frame,
            pl.col(name).is_not_null() & pl.col(name).is_duplicated(),
            f"{{rows}} with the same {name} as another row.",
            [named(name)],
            "One row per film: remove or rename the others.",
        )


def _vocabulary(frame: pl.DataFrame) -> Iterator[Finding | None]:
    for column in COLUMNS:
        if column.values:
            yield finding(
                frame,
                ~pl.col(column.name).is_in(column.values),
                f"{{rows}} with an unknown {column.name}.",
                [named(column.name), pl.col(column.name).map_elements(column.advice, return_dtype=pl.String)],
                "Use the manifest's words, or leave it blank: blank means unknown.",
            )


def _ranges(frame: pl.DataFrame) -> Iterator[Finding | None]:
    for column in COLUMNS:
        if column.low is not None and column.high is not None:
            hint = f" ({column.hint})" if column.hint else ""
            yield finding(
                frame,
                ~pl.col(column.name).is_between(column.low, column.high),
                f"{{rows}} with an implausible {column.name}.",
                [named(column.name)],
                f"Expected {column.low:g} to {column.high:g} {column.unit}{hint}. Correct it, or leave it "
                "blank: blank means unknown.",
            )


def _patterns(frame: pl.DataFrame) -> Iterator[Finding | None]:
    for column in COLUMNS:
        if column.pattern:
            yield finding(
                frame,
                ~pl.col(column.name).str.contains(f"^{column.pattern}$"),
                f"{{rows}} whose {column.name} is not what it should be.",
                [named(column.name)],
                f"Expected {column.pattern_words}. Leave it blank if you do not have it.",
            )


def _boxes(frame: pl.DataFrame) -> Iterator[Finding | None]:
    """Boxes that say nothing, or lie outside the film that the row describes."""
    held = frame.filter(pl.col("box").is_not_null())
    wrong = [_box_problem(*cells) for cells in held.select("box", "rows", "columns", "slices").iter_rows()]
    yield finding(
        held.with_columns(pl.Series("problem", wrong, dtype=pl.String)),
        pl.col("problem").is_not_null(),
        "{rows} with a box that cannot be one of {their} film.",
        [named("box"), pl.col("problem")],
        "Boxes are left top right bottom in pixels of the file, whose size stands in rows and columns.",
    )
    yield finding(
        frame,
        pl.col("mask").is_not_null() & pl.col("mask").is_duplicated(),
        "{rows} with the mask of another row.",
        [named("mask"), named(schema.IMAGE_ID)],
        "A mask lies on the grid of one film: give each its own, or leave it blank.",
    )


def _box_problem(cell: str, rows: int | None, columns: int | None, slices: int | None) -> str | None:
    if not re.fullmatch(f"{BY_NAME['box'].pattern}", cell):
        return None  # told by its pattern
    try:
        boxes = parse_boxes(cell)
        if rows is not None and columns is not None and slices is None:
            for name, box in boxes.items():
                require_inside(box, (rows, columns), name)
    except ImageError as error:
        return f"({error})"
    return None


def _one_sex_per_patient(frame: pl.DataFrame) -> Iterator[Finding | None]:
    known_sex = pl.col("sex").is_in(schema.SEXES) & pl.col("patient_id").is_not_null()
    yield finding(
        frame,
        known_sex & (pl.col("sex").filter(known_sex).n_unique().over("patient_id") > 1),
        "{rows} of patients with two sexes.",
        [named("sex"), named(schema.IMAGE_ID)],
        "Either the sex is wrong, or two people share an id: splits would then not be by patient.",
    )


def _one_patient_per_examination(frame: pl.DataFrame) -> Iterator[Finding | None]:
    known = pl.col(schema.EXAM_ID).is_not_null() & pl.col("patient_id").is_not_null()
    patients = pl.col("patient_id").filter(known).n_unique().over(schema.EXAM_ID)
    yield finding(
        frame,
        known & (patients > 1),
        "{rows} of examinations with two patients.",
        [named(schema.EXAM_ID), named(schema.IMAGE_ID)],
        "An examination is of one patient: correct the id, or leave it blank.",
    )


def _label_agrees(frame: pl.DataFrame) -> Iterator[Finding | None]:
    """The rule that the boundaries in `schema` decide. Source: WHO 1994, on the unrounded T-score."""
    labelled = frame.filter(pl.col("diagnosis").is_in(schema.DIAGNOSES)).with_columns(implied_diagnosis())
    meaning = {
        schema.OSTEOPOROSIS: f"(T <= {schema.OSTEOPOROSIS_AT_MOST} means osteoporosis)",
        schema.OSTEOPENIA: f"({schema.OSTEOPOROSIS_AT_MOST} < T < {schema.NORMAL_AT_LEAST} means osteopenia)",
        schema.NORMAL: f"(T >= {schema.NORMAL_AT_LEAST} means normal)",
    }
    yield finding(
        labelled,
        pl.col("implied") != pl.col("diagnosis"),
        "{rows} contradict{s} {their} T-score.",
        [named("t_score"), named("diagnosis"), pl.col("implied").replace_strict(meaning, default=None)],
        "Correct the label, or leave it blank: blank means unknown.",
    )


def _provenance(frame: pl.DataFrame) -> Iterator[Finding | None]:
    yield finding(
        frame,
        (pl.col("t_score").is_not_null() | pl.col("diagnosis").is_not_null())
        & pl.col("reference_standard").is_null(),
        "{rows} with a label, but without reference_standard.",
        [named("t_score"), named("diagnosis")],
        f"Say what it was measured with: {', '.join(schema.REFERENCE_STANDARDS)}. It is never guessed.",
    )


_RULES: tuple[Rule, ...] = (
    _required_cells,
    _unique_cells,
    _vocabulary,
    _ranges,
    _patterns,
    _boxes,
    _one_sex_per_patient,
    _one_patient_per_examination,
    _label_agrees,
    site_agrees,
    _provenance,
)


def implied_diagnosis() -> pl.Expr:
    """Column `implied`: the diagnosis of `t_score`, null where it is unknown."""
    return category(pl.col(schema.T_SCORE)).alias("implied")


def _with_diagnosis(frame: pl.DataFrame) -> pl.DataFrame:
    filled = frame.with_columns(implied_diagnosis())
    return filled.with_columns(pl.coalesce("diagnosis", "implied").alias("diagnosis")).drop("implied")
