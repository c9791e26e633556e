"""Means over classes where the cases of each class are not stated: what holds whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from strnet.published.figures import PublishedTable
from strnet.published.names import MACRO
from strnet.published.verdicts import IMPOSSIBLE, Finding
from strnet.published.whole_hits import whole_hits_findings


def macro_findings(published: PublishedTable) -> Iterator[Finding]:
    """What figures of several classes say of each other; nothing where none is printed.

    Where the classes are counted, `class_findings` has more to say.
    """
    windows = published.windows
    if not (published.class_number or published.classes or any(name in windows for name in MACRO)):
        return
    found = [*whole_hits_findings(published), *_harmonic_mean(published), *_specificity(published)]
    yield from found
    if not found:
        text = "Nothing that holds whatever the cases of each class speaks against the means over classes."
        yield Finding("macro_possible", text, {})


def _harmonic_mean(published: PublishedTable) -> Iterator[Finding]:
    """F1 of a class is a harmonic mean, so never above the arithmetic one; nor is that of the means."""
    windows = published.windows
    if not {"macro_f1", "macro_ppv", "macro_sensitivity"} <= set(windows):
        return
    f1, ppv, sensitivity = (windows[name] for name in ("macro_f1", "macro_ppv", "macro_sensitivity"))
    most = (ppv.high + sensitivity.high) / 2
    if f1.low > most:
        text = (
            f"A macro F1 of {f1.text} is above the mean of macro precision {ppv.text} and macro recall "
            f"{sensitivity.text}, {float(most):.4f} at most: each class's F1 is below the mean of its two."
        )
        names = ("macro_f1", "macro_ppv", "macro_sensitivity")
        yield Finding("macro_f1_too_large", text, {"most": float(most)}, IMPOSSIBLE, names)


def _specificity(published: PublishedTable) -> Iterator[Finding]:
    """Each wrong answer is a false positive of one class, among fewer negatives than there are cases."""
    windows, classes = published.windows, len(published.classes) or published.class_number
    if not classes or not {"accuracy", "macro_specificity"} <= set(windows):
        return
    accuracy, specificity = windows["accuracy"], windows["macro_specificity"]
    most = 1 - (1 - accuracy.high) / Fraction(classes)
    if specificity.low > most:
        text = (
            f"A macro specificity of {specificity.text} is above 1 - (1 - accuracy) / classes = "
            f"{float(most):.4f} at accuracy {accuracy.text}: every wrong answer is a false positive of one "
            f"of the {classes} classes."
        )
        details = {"most": float(most)}
        yield Finding(
            "macro_specificity_too_large", text, details, IMPOSSIBLE, ("macro_specificity", "accuracy")
        )
