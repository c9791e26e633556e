"""The application: its commands, and what every one of them shares."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from strnet import __version__
from strnet.cli import (
    cohort_commands,
    comparison_commands,
    density_commands,
    ensemble_commands,
    ingest_commands,
    published_commands,
    reference_commands,
    result_commands,
    selection_commands,
    threshold_commands,
    training_commands,
)
from strnet.cli.console import STDOUT, notes_printed, print_error, print_text
from strnet.cli.ending import INTERRUPTED, ended_like_an_interrupt
from strnet.cli.given_once import require_options_once
from strnet.errors import OutputError, StrnetError
from strnet.files import writing_to

EXIT_CODES = """Exit codes: 0 done; 1 checked and found wanting; 2 unusable input or output; 3 impossible
request (the message says what would make it possible); 4 done for some files and not for others; 5 done,
but some films were refused; 129, 130, 143 ended by a closed terminal, by Ctrl-C, by TERM."""

app = typer.Typer(
    name="strnet",
    help="Multi-task screening networks on radiographs, and thresholds that keep a sensitivity floor.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
for commands in (
    ingest_commands,
    cohort_commands,
    selection_commands,
    reference_commands,
    density_commands,
    training_commands,
    comparison_commands,
    ensemble_commands,
    result_commands,
    threshold_commands,
    published_commands,
):
    commands.add_to(app)
require_options_once(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print_text(f"strnet {__version__}")
        raise typer.Exit


@app.callback()
def _strnet(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command and end the process with its exit code."""
    try:
        with ended_like_an_interrupt() as ending, notes_printed():
            _run_whole()
    except StrnetError as error:
        _fail(error)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        reason = error.strerror or str(error)
        _fail(StrnetError(f"{place}{reason}. No file is left half written; mend this and repeat."))
    except SystemExit as leaving:
        if leaving.code != INTERRUPTED:
            raise
        sys.stderr.write(
            "Interrupted. No file is left half written; a training goes on with --resume, a prediction when "
            "it is repeated.\n"
        )
        sys.exit(ending.exit_code)


def _run_whole() -> None:
    """Run the command and write out what it printed, also where that goes to a full disk."""
    try:
        app()
    finally:
        try:
            with writing_to(STDOUT):
                sys.stdout.flush()
        except OutputError:
            # Python would try again at its very end, and leave with a message and a code of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise


def _fail(error: StrnetError) -> NoReturn:
    printable = not (isinstance(error, OutputError) and error.place == STDOUT)
    print_error(error, as_json="--json" in sys.argv and printable)
    sys.exit(error.exit_code)
