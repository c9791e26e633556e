"""`strnet check-metrics`: whether the figures that papers print can be true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strnet.cli.cohort_commands import pairs
from strnet.cli.console import print_json, print_text

if TYPE_CHECKING:
    from strnet.jobs.check_published import PublishedCheck

SHIPPED = "five-papers"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to `app`."""
    app.command("check-metrics")(check_metrics)


def check_metrics(
    figures: Annotated[
        list[str],
        typer.Argument(
            help="NAME=VALUE as printed (accuracy=.82 recall=86% sensitivity=173/198 tp=173), or one YAML "
            f"file of papers; {SHIPPED} comes with the package."
        ),
    ],
    n: Annotated[int | None, typer.Option(help="Cases in the table, if the paper says so.", min=2)] = None,
    positives: Annotated[int | None, typer.Option(help="Positives, if the paper says so.")] = None,
    classes: Annotated[
        str | None, typer.Option(help="Cases of each class: normal=60,osteopenia=60,osteoporosis=56.")
    ] = None,
    interval: Annotated[
        list[str] | None, typer.Option(help="NAME=LOW,HIGH as printed; may be repeated.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Whether the figures of a published table can be true, and which confusion matrices print them.

    The verdict is possible, implausible (an assumption, which is named, would have to fail) or impossible
    (arithmetic is against it); the figures to doubt are listed. All of them are taken to be of the same cases
    at one threshold. Exit code 1 unless everything is possible.

    \b
    Examples:
      strnet check-metrics accuracy=.82 precision=.80 recall=.86 f1=.83 --n 23
      strnet check-metrics sensitivity=79.7% --n 963 --positives 222 --interval sensitivity=74.4%,85.0%
      strnet check-metrics sensitivity=.90 specificity=.80 accuracy=.95
      strnet check-metrics mae=.279 rmse=.347 r=.801 --n 31
      strnet check-metrics papers.yaml
      strnet check-metrics five-papers
    """
    if len(figures) == 1 and "=" not in figures[0]:
        _require_papers(figures[0])
        _refuse_options(n=n, positives=positives, classes=classes, interval=interval)
        _check_file(figures[0], as_json=as_json)
        return
    from strnet.jobs import check_metrics as job

    found = job(
        pairs(figures, "figure"),
        n=n,
        positives=positives,
        classes=_counts(classes),
        intervals={name: _limits(text) for name, text in pairs(interval, "--interval").items()},
        confidence=confidence,
    )
    if as_json:
        print_json(found.to_dict())
    else:
        print_text("\n".join(_lines(found)))
    _leave(found.verdict)


def _require_papers(name: str) -> None:
    if name != SHIPPED and not name.endswith((".yaml", ".yml")) and not Path(name).exists():
        raise typer.BadParameter(f"{name}: expected NAME=VALUE, a YAML file of papers, or {SHIPPED}.")


def _check_file(name: str, *, as_json: bool) -> None:
    from strnet.jobs import check_papers as job

    found = job(name)
    if as_json:
        print_json(found.to_dict())
    else:
        blocks = ("\n".join([f"{t.paper}: {t.table}", *_lines(t.check, indent="  ")]) for t in found.tables)
        print_text("\n\n".join(blocks))
    _leave(found.verdict)


def _lines(found: PublishedCheck, indent: str = "") -> list[str]:
    doubt = f"; doubt {', '.join(found.doubt)}" if found.doubt else ""
    return [
        f"{indent}{found.verdict}{doubt}",
        *(f"{indent}{finding.text}" for finding in found.findings),
    ]


def _leave(verdict: str) -> None:
    if verdict != "possible":
        raise typer.Exit(1)


def _refuse_options(**options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(f"{', '.join(given)}: a file of papers states this for each of its tables.")


def _counts(text: str | None) -> dict[str, int]:
    counts = pairs(text.split(",") if text else [], "--classes")
    for name, count in counts.items():
        if not count.isdecimal():
            raise typer.BadParameter(f"--classes {name}={count}: expected cases, such as normal=60.")
    return {name: int(count) for name, count in counts.items()}


def _limits(text: str) -> tuple[str, str]:
    low, comma, high = text.partition(",")
    if not comma:
        raise typer.BadParameter(f"--interval {text}: expected LOW,HIGH, such as 0.744,0.850.")
    return low.strip(), high.strip()
