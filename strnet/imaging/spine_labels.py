"""The numbers in a spine mask: per vertebra its trabecular body, cortex and posterior elements."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERTEBRAE: Final = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
"""From the head downwards; the first has the numbers 11 to 13, the last 71 to 73."""
TRABECULAR: Final = "trabecular"
CORTEX: Final = "cortex"
"""Of the body: its walls and endplates."""
POSTERIOR: Final = "posterior"
"""Pedicles, laminae, articular, transverse and spinous processes."""
TISSUES: Final = (TRABECULAR, CORTEX, POSTERIOR)


def label_name(vertebra: str, tissue: str) -> str:
    """Name of one tissue of one vertebra, such as `L1_trabecular`."""
    return f"{vertebra}_{tissue}"


NUMBER_OF: Final[Mapping[str, int]] = MappingProxyType(
    {
        label_name(vertebra, tissue): 10 * place + part
        for place, vertebra in enumerate(VERTEBRAE, start=1)
        for part, tissue in enumerate(TISSUES, start=1)
    }
)
"""Number in the mask of each name: 31 for `L1_trabecular`; 0 is everything else."""
NAME_OF: Final[Mapping[int, str]] = MappingProxyType({number: name for name, number in NUMBER_OF.items()})
"""Name of each number."""


def spine_label(vertebra: str, tissue: str) -> int:
    """Number of one tissue of one vertebra in the mask.

    Raises: KeyError: not one of `VERTEBRAE`, or not one of `TISSUES`.
    """
    return NUMBER_OF[label_name(vertebra, tissue)]
