"""An option written once: its type, meaning and default as one annotated field of a TypedDict.

Functions take such a TypedDict as their keywords; the command line makes its parameters from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin, get_type_hints

REQUIRED = object()
"""Default of an option that has to be given."""


@dataclass(frozen=True, slots=True)
class Option:
    """What an option means, and its value where nobody gives it.

    On the command line it is `--its-name`, or `flag`; a flag that `turns_off` makes a true default false.
    `least` is the smallest whole number allowed.
    """

    help: str
    default: Any = REQUIRED
    flag: str | None = None
    turns_off: bool = False
    least: int | None = None


def options_of(described: type) -> dict[str, tuple[Any, Option]]:
    """Type and option of each field of the TypedDict `described`, in order."""
    found: dict[str, tuple[Any, Option]] = {}
    for name, hint in get_type_hints(described, include_extras=True).items():
        while get_origin(hint) in (Required, NotRequired):
            (hint,) = get_args(hint)  # noqa: PLW2901 - unwrapped
        if get_origin(hint) is Annotated:
            kind, option = get_args(hint)
            found[name] = kind, option
    return found


def with_defaults(described: type, given: Any) -> dict[str, Any]:
    """The options of `described`, from the mapping `given` or else at their defaults.

    What `given` holds beside them is left out; so are options that have to be given and are not.
    """
    options = options_of(described)
    chosen = {name: given.get(name, option.default) for name, (_, option) in options.items()}
    return {name: value for name, value in chosen.items() if value is not REQUIRED}
