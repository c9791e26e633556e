"""MONAI's U-Net, built from a recipe's section."""

from __future__ import annotations

import torch
from torch import nn

from strnet.config import UnetConfig


def build_unet(config: UnetConfig, *, labels: int, spatial_dims: int = 2, seed: int = 0) -> nn.Module:
    """A U-Net from one channel to logits of the background and `labels` labels, weights drawn from `seed`.

    Images (N, 1, ...) of `spatial_dims` axes, whose sides are multiples of 2 ** (levels - 1), give logits
    (N, 1 + labels, ...) without softmax. It normalises each image by itself, so that what one gets does not
    depend on the others of its batch.

    Source: Ronneberger, Fischer, Brox 2015, U-Net; with residual units Kerfoot et al. 2019; MONAI's networks.
    """
    from monai.networks.nets import UNet

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet(
            spatial_dims=spatial_dims,
            in_channels=1,
            out_channels=1 + labels,
            channels=config.channels,
            strides=(2,) * (len(config.channels) - 1),
            num_res_units=config.residual_units,
            dropout=config.dropout,
            norm="INSTANCE",
        )
