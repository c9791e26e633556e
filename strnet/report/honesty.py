"""What a reader must be told: baselines answered, rows used twice, labels that are not what they seem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strnet.report.evaluation import Answer, RowUse, Subject, Verdict
from strnet.report.measures import AgainstNetwork, Measure
from strnet.report.task_results import (
    AgreementResult,
    BinaryEvaluation,
    CategoricalEvaluation,
    ClassBaseline,
    ScorerResult,
    TaskEvaluation,
)
from strnet.report.task_rows import OBSERVER
from strnet.report.wording import estimate_text, figure_words, p_text, reference_words, scorer_name, task_name
from strnet.schema import MEMBER

METADATA = "metadata"
Rival = ScorerResult | AgreementResult | ClassBaseline
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
    if subject.undecided is not None:
        found.append(
            Banner(
                "No operating point decides.",
                f"The one that the recipe asks for could not be had: {subject.undecided}",
            )
        )
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
    if subject.where is not None:
        told.append(f"Only rows with {subject.where} were used at any step; nothing is said of others.")
    unit = (
        f"Patients are the unit of every interval: one has up to {subject.largest_cluster} cases, which are "
        "films, or what an ensemble answers together."
        if subject.largest_cluster > 1
        else "Every patient has one case, a film or what an ensemble answers together: cases are the unit of "
        "every interval."
    )
    told.append(unit)
    if subject.folds > 1:
        told.append(
            f"{subject.folds} networks, one per fold, scored these rows. A pooled figure compares scores "
            "of different networks as well; each fold stands by itself in the tables by group."
        )
    told.append(f"Reference standard: {reference_words(subject.reference_standards)}.")
    return tuple(told)


def verdicts(tasks: Sequence[TaskEvaluation], reference_standards: tuple[str, ...]) -> tuple[Verdict, ...]:
    """For each task: does the network beat the baselines, and is it matched by acquisition metadata?"""
    found: list[Verdict] = []
    for task in tasks:
        words = task_name(task.task, reference_standards)
        if isinstance(task, CategoricalEvaluation):
            for baseline in task.baselines:
                found += _verdict(task.task, words, baseline, task.macro_auroc)
        else:
            for rival in task.scorers[1:]:
                own = task.scorers[0].auroc if isinstance(task, BinaryEvaluation) else task.scorers[0].mae
                found += _verdict(task.task, words, rival, own)
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


def _verdict(task: str, words: str, rival: Rival, own: Measure) -> Iterator[Verdict]:
    """One question about a baseline, the network's figure being `own`; observer and members are no rivals."""
    against = rival.against_network
    if against is None or rival.scorer == OBSERVER or rival.scorer.startswith(f"{MEMBER} "):
        return
    name, quantity = scorer_name(rival.scorer), figure_words(against.quantity)
    theirs = estimate_text(getattr(rival, against.quantity))
    because = f"{quantity} {estimate_text(own)} against {theirs}, {_difference_text(against)}"
    better, worse = _direction(against)
    answer: Answer = "yes" if better else "no" if worse else "not shown"
    question = f"Does the network beat {name} on {words}?"
    if rival.scorer == METADATA:
        answer = "no" if better else "yes" if worse else "not ruled out"
        question = f"Is the network matched by {name} on {words}?"
    yield Verdict(task, rival.scorer, question, answer, because)


def _direction(against: AgainstNetwork) -> tuple[bool, bool]:
    """Whether the interval of the difference lies wholly on the better, or on the worse, side of 0."""
    low, high = against.difference.low, against.difference.high
    if low is None or high is None:
        return False, False
    above, below = low > 0, high < 0
    return (below, above) if against.quantity == "mae" else (above, below)


def _difference_text(against: AgainstNetwork) -> str:
    p_value = "" if against.p_value is None else f", p {p_text(against.p_value)}"
    return f"difference {estimate_text(against.difference)}{p_value}"
