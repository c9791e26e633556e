"""`strnet ingest`: from a folder of images to a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, Unpack

import typer

from strnet.cli.cohort_commands import Json, pairs
from strnet.cli.console import print_json, print_pairs, print_text, progress_bar
from strnet.cli.option_parameters import with_options
from strnet.cli.worker_options import FileMemory, FileSeconds, WorkerCount
from strnet.options import Option
from strnet.schema import DXA_SITES, bmd_column, t_score_column
from strnet.workers import FILE_MEMORY_GIB, FILE_SECONDS, Workers


class IngestOptions(TypedDict):
    """What is said of the folder, of the table about its films, and of whose films they are."""

    layout: Annotated[
        str,
        Option(
            "What the folder is: auto (table if --table is given), dicom, table, volumes, knee-qus, "
            "buu-lspine.",
            "auto",
        ),
    ]
    table: Annotated[Path | None, Option("Table with one row per image or per patient.", None)]
    column: Annotated[
        list[str] | None,
        Option("MANIFEST=TABLE column, where the guess is not right; repeatable.", None),
    ]
    ignore: Annotated[list[str] | None, Option("Column of the table not to read; repeatable.", None)]
    value: Annotated[
        list[str] | None,
        Option("COLUMN:CELL=WORD, such as sex:W=F; view:?= is blank; repeatable.", None),
    ]
    constant: Annotated[
        list[str] | None,
        Option("COLUMN=VALUE for every row, such as reference_standard=dxa.", None, flag="--set"),
    ]
    csv_dialect: Annotated[
        str | None,
        Option("comma, semicolon or tab; with /point or /comma, the decimal mark. [default: found]", None),
    ]
    patient_id_from: Annotated[
        str | None,
        Option("Patient by file name: {patient}_{n}.png, a regex with (?P<patient>...), or folder.", None),
    ]
    one_patient_per_film: Annotated[bool, Option("Nothing says whose films they are: one each.", False)]
    duplicates: Annotated[
        str, Option("Identical pictures with different labels: refuse, drop, first, keep.", "refuse")
    ]


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to `app`."""
    app.command("ingest")(ingest)


@with_options(IngestOptions)
def ingest(
    folder: Annotated[
        Path, typer.Argument(help="Folder with DICOM, PNG, JPEG or NIfTI files.", exists=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write (.csv or .parquet).")],
    workers: WorkerCount = None,
    file_seconds: FileSeconds = FILE_SECONDS,
    file_memory_gib: FileMemory = FILE_MEMORY_GIB,
    as_json: Json = False,
    **asked: Unpack[IngestOptions],
) -> None:
    """A cohort manifest from a folder of images; files that cannot be read go to a quarantine table.

    The table's columns are found by their names and cells, and shown. What is open is asked at once.

    \b
    Examples:
      strnet ingest films -o manifest.csv --table labels.csv --set reference_standard=dxa
      strnet ingest films -o manifest.csv --patient-id-from {patient}_{n} --column t_score=T
      strnet ingest scans -o manifest.csv --layout volumes --table qct.csv
      strnet ingest knee_qus -o manifest.csv --layout knee-qus
    """
    from strnet.jobs import ingest as job

    said = _said(asked)
    limits = Workers(workers, file_seconds, file_memory_gib)
    with progress_bar("files", shown=not as_json) as progress:
        done = job(folder, out, **said, workers=limits, progress=progress)
    if as_json:
        print_json(done)
    else:
        _print_cohort(out, done)


def _said(asked: IngestOptions) -> dict[str, Any]:
    """The options as the job takes them."""
    return {
        "layout": asked["layout"],
        "table": asked["table"],
        "columns": pairs(asked["column"], "--column"),
        "ignored": tuple(asked["ignore"] or ()),
        "values": cell_values(asked["value"]),
        "constants": pairs(asked["constant"], "--set"),
        "dialect": asked["csv_dialect"],
        "patient_id_from": asked["patient_id_from"],
        "one_patient_per_film": asked["one_patient_per_film"],
        "duplicates": asked["duplicates"],
    }


def _print_cohort(out: Path, done: Mapping[str, Any]) -> None:
    for sentence in done["read_as"]:
        print_text(sentence)
    counts = {name: done[name] for name in ("films", "patients", "diagnosis", "left_out")}
    unknown = done["audit"]["unknown"]
    blank = [name for name, cells in unknown.items() if cells == done["films"]]
    partly = {name: cells for name, cells in unknown.items() if name not in blank}
    print_pairs(f"Manifest {out}", {**counts, "unknown": partly, "blank": _blank(blank)})
    for sentence in _seen(done):
        print_text(sentence)


def _blank(columns: Sequence[str]) -> list[str]:
    """Columns without a value; DXA sites of which nothing is known are named once, not column by column."""
    sites = [site for site in DXA_SITES if {bmd_column(site), t_score_column(site)} <= set(columns)]
    of_sites = {name(site) for site in sites for name in (bmd_column, t_score_column)}
    which = "any DXA site" if len(sites) == len(DXA_SITES) else ", ".join(sites)
    told = [f"BMD and T-score of {which}"] if sites else []
    return [*(name for name in columns if name not in of_sites), *told]


def _seen(done: Mapping[str, Any]) -> Iterator[str]:
    """What a person should know of a cohort just imported, in sentences."""
    audit = done["audit"]
    if done["left_out"]:
        yield f"{done['left_out']} file(s) were left out; {done['quarantine']} says why."
    if audit["duplicates"]:
        yield (
            f"{audit['duplicate_groups']} picture(s) occur more than once, "
            f"{audit['duplicate_groups_across_patients']} under several patients, "
            f"{audit['duplicate_groups_across_labels']} with several diagnoses: {done['audit_file']}."
        )
    for found in audit["one_class_values"]:
        yield (
            f"All {found['images']} labelled films with {found['column']} {found['value']} are "
            f"{found['diagnosis']}: a network may learn that instead of bone."
        )
    yield from done["notes"]


def cell_values(texts: list[str] | None) -> dict[tuple[str, str], str]:
    """What cells stand for, by column and cell, that repeated `--value COLUMN:CELL=WORD` options say."""
    found = {}
    for text in texts or []:
        column, colon, rest = text.partition(":")
        cell, equals, word = rest.rpartition("=")
        if not colon or not equals:
            raise typer.BadParameter(f"--value {text}: expected COLUMN:CELL=WORD, such as sex:W=F.")
        found[column.strip(), cell.strip()] = word.strip()
    return found
