"""What a reader must be told: baselines answered, rows used twice, labels that are not what they seem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strnet.report.evaluation import (
    AgreementResult,
    Answer,
    BinaryEvaluation,
    RegressionEvaluation,
    RowUse,
    ScorerResult,
    Subject,
    TaskEvaluation,
    Verdict,
)
from strnet.report.measures import AgainstNetwork
from strnet.report.rows import OBSERVER
from strnet.report.wording import estimate_text, p_text, reference_words, scorer_name, task_name

METADATA = "metadata"
_STEPS = (
    ("trained", "The network was trained on"),
    ("early_stopped", "Training was stopped, and its best epoch chosen, on"),
    ("calibrated", "Probabilities were calibrated on"),
    ("tuned", "Hyper-parameters were chosen on"),
    ("thresholds", "Operating points were chosen, and then frozen, on"),
)


@dataclass(frozen=True, slots=True)
class Banner:
    """Something that changes how every figure is to be read."""

    heading: str
    text: str


def banners(subject: Subject) -> tuple[Banner, ...]:
    """What stands above everything else: simulated films, labels of another kind, rows used twice."""
    found = [_REFERENCES[name] for name in subject.reference_standards if name in _REFERENCES]
    if not subject.reference_standards:
        found.append(_UNSTATED)
    reused = _reused(subject)
    if reused:
        found.append(
            Banner(
                "Optimistic figures.",
                f"The rows reported here (split '{subject.split}') were also used: {', '.join(reused)}. "
                "Rows that nothing has seen will do worse.",
            )
        )
    return tuple(found)


def statements(subject: Subject) -> tuple[str, ...]:
    """Which rows did what, a sentence per step, and whether any of them is reported on as well."""
    use = subject.row_use
    told = [
        f"{sentence} the split '{getattr(use, step)}'." for step, sentence in _STEPS if getattr(use, step)
    ]
    if use == RowUse():
        told.append("Which rows trained, stopped, calibrated or tuned this model was not recorded.")
    reused = _reused(subject)
    told.append(f"Everything below is reported on the split '{subject.split}'" + _own_words(reused, use))
    unit = (
        f"Patients are the unit of every interval: one has up to {subject.largest_cluster} films."
        if subject.largest_cluster > 1
        else "Every patient has one film, so films are the unit of every interval."
    )
    told.append(unit)
    told.append(f"The reference standard is: {reference_words(subject.reference_standards)}.")
    return tuple(told)


def verdicts(tasks: Sequence[TaskEvaluation], reference_standards: tuple[str, ...]) -> tuple[Verdict, ...]:
    """For each task: does the network beat the baselines, and is it matched by acquisition metadata?"""
    found: list[Verdict] = []
    for task in tasks:
        if isinstance(task, BinaryEvaluation | RegressionEvaluation):
            for result in task.scorers[1:]:
                found += _verdict(task, result, task_name(task.task, reference_standards))
    return tuple(found)


_REFERENCES = {
    "phantom": Banner(
        "Phantom result.",
        "Films and labels are simulated. Nothing here says how the network does on patients.",
    ),
    "qus": Banner(
        "T-scores by ultrasound.",
        "The reference standard is quantitative ultrasound, not DXA. Its T-scores do not diagnose "
        "osteoporosis in the sense of the WHO, and no figure here is an agreement with DXA.",
    ),
    "qct": Banner(
        "Quantitative CT.",
        "The reference standard is quantitative CT, not DXA; a T-score from it is not a DXA T-score.",
    ),
    "model": Banner(
        "Labels of another model.",
        "The reference values were predicted by a model, not measured. Agreement with them is not accuracy.",
    ),
}
_UNSTATED = Banner(
    "Reference standard not stated.",
    "What the labels were measured with was not recorded. Do not read any T-score here as DXA.",
)


def _reused(subject: Subject) -> list[str]:
    words = {
        "trained": "to train",
        "early_stopped": "to stop training",
        "calibrated": "to calibrate",
        "tuned": "to choose hyper-parameters",
        "thresholds": "to choose operating points",
    }
    return [word for step, word in words.items() if getattr(subject.row_use, step) == subject.split]


def _own_words(reused: Sequence[str], use: RowUse) -> str:
    if reused:
        return f", which was also used {', '.join(reused)}: these figures are optimistic."
    return "." if use == RowUse() else ", which none of these steps has seen."


def _verdict(
    task: BinaryEvaluation | RegressionEvaluation, result: ScorerResult | AgreementResult, words: str
) -> Iterator[Verdict]:
    """One question about a baseline; an ideal observer is a ceiling, and no rival."""
    against, network = result.against_network, task.scorers[0]
    if against is None or result.scorer == OBSERVER:
        return
    name, quantity = scorer_name(result.scorer), against.quantity
    figures = [estimate_text(getattr(who, quantity)) for who in (network, result)]
    because = f"{quantity.upper()} {figures[0]} against {figures[1]}, {_difference_text(against)}"
    better, worse = _direction(against)
    answer: Answer = "yes" if better else "no" if worse else "not shown"
    question = f"Does the network beat {name} on {words}?"
    if result.scorer == METADATA:
        answer = "no" if better else "yes" if worse else "not ruled out"
        question = f"Is the network matched by {name} on {words}?"
    yield Verdict(task.task, result.scorer, question, answer, because)


def _direction(against: AgainstNetwork) -> tuple[bool, bool]:
    """Whether the interval of the difference lies wholly on the better, or on the worse, side of 0."""
    low, high = against.difference.low, against.difference.high
    if low is None or high is None:
        return False, False
    above, below = low > 0, high < 0
    return (above, below) if against.quantity == "auroc" else (below, above)


def _difference_text(against: AgainstNetwork) -> str:
    p_value = "" if against.p_value is None else f", p {p_text(against.p_value)}"
    return f"difference {estimate_text(against.difference)}{p_value}"
