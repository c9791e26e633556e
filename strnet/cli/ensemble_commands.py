"""`strnet combine`: several runs that answer together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strnet.cli.console import print_json, print_pairs


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to `app`."""
    app.command("combine")(combine)


def combine(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders of `strnet train`, or of `crossval`: each of its folds.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder of the ensemble.")],
    rule: Annotated[
        str, typer.Option(help="mean of the logits, largest logit, or stack: logistic, on validation rows.")
    ] = "mean",
    by: Annotated[str, typer.Option(help="What is one case: image, examination or patient.")] = "image",
    missing: Annotated[
        str, typer.Option(help="A case without the answer of some member: refuse it, or allow it.")
    ] = "refuse",
    flip: Annotated[
        bool, typer.Option("--flip", help="Each member also answers for the mirrored film; the mean counts.")
    ] = False,
    min_sensitivity: Annotated[
        str | None, typer.Option(help="Floor, where the members' recipes name different ones.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove the ensemble that stands in the folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """An ensemble: one row per case, its own calibration and operating points, a bundle of bundles.

    Members are all runs that are named. Those that were trained on each other's test rows are refused, or
    judged on external rows only.

    \b
    Examples:
      strnet combine seed0 seed1 seed2 -o ensemble
      strnet combine ap lateral -o both --by examination --missing allow
    """
    from strnet.config import CombinationConfig
    from strnet.errors import ConfigError, unknown_name
    from strnet.jobs import combine as job

    for name, said in (("rule", rule), ("by", by), ("missing", missing)):
        valid = CombinationConfig.choices(name)
        if said not in valid:
            raise ConfigError(f"--{name}: {unknown_name(name, said, valid)}")
    wanted = CombinationConfig.model_validate({"rule": rule, "by": by, "missing": missing})
    done = job(
        runs,
        out,
        wanted=wanted,
        mirrored=flip,
        min_sensitivity=min_sensitivity,
        overwrite=overwrite,
    )
    if as_json:
        print_json(done)
    else:
        print_pairs(f"Ensemble {out}", done)
