"""A torchmetrics metric: the specificity at the threshold that keeps a sensitivity floor on the rows seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from strnet.errors import TrainingError
from strnet.threshold_options import Proportion
from strnet.thresholds.floor import Floor, read_floor, required_true_positives

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = Mapping[str, Tensor]
"""What `compute` and `forward` return."""
DRAWN = ("specificity", "sensitivity")
"""What `plot` shows of a result; thresholds and counts are on other scales."""


class SpecificityAtSensitivityFloor(Metric):
    """Specificity of the highest threshold whose sensitivity on all rows seen reaches `min_sensitivity`.

    Exact: every score is a candidate, without bins or interpolation, and the floor is a fraction. A row is
    positive if `score >= threshold`. Rows whose target is NaN are unknown and left out. What is undefined is
    NaN: all of it without positives, the specificity without negatives; the counts say which. All rows are
    gathered over all processes, so that the result does not depend on how they were shared out.

    The threshold is chosen on the rows it is reported on, and so flatters: it serves to watch a training run.
    The one that decides comes from `strnet.thresholds.fit_threshold`, on rows kept apart.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    scores: list[Tensor]
    targets: list[Tensor]

    def __init__(self, min_sensitivity: Proportion = "0.86", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.floor = read_floor(min_sensitivity)
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Take in `preds` (n,), scores of any scale, and `target` (n,) of 0, 1 and NaN.

        Raises: TrainingError: other shapes, other targets, or scores of known rows that are not finite.
        """
        if preds.shape != target.shape:
            raise TrainingError(
                f"SpecificityAtSensitivityFloor: found scores {tuple(preds.shape)} and targets "
                f"{tuple(target.shape)}, expected the same shape."
            )
        known = ~torch.isnan(target.float())
        scores, targets = preds.detach()[known], target.detach()[known]
        _require_usable(scores, targets)
        self._take_in(scores, targets)

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """As torchmetrics does; a process that saw no row takes part with none, instead of hanging."""
        if not len(self.scores):
            self._take_in(torch.empty(0, device=self.device), torch.empty(0, device=self.device))
        super().sync(*args, **kwargs)

    def compute(self) -> dict[str, Tensor]:
        """`specificity`, `sensitivity`, `threshold`, `positives`, `negatives`, `misses`, each of shape ()."""
        if not len(self.scores):  # a list, or one tensor after a sync
            return _result(torch.empty(0), torch.empty(0), self.floor)
        scores, positive = dim_zero_cat(self.scores), dim_zero_cat(self.targets).bool()
        return _result(scores[positive], scores[~positive], self.floor)

    def plot(
        self, val: Result | Sequence[Result] | None = None, ax: Axes | None = None
    ) -> tuple[Figure | None, Axes]:
        """The figure (None where `ax` is given) and axes with specificity and sensitivity.

        `val` is one result, several as steps of a training, or None: then that of `compute`.
        """
        shown = self.compute() if val is None else val
        drawn = _drawn(shown) if isinstance(shown, Mapping) else [_drawn(step) for step in shown]
        figure, axes = cast("tuple[Figure | None, Axes]", self._plot(drawn, ax))
        axes.set_ylabel(f"at a sensitivity of at least {self.floor.text}")
        return figure, axes

    def _take_in(self, scores: Tensor, targets: Tensor) -> None:
        # one type on all processes, and no score rounded; MPS has single precision only
        self.scores.append(scores.to(torch.float32 if scores.device.type == "mps" else torch.float64))
        self.targets.append(targets.to(torch.uint8))


def _drawn(result: Result) -> dict[str, Tensor]:
    return {name: result[name] for name in DRAWN}


def _result(positives: Tensor, negatives: Tensor, floor: Floor) -> dict[str, Tensor]:
    threshold = _threshold(positives, floor)
    found, rejected = positives >= threshold, negatives < threshold
    return {
        "specificity": rejected.float().mean() if positives.numel() else threshold,
        "sensitivity": found.float().mean(),
        "threshold": threshold,
        "positives": torch.tensor(positives.numel(), device=positives.device),
        "negatives": torch.tensor(negatives.numel(), device=positives.device),
        "misses": (~found).sum(),
    }


def _threshold(positives: Tensor, floor: Floor) -> Tensor:
    count = positives.numel()
    if count == 0:
        return positives.new_full((), torch.nan)
    allowed = count - required_true_positives(floor, count)
    return positives.kthvalue(allowed + 1).values


def _require_usable(scores: Tensor, targets: Tensor) -> None:
    wrong = int(((targets != 0) & (targets != 1)).sum())
    if wrong:
        raise TrainingError(
            f"SpecificityAtSensitivityFloor: found {wrong} targets other than 0 and 1 (NaN is unknown). "
            "Give one binary task at a time."
        )
    wrong = int((~torch.isfinite(scores)).sum())
    if wrong:
        raise TrainingError(
            f"SpecificityAtSensitivityFloor: found {wrong} scores that are NaN or infinite. "
            "The network has diverged, or the wrong output was given."
        )
