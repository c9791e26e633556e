"""The network of another bundle, to start from: fine-tuning at another hospital."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from strnet.bundle_format import DOCUMENT, FORMAT, WEIGHTS
from strnet.config import NetworkConfig, Preprocessing
from strnet.errors import BundleError, ModelError
from strnet.files import sha256_bytes
from strnet.schema import BUNDLE_FOLDER
from strnet.sealed import read_sealed

_GREY_VALUES = ("normalisation", "percentiles", "mean", "std")
"""Preprocessing that gives the same film other numbers. Its size and its crop may differ."""


@dataclass(frozen=True)
class ParentBundle:
    """What of a bundle another network can start from."""

    folder: Path
    sha256: str
    name: str
    """Of its recipe."""
    network: NetworkConfig
    preprocessing: Preprocessing
    weights: Mapping[str, Tensor]
    manifest_sha256: str
    split_sha256: str
    fold: int | None = None
    """Of the rows that it was trained on, like the two hashes."""

    def part(self, name: str) -> dict[str, Tensor]:
        """The weights of one part (`backbone.model`, `pooling`, `neck`), under their names inside it."""
        prefix = f"{name}."
        return {
            key.removeprefix(prefix): value for key, value in self.weights.items() if key.startswith(prefix)
        }

    def require_same_grey_values(self, preprocessing: Preprocessing) -> None:
        """Raise unless `preprocessing` gives a film the numbers that the parent learned from.

        Raises: ModelError: each key that differs, with the parent's value.
        """
        differing = {
            key: getattr(self.preprocessing, key)
            for key in _GREY_VALUES
            if getattr(self.preprocessing, key) != getattr(preprocessing, key)
        }
        if differing:
            lines = [f"  preprocessing.{key}: {value}" for key, value in differing.items()]
            raise ModelError(
                f"{self.folder}: this parent learned from films of other grey values. Set\n"
                + "\n".join(lines)
                + "\nas it had them; the size of the films and their crop may differ."
            )

    def require_same_network(self, name: str, theirs: str, adapter: str | None) -> None:
        """Raise unless the parent's backbone, whose full name is `theirs`, is the one called `name`.

        Raises: ModelError: another architecture, or another adapter.
        """
        if name != theirs:
            raise ModelError(
                f"{self.folder}: the backbone of this parent is {theirs}, not {name}. Set "
                f"network.backbone.name: {self.network.backbone.name}."
            )
        if self.network.backbone.adapter != adapter:
            raise ModelError(
                f"{self.folder}: this parent has the adapter {self.network.backbone.adapter or 'null'}, not "
                f"{adapter or 'null'}. Set network.backbone.adapter to the parent's."
            )


def read_parent(folder: Path) -> ParentBundle:
    """The bundle in `folder`, as far as another network can start from it.

    Raises: ModelError: no bundle there, one that was edited or is of another version, weights that are not
        its own, or an ensemble.
    """
    try:
        if not (folder / DOCUMENT).is_file():
            raise BundleError(f"{folder}: a folder without {DOCUMENT}. Give RUN/{BUNDLE_FOLDER} of a run.")
        sealed = read_sealed(folder / DOCUMENT, FORMAT)
        recipe, sha256 = _recipe_and_hash(folder, sealed.content)
        provenance = sealed.content["provenance"]
        return ParentBundle(
            folder=folder,
            sha256=sealed.sha256,
            name=recipe["name"],
            network=NetworkConfig.model_validate(recipe["network"]),
            preprocessing=Preprocessing.model_validate(recipe["preprocessing"]),
            weights=_weights(folder / WEIGHTS, sha256),
            **{name: provenance[name] for name in ("manifest_sha256", "split_sha256", "fold")},
        )
    except (BundleError, ValidationError) as error:
        raise ModelError(f"network.backbone.weights: {error}") from error


def _recipe_and_hash(folder: Path, content: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    try:
        return content["recipe"], content["weights"]["sha256"]
    except (KeyError, TypeError) as error:
        raise BundleError(
            f"{folder}: no network of its own ({error} is missing). Of an ensemble, give one of its members."
        ) from error


def _weights(path: Path, sha256: str) -> dict[str, Tensor]:
    from safetensors.torch import load

    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}). {FORMAT.remake}") from error
    found = sha256_bytes(content)
    if found != sha256:
        raise BundleError(f"{path}: SHA-256 is {found}, expected {sha256}. {FORMAT.remake}")
    return load(content)
