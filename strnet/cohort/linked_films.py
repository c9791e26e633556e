"""Which films belong together: same patient, or the same picture under another name."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from strnet.schema import PATIENT_ID


def linked_groups(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Group number of each row, shape (rows,), in order of first appearance.

    Rows are linked by patient_id and by pixel_sha256, and so are rows linked to the same third one: two
    patients who share a picture are one group, with all of their films.
    """
    parent: dict[Hashable, Hashable] = {}
    keys = list(zip(frame[PATIENT_ID], frame["pixel_sha256"], strict=True))
    for patient, content in keys:
        _root(parent, ("patient", patient))
        if content is not None:
            parent[_root(parent, ("content", content))] = _root(parent, ("patient", patient))
    numbers: dict[Hashable, int] = {}
    roots = (_root(parent, ("patient", patient)) for patient, _ in keys)
    return np.array([numbers.setdefault(root, len(numbers)) for root in roots], dtype=np.int64)


def _root(parent: dict[Hashable, Hashable], key: Hashable) -> Hashable:
    """The representative of `key`; halves the path to it on the way."""
    parent.setdefault(key, key)
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def allocate(
    groups: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int64],
    shares: Sequence[float],
    generator: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Part number of each row, shape (rows,), groups kept whole, parts near `shares` in every class.

    Groups go, the largest first and otherwise in random order, where their classes would be furthest
    behind what is due with half of the group counted in. With groups of one or two films each part ends
    within about one film of its due in every class.

    Source: iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011) with the divisors of Webster's
    method of apportionment, which favours neither large nor small parts.
    """
    counts = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(counts, (groups, classes), 1.0)
    parts = np.flatnonzero(np.asarray(shares) > 0)
    due = np.outer(np.asarray(shares, dtype=float)[parts] / sum(shares), counts.sum(axis=0))
    left = due.copy()
    order = generator.permutation(len(counts))
    part_of_group = np.zeros(len(counts), dtype=np.int64)
    for group in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        concerned = counts[group] > 0
        behind = (left - counts[group] / 2)[:, concerned] / due[:, concerned]
        part = int(np.argmax(behind.mean(axis=1)))
        part_of_group[group] = parts[part]
        left[part] -= counts[group]
    return part_of_group[groups]


def class_numbers(labels: pl.Series) -> npt.NDArray[np.int64]:
    """Class number of each row, shape (rows,), in alphabetical order; unknown is a class of its own."""
    text = labels.cast(pl.String).fill_null("unknown")
    numbers = {label: number for number, label in enumerate(sorted(text.unique()))}
    return np.array([numbers[label] for label in text], dtype=np.int64)
