"""How sharp a convolution kernel is: soft ones measure bone density, sharp ones show edges and noise."""

from __future__ import annotations

import re
from typing import Literal

Sharpness = Literal["soft", "medium", "sharp", "unknown"]
SHARPNESS_ORDER: tuple[Sharpness, ...] = ("soft", "medium", "unknown", "sharp")
"""From what suits density best to what suits it least."""

_NUMBERED = re.compile(r"^[A-Z][a-z]{0,2}(\d\d)[a-z]?$")
_CANON = re.compile(r"^FC(\d\d)")
_NAMED: dict[str, Sharpness] = {
    **dict.fromkeys(("STANDARD", "SOFT", "STND", "STD"), "soft"),
    **dict.fromkeys(("DETAIL", "CHST", "CHEST", "STD+"), "medium"),
    **dict.fromkeys(("BONE", "BONEPLUS", "LUNG", "EDGE", "ULTRA", "HD BONE", "HD LUNG"), "sharp"),
    **dict.fromkeys(("A", "B", "SA", "SB", "UA", "UB", "EA", "EB"), "soft"),
    **dict.fromkeys(("C", "UC", "EC"), "medium"),
    **dict.fromkeys(("D", "E", "L", "YA", "YB", "YC", "YD", "YE"), "sharp"),
}


def sharpness_of(kernel: str | None) -> Sharpness:
    """How sharp the kernel is, by its maker's way of naming it; `unknown` where the name is none of these.

    Source: Siemens names end in the spatial frequency (B30f, Br38f, Qr40: up to 45 soft, from 60 sharp); GE
    and Philips by word and letter; Canon FC01 to FC19 are of the body, FC30 and more of bone, lung and
    detail.
    """
    name = (kernel or "").strip().split("\\")[0]
    numbered = _NUMBERED.match(name)
    if numbered:
        frequency = int(numbered[1])
        return "soft" if frequency <= 45 else "medium" if frequency < 60 else "sharp"
    canon = _CANON.match(name.upper())
    if canon:
        return "soft" if int(canon[1]) < 20 else "medium" if int(canon[1]) < 30 else "sharp"
    return _NAMED.get(name.upper(), "unknown")
