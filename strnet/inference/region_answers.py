"""The answers for several regions of a film as one answer for the film."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strnet.calibration import Combination
from strnet.calibration.combined_answers import combined_outputs
from strnet.calibration.member_scores import MemberScores, places_of
from strnet.inference.bundle import Bundle
from strnet.schema import ATYPICALITY

Outputs = Mapping[str, NDArray[Any]]


def combined_regions(bundle: Bundle, outputs: Outputs, films: int) -> dict[str, NDArray[Any]]:
    """Outputs per task of `films` films, from those of their regions, which stand one after the other.

    By the bundle's rule, as the predictions table of its run was combined; the atypicality of a film is that
    of its most unusual region.
    """
    names, rule = bundle.recipe.region.names, bundle.region_combination
    by_film = {name: output.reshape(films, len(names), -1) for name, output in outputs.items()}
    combined = _combined(bundle, by_film, rule)
    found: dict[str, NDArray[Any]] = {}
    for task, place in zip(bundle.tasks, places_of(bundle.tasks), strict=True):
        found[task.name] = combined[:, place].reshape(films, *outputs[task.name].shape[1:])
    if ATYPICALITY in by_film:
        found[ATYPICALITY] = by_film[ATYPICALITY].max(axis=1)[:, 0]
    return found


def _combined(bundle: Bundle, by_film: Outputs, rule: Combination) -> NDArray[np.float64]:
    names = bundle.recipe.region.names
    order = [names.index(member) for member in rule.members]
    values = np.concatenate([by_film[task.name] for task in bundle.tasks], axis=2).astype(np.float64)
    members = values[:, order].transpose(1, 0, 2)
    spoke = np.ones(members.shape[:2], dtype=bool)
    return combined_outputs(MemberScores(members, spoke, places_of(bundle.tasks)), bundle.tasks, rule)
