"""Write the golden sets and what independent Python libraries say of them, into `expected_python.json`.

Nothing here imports strnet. `rules` and `brute_force` follow the written rules directly, with
`scipy.stats.binom`; nproc, MAPIE, MLstatkit, dcurves and statsmodels come from elsewhere.
Needs the packages of `requirements.txt`; `install_r.sh` and `oracle.R` make `expected_r.json`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import dcurves
import nproc
import numpy as np
import pandas as pd
from confidenceinterval import roc_auc_score as interval_of_auroc
from datasets import write_all
from mapie.risk_control import BinaryClassificationController
from MLstatkit.delong import Delong_test
from scipy.stats import binom
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

FOLDER = Path(__file__).parent
FLOOR = "0.86"
DELTAS = {"exact_0.1": 0.1, "exact_0.05": 0.05, "exact_0.025": 0.025}
LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "statsmodels", "MAPIE", "nproc"),
    *("confidenceinterval", "MLstatkit", "dcurves", "pandas"),
)
COUNTS = [(0, 10), (10, 10), (1, 1), (0, 1), (117, 136), (124, 136), (86, 100), (43, 50), (5, 7), (81, 263)]
INTERVALS = {
    "clopper_pearson": "beta",
    "wilson": "wilson",
    "agresti_coull": "agresti_coull",
    "jeffreys": "jeffreys",
    "wald": "normal",
}


def misses_allowed(positives: int, floor: str, rule: str) -> int:
    """Misses that a rule of thresholds allows, -1 where it is impossible."""
    share = 1 - Fraction(floor)
    if rule == "empirical":
        return math.floor(share * positives)
    if rule == "crc":
        return math.floor(share * (positives + 1)) - 1
    held = binom.cdf(np.arange(positives + 1), positives, float(share)) <= (DELTAS.get(rule) or float(rule))
    return int(np.count_nonzero(held)) - 1


def rule_row(target: np.ndarray, score: np.ndarray, rule: str) -> dict[str, float | None]:
    positives, negatives = np.sort(score[target == 1]), score[target == 0]
    n = positives.size
    misses = misses_allowed(n, FLOOR, rule)
    if misses < 0:
        return {"misses_allowed": -1}
    threshold = positives[misses]
    return {
        "misses_allowed": misses,
        "threshold": float(threshold),
        "sensitivity": float((positives >= threshold).mean()),
        "specificity": float((negatives < threshold).mean()) if negatives.size else None,
        "confidence": float(binom.sf(misses, n, float(1 - Fraction(FLOOR)))),
        "expected_sensitivity": (n - misses) / (n + 1),
    }


def brute_force(target: np.ndarray, score: np.ndarray) -> dict[str, object]:
    """The most specific thresholds among all observed scores that meet the floor, by trying each."""
    positives, negatives = score[target == 1], score[target == 0]
    needed = math.ceil(Fraction(FLOOR) * positives.size)
    feasible = [t for t in np.unique(score) if np.count_nonzero(positives >= t) >= needed]
    if not negatives.size:
        return {"specificity": None, "highest": max(feasible), "lowest": min(feasible)}
    specificity = [float((negatives < t).mean()) for t in feasible]
    best = [t for t, s in zip(feasible, specificity, strict=True) if s == max(specificity)]
    return {"specificity": max(specificity), "highest": max(best), "lowest": min(best)}


def roc_curve_row(
    target: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float]:
    """The most specific point of scikit-learn's full curve that meets the floor."""
    false, true, threshold = metrics.roc_curve(target, score, sample_weight=weight, drop_intermediate=False)
    feasible = np.flatnonzero(true >= float(FLOOR))
    best = feasible[np.argmax(1 - false[feasible])]
    return {
        "threshold": float(threshold[best]),
        "sensitivity": float(true[best]),
        "specificity": float(1 - false[best]),
    }


