"""The figures that can be checked: their names, those that papers use for them, and what values they have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from strnet.errors import StatsError, unknown_name
from strnet.published.printed import ANY, AT_LEAST_ZERO, AT_MOST_ONE, SHARE, SIGNED, Span

COUNTS: Final = ("tp", "fn", "fp", "tn")
PROPORTIONS: Final[Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]] = MappingProxyType(
    {
        # cells of (tp, fn, fp, tn) that are added up to the successes and to the total
        "sensitivity": ((0,), (0, 1)),
        "specificity": ((3,), (2, 3)),
        "ppv": ((0,), (0, 2)),
        "npv": ((3,), (1, 3)),
        "accuracy": ((0, 3), (0, 1, 2, 3)),
        "prevalence": ((0, 1), (0, 1, 2, 3)),
    }
)
"""The figures that are proportions of counts; others have no interval of their own."""
SPANS: Final[Mapping[str, Span]] = MappingProxyType(
    {
        **dict.fromkeys(PROPORTIONS, SHARE),
        **dict.fromkeys(("balanced_accuracy", "f1"), SHARE),
        **dict.fromkeys(("youden", "kappa", "mcc"), SIGNED),
        **dict.fromkeys(("lr_positive", "lr_negative", "dor"), AT_LEAST_ZERO),
        **dict.fromkeys(COUNTS, AT_LEAST_ZERO),
        "auc": SHARE,
        **dict.fromkeys(("macro_sensitivity", "macro_specificity", "macro_ppv", "macro_npv"), SHARE),
        "macro_f1": SHARE,
        **dict.fromkeys(("mae", "rmse", "sd"), AT_LEAST_ZERO),
        "r": SIGNED,
        "r2": AT_MOST_ONE,
        "bias": ANY,
    }
)
FIGURES: Final = tuple(SPANS)
COUNTED: Final = (*PROPORTIONS, "balanced_accuracy", "f1", "youden", "kappa", "mcc")
COUNTED_RATIOS: Final = ("lr_positive", "lr_negative", "dor")
DECIDED: Final = (*COUNTED, *COUNTED_RATIOS, *COUNTS)
"""Figures that a 2 x 2 table decides."""
MACRO: Final = ("macro_sensitivity", "macro_specificity", "macro_ppv", "macro_npv", "macro_f1")
"""Means over classes, each against the rest."""
ERRORS: Final = ("mae", "rmse", "bias", "r", "r2", "sd")
"""Figures of a number that is predicted; `sd` is that of the true values, `bias` the mean error."""
ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recall": "sensitivity",
        "tpr": "sensitivity",
        "tnr": "specificity",
        "precision": "ppv",
        "auroc": "auc",
        "j": "youden",
        "youden_index": "youden",
        "informedness": "youden",
        "lr+": "lr_positive",
        "lr-": "lr_negative",
        "plr": "lr_positive",
        "nlr": "lr_negative",
        "phi": "mcc",
        "cohen_kappa": "kappa",
        "odds_ratio": "dor",
        "diagnostic_odds_ratio": "dor",
        "macro_recall": "macro_sensitivity",
        "macro_precision": "macro_ppv",
        "pearson_r": "r",
        "r^2": "r2",
        "r_squared": "r2",
        "mean_error": "bias",
        "sd_target": "sd",
    }
)


def canonical(name: str) -> str:
    """The name of `FIGURES` for a name that papers use.

    Raises: StatsError: an unknown name.
    """
    plain = name.strip().lower()
    for key in (plain, plain.replace(" ", "_").replace("-", "_")):
        known = ALIASES.get(key, key)
        if known in SPANS:
            return known
    raise StatsError(unknown_name("figure", name, (*FIGURES, *ALIASES)))
