"""Options that hold one value, given twice: refused, for the last would replace the others in silence."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand

from strnet.errors import StrnetError

CONDITION = "where"


class OnceCommand(TyperCommand):
    """A command whose options stand once each, unless they take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What the command was given; see click.

        Raises: StrnetError: an option that holds one value stands more than once.
        """
        if not ctx.resilient_parsing:  # completion of a line that is still being written
            _, _, found = self.make_parser(ctx).parse_args(args=list(args))
            for option, times in Counter(found).items():
                if times > 1 and _holds_one(option):
                    raise StrnetError(_refusal(option, times))
        return super().parse_args(ctx, args)


def require_options_once(app: typer.Typer) -> None:
    """Make every command of `app`, and of the applications in it, refuse an option that stands twice."""
    for command in app.registered_commands:
        command.cls = OnceCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            require_options_once(group.typer_instance)


def _holds_one(option: Any) -> bool:
    if option.param_type_name != "option" or option.multiple or option.count:
        return False
    return not option.is_flag or bool(option.secondary_opts)  # --json --json contradicts nothing


def _refusal(option: Any, times: int) -> str:
    both = " Join conditions: 'A and B'." if CONDITION in option.name else ""
    return (
        f"{option.opts[0]}: found {times} times, expected once: the last would replace the others. "
        f"Give one.{both}"
    )
