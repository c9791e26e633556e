"""The ensemble: bundles that answer together, with one rule, one calibrator a task, and operating points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strnet.calibration import Combination
from strnet.config import EnsembleRecipe, TaskConfig
from strnet.inference.bundle import Bundle
from strnet.inference.ensemble_document import EnsembleDocument, EnsembleProvenance, scores_sha256
from strnet.stats import Calibrator
from strnet.thresholds import OperatingPoint


@dataclass(frozen=True, eq=False)
class EnsembleBundle:
    """An ensemble as read: its parts agree with each other, and its members with their hashes."""

    folder: Path
    document: EnsembleDocument
    sha256: str
    """SHA-256 of the canonical JSON of `bundle.json` without this key: names the ensemble."""
    members: Mapping[str, Bundle]
    """By name, in the order in which they are combined."""
    calibrators: Mapping[str, Calibrator]
    """By binary task; a task without one is used as it is."""
    operating_points: tuple[OperatingPoint, ...]

    @property
    def recipe(self) -> EnsembleRecipe:
        """What the members share, and how they answer together."""
        return self.document.recipe

    @property
    def tasks(self) -> tuple[TaskConfig, ...]:
        """The questions the ensemble answers."""
        return self.document.recipe.tasks

    @property
    def combination(self) -> Combination:
        """How the members' scores become one."""
        return self.document.combination

    @property
    def clinical_inputs(self) -> tuple[str, ...]:
        """The clinical columns that any member takes, each once."""
        names = (name for member in self.members.values() for name in member.clinical_inputs)
        return tuple(dict.fromkeys(names))

    @property
    def cells_needed(self) -> tuple[str, ...]:
        """Columns that say what to look at, where a member has no segmenter that finds it, each once."""
        names = (name for member in self.members.values() for name in member.cells_needed)
        return tuple(dict.fromkeys(names))

    @property
    def scores_sha256(self) -> str:
        """Names whose scores these are, as operating points and tables say it."""
        return scores_sha256(self.document.members, self.combination, self.recipe.mirrored)

    @property
    def provenance(self) -> EnsembleProvenance:
        """Where the ensemble's numbers come from."""
        return self.document.provenance

    @property
    def views(self) -> Mapping[str, frozenset[str]]:
        """By member, the views of its training rows; empty where they were not known."""
        return {name: frozenset(own.applicability.trained_on.views) for name, own in self.members.items()}

    @property
    def deciding(self) -> OperatingPoint | None:
        """The operating point that decides, the recipe's; None where it asks for none or got none."""
        wanted = self.recipe.operating_point
        if wanted is None:
            return None
        own = (wanted.task, wanted.method)
        return next((p for p in self.operating_points if (p.score.task, p.method) == own), None)

    @property
    def undecided(self) -> str | None:
        """Why no operating point decides although the recipe asks for one; None where one does."""
        wanted = self.recipe.operating_point
        return None if wanted is None else self.document.not_reached.get(wanted.method)


AnyBundle = Bundle | EnsembleBundle
