"""Networks that give every element of an image a label, for films and volumes alike."""

from __future__ import annotations

from strnet.models.segmentation.labelling import label_scores
from strnet.models.segmentation.overlap_loss import segmentation_loss
from strnet.models.segmentation.unet import build_unet

__all__ = ["build_unet", "label_scores", "segmentation_loss"]
