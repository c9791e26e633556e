"""Figures and names in words: the one place that decides how a number is printed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from strnet.report.measures import Measure
from strnet.schema import DXA_SITES, MEMBER, T_SCORE, bmd_column, t_score_column

MISSING: Final = "–"
"""What stands where there is no figure; its reason stands under the table."""

REFERENCE_NAMES: Final = MappingProxyType(
    {
        "dxa": "DXA",
        "qus": "ultrasound",
        "qct": "quantitative CT",
        "model": "another model's prediction",
        "phantom": "phantom",
    }
)
"""Reference standards as a reader knows them."""

SCORER_NAMES: Final = MappingProxyType(
    {
        "network": "network",
        "observer": "ideal observer",
        "clinical": "clinical variables only",
        "metadata": "acquisition metadata only",
    }
)
"""Who gives the scores, as a reader knows them."""


_FIGURES: Final = MappingProxyType(
    {
        "auroc": "AUROC",
        "auprc": "AUPRC",
        "ppv": "PPV",
        "npv": "NPV",
        "f1": "F1",
        "mae": "MAE",
        "rmse": "RMSE",
        "ccc": "concordance correlation",
        "ece": "expected calibration error",
        "macro_auroc": "macro AUROC",
        "hand_till": "AUROC after Hand and Till",
    }
)


def scorer_name(scorer: str) -> str:
    """A scorer in words; a baseline without a known name keeps its own, and so does a member."""
    if scorer.startswith(f"{MEMBER} "):
        return f"{scorer} alone"
    return SCORER_NAMES.get(scorer, f"{scorer} only")


def task_name(task: str, reference_standards: tuple[str, ...] = ()) -> str:
    """A task in words: `osteoporosis given loss`; T-score and BMD carry what they were measured with."""
    if task != T_SCORE and task not in map(bmd_column, DXA_SITES):
        return plain_name(task)
    return f"{plain_name(task)} ({reference_words(reference_standards)})"


def figure_words(name: str) -> str:
    """A dotted figure name in words: `bone_loss.exact.sensitivity` is `bone loss, exact, sensitivity`."""
    *where, figure = name.split(".")
    return ", ".join([*map(plain_name, where), _FIGURES.get(figure, plain_name(figure))])


def plain_name(name: str) -> str:
    """A task, class or group in words, without what it was measured with: `BMD of the femoral neck`."""
    if name == T_SCORE:
        return "T-score"
    for site in DXA_SITES:
        of_site = f"of the {site.replace('_', ' ')}"
        if name == bmd_column(site):
            return f"BMD {of_site}"
        if name == t_score_column(site):
            return f"T-score {of_site}"
    return name.replace("_", " ")


def unit_text(unit: str | None) -> str:
    """A unit in brackets behind a name, with its superscript: ` (g/cm²)`; nothing without one."""
    return "" if unit is None else f" ({unit.replace('cm2', 'cm²').replace('cm3', 'cm³')})"


def group_name(column: str, value: str) -> str:
    """`site B`, `fold 3`; a value that names its column itself, such as `site_b`, stands alone."""
    return value if value.startswith(column) else f"{column} {value}"


def sentence(words: str) -> str:
    """`words` with a capital first letter."""
    return words[:1].upper() + words[1:]


def reference_words(reference_standards: tuple[str, ...]) -> str:
    """`ultrasound`, `DXA and ultrasound`, or `reference not stated`."""
    if not reference_standards:
        return "reference not stated"
    return " and ".join(REFERENCE_NAMES.get(name, name) for name in reference_standards)


def number(value: float | None, digits: int = 3) -> str:
    """A number with that many decimals and a true minus sign; a dash where there is none."""
    if value is None:
        return MISSING
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def estimate_text(measure: Measure, digits: int = 3) -> str:
    """`0.933 (0.907 to 0.955)`, the value alone where no interval is defined, or a dash."""
    value = number(measure.value, digits)
    if measure.value is None or not measure.has_interval:
        return value
    return f"{value} ({number(measure.low, digits)} to {number(measure.high, digits)})"


def counted_text(measure: Measure, digits: int = 3) -> str:
    """`123/136 = 0.904 (0.843 to 0.943)` where the counts are known, otherwise as `estimate_text`."""
    text = estimate_text(measure, digits)
    if measure.value is None or measure.events is None or measure.count is None:
        return text
    return f"{measure.events}/{measure.count} = {text}"


def p_text(p_value: float | None) -> str:
    """`0.031`, `< 0.001`, or a dash."""
    if p_value is None:
        return MISSING
    return "< 0.001" if p_value < 0.001 else number(p_value)


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 film`, `1,570 films`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
