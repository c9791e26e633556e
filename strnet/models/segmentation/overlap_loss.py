"""The loss of a segmentation: Dice and cross entropy, MONAI's."""

from __future__ import annotations

from torch import Tensor


def segmentation_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Dice loss plus cross entropy, shape (), of `logits` (N, 1 + labels, ...) and `labels` (N, ...).

    The Dice loss is a mean over labels and images, the background left out: it would be easy everywhere.

    Source: Milletari, Navab, Ahmadi 2016, V-Net (the Dice loss); Isensee et al. 2021, nnU-Net (the sum).
    """
    from monai.losses import DiceCELoss

    loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True)
    return loss(logits.float(), labels[:, None])
