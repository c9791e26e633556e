"""What follows training: probabilities, the operating point, and which films are answered."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from strnet.config.frozen import Frozen


class CalibrationConfig(Frozen):
    """Probability calibration, fitted on the validation rows."""

    method: Literal["temperature", "platt", "isotonic", "none"] = "temperature"


def _decimal_text(given: Any) -> str:
    # The shortest decimal of a float is what the recipe says: 0.86, not the binary number beside it.
    if not re.fullmatch(r"0?\.\d*[1-9]\d*|1(\.0*)?", str(given)):
        raise ValueError("expected a decimal above 0 and at most 1, such as 0.86")
    return str(given)


class OperatingPointConfig(Frozen):
    """The floor a task's sensitivity must keep, fitted on the validation rows."""

    task: str = "bone_loss"
    min_sensitivity: Annotated[str, BeforeValidator(_decimal_text)] = Field(
        "0.86", description="above 0 and at most 1; kept as decimal text, so that it is exact"
    )
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    method: Literal["empirical", "exact"] = Field("exact", description="which of the two decides")


class ApplicabilityConfig(Frozen):
    """Which films a network refuses, beyond what their headers say."""

    false_refusal: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.02, description="share of films like the training ones that the picture layer may find atypical"
    )
    picture: Literal["flag", "refuse"] = Field(
        "flag", description="what becomes of a film that looks unlike the training films"
    )
    age_margin: float = Field(
        5.0, ge=0.0, description="years outside the ages of the training rows that are still answered"
    )
