"""The application: its commands, and what every one of them shares."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from strnet import __version__
from strnet.cli import cohort_commands, result_commands, threshold_commands, training_commands
from strnet.cli.console import print_error, print_text
from strnet.errors import StrnetError

EXIT_CODES = """Exit codes: 0 done; 1 checked and found wanting; 2 unusable input or output; 3 impossible
request (the message says what would make it possible); 4 done for some files and not for others; 130
interrupted."""

INTERRUPTED = 130
"""What typer ends with after Ctrl-C: 128 and the number of the signal."""

app = typer.Typer(
    name="strnet",
    help="Multi-task screening networks on radiographs, and thresholds that keep a sensitivity floor.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
for commands in (cohort_commands, training_commands, result_commands, threshold_commands):
    commands.add_to(app)


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
        app()
    except StrnetError as error:
        _fail(error)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        reason = error.strerror or str(error)
        _fail(StrnetError(f"{place}{reason}. No file is left half written; mend this and repeat."))
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            sys.stderr.write("Interrupted. No file is left half written; a training goes on with --resume.\n")
        raise


def _fail(error: StrnetError) -> NoReturn:
    print_error(error, as_json="--json" in sys.argv)
    sys.exit(error.exit_code)
