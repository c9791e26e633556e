"""Random changes of training images, batched on tensors; every draw belongs to (seed, epoch, index)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from strnet.config import Augmentation, Preprocessing
from strnet.data.randomness import Stream, generator

_UNIFORMS = 8


@dataclass(frozen=True)
class Draws:
    """What happens to each image of a batch."""

    uniform: NDArray[np.float64]
    """(N, 8) in [0, 1): flip, angle, scale, shift along x and y, brightness, contrast, gamma."""
    noise: NDArray[np.float32] | None
    """(N, H, W) standard normal, or None where the recipe adds no noise."""


def draw(
    augmentation: Augmentation, shape: tuple[int, int], seed: int, epoch: int, indices: Sequence[int]
) -> Draws:
    """The draws of the images `indices` in `epoch`; those of one image do not depend on the others."""
    generators = [generator(seed, Stream.AUGMENTATION, epoch, index) for index in indices]
    uniform = np.stack([g.random(_UNIFORMS) for g in generators])
    if augmentation.noise == 0:
        return Draws(uniform, None)
    return Draws(uniform, np.stack([g.standard_normal(shape, dtype=np.float32) for g in generators]))


def augment(image: Tensor, draws: Draws, augmentation: Augmentation, preprocessing: Preprocessing) -> Tensor:
    """Changed network inputs, (N, 1, H, W) like `image`.

    Grey values outside [0, 1] exist only after the geometry: gamma is taken of clamped values, then
    contrast about mid-grey and brightness are added, as an exposure that differs would. Beyond the border
    the film is black.
    """
    uniform = torch.from_numpy(draws.uniform).to(image)
    grey = image * preprocessing.std + preprocessing.mean
    grid = _grid(image, uniform, augmentation)
    grey = functional.grid_sample(grey, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    brightness, contrast, gamma = (_column(_signed(uniform[:, i])) for i in (5, 6, 7))
    if augmentation.gamma:
        grey = grey.clamp_(0.0, 1.0).pow_(1.0 + augmentation.gamma * gamma)
    if draws.noise is not None:
        grey = grey + augmentation.noise * torch.from_numpy(draws.noise).to(grey)[:, None]
    # ((grey - 1/2) * slope + 1/2 + shift - mean) / std, in one pass over the pixels.
    slope = 1.0 + augmentation.contrast * contrast
    offset = 0.5 * (1.0 - slope) + augmentation.brightness * brightness - preprocessing.mean
    return torch.addcmul(offset / preprocessing.std, grey, slope / preprocessing.std)


def augment_labels(labels: Tensor, draws: Draws, augmentation: Augmentation) -> Tensor:
    """Label numbers (N, H, W), moved as `augment` moves the images of the same draws; 0 beyond the border.

    A flip moves labels with what they are of, and renames none: where left and right have labels of their
    own, set `horizontal_flip` to 0.
    """
    grey = labels[:, None].float()
    grid = _grid(grey, torch.from_numpy(draws.uniform).to(grey), augmentation)
    moved = functional.grid_sample(grey, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return moved[:, 0].to(labels.dtype)


def _grid(image: Tensor, uniform: Tensor, augmentation: Augmentation) -> Tensor:
    theta = _inverse_affine(uniform, augmentation, image.shape[-1] / image.shape[-2])
    return functional.affine_grid(theta, list(image.shape), align_corners=False)


def _inverse_affine(uniform: Tensor, augmentation: Augmentation, aspect: float) -> Tensor:
    """Where each output pixel comes from, (N, 2, 3) in the coordinates of affine_grid.

    Those run from -1 to 1 along either side, so a rotation must be undone by `aspect` (width / height) to
    stay one.
    """
    flip = torch.where(uniform[:, 0] < augmentation.horizontal_flip, -1.0, 1.0)
    angle = math.radians(augmentation.rotation_degrees) * _signed(uniform[:, 1])
    scale = 1.0 / (1.0 + augmentation.scale * _signed(uniform[:, 2]))
    shift = 2.0 * augmentation.translation * _signed(uniform[:, 3:5])
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    x = torch.stack([flip * cos, -flip * sin / aspect, shift[:, 0]], dim=1)
    y = torch.stack([sin * aspect, cos, shift[:, 1]], dim=1)
    return torch.stack([x, y], dim=1)


def _signed(uniform: Tensor) -> Tensor:
    return 2.0 * uniform - 1.0


def _column(values: Tensor) -> Tensor:
    return values[:, None, None, None]
