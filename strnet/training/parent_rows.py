"""Whether the network that another one starts from has learned from the patients that it is judged on."""

from __future__ import annotations

from strnet.config import Recipe
from strnet.errors import TrainingError
from strnet.models import read_parent
from strnet.training.cohort_rows import CohortRows


def require_unseen_by_parent(recipe: Recipe, rows: CohortRows, fold: int | None = None) -> None:
    """Raise where the recipe's parent was trained on these very films, in other parts of a split.

    Bundles keep no patients, so that a parent of the same people under another manifest is not noticed.

    Raises: TrainingError: the parent's manifest is that of `rows`, and its split or fold is not.
    """
    folder = recipe.network.backbone.weights
    if folder is None or not folder.is_dir():
        return
    parent = read_parent(folder)
    if parent.manifest_sha256 != rows.manifest_sha256:
        return
    if (parent.split_sha256, parent.fold) == (rows.split_sha256, fold):
        return
    asked = "this split" if fold is None else f"fold {fold} of this split"
    raise TrainingError(
        f"network.backbone.weights: {folder} was trained on the films of this manifest by other rows than "
        f"{asked} gives: it may have learned from patients that this network is judged on, and every figure "
        "would flatter. Start from a network of this split and fold, or of other people."
    )
