"""`strnet evaluate`, `report`, `predict`, `export`: what comes of a trained network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strnet.cli.cohort_commands import pairs
from strnet.cli.console import print_json, print_pairs, print_table, print_text, progress_bar
from strnet.cli.worker_options import FileMemory, FileSeconds, WorkerCount
from strnet.workers import FILE_MEMORY_GIB, FILE_SECONDS, Workers

if TYPE_CHECKING:
    from strnet.jobs.predict_files import ClinicalSource

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
RunFolder = Annotated[Path, typer.Argument(help="Run folder of `strnet train` or `crossval`.")]
Split = Annotated[str, typer.Option(help="Rows that are reported: test or external.")]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        help="Column of the predictions or of the manifest to report by; numbers are cut: age:50,65,80. "
        "May be repeated; site, scanner, sex, age and fold are in the report unasked.",
    ),
]
Truth = Annotated[Path | None, typer.Option(help="Truth table of a phantom cohort: adds its ideal observer.")]

export_app = typer.Typer(help="A bundle in another format.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("evaluate")(evaluate)
    app.command("report")(report)
    app.command("predict")(predict)
    app.add_typer(export_app, name="export")


def evaluate(
    run: RunFolder,
    truth: Truth = None,
    split: Split = "test",
    group: Groups = None,
    as_json: Json = False,
) -> None:
    """Metrics with intervals, patients as the unit, beside the baselines; also written to the run.

    Those of the test rows to evaluation.json, those of another split to evaluation_<split>.json.

    \b
    Examples:
      strnet evaluate run --truth cohort/truth.csv
      strnet evaluate run --group sex --group age:50,65,80
    """
    from strnet.jobs import evaluate as job

    done = job(run, truth=truth, split=split, groups=group or ())
    if as_json:
        print_json(done.content)
        return
    for table in done.tables:
        print_table(table.title, table.columns, table.rows, "\n".join(table.notes))
    for warning in done.warnings:
        print_text(warning)


def report(
    run: RunFolder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder; default: report/ in the run, or report_<split>/."),
    ] = None,
    truth: Truth = None,
    split: Split = "test",
    group: Groups = None,
    as_json: Json = False,
) -> None:
    """One self-contained HTML page with tables and figures, and the figures as SVG.

    \b
    Example:
      strnet report run --truth cohort/truth.csv
    """
    from strnet.jobs import report as job

    page = job(run, out, truth=truth, split=split, groups=group or ())
    if as_json:
        print_json({"report": str(page)})
    else:
        print_text(f"Report: {page}")


def predict(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    paths: Annotated[list[Path], typer.Argument(help="DICOM, PNG or JPEG files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Results table to write (.csv or .parquet).")],
    clinical: Annotated[
        Path | None,
        typer.Option(help="The manifest, or any table that `ingest` takes: values by film or by patient."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="MANIFEST=TABLE column name of --clinical; may be repeated."),
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option("--set", help="COLUMN=VALUE for every row of --clinical.")
    ] = None,
    engine: Annotated[str, typer.Option(help="torch or onnx.")] = "torch",
    batch_size: Annotated[int, typer.Option(help="Films per call of the network.", min=1)] = 8,
    workers: WorkerCount = None,
    file_seconds: FileSeconds = FILE_SECONDS,
    file_memory_gib: FileMemory = FILE_MEMORY_GIB,
    accept_anyway: Annotated[
        bool,
        typer.Option("--accept-anyway", help="Answer films that would be refused; every row says so."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Probabilities, T-score, class and decision for each film that the network was made for.

    Exit code 4 if one could not be predicted, else 5 if one was refused.

    \b
    Examples:
      strnet predict run/bundle films/ -o results.csv
      strnet predict run/bundle films/ --clinical manifest.csv -o results.csv
      strnet predict run/bundle films/ --clinical patients.csv --column sex=Gender -o results.csv
    """
    from strnet.jobs import predict as job

    table = _clinical_source(clinical, pairs(column, "--column"), pairs(constant, "--set"))
    with progress_bar("films", shown=not as_json) as progress:
        done = job(
            bundle,
            paths,
            out,
            clinical=table,
            engine=engine,
            batch_size=batch_size,
            workers=Workers(workers, file_seconds, file_memory_gib),
            accept_anyway=accept_anyway,
            progress=progress,
        )
    if as_json:
        print_json(done.content)
        raise typer.Exit(done.exit_code)
    missing = ", ".join(f"{name} {count}" for name, count in done.content.get("missing", {}).items())
    print_pairs(f"Results {out}", {**done.content, "missing": missing or None})
    for sentence in done.notes:
        print_text(sentence)
    done.raise_if_partial()


def _clinical_source(
    table: Path | None, columns: Mapping[str, str], constants: Mapping[str, str]
) -> ClinicalSource | None:
    from strnet.jobs.predict_files import ClinicalSource

    if table is None:
        if columns or constants:
            raise typer.BadParameter(
                "--column and --set are about the table of --clinical, which is not given."
            )
        return None
    return ClinicalSource(table, columns, constants)


@export_app.command("onnx")
def export_onnx(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="ONNX file to write.")],
    tolerance: Annotated[float, typer.Option(help="Largest difference from torch.", min=0)] = 1e-4,
    as_json: Json = False,
) -> None:
    """The network of a bundle as ONNX, checked against torch before the file is left behind.

    \b
    Example:
      strnet export onnx run/bundle -o network.onnx
    """
    from strnet.jobs import export

    done = export(bundle, out, tolerance=tolerance)
    if as_json:
        print_json(done)
    else:
        print_pairs(f"ONNX {out}", done)
