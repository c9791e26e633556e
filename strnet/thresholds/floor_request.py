"""What is asked of a floor other than that of the sensitivity, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from strnet.errors import ThresholdError
from strnet.floor_options import FloorOptions, GreyOptions
from strnet.options import with_defaults
from strnet.stats.inputs import Floats
from strnet.thresholds.fixed_cutoffs import checked_cutoffs
from strnet.thresholds.floor import read_floor
from strnet.thresholds.floor_point import FloorOf
from strnet.thresholds.stated_prevalence import StatedPrevalence, read_prevalence
from strnet.thresholds.threshold_request import Request, read_request

FLOORS: tuple[FloorOf, ...] = ("specificity", "ppv", "npv")
DESIGN = ("cluster_method", "max_weight", "seed")
"""Options that say how films hang together."""
RULE_IN_FLOORS: tuple[FloorOf, ...] = ("specificity", "ppv")


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRequest:
    """A checked request: what the floor is of, and the request that holds the floor itself.

    `prevalence` is None for a specificity floor; `cutoffs` (m,) where none were named.
    """

    floor_of: FloorOf
    request: Request
    prevalence: StatedPrevalence | None = None
    cutoffs: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyRequest:
    """A checked request for two thresholds, each of which bears half of `delta`."""

    rule_out: Request
    rule_in: FloorRequest

    @property
    def confidence(self) -> float:
        """The probability that both promises hold."""
        return float(1 - 2 * self.rule_out.delta)


def read_floor_request(**options: Unpack[FloorOptions]) -> FloorRequest:
    """The checked request that the options of `fit_floor` make.

    Raises: ThresholdError: not exactly one floor, one that cannot be read, a prevalence missing or too much.
    """
    asked = with_defaults(FloorOptions, options)
    plain = read_request(**{name: asked[name] for name in ("confidence", *DESIGN)})
    return _floor_request(plain, asked, FLOORS)


def read_grey_request(**options: Unpack[GreyOptions]) -> GreyRequest:
    """The checked request that the options of `fit_grey` make.

    Raises: ThresholdError: as `read_floor_request`.
    """
    asked = with_defaults(GreyOptions, options)
    whole = read_request(**{name: asked[name] for name in ("min_sensitivity", "confidence", *DESIGN)})
    half = replace(whole, delta=whole.delta / 2)
    return GreyRequest(rule_out=half, rule_in=_floor_request(half, asked, RULE_IN_FLOORS))


def read_cutoffs(given: str | Sequence[float]) -> Floats:
    """The cut-offs (m,) that a text such as `0.2,0.4`, or a sequence of numbers, names; rising.

    Raises: ThresholdError: no finite numbers, or one twice.
    """
    if not isinstance(given, str):
        return checked_cutoffs(given)
    try:
        return checked_cutoffs([float(part) for part in given.split(",")])
    except ValueError as error:
        raise ThresholdError(f"cutoffs: found {given!r}, expected numbers such as 0.2,0.4,0.6.") from error


def _floor_request(plain: Request, asked: Mapping[str, Any], known: tuple[FloorOf, ...]) -> FloorRequest:
    floor_of = _only_floor(asked, known)
    request = replace(plain, floor=read_floor(asked[f"min_{floor_of}"], of=floor_of))
    prevalence, cutoffs = asked["prevalence"], asked["cutoffs"]
    if floor_of == "specificity":
        if prevalence is not None or cutoffs is not None:
            raise ThresholdError(
                "min_specificity: found a prevalence or cut-offs, expected none: every score is tried, and "
                "specificity does not depend on prevalence. Leave them out, or ask for min_ppv."
            )
        return FloorRequest(floor_of=floor_of, request=request)
    if prevalence is None:
        raise ThresholdError(
            f"min_{floor_of}: no prevalence given. A predictive value is one at a prevalence, and that of "
            "these rows is seldom the one where it will be used. Say which: --prevalence 0.12."
        )
    return FloorRequest(
        floor_of=floor_of,
        request=request,
        prevalence=read_prevalence(prevalence),
        cutoffs=None if cutoffs is None else read_cutoffs(cutoffs),
    )


def _only_floor(asked: Mapping[str, Any], known: tuple[FloorOf, ...]) -> FloorOf:
    given = [name for name in known if asked[f"min_{name}"] is not None]
    if len(given) != 1:
        found = " and ".join(f"min_{name}" for name in given) or "none"
        raise ThresholdError(
            f"floor: found {found}, expected exactly one of {', '.join(f'min_{name}' for name in known)}."
        )
    return given[0]
