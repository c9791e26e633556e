"""A bundle as a folder without pickles: written whole, read back and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from strnet.bundle_format import DOCUMENT, FORMAT, WEIGHTS
from strnet.calibration import Combination
from strnet.config import Recipe
from strnet.errors import BundleError, StrnetError
from strnet.files import sha256_bytes, write_json, write_text
from strnet.inference.bundle import Bundle
from strnet.inference.bundle_document import (
    FILES,
    PICTURE,
    README,
    BundleDocument,
    ClinicalVariable,
    Provenance,
    Weights,
    publishable,
)
from strnet.inference.consistency import require_agreement
from strnet.inference.ensemble_document import MEMBERS, is_ensemble
from strnet.inference.folder import replace_folder
from strnet.inference.readme import bundle_readme
from strnet.inference.segmenter import Segmenter, copy_segmenter
from strnet.schema import SEGMENTER_FOLDER
from strnet.sealed import Sealed, read_sealed, seal
from strnet.stats import Calibrator
from strnet.thresholds import OperatingPoint
from strnet.thresholds.point_file import from_document, to_document
from strnet.trust import ApplicabilityFiles

if TYPE_CHECKING:
    from torch import Tensor

    from strnet.models import ClinicalScaling


def write_bundle(  # noqa: PLR0913 - a public entry: every part of a bundle is one keyword
    folder: Path | str,
    *,
    recipe: Recipe,
    state_dict: Mapping[str, Tensor],
    clinical: ClinicalScaling,
    calibrators: Mapping[str, Calibrator],
    operating_points: Sequence[OperatingPoint],
    provenance: Provenance,
    applicability: ApplicabilityFiles,
    not_reached: Mapping[str, str] | None = None,
    segmenter: Segmenter | None = None,
    region_combination: Combination | None = None,
    region_masks: bool = False,
) -> Bundle:
    """The bundle now in `folder`; an old bundle there is intact until the new one was read back.

    `calibrators` by name of a binary task. `not_reached` says by method why there is no such operating point.
    `clinical` has the recipe's clinical columns in their order. `segmenter` finds the region that the network
    looks at, and a copy of it goes into the bundle; `region_combination` is for several regions of a film.

    Raises: BundleError: parts that do not agree, weights that are not finite, or a folder with other files.
    """
    folder = Path(folder)
    weights = _serialise(state_dict)
    document = BundleDocument(
        recipe=publishable(recipe),
        preprocessing_sha256=recipe.preprocessing.digest,
        clinical=tuple(
            ClinicalVariable(name=name, mean=mean, std=std)
            for name, mean, std in zip(clinical.columns, clinical.means, clinical.stds, strict=True)
        ),
        calibrators={task: calibrator.to_dict() for task, calibrator in calibrators.items()},
        operating_points=tuple(to_document(point) for point in operating_points),
        not_reached=dict(not_reached or {}),
        provenance=provenance,
        weights=Weights(sha256=sha256_bytes(weights)),
        applicability=applicability.document,
        region_masks=region_masks,
        region_combination=region_combination,
        segmenter_sha256=None if segmenter is None else segmenter.sha256,
    )
    content = seal(document.model_dump(mode="json"), FORMAT)
    bundle = _agreeing(folder, document, content["sha256"])
    with replace_folder(folder, FILES) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        if applicability.picture is not None:
            (temporary / PICTURE).write_bytes(applicability.picture)
        if segmenter is not None:
            copy_segmenter(segmenter, temporary / SEGMENTER_FOLDER)
        write_json(temporary / DOCUMENT, content)
        write_text(temporary / README, bundle_readme(bundle))
        read_bundle(temporary)
    return bundle


def weights_sha256(state_dict: Mapping[str, Tensor]) -> str:
    """SHA-256 that names the weights in a bundle; an operating point says with it whose scores it is for."""
    return sha256_bytes(_serialise(state_dict))


def read_bundle(folder: Path | str) -> Bundle:
    """The bundle in `folder`.

    Raises: BundleError: incomplete, edited, of another schema version, or with parts that do not agree.
    """
    folder = Path(folder)
    sealed = _read_document(folder)
    try:
        document = BundleDocument.model_validate(sealed.content)
    except ValidationError as error:
        raise BundleError(f"{folder / DOCUMENT}: {explained(error)}") from error
    bundle = _agreeing(folder, document, sealed.sha256)
    bundle.weights()
    bundle.picture_model()
    bundle.segmenter()
    return bundle


def _agreeing(folder: Path, document: BundleDocument, sha256: str) -> Bundle:
    """The bundle of a document, once its parts are known to agree."""
    bundle = Bundle(
        folder=folder,
        document=document,
        sha256=sha256,
        calibrators=calibrators_in(folder / DOCUMENT, document.calibrators),
        operating_points=points_in(folder / DOCUMENT, document.operating_points),
    )
    require_agreement(bundle)
    return bundle


def _read_document(folder: Path) -> Sealed:
    path = folder / DOCUMENT
    if not path.is_file():
        raise BundleError(f"{folder}: no {DOCUMENT}. {FORMAT.source}")
    if is_ensemble(folder):
        raise BundleError(
            f"{folder}: an ensemble of several networks, expected the bundle of one. Its members stand below "
            f"{folder / MEMBERS}."
        )
    return read_sealed(path, FORMAT)


def explained(error: ValidationError) -> str:
    """Each problem of a document with the key it is at."""
    lines = [f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
    return f"{len(lines)} problem(s).\n  " + "\n  ".join(lines)


def calibrators_in(where: Path, written: Mapping[str, Mapping[str, Any]]) -> dict[str, Calibrator]:
    """The calibrators in a document, by task.

    Raises: BundleError: numbers that are no calibrator.
    """
    return {task: _calibrator(where, task, numbers) for task, numbers in written.items()}


def _calibrator(where: Path, task: str, numbers: Mapping[str, Any]) -> Calibrator:
    try:
        return Calibrator.from_dict(numbers)
    except StrnetError as error:
        raise BundleError(f"{where}: calibrator of {task}: {error}") from error


def points_in(where: Path, written: Sequence[Mapping[str, Any]]) -> tuple[OperatingPoint, ...]:
    """The operating points in a document.

    Raises: BundleError: one that was edited, or is none of a single threshold.
    """
    points = [
        from_document(content, where=f"{where}: operating point {number}")
        for number, content in enumerate(written, start=1)
    ]
    singles = tuple(point for point in points if isinstance(point, OperatingPoint))
    if len(singles) < len(points):
        raise BundleError(f"{where}: a cascade of thresholds, expected single ones. Give its two parts.")
    return singles


def _serialise(state_dict: Mapping[str, Tensor]) -> bytes:
    import torch
    from safetensors.torch import save

    for name, tensor in state_dict.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise BundleError(
                f"weights: '{name}' holds NaN or infinity. The training diverged; use a checkpoint before."
            )
    # A copy of each: safetensors refuses views and shared storage, and channels_last is a stride.
    return save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in state_dict.items()})
