"""Statistics of screening tests: arrays in, numbers with intervals and counts out. Needs no torch."""

from __future__ import annotations

from strnet.stats.agreement import BlandAltman, bland_altman, regression_errors
from strnet.stats.auroc import auroc
from strnet.stats.auroc_comparison import paired_delong, unpaired_delong
from strnet.stats.benefit import DecisionCurve, decision_curve, net_benefit
from strnet.stats.bootstrap import BootstrapDraws, Resampling, cluster_bootstrap
from strnet.stats.calibrators import Calibrator, fit_calibrator
from strnet.stats.clustered import clustered_proportion, korn_graubard_size
from strnet.stats.coherence import diagnosis_probabilities, ordinal_probabilities
from strnet.stats.comparisons import Comparison, HypothesisTest, PairedCounts, holm, mcnemar
from strnet.stats.confusion import Confusion, binary_metrics, confusion, table_metrics
from strnet.stats.correlation import concordance, pearson, pearson_p_value
from strnet.stats.curves import RocCurve, partial_auroc, roc_curve
from strnet.stats.effect_sizes import cramers_v, eta_squared, hedges_g
from strnet.stats.estimates import Estimate
from strnet.stats.group_comparisons import compare_counts, compare_numbers, compare_several
from strnet.stats.means import mean_estimate
from strnet.stats.multiclass import (
    class_metrics,
    cohen_kappa,
    confusion_matrix,
    kappa_of_rows,
    macro_metrics,
)
from strnet.stats.multiclass_auroc import multiclass_auroc, one_vs_rest_auroc, paired_multiclass_auroc
from strnet.stats.paired_errors import paired_absolute_errors
from strnet.stats.precision_recall import auprc, average_precision
from strnet.stats.proportions import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    proportion,
    proportion_bounds,
)
from strnet.stats.recalibration import CalibrationLine, calibration_slope_intercept
from strnet.stats.reliability import (
    BrierParts,
    ReliabilityCurve,
    brier,
    brier_parts,
    expected_calibration_error,
    hosmer_lemeshow,
    reliability_curve,
)
from strnet.stats.resampled import bootstrap_operating_point, paired_bootstrap

__all__ = [
    "BlandAltman",
    "BootstrapDraws",
    "BrierParts",
    "CalibrationLine",
    "Calibrator",
    "Comparison",
    "Confusion",
    "DecisionCurve",
    "Estimate",
    "HypothesisTest",
    "PairedCounts",
    "ReliabilityCurve",
    "Resampling",
    "RocCurve",
    "auprc",
    "auroc",
    "average_precision",
    "binary_metrics",
    "bland_altman",
    "bootstrap_operating_point",
    "brier",
    "brier_parts",
    "calibration_slope_intercept",
    "class_metrics",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "cluster_bootstrap",
    "clustered_proportion",
    "cohen_kappa",
    "compare_counts",
    "compare_numbers",
    "compare_several",
    "concordance",
    "confusion",
    "confusion_matrix",
    "cramers_v",
    "decision_curve",
    "diagnosis_probabilities",
    "eta_squared",
    "expected_calibration_error",
    "fit_calibrator",
    "hedges_g",
    "holm",
    "hosmer_lemeshow",
    "kappa_of_rows",
    "korn_graubard_size",
    "macro_metrics",
    "mcnemar",
    "mean_estimate",
    "multiclass_auroc",
    "net_benefit",
    "one_vs_rest_auroc",
    "ordinal_probabilities",
    "paired_absolute_errors",
    "paired_bootstrap",
    "paired_delong",
    "paired_multiclass_auroc",
    "partial_auroc",
    "pearson",
    "pearson_p_value",
    "proportion",
    "proportion_bounds",
    "regression_errors",
    "reliability_curve",
    "roc_curve",
    "table_metrics",
    "unpaired_delong",
]
