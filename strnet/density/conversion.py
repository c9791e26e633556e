"""A density conversion: the line (or curve) from HU to mg/cm3, and where it comes from."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from strnet.config.frozen import Frozen, Positive
from strnet.errors import DensityError
from strnet.schema import VBMD_UNIT
from strnet.yaml_text import explain

Method = Literal["rods", "tissues", "mass_attenuation", "scanner", "given"]
Mineral = Literal["K2HPO4", "CHA"]
MINERALS: Final[tuple[Mineral, ...]] = ("K2HPO4", "CHA")
SLOPES: Final = (0.4, 0.97)
"""mg/cm3 per HU between 70 and 150 kVp. A slope of 1 is that of values which are mg/cm3 already."""
LARGEST_INTERCEPT: Final = 60.0
"""mg/cm3 that HU 0 may have: a scanner drifts, and marrow may be taken for fat instead of water."""
_BEYOND = 0.5
"""How far a conversion is used outside the HU that it was fitted on, in parts of their range."""


class DensityConversion(Frozen):
    """Density = `intercept` + `slope` HU + `curvature` HU^2, mg/cm3 of `mineral`, with its provenance.

    The density of K2HPO4 and that of CHA (calcium hydroxyapatite) that give the same HU are not the same
    number, so the two are never mixed.
    """

    method: Method
    source: str = Field(min_length=1, description="rods, table or tissues that it was made from")
    mineral: Mineral
    slope: Positive = Field(description="mg/cm3 per HU")
    intercept: float = Field(description="mg/cm3 at HU 0")
    curvature: float = Field(0.0, description="mg/cm3 per HU^2")
    range_hu: tuple[float, float] = Field(description="lowest and highest HU that it was fitted on")
    slope_interval: tuple[float, float] | None = Field(None, description="95%, of the fit alone")
    residual_sd: Annotated[float, Field(ge=0)] | None = Field(None, description="of the fit, mg/cm3")
    materials: tuple[str, ...] = Field((), description="what it was fitted on")
    kvp: Positive | None = None
    scanner: str | None = None

    @model_validator(mode="after")
    def _rises(self) -> DensityConversion:
        low, high = self.range_hu
        if not low < high:
            raise ValueError(f"range_hu is {low:g} to {high:g}, expected the lower HU first")
        return self

    def density(self, hu: float) -> float:
        """The density of bone whose mean is `hu`, mg/cm3; somewhat outside of `range_hu` by extrapolation.

        Raises: DensityError: further outside than half of the range.
        """
        low, high = self.range_hu
        reach = _BEYOND * (high - low)
        if not low - reach <= hu <= high + reach:
            raise DensityError(
                f"HU {hu:.0f} lies far outside {low:.0f} to {high:.0f}, on which the conversion of "
                f"{self.source} was fitted. Look at the mask, or convert with rods of higher density."
            )
        return self.intercept + self.slope * hu + self.curvature * hu * hu

    def extrapolates(self, hu: float) -> bool:
        """Whether `hu` lies outside the HU that it was fitted on."""
        return not self.range_hu[0] <= hu <= self.range_hu[1]

    def provenance(self) -> dict[str, Any]:
        """The columns that go beside a density, by name."""
        return {
            "density_method": self.method,
            "density_source": self.source,
            "density_mineral": self.mineral,
            "density_slope": self.slope,
            "density_intercept": self.intercept,
            "density_curvature": self.curvature,
            "density_residual_sd": self.residual_sd,
            "density_materials": " ".join(self.materials) or None,
            "density_kvp": self.kvp,
            "density_scanner": self.scanner,
        }


PROVENANCE: Final = tuple(
    f"density_{name}"
    for name in (
        *("method", "source", "mineral", "slope", "intercept", "curvature"),
        *("residual_sd", "materials", "kvp", "scanner"),
    )
)
"""Columns of `DensityConversion.provenance`, in order."""


def conversion_of(content: Any, where: str) -> DensityConversion:
    """The conversion that `content`, plain values as from JSON, says.

    Raises: DensityError: missing, unknown or impossible values, each with its name.
    """
    try:
        return DensityConversion.model_validate(content)
    except ValidationError as error:
        problems = "\n  ".join(explain(error, DensityConversion))
        raise DensityError(f"{where}: not a density conversion.\n  {problems}") from error


def given_density(mineral: Mineral, source: str) -> DensityConversion:
    """The conversion of values that are mg/cm3 already: none."""
    return DensityConversion(
        method="given", source=source, mineral=mineral, slope=1.0, intercept=0.0, range_hu=(-1000.0, 3000.0)
    )


def require_plausible(conversion: DensityConversion) -> DensityConversion:
    """The same conversion, if a CT scanner can have it.

    Raises: DensityError: a slope or an intercept that none has.
    """
    low, high = SLOPES
    if not low <= conversion.slope <= high:
        raise DensityError(
            f"{conversion.source}: {conversion.slope:.3f} {VBMD_UNIT} per HU, expected {low} to {high}. "
            "Are densities and HU swapped, or are the values in mg/cm3 already?"
        )
    if abs(conversion.intercept) > LARGEST_INTERCEPT:
        raise DensityError(
            f"{conversion.source}: {conversion.intercept:+.1f} {VBMD_UNIT} at HU 0, expected at most "
            f"{LARGEST_INTERCEPT:.0f} either way. Are the HU without their rescale intercept, or the rods "
            "in another order?"
        )
    return conversion
