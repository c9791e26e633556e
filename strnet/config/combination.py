"""How several scores of one case become one: of members, of views, or of the regions of an image."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from strnet.config.frozen import Frozen


class CombinationConfig(Frozen):
    """Which rows are one case, and what becomes of their scores."""

    rule: Literal["mean", "largest", "stack"] = Field(
        "mean",
        description="mean of the logits; the largest one; or a logistic regression fitted on the validation "
        "rows. The last two are for binary tasks: other tasks take the mean of their logits or values",
    )
    by: Literal["image", "examination", "patient"] = Field("image", description="which rows are one case")
    missing: Literal["allow", "refuse"] = Field(
        "refuse", description="whether a case in which not every member spoke is answered by the others"
    )

    @classmethod
    def choices(cls, field: str) -> tuple[str, ...]:
        """The values that a field can have."""
        return get_args(cls.model_fields[field].annotation)
