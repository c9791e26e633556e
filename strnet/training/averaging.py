"""The average of a network's weights over its training: what is validated, kept and exported in its place."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from strnet.config import TrainerConfig

_Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged_network(network: nn.Module, trainer: TrainerConfig) -> AveragedModel | None:
    """A copy of `network` that holds the average asked for, still empty; None where none is asked for.

    `ema`: exponential moving average of weights and batch statistics, moved at every step. `swa`: the mean
    of the weights at the ends of epochs; its batch statistics have to be measured (`measure_batch_norm`).
    Source: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging; Izmailov et al.
    2018, Averaging weights leads to wider optima and better generalization, algorithm 1.
    """
    if trainer.averaging == "none":
        return None
    if trainer.averaging == "swa":
        return AveragedModel(network)
    return AveragedModel(network, multi_avg_fn=_WarmedUp(trainer.averaging_decay), use_buffers=True)


class _WarmedUp:
    """An exponential moving average that forgets faster while it is young: min(decay, (1 + n) / (10 + n)).

    Source: ExponentialMovingAverage of TensorFlow, `num_updates`.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay

    def __call__(self, averaged: _Tensors, current: _Tensors, updates: Tensor | int) -> None:
        decay = min(self._decay, (1 + int(updates)) / (10 + int(updates)))
        get_ema_multi_avg_fn(decay)(averaged, current, updates)


@torch.no_grad()
def measure_batch_norm(
    network: nn.Module, films: Iterable[Tensor], precision: AbstractContextManager[None]
) -> None:
    """Set the batch statistics of `network`, in place, to those of all batches of `films`.

    Batch norms that stay in evaluation mode (those of a frozen backbone) keep theirs; torch's `update_bn`
    would take them away.
    """
    training = network.training
    network.train()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches, not a moving one
    with precision:
        for batch in films if norms else ():
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)
