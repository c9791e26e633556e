"""How far two label maps agree, label by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def dice_per_label(
    truth: npt.NDArray[np.integer[Any]], found: npt.NDArray[np.integer[Any]], labels: int
) -> npt.NDArray[np.float64]:
    """Dice coefficient of labels 1 to `labels`, (labels,), of two maps of one shape and any number of axes.

    NaN where a label occurs in neither: there is nothing to agree on.

    Source: Dice 1945: twice the elements in both, over the elements of the one and of the other.
    """
    counts = np.arange(1, labels + 1)
    both = np.array([np.count_nonzero((truth == label) & (found == label)) for label in counts])
    sizes = np.array(
        [np.count_nonzero(truth == label) + np.count_nonzero(found == label) for label in counts]
    )
    dice = np.full(labels, np.nan)
    np.divide(2.0 * both, sizes, out=dice, where=sizes > 0)
    return dice
