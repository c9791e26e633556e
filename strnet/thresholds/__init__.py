"""Operating points under a sensitivity floor. Needs numpy and scipy.special, polars for tables; no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strnet.thresholds.best_of import fit_best
from strnet.thresholds.cascade import CascadePoint, fit_cascade
from strnet.thresholds.certification import Certification, certify
from strnet.thresholds.comparison import Comparison
from strnet.thresholds.fitting import fit_threshold
from strnet.thresholds.floor_certification import FloorCertificate, certify_floors
from strnet.thresholds.floor_fitting import fit_floor
from strnet.thresholds.floor_point import FloorPoint
from strnet.thresholds.grey_zone import GreyZone, fit_grey
from strnet.thresholds.least_cost import CostPoint, fit_cost
from strnet.thresholds.planning import Plan, Promise, plan
from strnet.thresholds.point import GroupRow, OperatingPoint
from strnet.thresholds.point_file import read_operating_point, read_threshold, write_operating_point
from strnet.thresholds.prevalence import ShiftedPoint, prevalence_offset, shift_prevalence
from strnet.thresholds.score_identity import ScoreIdentity

if TYPE_CHECKING:
    from strnet.thresholds.estimator import SensitivityFloorClassifier

__all__ = [
    "CascadePoint",
    "Certification",
    "Comparison",
    "CostPoint",
    "FloorCertificate",
    "FloorPoint",
    "GreyZone",
    "GroupRow",
    "OperatingPoint",
    "Plan",
    "Promise",
    "ScoreIdentity",
    "SensitivityFloorClassifier",
    "ShiftedPoint",
    "certify",
    "certify_floors",
    "fit_best",
    "fit_cascade",
    "fit_cost",
    "fit_floor",
    "fit_grey",
    "fit_threshold",
    "plan",
    "prevalence_offset",
    "read_operating_point",
    "read_threshold",
    "shift_prevalence",
    "write_operating_point",
]


def __getattr__(name: str) -> Any:
    """The scikit-learn classifier, loaded when it is asked for: no command waits for scikit-learn."""
    if name == "SensitivityFloorClassifier":
        from strnet.thresholds.estimator import SensitivityFloorClassifier

        return SensitivityFloorClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
