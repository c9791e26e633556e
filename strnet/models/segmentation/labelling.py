"""From films to the score of each label, with a network that was trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


@torch.no_grad()
def label_scores(
    network: nn.Module, image: NDArray[np.float32], device: torch.device | str = "cpu"
) -> NDArray[np.float32]:
    """Probabilities (1 + labels, ...) of one network input (...), whose first is the background's.

    One image at a time: with others beside it, the last bits and so an edge could differ.
    """
    network.to(device).eval()
    given = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None].to(device)
    return np.asarray(torch.softmax(network(given).float(), dim=1)[0].cpu().numpy())
