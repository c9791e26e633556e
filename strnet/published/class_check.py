"""The check of figures of several classes, where the cases of each class are known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strnet.errors import StatsError
from strnet.published.class_matrices import OF_CLASS, OF_HITS, ClassFigures, fitting_matrix
from strnet.published.figures import PublishedTable
from strnet.published.names import MACRO, SPANS, canonical
from strnet.published.printed import rounded
from strnet.published.sentences import listed
from strnet.published.verdicts import IMPOSSIBLE, Finding


def class_findings(published: PublishedTable) -> Iterator[Finding]:
    """Whether some confusion matrix of the stated classes prints the figures, and which of them is in the
    way.

    Raises: StatsError: a figure of a class that is none, or more matrices than can be tried.
    """
    if not published.classes:
        return
    figures = _class_figures(published)
    found = fitting_matrix(figures)
    cases = listed([f"{count} {name}" for name, count in published.classes.items()])
    if found is not None:
        parts = [
            f"{name} {hits} true and {false} false"
            for name, hits, false in zip(published.classes, found.hits, found.false, strict=True)
        ]
        text = f"A confusion matrix of {cases} fits: called {listed(parts)}."
        details = {"hits": found.hits.tolist(), "false": found.false.tolist()}
        yield Finding("classes_fit", text, details)
        return
    doubt = _in_the_way(figures, tuple(published.classes))
    text = f"No confusion matrix of {cases} gives the figures"
    text += f"; without {listed(doubt, 'or')} they fit." if doubt else ", nor without any one of them."
    yield Finding("no_matrix", text, {}, IMPOSSIBLE, doubt)


def _class_figures(published: PublishedTable) -> ClassFigures:
    places = {name: place for place, name in enumerate(published.classes)}
    overall = {name: figure for name, figure in published.windows.items() if name in (*OF_HITS, *MACRO)}
    per_class = {
        places[label]: {
            _of_class(name): rounded(text, name=f"{label} {name}") for name, text in figures.items()
        }
        for label, figures in published.per_class.items()
    }
    return ClassFigures(np.array(list(published.classes.values()), dtype=np.int64), overall, per_class)


def _of_class(name: str) -> str:
    key = canonical(name)
    if key not in OF_CLASS or key not in SPANS:
        raise StatsError(f"per_class: found {name!r}, expected one of {', '.join(OF_CLASS)}.")
    return key


def _in_the_way(figures: ClassFigures, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The figures without any one of which the others fit."""
    found = [name for name in figures.overall if fitting_matrix(figures.without(name)) is not None]
    for place, own in figures.per_class.items():
        found += [
            f"{labels[place]} {name}"
            for name in own
            if fitting_matrix(figures.without(name, place)) is not None
        ]
    return tuple(found)
