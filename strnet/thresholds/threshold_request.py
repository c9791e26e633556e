"""What is asked of a threshold, checked once: the floor, how surely, and how films of one patient count."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Unpack, get_args

from strnet.errors import ThresholdError, unknown_name
from strnet.options import with_defaults
from strnet.threshold_options import Anchor, ClusterMethod, FitOptions, GroupPolicy, Method
from strnet.thresholds.floor import Floor, read_confidence, read_floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checked request. `delta` is 1 - confidence; where several bounds share it, their own is smaller."""

    floor: Floor
    delta: Fraction
    method: Method = "exact"
    cluster_method: ClusterMethod = "betting"
    group_policy: GroupPolicy = "common"
    anchor: Anchor = "tight"
    max_weight: float | None = None
    seed: int | None = None

    @property
    def confidence(self) -> float:
        """1 - delta, the probability asked for."""
        return float(1 - self.delta)


def read_request(**options: Unpack[FitOptions]) -> Request:
    """The checked request that the options of `fit_threshold` make.

    Raises: ThresholdError: a floor, confidence, name or seed that cannot be used.
    """
    asked = with_defaults(FitOptions, options)
    for name, known in (
        ("method", Method),
        ("cluster_method", ClusterMethod),
        ("group_policy", GroupPolicy),
        ("anchor", Anchor),
    ):
        require_known(name.replace("_", " "), asked[name], get_args(known))
    if asked["max_weight"] is not None and not 0 < asked["max_weight"] < math.inf:
        raise ThresholdError(
            f"max_weight: found {asked['max_weight']}, expected a number above 0: the largest weight that "
            "the sampling design can give a case, whether or not one of these rows has it."
        )
    if asked["seed"] is not None and asked["seed"] < 0:
        raise ThresholdError(f"seed: found {asked['seed']}, expected 0 or more.")
    floor, confidence = read_floor(asked.pop("min_sensitivity")), read_confidence(asked.pop("confidence"))
    return Request(floor=floor, delta=1 - confidence, **asked)


def require_known(kind: str, given: str, known: Iterable[str]) -> None:
    """Raise unless `given` is one of the `known` names.

    Raises: ThresholdError: it is not, with the nearest name.
    """
    if given not in known:
        raise ThresholdError(unknown_name(kind, given, known))
