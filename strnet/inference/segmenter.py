"""The bundle of a segmenter: a network that finds regions, with all that its finds mean."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from strnet.bundle_format import WEIGHTS, Sha256
from strnet.config import Frozen, Preprocessing, Recipe
from strnet.errors import BundleError
from strnet.files import sha256_bytes, write_json, write_text
from strnet.imaging import to_network_input
from strnet.imaging.film_parts import FilmShape
from strnet.imaging.finding_regions import FoundRegions, find_regions
from strnet.imaging.plausibility import Plausibility
from strnet.inference.bundle_document import README, Provenance, Weights, publishable
from strnet.inference.folder import replace_folder
from strnet.sealed import Format, read_sealed, seal

if TYPE_CHECKING:
    from torch import nn

SEGMENTER = "segmenter.json"
SEGMENTER_FILES = (SEGMENTER, WEIGHTS, README)
FORMAT = Format(
    name="strnet segmenter",
    version=2,
    noun="a segmenter",
    source="Give the folder `segmenter` of a run of `strnet train` with a segmentation task.",
    remake="Copy the segmenter again, or write it again from its run: strnet train RECIPE -o RUN --resume.",
)


class SegmenterDocument(Frozen):
    """All of `segmenter.json` but its seal."""

    recipe: Recipe
    regions: tuple[str, ...]
    """Names of labels 1, 2, ..."""
    preprocessing_sha256: Sha256
    plausibility: Plausibility
    weights: Weights
    provenance: Provenance
    patients: tuple[Sha256, ...]
    """SHA-256 of the id of every patient who trained it or chose its epoch, sorted."""


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A segmenter as read: its files agree with their hashes."""

    folder: Path
    document: SegmenterDocument
    sha256: str
    """SHA-256 of the canonical JSON of `segmenter.json` without this key: names the segmenter."""

    @property
    def regions(self) -> tuple[str, ...]:
        """What it finds, in the order of its labels."""
        return self.document.regions

    @property
    def preprocessing(self) -> Preprocessing:
        """How a film becomes its input."""
        return self.document.recipe.preprocessing

    @property
    def weights_sha256(self) -> str:
        """What the regions table calls it by."""
        return self.document.weights.sha256

    def weights(self) -> bytes:
        """The content of the weights file (safetensors), checked against its hash.

        Raises: BundleError: missing, or changed since it was written.
        """
        path = self.folder / WEIGHTS
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror}). {FORMAT.remake}") from error
        if sha256_bytes(content) != self.weights_sha256:
            raise BundleError(f"{path}: the weights were changed after they were written. {FORMAT.remake}")
        return content


class RegionFinder:
    """A segmenter ready to find regions, the same way for training and serving."""

    def __init__(self, segmenter: Segmenter) -> None:
        """Opens the network.

        Raises: BundleError: weights that changed, or that do not fit the network of the recipe.
        """
        self.segmenter = segmenter
        self._network = load_segmenter(segmenter)

    def find(self, prepared: NDArray[np.uint16], shape: FilmShape) -> FoundRegions:
        """The regions of a film that was prepared (height, width) by the segmenter's preprocessing."""
        from strnet.models.segmentation import label_scores

        document = self.segmenter.document
        image = to_network_input(prepared, self.segmenter.preprocessing)
        scores = label_scores(self._network, image)
        return find_regions(
            scores, shape, document.regions, document.plausibility, self.segmenter.preprocessing
        )


def patient_sha256(patient_id: str) -> str:
    """What a segmenter keeps of a patient."""
    return sha256_bytes(patient_id.encode())


def write_segmenter(
    folder: Path | str,
    *,
    recipe: Recipe,
    weights: bytes,
    plausibility: Mapping[str, Any],
    provenance: Provenance,
    patients: Iterable[str],
) -> Segmenter:
    """The segmenter now in `folder`; an old one there is intact until the new one was read back.

    `weights` is a safetensors file; `patients` are the ids of those who trained it or chose its epoch.

    Raises: BundleError: parts that do not agree, or a folder with other files.
    """
    folder = Path(folder)
    document = SegmenterDocument(
        recipe=publishable(recipe),
        regions=recipe.tasks[0].target.classes or (),
        preprocessing_sha256=recipe.preprocessing.digest,
        plausibility=Plausibility.model_validate(plausibility),
        weights=Weights(sha256=sha256_bytes(weights)),
        provenance=provenance,
        patients=tuple(sorted({patient_sha256(patient) for patient in patients})),
    )
    with replace_folder(folder, SEGMENTER_FILES) as temporary:
        (temporary / WEIGHTS).write_bytes(weights)
        write_json(temporary / SEGMENTER, seal(document.model_dump(mode="json"), FORMAT))
        write_text(temporary / README, _readme(document))
        load_segmenter(read_segmenter(temporary))
    return read_segmenter(folder)


def read_segmenter(folder: Path | str) -> Segmenter:
    """The segmenter in `folder`.

    Raises: BundleError: incomplete, edited, of another schema version, or preprocessing films otherwise.
    """
    folder = Path(folder)
    path = folder / SEGMENTER
    if not path.is_file():
        raise BundleError(f"{folder}: no {SEGMENTER}. {FORMAT.source}")
    sealed = read_sealed(path, FORMAT)
    try:
        document = SegmenterDocument.model_validate(sealed.content)
    except ValidationError as error:
        raise BundleError(f"{path}: {error.error_count()} problem(s): {error.errors()[0]['msg']}") from error
    segmenter = Segmenter(folder, document, sealed.sha256)
    if segmenter.preprocessing.digest != document.preprocessing_sha256:
        raise BundleError(
            f"{path}: this strnet would preprocess films otherwise than the one that trained it. Use strnet "
            f"{document.provenance.strnet_version}."
        )
    segmenter.weights()
    return segmenter


def copy_segmenter(segmenter: Segmenter, folder: Path) -> None:
    """Write a copy of `segmenter` into the new `folder`.

    Raises: BundleError: its weights were changed.
    """
    folder.mkdir()
    segmenter.weights()
    for name in SEGMENTER_FILES:
        shutil.copyfile(segmenter.folder / name, folder / name)


def is_segmenter(folder: Path | str) -> bool:
    """Whether `folder` holds a segmenter."""
    return (Path(folder) / SEGMENTER).is_file()


def load_segmenter(segmenter: Segmenter) -> nn.Module:
    """The segmenter's network with its weights, in eval mode, on the CPU.

    Raises: BundleError: weights that do not fit the network of the recipe.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from strnet.models.segmentation import build_unet

    network = build_unet(segmenter.document.recipe.network.unet, labels=len(segmenter.regions))
    try:
        network.load_state_dict(load(segmenter.weights()), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise BundleError(
            f"{segmenter.folder / WEIGHTS}: does not fit the network of the recipe: {error}\n{FORMAT.remake}"
        ) from error
    return network.eval()


def _readme(document: SegmenterDocument) -> str:
    names = ", ".join(f"{number} {name}" for number, name in enumerate(document.regions, start=1))
    return (
        f"# {document.recipe.name}\n\n{document.recipe.description or 'A segmenter, written by strnet.'}\n\n"
        "**Not a medical device.** For research: it finds regions on radiographs for another network.\n\n"
        f"Labels: {names}. Trained and chosen on {len(document.patients)} patients; a network that looks at "
        "its regions must not be tested on them.\n\n"
        "Name this folder as `region.source` of a recipe: `strnet train` then finds the regions of the "
        "cohort, and the segmenter travels in the bundle of the network.\n"
    )
