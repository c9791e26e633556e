"""The anatomies that a phantom cohort can be made of, by name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from strnet.errors import ConfigError, unknown_name
from strnet.phantom.anatomy import Anatomy
from strnet.phantom.chest.chest_examination import CHEST
from strnet.phantom.ct.ct_examination import CT
from strnet.phantom.knee.knee_examination import KNEE
from strnet.phantom.lumbar.lumbar_examination import LUMBAR

ANATOMIES: Final = MappingProxyType({anatomy.name: anatomy for anatomy in (KNEE, LUMBAR, CHEST, CT)})


def named_anatomy(name: str) -> Anatomy:
    """The anatomy called `name`.

    Raises: ConfigError: there is none.
    """
    if name in ANATOMIES:
        return ANATOMIES[name]
    raise ConfigError(unknown_name("anatomy", name, ANATOMIES))
