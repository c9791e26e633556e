"""Young adults whose BMD a T-score is told against: named tables, or somebody's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from strnet.config.frozen import Frozen, Positive
from strnet.errors import ConfigError, unknown_name
from strnet.schema import PLAUSIBLE_BMD

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_DIGITS = 9
"""Decimals of a T-score: far below what any BMD can say, far above the error of its arithmetic."""


class YoungAdults(Frozen):
    """BMD of the young adults of one DXA site, g/cm2, and who they were."""

    site: Literal["lumbar_spine", "total_hip", "femoral_neck", "forearm"]
    mean: Positive = Field(description="of their areal BMD, g/cm2")
    sd: Positive = Field(description="of their areal BMD, g/cm2")
    source: str = Field(min_length=1, description="population, sex, ages, device, publication")

    @field_validator("mean")
    @classmethod
    def _in_its_unit(cls, mean: float) -> float:
        low, high = PLAUSIBLE_BMD
        if not low <= mean <= high:
            raise ValueError(f"found {mean:g}, expected {low:g} to {high:g} g/cm2; is it in mg/cm2?")
        return mean

    @field_validator("sd")
    @classmethod
    def _narrower_than_the_mean(cls, sd: float, others: ValidationInfo) -> float:
        mean = others.data.get("mean")
        if mean is not None and sd >= mean / 2:
            raise ValueError(f"found {sd:g} beside a mean of {mean:g}; are the two exchanged, or is it in %?")
        return sd

    def __str__(self) -> str:
        """`0.858 (SD 0.12) g/cm2: NHANES III, ...`."""
        return f"{self.mean:g} (SD {self.sd:g}) g/cm2: {self.source}"

    def t_score(self, bmd: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """T-scores of areal `bmd`, g/cm2, of the same shape; NaN where it is NaN.

        Not rounded, but for the last digits of binary numbers: a BMD of .558 is 2.5 SDs of .120 below .858,
        and not a little less.

        Source: WHO 1994 (TRS 843): standard deviations from the mean of young adults.
        """
        import numpy as np

        return np.round((np.asarray(bmd, dtype=np.float64) - self.mean) / self.sd, _DIGITS)


def _looker(site: Literal["femoral_neck", "total_hip"], mean: float, sd: float) -> YoungAdults:
    source = "NHANES III, non-Hispanic white women of 20 to 29, Hologic (Looker 1998, Osteoporos Int 8:468)"
    return YoungAdults(site=site, mean=mean, sd=sd, source=source)


REFERENCE_TABLES: Final[Mapping[str, Mapping[str, YoungAdults]]] = MappingProxyType(
    {
        "nhanes3_white_women": {
            "femoral_neck": _looker("femoral_neck", 0.858, 0.120),
            "total_hip": _looker("total_hip", 0.942, 0.122),
        },
        "nhanes_us_women": {
            "lumbar_spine": YoungAdults(
                site="lumbar_spine",
                mean=1.064,
                sd=0.106,
                source="NHANES, all US women of 21 to 30, as later papers cite it; not checked at its source",
            ),
            "femoral_neck": _looker("femoral_neck", 0.858, 0.120),
            "total_hip": _looker("total_hip", 0.942, 0.122),
        },
    }
)
"""By name of the table and DXA site. No table holds a site that its source does not give."""


def young_adults_of(table: str, site: str) -> YoungAdults:
    """The young adults of a DXA `site` in the named `table`.

    Raises: ConfigError: no such table, or a site that it does not have.
    """
    if table not in REFERENCE_TABLES:
        raise ConfigError(unknown_name("reference table", table, REFERENCE_TABLES))
    found = REFERENCE_TABLES[table]
    if site not in found:
        raise ConfigError(
            f"reference table {table}: no young adults for {site}, only for {', '.join(sorted(found))}. Take "
            "another table, or write their site, mean, sd and source."
        )
    return found[site]
