"""What `bundle.json` of an ensemble holds, and how an ensemble is told from the bundle of one network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import AwareDatetime, Field, model_validator

from strnet.bundle_format import DOCUMENT, Sha256
from strnet.calibration import Combination
from strnet.config import EnsembleRecipe, Frozen
from strnet.errors import StrnetError
from strnet.files import canonical_json, read_json, sha256_bytes
from strnet.inference.bundle_document import ReferenceStandard
from strnet.sealed import FORMAT as FORMAT_KEY
from strnet.sealed import Format

ENSEMBLE_FORMAT: Final = Format(
    name="strnet ensemble",
    version=2,
    noun="an ensemble",
    source="Give the folder `bundle` that `strnet combine` wrote.",
    remake="Copy the ensemble again, or write it again: strnet combine RUN... -o FOLDER.",
)
MEMBERS: Final = "members"
"""The folder of the members' bundles, each in a folder named by its SHA-256."""


class MemberEntry(Frozen):
    """One member: what it is called in tables, and the SHA-256 of its bundle."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    sha256: Sha256


class EnsembleProvenance(Frozen):
    """Where the numbers of an ensemble come from; its members say it of themselves."""

    created: AwareDatetime
    strnet_version: str
    code_commit: str | None = None
    cases: Mapping[str, int] = Field(default_factory=dict, description="cases per split")
    reference_standard: ReferenceStandard


class EnsembleDocument(Frozen):
    """All of an ensemble's `bundle.json` but its seal."""

    recipe: EnsembleRecipe
    members: tuple[MemberEntry, ...] = Field(min_length=1)
    combination: Combination
    calibrators: Mapping[str, Mapping[str, Any]]
    operating_points: tuple[Mapping[str, Any], ...]
    not_reached: Mapping[str, str] = Field(
        default_factory=dict, description="by method, why there is no such operating point"
    )
    provenance: EnsembleProvenance

    @model_validator(mode="after")
    def _members_are_those_of_the_rule(self) -> Self:
        names = tuple(member.name for member in self.members)
        if names != self.combination.members:
            raise ValueError(f"members {names} are not those that are combined, {self.combination.members}")
        hashes = [member.sha256 for member in self.members]
        if len(set(hashes)) < len(hashes):
            raise ValueError("a bundle stands twice among the members")
        asked = self.recipe.combination
        if any(getattr(asked, name) != getattr(self.combination, name) for name in type(asked).model_fields):
            raise ValueError("the combination is not the one that the recipe asks for")
        return self


def scores_sha256(members: tuple[MemberEntry, ...], combination: Combination, mirrored: bool) -> str:
    """SHA-256 that names whose scores an ensemble's are: of its members and how they are combined."""
    said = {
        "members": [member.model_dump() for member in members],
        "combination": combination.model_dump(mode="json"),
        "mirrored": mirrored,
    }
    return sha256_bytes(canonical_json(said))


def is_ensemble(folder: Path) -> bool:
    """Whether `folder` holds an ensemble; what cannot be read is left to its reader to explain."""
    try:
        content = read_json(folder / DOCUMENT)
    except StrnetError:
        return False
    return isinstance(content, dict) and content.get(FORMAT_KEY) == ENSEMBLE_FORMAT.name
