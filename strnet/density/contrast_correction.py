"""What contrast medium in the vessels of bone adds to its density, and when that may be taken off again."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import Field

from strnet.config.frozen import Frozen, Positive
from strnet.errors import DensityError, unknown_name


class ContrastCorrection(Frozen):
    """Density without contrast = `intercept` + `slope` density with it, mg/cm3; for one phase and voltage."""

    name: str
    slope: Positive = 1.0
    intercept: float = Field(description="mg/cm3")
    residual_sd: float = Field(ge=0, description="of one patient around the line, mg/cm3")
    phase: str = Field(description="as the manifest's contrast_phase: arterial, venous, delayed")
    kvp: Positive
    source: str

    def corrected(self, density: float, *, phase: str | None, kvp: float | None) -> float:
        """The density that the bone has without contrast, mg/cm3.

        Raises: DensityError: another phase, another tube voltage, or either unknown. In the arterial phase
            the density climbs from second to second, so no line holds; iodine takes more of softer beams.
        """
        if phase != self.phase:
            raise DensityError(
                f"{self.name} is for the {self.phase} phase, and the scan's phase is {phase or 'unknown'}. "
                "Use a scan without contrast, or none of its density."
            )
        if kvp != self.kvp:
            found = "unknown" if kvp is None else f"{kvp:g}"
            raise DensityError(
                f"{self.name} is for {self.kvp:g} kVp, and the scan's kVp is {found}: iodine adds more at "
                "lower voltages. Use a scan without contrast, or none of its density."
            )
        return self.intercept + self.slope * density


CORRECTIONS: Final[Mapping[str, ContrastCorrection]] = MappingProxyType(
    {
        "ruehling2022": ContrastCorrection(
            name="ruehling2022",
            intercept=-17.5,
            residual_sd=6.6,
            phase="venous",
            kvp=120.0,
            source="Ruehling and others 2022, Eur. Radiol. 32:1465: mean difference 17.5 mg/cm3, RMSE 18.7 "
            "in 39 patients; the voltage is our restriction",
        ),
    }
)
"""Published corrections by name.

Others differ: 11.2 HU (SD 19.2; some 9 mg/cm3) in L1 of 157 adults, Pickhardt and others 2016, Osteoporos.
Int. 27:147. A correction removes the mean bias of a group; a patient is left with its spread.
"""


def correction_named(name: str) -> ContrastCorrection:
    """The published correction of that name.

    Raises: DensityError: no such correction.
    """
    if name not in CORRECTIONS:
        raise DensityError(unknown_name("contrast correction", name, CORRECTIONS))
    return CORRECTIONS[name]
