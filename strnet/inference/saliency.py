"""Where on a film a task's output comes from: Grad-CAM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strnet.errors import ModelError
from strnet.imaging import to_network_input
from strnet.inference.bundle import Bundle
from strnet.inference.engines import load_network


def saliency_map(
    bundle: Bundle,
    prepared: NDArray[np.uint16],
    task: str,
    *,
    clinical: NDArray[np.float32] | None = None,
    output: int = 0,
) -> NDArray[np.float32]:
    """Grad-CAM in [0, 1] of the same shape as `prepared` (..., height, width), for one output of `task`.

    `prepared` comes from `imaging.prepare`: one film (height, width) or several (N, height, width).
    `clinical` (N, K), NaN where missing; None where nothing is known. `output` is the class of a multiclass
    task, or the question of an ordinal one. Each map is scaled to its own largest value; a film where
    nothing speaks for the output is 0 everywhere. A map shows what moved the output, not disease.

    Raises: ModelError: an unknown task, or films of another size than the bundle's.
    Source: Selvaraju et al. 2017, Grad-CAM; MONAI's implementation.
    """
    import torch
    from monai.visualize import GradCAM

    from strnet.models import TaskView

    films = _films(bundle, prepared)
    # MONAI leaves its hooks on the network, and its views want contiguous gradients: a network of its own.
    view = TaskView(load_network(bundle), task)
    method = GradCAM(view, TaskView.feature_map, postprocessing=_scaled)
    values = None if clinical is None else torch.from_numpy(np.asarray(clinical, dtype=np.float32))
    # The gradient of the films themselves is of no use, but without it torch warns that none is asked for.
    image = torch.from_numpy(films).requires_grad_()
    maps = method(image, class_idx=output, clinical=values)
    return np.asarray(maps.detach().numpy(), dtype=np.float32).reshape(prepared.shape)


def _films(bundle: Bundle, prepared: NDArray[np.uint16]) -> NDArray[np.float32]:
    expected = (bundle.preprocessing.height, bundle.preprocessing.width)
    if prepared.ndim not in (2, 3) or prepared.shape[-2:] != expected:
        raise ModelError(
            f"saliency: films of shape {prepared.shape}, expected (N, {expected[0]}, {expected[1]}). "
            "Prepare them with the bundle's preprocessing."
        )
    return to_network_input(prepared, bundle.preprocessing).reshape(-1, 1, *expected)


def _scaled(maps: torch.Tensor) -> torch.Tensor:  # type: ignore[name-defined] # noqa: F821
    """Each map (N, 1, H, W) over its largest value; all 0 stays 0."""
    largest = maps.amax(dim=(1, 2, 3), keepdim=True)
    return maps / largest.clamp(min=1e-12)