def nproc_threshold(target: np.ndarray, score: np.ndarray) -> float | None:
    """nproc's umbrella at delta .05; it guards the class 0, so that the classes and the sign are swapped."""
    with contextlib.redirect_stdout(io.StringIO()):
        swapped = list(np.where(target == 1, 0, 1)), list(-score)
        found = nproc.npc().npc_core(*swapped, round(1 - float(FLOOR), 6), 0.05, 1)
    return float(-found[0]) if np.isfinite(found[0]) else None


def mapie_threshold(target: np.ndarray, score: np.ndarray) -> float | None:
    """MAPIE's Learn-then-Test with a fixed sequence over its grid of 100 thresholds, at confidence .95."""
    controller = BinaryClassificationController(
        lambda x: np.c_[1 - np.asarray(x)[:, 0], np.asarray(x)[:, 0]],
        "recall",
        float(FLOOR),
        confidence_level=0.95,
        best_predict_param_choice="fpr",
        fwer_method="fixed_sequence",
    )
    controller.calibrate(score[:, None], target)
    return controller.best_predict_param


def scored_set(target: np.ndarray, score: np.ndarray) -> dict[str, object]:
    both = 0 < target.sum() < target.size
    figures: dict[str, object] = {
        "average_precision": float(metrics.average_precision_score(target, score)),
        "rules": {rule: rule_row(target, score, rule) for rule in ("empirical", "crc", *DELTAS)},
    }
    if both:
        figures["auroc"] = float(metrics.roc_auc_score(target, score))
        figures["partial_auroc_fpr_0.2_mcclish"] = float(metrics.roc_auc_score(target, score, max_fpr=0.2))
        figures["roc_curve"] = roc_curve_row(target, score)
    if target.size > 1000:
        return figures
    figures["brute_force"] = brute_force(target, score)
    if both:
        figures["nproc_0.05"] = nproc_threshold(target, score)
    if score.min() >= 0 and score.max() <= 1:
        figures["mapie_0.05"] = attempt(mapie_threshold, target, score)
    return figures


def attempt(figure: Callable[..., object], *arrays: np.ndarray) -> object:
    """The figure, or the message of a library that refuses the set."""
    try:
        return figure(*arrays)
    except (ValueError, IndexError) as refusal:
        return {"error": f"{type(refusal).__name__}: {refusal}"[:200]}


def weighted_set(table: pd.DataFrame) -> dict[str, object]:
    target, score, weight = (table[name].to_numpy() for name in ("y", "score", "weight"))
    of_positives = weight[target == 1]
    return {
        "auroc": float(metrics.roc_auc_score(target, score, sample_weight=weight)),
        "average_precision": float(metrics.average_precision_score(target, score, sample_weight=weight)),
        "brier": float(metrics.brier_score_loss(target, score, sample_weight=weight)),
        "roc_curve": roc_curve_row(target, score, weight),
        "kish_effective_positives": float(of_positives.sum() ** 2 / (of_positives**2).sum()),
    }


def paired_set(table: pd.DataFrame) -> dict[str, object]:
    target, a, b = (table[name].to_numpy() for name in ("y", "score_a", "score_b"))
    z, p, of_a, of_b = Delong_test(target, a, b)[:4]
    curves = dcurves.dca(
        data=table, outcome="y", modelnames=["score_a", "score_b"], thresholds=np.arange(0.1, 0.95, 0.1)
    )
    return {
        "MLstatkit_delong": {"z": abs(z), "p": p, "interval_a": list(of_a), "interval_b": list(of_b)},
        "confidenceinterval_delong": [float(v) for v in interval_of_auroc(list(target), list(a))[1]],
        "dcurves_net_benefit": {
            model: [
                [round(float(t), 3), float(v)] for t, v in zip(rows.threshold, rows.net_benefit, strict=True)
            ]
            for model, rows in curves.groupby("model")
        },
        "brier": float(metrics.brier_score_loss(target, a)),
        "log_loss": float(metrics.log_loss(target, a)),
        "f1_at_0.5": float(metrics.f1_score(target, a >= 0.5)),
        "ece_10_width": expected_calibration_error(target, a, np.linspace(0, 1, 11)),
        "ece_15_width": expected_calibration_error(target, a, np.linspace(0, 1, 16)),
        "ece_10_quantile": expected_calibration_error(target, a, np.quantile(a, np.linspace(0, 1, 11))),
    }


