"""The bundle: a trained network with all that its numbers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strnet.bundle_format import WEIGHTS
from strnet.calibration import Combination
from strnet.config import Preprocessing, Recipe, TaskConfig
from strnet.errors import BundleError
from strnet.files import sha256_bytes
from strnet.inference.bundle_document import PICTURE, BundleDocument, ClinicalVariable, Provenance
from strnet.inference.segmenter import Segmenter, read_segmenter
from strnet.schema import SEGMENTER_FOLDER
from strnet.stats import Calibrator
from strnet.thresholds import OperatingPoint
from strnet.trust import Applicability, PictureModel, read_picture


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle as read: its parts agree with each other, and its files with their hashes."""

    folder: Path
    document: BundleDocument
    sha256: str
    """SHA-256 of the canonical JSON of `bundle.json` without this key: names the bundle."""
    calibrators: Mapping[str, Calibrator]
    """By binary task; a task without one is used as it is."""
    operating_points: tuple[OperatingPoint, ...]

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe, without paths of the machine that trained."""
        return self.document.recipe

    @property
    def tasks(self) -> tuple[TaskConfig, ...]:
        """The questions the network answers, in the order of its outputs."""
        return self.document.recipe.tasks

    @property
    def preprocessing(self) -> Preprocessing:
        """How a film becomes a network input."""
        return self.document.recipe.preprocessing

    @property
    def clinical_inputs(self) -> tuple[str, ...]:
        """The clinical columns that the network takes, in its order."""
        return tuple(variable.name for variable in self.document.clinical)

    @property
    def scores_sha256(self) -> str:
        """Names whose scores these are, as operating points and tables say it: the weights."""
        return self.document.weights.sha256

    @property
    def clinical(self) -> tuple[ClinicalVariable, ...]:
        """Clinical inputs in the order of the network."""
        return self.document.clinical

    @property
    def provenance(self) -> Provenance:
        """Where the network and its numbers come from."""
        return self.document.provenance

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

    def weights(self) -> bytes:
        """The content of the weights file (safetensors), checked against its hash.

        Raises: BundleError: missing, or changed since it was written.
        """
        return self._checked(WEIGHTS, self.document.weights.sha256, "the weights")

    @property
    def applicability(self) -> Applicability:
        """Which films it answers, which with a flag, and which it refuses."""
        return self.document.applicability

    def picture_model(self) -> PictureModel | None:
        """What the training films look like to the network; None in a bundle without a picture layer.

        Raises: BundleError: missing, or changed since it was written.
        """
        limit = self.applicability.picture
        if limit is None:
            return None
        content = self._checked(PICTURE, limit.sha256, "the picture layer's numbers")
        return read_picture(content, str(self.folder / PICTURE))

    @property
    def region_combination(self) -> Combination:
        """How the regions of a film become one answer.

        Raises: BundleError: the network looks at one picture of each film.
        """
        found = self.document.region_combination
        if found is None:
            raise BundleError(f"{self.folder}: has no rule for several regions of a film.")
        return found

    @property
    def cells_needed(self) -> tuple[str, ...]:
        """Columns of the table given with films that say what to look at, where no segmenter finds it."""
        if not self.recipe.region.used or self.document.segmenter_sha256 is not None:
            return ()
        return ("box", "rows", "columns")

    def segmenter(self) -> Segmenter | None:
        """What finds the region that the network looks at; None where it looks at whole films, or at boxes
        that come with the films.

        Raises: BundleError: missing, edited, or another one than the bundle was written with.
        """
        expected = self.document.segmenter_sha256
        if expected is None:
            return None
        found = read_segmenter(self.folder / SEGMENTER_FOLDER)
        if found.sha256 != expected:
            raise BundleError(
                f"{found.folder}: the segmenter is {found.sha256[:12]}, and the network was trained with "
                f"{expected[:12]}. Copy the whole bundle folder again."
            )
        return found

    def _checked(self, name: str, sha256: str, what: str) -> bytes:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleError(
                f"{path}: {what} cannot be read ({error.strerror}). Copy the whole bundle folder again."
            ) from error
        found = sha256_bytes(content)
        if found != sha256:
            raise BundleError(
                f"{path}: SHA-256 is {found}, expected {sha256}: {what} were "
                "changed, or belong to another bundle. Copy the whole bundle folder again."
            )
        return content
