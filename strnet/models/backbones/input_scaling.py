"""From the network input to the range of grey values that weights of another project were trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from strnet.config import Preprocessing
from strnet.models.adapters import Adapter


class InputScaling(nn.Module):
    """Films (N, 1, H, W), standardised by the recipe, to (N, channels, H, W) as an adapter's file had them.

    Before the first convolution and not folded into it: its zero padding then means what it meant there.
    The numbers are buffers, so that they travel with the weights; until they are known they are NaN.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, adapter: Adapter, preprocessing: Preprocessing | None) -> None:
        super().__init__()
        mean, sd = (
            torch.tensor(values[: adapter.channels], dtype=torch.float64).reshape(-1, 1, 1)
            for values in (adapter.mean, adapter.sd)
        )
        ours_mean, ours_sd = (
            (torch.nan, torch.nan) if preprocessing is None else (preprocessing.mean, preprocessing.std)
        )
        # (x * our sd + our mean) is the grey value in [0, 1].
        self.register_buffer("scale", (ours_sd / sd).float())
        self.register_buffer("offset", ((ours_mean - mean) / sd).float())

    def forward(self, image: Tensor) -> Tensor:
        """The scaled `image`."""
        return image * self.scale + self.offset