def expected_calibration_error(target: np.ndarray, prob: np.ndarray, edges: np.ndarray) -> float:
    """ECE over bins closed on the right, the first on both sides, by pandas."""
    bins = pd.cut(prob, edges, include_lowest=True)
    groups = pd.DataFrame({"y": target, "p": prob}).groupby(bins, observed=True)
    return float(((groups.y.mean() - groups.p.mean()).abs() * groups.size()).sum() / target.size)


def three_class_set(table: pd.DataFrame) -> dict[str, object]:
    target, prob = table.y.to_numpy(), table.iloc[:, 1:4].to_numpy()
    normed, predicted = prob / prob.sum(1, keepdims=True), prob.argmax(1)
    return {
        "ovr_macro": float(metrics.roc_auc_score(target, normed, multi_class="ovr")),
        "ovr_weighted": float(metrics.roc_auc_score(target, normed, multi_class="ovr", average="weighted")),
        "hand_till": float(metrics.roc_auc_score(target, normed, multi_class="ovo")),
        "kappa": float(metrics.cohen_kappa_score(target, predicted)),
        "kappa_quadratic": float(metrics.cohen_kappa_score(target, predicted, weights="quadratic")),
        "kappa_linear": float(metrics.cohen_kappa_score(target, predicted, weights="linear")),
        "f1_macro": float(metrics.f1_score(target, predicted, average="macro")),
    }


def misses_by_size() -> dict[str, object]:
    """Misses that the exact rule allows, by floor, delta and number of positives."""
    sizes = [*range(1, 61), 75, 100, 136, 150, 200, 300, 500, 1000, 5000, 100_000]
    return {
        floor: {
            str(delta): {str(n): misses_allowed(n, floor, str(delta)) for n in sizes}
            for delta in (0.01, 0.025, 0.05, 0.1)
        }
        for floor in ("0.8", "0.86", "0.9", "0.95")
    }


def rational_floor_traps() -> list[dict[str, object]]:
    """Where a ceiling of floats asks for one true positive too many."""
    floors = ("0.07", "0.14", "0.28", "0.29", "0.55", "0.56", "0.57", "0.58", "0.86", "0.9", "0.95")
    rows = [
        {"floor": f, "n": n, "exact": math.ceil(Fraction(f) * n), "float_ceil": math.ceil(float(f) * n)}
        for f in floors
        for n in (50, 100, 200, 300, 700, 1000)
    ]
    return [row for row in rows if row["exact"] != row["float_ceil"]]


def proportions() -> dict[str, dict[str, list[float]]]:
    return {
        f"{x}/{n}": {
            ours: [float(v) for v in proportion_confint(x, n, method=theirs)]
            for ours, theirs in INTERVALS.items()
        }
        for x, n in COUNTS
    }


def figures() -> dict[str, object]:
    tables = {path.stem: pd.read_csv(path) for path in sorted(FOLDER.glob("g*.csv"))}
    found: dict[str, dict[str, object]] = {}
    for name, table in tables.items():
        if name in ("g09_nan_inf", "g11_regression"):
            continue
        target = (table.y > 0).astype(int).to_numpy()
        score = table.get("score", table.get("score_a", 1 - table.get("p_normal", 0.0))).to_numpy(float)
        found[name] = scored_set(target, score)
    found["g07_weights"]["weighted"] = weighted_set(tables["g07_weights"])
    found["g08_paired"] |= paired_set(tables["g08_paired"])
    found["g10_three_class"] |= three_class_set(tables["g10_three_class"])
    return {
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        **found,
        "proportions": proportions(),
        "misses_by_size": misses_by_size(),
        "rational_floor_traps": rational_floor_traps(),
    }


if __name__ == "__main__":
    write_all(FOLDER)
    text = json.dumps(figures(), indent=1, allow_nan=False, default=float)
    (FOLDER / "expected_python.json").write_text(text + "\n")
