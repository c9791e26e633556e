"""`strnet phantom`, `ingest`, `split`: how a cohort comes to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from strnet.cli.console import print_json, print_pairs, print_table, print_text, progress_bar
from strnet.cli.worker_options import FileMemory, FileSeconds, WorkerCount
from strnet.workers import FILE_MEMORY_GIB, FILE_SECONDS, Workers

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("phantom")(phantom)
    app.command("ingest")(ingest)
    app.command("split")(split)


def phantom(
    out: Annotated[Path, typer.Argument(help="Folder for images/, manifest.csv, truth.csv and cohort.json.")],
    anatomy: Annotated[str, typer.Option(help="What is imaged: knee or lumbar.")] = "knee",
    patients: Annotated[int, typer.Option(help="Patients; each has one or two films of it.", min=1)] = 400,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    rows: Annotated[
        int | None, typer.Option(help="Rows of a film, pixels. [default: usual for the anatomy]", min=128)
    ] = None,
    columns: Annotated[int | None, typer.Option(help="Columns of a film; with --rows.", min=128)] = None,
    t_score_known: Annotated[
        float, typer.Option(help="Fraction of patients with a T-score.", min=0, max=1)
    ] = 0.7,
    sites: Annotated[int, typer.Option(help="Hospitals; each has its scanner.", min=1)] = 2,
    workers: WorkerCount = None,
    as_json: Json = False,
) -> None:
    """Films with planted truth as DICOM, with a manifest, the truth table and its ideal observer.

    \b
    Examples:
      strnet phantom cohort --patients 400 --seed 1
      strnet phantom spines --anatomy lumbar --patients 400 --seed 1
    """
    from strnet.jobs import phantom as job

    with progress_bar("films", shown=not as_json) as progress:
        made = job(
            out,
            patients=patients,
            seed=seed,
            anatomy=anatomy,
            size=_size(rows, columns),
            t_score_known=t_score_known,
            sites=sites,
            workers=workers,
            progress=progress,
        )
    if as_json:
        print_json(made)
    else:
        print_pairs(f"Phantom {anatomy} cohort in {out}", made)


def _size(rows: int | None, columns: int | None) -> tuple[int, int] | None:
    if (rows is None) != (columns is None):
        raise typer.BadParameter("--rows and --columns belong together: give both, or neither.")
    return None if rows is None or columns is None else (rows, columns)


def ingest(
    folder: Annotated[
        Path, typer.Argument(help="Folder with DICOM, PNG, JPEG or NIfTI files.", exists=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Manifest to write (.csv or .parquet).")],
    layout: Annotated[
        str,
        typer.Option(
            help="What the folder is: auto (table if --table is given), dicom, table, volumes, "
            "knee-qus, buu-lspine."
        ),
    ] = "auto",
    table: Annotated[Path | None, typer.Option(help="Table with one row per image or per patient.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="MANIFEST=TABLE column, where the guess is not right; repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="Column of the table not to read; repeatable.")
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option("--value", help="COLUMN:CELL=WORD, such as sex:W=F; view:?= is blank; repeatable."),
    ] = None,
    constant: Annotated[
        list[str] | None,
        typer.Option("--set", help="COLUMN=VALUE for every row, such as reference_standard=dxa."),
    ] = None,
    csv_dialect: Annotated[
        str | None,
        typer.Option(
            help="comma, semicolon or tab; with /point or /comma, the decimal mark. [default: found]"
        ),
    ] = None,
    patient_id_from: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Patient by file name: {patient}_{n}.png, a regex with (?P<patient>...), or folder.",
        ),
    ] = None,
    one_patient_per_film: Annotated[
        bool, typer.Option("--one-patient-per-film", help="Nothing says whose films they are: one each.")
    ] = False,
    duplicates: Annotated[
        str, typer.Option(help="Identical pictures with different labels: refuse, drop, first, keep.")
    ] = "refuse",
    workers: WorkerCount = None,
    file_seconds: FileSeconds = FILE_SECONDS,
    file_memory_gib: FileMemory = FILE_MEMORY_GIB,
    as_json: Json = False,
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

    with progress_bar("files", shown=not as_json) as progress:
        done = job(
            folder,
            out,
            layout=layout,
            table=table,
            columns=pairs(column, "--column"),
            ignored=tuple(ignore or ()),
            values=cell_values(value),
            constants=pairs(constant, "--set"),
            dialect=csv_dialect,
            patient_id_from=patient_id_from,
            one_patient_per_film=one_patient_per_film,
            duplicates=duplicates,
            workers=Workers(workers, file_seconds, file_memory_gib),
            progress=progress,
        )
    if as_json:
        print_json(done)
        return
    for sentence in done["read_as"]:
        print_text(sentence)
    counts = {name: done[name] for name in ("films", "patients", "diagnosis", "left_out")}
    unknown = done["audit"]["unknown"]
    blank = [name for name, cells in unknown.items() if cells == done["films"]]
    partly = {name: cells for name, cells in unknown.items() if name not in blank}
    print_pairs(f"Manifest {out}", {**counts, "unknown": partly, "blank": blank})
    for sentence in _seen(done):
        print_text(sentence)


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


def split(
    manifest: Annotated[Path, typer.Argument(help="Cohort manifest.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Split file to write (.csv); a certificate goes beside it.")
    ],
    ratio: Annotated[
        str | None, typer.Option(help="train/validation/test: shares or numbers of films. [default: 5/1/1]")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="k folds instead of a ratio.", min=3)] = None,
    assignment: Annotated[
        Path | None, typer.Option(help="Your own table (image_id, and split or fold), to be certified.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    external_site: Annotated[list[str] | None, typer.Option(help="Site kept apart; may be repeated.")] = None,
    stratify_by: Annotated[str, typer.Option(help="Column whose balance is kept.")] = "diagnosis",
    as_json: Json = False,
) -> None:
    """A patient-disjoint split or folds, with a certificate that training checks.

    \b
    Examples:
      strnet split manifest.csv -o split.csv --ratio 0.7/0.15/0.15
      strnet split manifest.csv -o folds.csv --folds 5 --external-site north
      strnet split manifest.csv -o split.csv --assignment published_split.csv
    """
    from strnet.jobs import split as job

    by_ratio = folds is None and assignment is None
    done = job(
        manifest,
        out,
        ratios=shares(ratio or "5/1/1") if by_ratio or ratio else None,
        folds=folds,
        assignment=assignment,
        seed=seed,
        external_sites=external_site or [],
        stratify_by=stratify_by,
    )
    if as_json:
        print_json(done)
        return
    classes = sorted({name for side in done["sides"].values() for name in side["classes"]})
    rows = [
        [name, str(side["images"]), str(side["patients"]), *(str(side["classes"].get(c, 0)) for c in classes)]
        for name, side in done["sides"].items()
    ]
    caption = "No patient and no picture stands on two sides."
    print_table(f"Split {out}", ["side", "films", "patients", *classes], rows, caption)


def shares(text: str) -> dict[str, float]:
    """Shares by split that `train/validation/test` gives, such as 0.7/0.15/0.15."""
    parts = text.split("/")
    try:
        return dict(zip(("train", "validation", "test"), map(float, parts), strict=True))
    except ValueError as error:
        raise typer.BadParameter(f"--ratio {text}: expected three numbers, such as 0.7/0.15/0.15.") from error


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """The mapping that repeated `NAME=VALUE` options give."""
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{option} {text}: expected NAME=VALUE.")
        found[name.strip()] = value.strip()
    return found


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
