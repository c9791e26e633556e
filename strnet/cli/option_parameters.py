"""Command line parameters made from options that are written once, in a TypedDict."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from strnet.options import REQUIRED, Option, options_of


def with_options(
    described: type, *, leave_out: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator: the `**keywords` of a command become one parameter for each option of `described`.

    The command is called with all of them, those in `leave_out` excepted.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            p
            for p in inspect.signature(command, eval_str=True).parameters.values()
            if p.kind is not p.VAR_KEYWORD
        ]
        options = {name: it for name, it in options_of(described).items() if name not in leave_out}
        turned = {name for name, (_, option) in options.items() if option.turns_off}
        made = [_parameter(name, kind, option) for name, (kind, option) in options.items()]
        parameters = [*own, *made]

        @wraps(command)
        def called(**given: Any) -> None:
            command(**{name: not value if name in turned else value for name, value in given.items()})

        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in parameters}
        return called

    return decorate


def _parameter(name: str, kind: Any, option: Option) -> inspect.Parameter:
    flags = [] if option.flag is None else [option.flag]
    if kind is bool and not flags:
        flags = [f"--{name.replace('_', '-')}"]  # named alone, a flag gets no --no-...
    default = False if option.turns_off else option.default
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is REQUIRED else default,
        annotation=Annotated[_on_the_line(kind), typer.Option(*flags, help=option.help, min=option.least)],
    )


def _on_the_line(kind: Any) -> Any:
    """The type that the command line reads for an option: text where text is one way to say it."""
    members = {str if get_origin(one) is Literal else one for one in get_args(kind)}
    if kind == list[str] or list[str] in members:
        return list[str] | None if NoneType in members else list[str]
    if get_origin(kind) is Literal or (str in members and NoneType not in members):
        return str
    return str | None if str in members else kind
