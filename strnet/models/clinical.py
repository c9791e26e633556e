"""Clinical variables as network input: encoding, and standardisation by the training rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strnet import schema
from strnet.errors import ModelError


@dataclass(frozen=True)
class ClinicalScaling:
    """Clinical columns in the order of the network's input, with mean and SD over the training rows."""

    columns: tuple[str, ...] = ()
    means: tuple[float, ...] = ()
    stds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.columns) == len(self.means) == len(self.stds):
            raise ModelError(
                f"clinical scaling: {len(self.columns)} columns, {len(self.means)} means and "
                f"{len(self.stds)} SDs. Give one of each per column."
            )
        if not all(std > 0 for std in self.stds):
            raise ModelError(f"clinical scaling: SDs must be positive, found {self.stds}.")


def encode_clinical(column: str, cells: Iterable[object]) -> NDArray[np.float32]:
    """Numbers (N,) of the cells of a clinical column; unknown (None, NaN, blank) is NaN, sex is F 0, M 1.

    Raises: ModelError: a cell that is not a finite number, a value that no person has
        (`schema.PLAUSIBLE`), for sex neither F nor M.
    """
    encode = _encode_sex if column == "sex" else _encode_number
    return np.array([encode(column, cell) for cell in cells], dtype=np.float32)


def _encode_sex(column: str, cell: object) -> float:
    if cell in schema.SEXES:
        return float(schema.SEXES.index(str(cell)))
    if _is_unknown(cell):
        return math.nan
    # A number is refused too: cohorts disagree on which sex is 1.
    raise ModelError(f"clinical column {column}: found {cell!r}, expected {' or '.join(schema.SEXES)}.")


def _encode_number(column: str, cell: object) -> float:
    if _is_unknown(cell):
        return math.nan
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.inf
    if not math.isfinite(number):
        raise ModelError(f"clinical column {column}: found {cell!r}, expected a finite number or nothing.")
    low, high = schema.PLAUSIBLE.get(column, (-math.inf, math.inf))
    if not low <= number <= high:
        raise ModelError(
            f"clinical column {column}: found {cell!r}, expected {low:g} to {high:g}, or nothing."
        )
    return number


def _is_unknown(cell: object) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def fit_clinical_scaling(columns: Sequence[str], values: NDArray[np.floating]) -> ClinicalScaling:
    """Mean and SD of each column over the known values of the training rows (N, K); NaN is unknown.

    A column with one value only keeps SD 1.

    Raises: ModelError: a column that no training row knows.
    """
    values = np.asarray(values, dtype=np.float64)
    unknown = [name for name, column in zip(columns, values.T, strict=True) if np.isnan(column).all()]
    if unknown:
        raise ModelError(
            f"clinical columns {', '.join(unknown)}: no training row knows them. Leave them out of the "
            "tasks' `clinical`, or fill the manifest."
        )
    means, stds = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    # Compared by their extremes: rounding gives equal values a tiny SD, and the network huge inputs.
    stds = np.where(np.nanmin(values, axis=0) < np.nanmax(values, axis=0), stds, 1.0)
    return ClinicalScaling(tuple(columns), tuple(map(float, means)), tuple(map(float, stds)))


class ClinicalInput(nn.Module):
    """Standardises clinical values and says which are missing.

    A missing value becomes 0, the training mean. The indicator is 1 where a value is missing, not where
    it is known: where training misses nothing it is then 0 throughout, and its weight stays 0 instead of
    becoming a second bias that drops out at the first missing value.
    """

    means: Tensor
    stds: Tensor

    def __init__(self, *, columns: Sequence[str], means: Sequence[float], stds: Sequence[float]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.register_buffer("means", torch.tensor(means, dtype=torch.float32), persistent=False)
        self.register_buffer("stds", torch.tensor(stds, dtype=torch.float32), persistent=False)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised values and missing indicators, each (N, K), of `values` (N, K) with NaN missing."""
        missing = torch.isnan(values)
        scaled = (values.to(self.means.dtype) - self.means) / self.stds
        return torch.where(missing, torch.zeros_like(scaled), scaled), missing.to(scaled.dtype)
