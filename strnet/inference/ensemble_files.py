"""An ensemble as a folder: its document, and its members' bundles below it, each checked by its hash."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from strnet.bundle_format import DOCUMENT
from strnet.calibration import Calibrated, Combination
from strnet.config import EnsembleRecipe, TaskConfig
from strnet.errors import BundleError
from strnet.files import write_json, write_text
from strnet.inference.bundle import Bundle
from strnet.inference.bundle_document import FILES, README
from strnet.inference.bundle_files import calibrators_in, explained, points_in, read_bundle
from strnet.inference.consistency import require_usable_answers
from strnet.inference.ensemble_bundle import AnyBundle, EnsembleBundle
from strnet.inference.ensemble_document import (
    ENSEMBLE_FORMAT,
    MEMBERS,
    EnsembleDocument,
    EnsembleProvenance,
    MemberEntry,
    is_ensemble,
)
from strnet.inference.ensemble_readme import ensemble_readme
from strnet.inference.folder import replace_folder
from strnet.inference.segmenter import copy_segmenter
from strnet.schema import SEGMENTER_FOLDER
from strnet.sealed import read_sealed, seal
from strnet.thresholds.point_file import to_document


def member_name(bundle: Bundle) -> str:
    """What a member is called in tables: its recipe's name and the begin of its hash, wherever it lies."""
    return f"{bundle.recipe.name.replace('.', '_')}-{bundle.sha256[:8]}"


def named_members(bundles: Sequence[Bundle]) -> dict[str, Bundle]:
    """The bundles by name, in the order of the names.

    Raises: BundleError: a bundle that is given twice, by two of its places.
    """
    found: dict[str, Bundle] = {}
    for bundle in bundles:
        name = member_name(bundle)
        if name in found:
            raise BundleError(
                f"{bundle.folder}: is the same bundle as {found[name].folder} ({name}). Give each member "
                "once: one that stands twice would count twice."
            )
        found[name] = bundle
    return dict(sorted(found.items()))


def member_entries(members: Mapping[str, Bundle]) -> tuple[MemberEntry, ...]:
    """What the document of an ensemble says of its members."""
    return tuple(MemberEntry(name=name, sha256=bundle.sha256) for name, bundle in members.items())


def write_ensemble(
    folder: Path | str,
    recipe: EnsembleRecipe,
    members: Mapping[str, Bundle],
    combination: Combination,
    done: Calibrated,
    provenance: EnsembleProvenance,
) -> EnsembleBundle:
    """The ensemble now in `folder`, with copies of its members; an old one is intact until it was read back.

    Raises: BundleError: parts that do not agree, a member that was edited, or a folder with other files.
    """
    folder = Path(folder)
    try:
        document = EnsembleDocument(
            recipe=recipe.model_copy(update={"cohort": type(recipe.cohort)()}),
            members=member_entries(members),
            combination=combination,
            calibrators={task: calibrator.to_dict() for task, calibrator in done.calibrators.items()},
            operating_points=tuple(to_document(point) for point in done.points),
            not_reached=dict(done.not_reached),
            provenance=provenance,
        )
    except ValidationError as error:
        raise BundleError(f"{folder}: {explained(error)}") from error
    with replace_folder(folder, (DOCUMENT, README, MEMBERS)) as temporary:
        for entry, bundle in zip(document.members, members.values(), strict=True):
            home = temporary / MEMBERS / entry.sha256
            home.mkdir(parents=True)
            for name in (name for name in FILES if (bundle.folder / name).is_file()):
                shutil.copyfile(bundle.folder / name, home / name)
            segmenter = bundle.segmenter()
            if segmenter is not None:
                copy_segmenter(segmenter, home / SEGMENTER_FOLDER)
        write_json(temporary / DOCUMENT, seal(document.model_dump(mode="json"), ENSEMBLE_FORMAT))
        ensemble = read_ensemble(temporary)
        write_text(temporary / README, ensemble_readme(ensemble))
    return read_ensemble(folder)


def read_ensemble(folder: Path | str) -> EnsembleBundle:
    """The ensemble in `folder`.

    Raises: BundleError: incomplete, edited (the document, or any file of a member), of another schema
        version, or with parts that do not agree.
    """
    folder = Path(folder)
    sealed = read_sealed(folder / DOCUMENT, ENSEMBLE_FORMAT)
    try:
        document = EnsembleDocument.model_validate(sealed.content)
    except ValidationError as error:
        raise BundleError(f"{folder / DOCUMENT}: {explained(error)}") from error
    ensemble = EnsembleBundle(
        folder=folder,
        document=document,
        sha256=sealed.sha256,
        members={entry.name: _member(folder, entry) for entry in document.members},
        calibrators=calibrators_in(folder / DOCUMENT, document.calibrators),
        operating_points=points_in(folder / DOCUMENT, document.operating_points),
    )
    _require_same_questions(ensemble)
    require_usable_answers(ensemble)
    return ensemble


def open_bundle(folder: Path | str) -> AnyBundle:
    """The bundle in `folder`, of one network or an ensemble.

    Raises: BundleError: as `read_bundle` and `read_ensemble`.
    """
    return read_ensemble(folder) if is_ensemble(Path(folder)) else read_bundle(folder)


def _member(folder: Path, entry: MemberEntry) -> Bundle:
    place = folder / MEMBERS / entry.sha256
    bundle = read_bundle(place)
    if bundle.sha256 != entry.sha256:
        raise BundleError(
            f"{place}: holds the bundle {bundle.sha256[:12]}, expected the member {entry.name}, "
            f"{entry.sha256[:12]}. Copy the whole ensemble folder again."
        )
    return bundle


def _require_same_questions(ensemble: EnsembleBundle) -> None:
    """Raise unless every member answers the ensemble's questions.

    Raises: BundleError: a member with another task, or a task from another target.
    """
    for name, member in ensemble.members.items():
        differing = differing_tasks(ensemble, member)
        if differing:
            raise BundleError(f"{ensemble.folder / DOCUMENT}: member {name}: {differing}")


def differing_tasks(expected: AnyBundle, found: AnyBundle) -> str | None:
    """In what the questions of two bundles differ; None where they are the same, in whatever order."""
    own, other = ({task.name: _question(task) for task in one.tasks} for one in (expected, found))
    if set(own) != set(other):
        return f"tasks {', '.join(sorted(other))}, expected {', '.join(sorted(own))}."
    torn = sorted(name for name in own if own[name] != other[name])
    return f"another {', '.join(_ASKED)} in task {', '.join(torn)}." if torn else None


_ASKED = ("kind", "target", "given", "unit", "young_adults")
"""What makes two tasks one question; how it is learned (loss, weight, clinical inputs) may differ."""


def _question(task: TaskConfig) -> tuple[object, ...]:
    return tuple(getattr(task, name) for name in _ASKED)
