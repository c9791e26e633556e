"""The tables of the experiment's README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strnet.report import Evaluation, named_figures

TASK = "osteoporosis"


def segmenter_table(figures: Mapping[str, Any]) -> str:
    """Dice, overlap and error of the boxes by side of the segmenter's split and label, in Markdown."""
    head = (
        "Films",
        "Label",
        "Found",
        "Dice",
        "Boxes: intersection over union",
        "Boxes: mean error of a side, pixels",
    )
    rows = [
        (
            f"{side} ({part['with_truth']})",
            label,
            f"{of_label['status'].get('found', 0)}/{part['films']}",
            *(
                _mean(of_label.get(name), digits)
                for name, digits in (("dice", 3), ("iou", 3), ("box_error", 1))
            ),
        )
        for side, part in figures.items()
        for label, of_label in part["labels"].items()
    ]
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(found: Mapping[str, Any] | None, digits: int) -> str:
    if found is None:
        return "–"
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if low is None or high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def compared_section(found: Mapping[str, Evaluation], compared: Any) -> str:
    """The paired comparison of the networks, the ideal observer of these films, and how to read them."""
    observer = named_figures(next(iter(found.values())))[f"{TASK}.observer.auroc"]
    limits = "" if observer.low is None else f" ({observer.low:.3f} to {observer.high:.3f})"
    parts = [table.markdown() for table in compared.tables]
    parts.append(f"Ideal observer: AUROC {observer.value:.3f}{limits}.")
    return "\n\n".join([*parts, *(f"- {note}" for note in compared.notes)])
