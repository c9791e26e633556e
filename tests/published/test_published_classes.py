"""Figures of several classes, against confusion matrices."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.errors import StatsError
from strnet.published import PublishedTable, check_published
from strnet.stats import class_metrics, macro_metrics

quick = settings(max_examples=60, deadline=None)
NAMES = "normal", "osteopenia", "osteoporosis"


@st.composite
def matrices(draw, most):
    """A confusion matrix of three classes, each with cases and each called."""
    cells = np.array([draw(st.integers(0, most)) for _ in range(9)]).reshape(3, 3)
    return cells + np.eye(3, dtype=int)


def figures_of(matrix, digits):
    means = macro_metrics(matrix)
    figures = {f"macro_{name}": f"{value:.{digits}f}" for name, value in means.items()}
    return {**figures, "accuracy": f"{np.trace(matrix) / matrix.sum():.{digits}f}"}


@quick
@given(matrices(6), st.integers(2, 4), st.data())
def test_figures_of_a_real_matrix_are_never_impossible(matrix, digits, data):
    exact = figures_of(matrix, digits)
    names = data.draw(st.lists(st.sampled_from(sorted(exact)), min_size=1, max_size=5, unique=True))
    classes = dict(zip(NAMES, matrix.sum(1).tolist(), strict=True))
    own = class_metrics(matrix)
    per_class = {
        NAMES[place]: {name: f"{own[place][name].value:.{digits}f}"}
        for place, name in enumerate(data.draw(st.permutations(["ppv", "specificity", "f1"])))
    }
    table = PublishedTable(
        figures={name: exact[name] for name in names}, classes=classes, per_class=per_class
    )
    found = check_published(table)
    assert found.verdict == "possible", [finding.text for finding in found.findings]
    unknown_classes = PublishedTable(figures=exact, n=int(matrix.sum()), class_number=3)
    assert check_published(unknown_classes).verdict == "possible"


def all_matrices(cases):
    """Every confusion matrix with these cases in each class."""
    rows = [
        [(a, b, total - a - b) for a in range(total + 1) for b in range(total - a + 1)] for total in cases
    ]
    return [np.array(cells) for cells in product(*rows)]


@pytest.mark.parametrize("cases", [(2, 2, 3), (1, 3, 3)])
def test_every_pair_of_accuracy_and_macro_specificity_is_judged_as_by_all_matrices(cases):
    def specificity(matrix):
        false = matrix.sum(0) - np.diag(matrix)
        return np.mean(1 - false / (sum(cases) - np.array(cases)))

    everything = all_matrices(cases)
    there = {(f"{np.trace(m) / sum(cases):.2f}", f"{specificity(m):.2f}") for m in everything}
    accuracies, specificities = ({pair[i] for pair in there} for i in (0, 1))
    for accuracy, macro in product(sorted(accuracies), sorted(specificities)):
        table = PublishedTable(
            figures={"accuracy": accuracy, "macro_specificity": macro},
            classes=dict(zip(NAMES, cases, strict=True)),
        )
        assert (check_published(table).verdict == "possible") == ((accuracy, macro) in there)


def test_a_matrix_worked_by_hand():
    # 8 of 10, 6 of 10 and 9 of 10: recall .8, .6, .9, mean .767; accuracy 23 / 30
    classes = {"normal": 10, "osteopenia": 10, "osteoporosis": 10}
    figures = {"accuracy": ".767", "macro_recall": ".767"}
    sensitivities = {
        "normal": {"recall": ".8"},
        "osteopenia": {"recall": ".6"},
        "osteoporosis": {"recall": ".9"},
    }
    found = check_published(PublishedTable(figures=figures, classes=classes, per_class=sensitivities))
    assert found.found("classes_fit")[0].details["hits"] == [8, 6, 9]

    # with classes of one size both are the same; .733 is 22 of 30
    other = check_published(PublishedTable(figures={**figures, "accuracy": ".733"}, classes=classes))
    assert other.verdict == "impossible"
    assert set(other.doubt) == {"accuracy", "macro_sensitivity"}
    assert "without accuracy or macro_sensitivity they fit" in other.found("no_matrix")[0].text


def test_a_macro_f1_above_the_mean_of_precision_and_recall_is_impossible():
    figures = {"macro_f1": ".92", "macro_precision": ".90", "macro_recall": ".90"}
    found = check_published(PublishedTable(figures=figures))

    assert found.verdict == "impossible"
    assert "0.9050 at most" in found.found("macro_f1_too_large")[0].text
    figures["macro_f1"] = ".91"  # .905 is printed so
    assert check_published(PublishedTable(figures=figures)).verdict == "possible"


def test_a_macro_specificity_has_a_ceiling_at_each_accuracy():
    # 30% wrong among three classes: at most 1 - .3 / 3 = .9, in a class without cases
    figures = {"accuracy": ".700", "macro_specificity": ".910"}
    found = check_published(PublishedTable(figures=figures, class_number=3))

    assert found.verdict == "impossible"
    assert set(found.doubt) == {"macro_specificity", "accuracy"}


def test_an_accuracy_of_several_classes_is_a_whole_number_of_cases():
    figures = {"accuracy": ".82", "macro_recall": ".80"}
    found = check_published(PublishedTable(n=23, figures=figures, class_number=3))

    # 18 / 23 = .7826, 19 / 23 = .8261 is printed .83
    assert found.verdict == "impossible"
    assert "18 are 0.7826, 19 are 0.8261" in found.findings[0].text


def test_more_matrices_than_can_be_tried_are_refused():
    classes = {"normal": 900, "osteopenia": 800, "osteoporosis": 700}
    with pytest.raises(StatsError, match="combinations of true positives"):
        check_published(PublishedTable(figures={"macro_recall": ".9"}, classes=classes))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"classes": {"a": 3}}, "two classes or more"),
        ({"classes": {"a": 3, "b": 0}}, "with cases in each"),
        ({"classes": {"a": 3, "b": 4}, "n": 8}, "7 cases in all, but n is 8"),
        ({"per_class": {"c": {"ppv": ".5"}}, "classes": {"a": 3, "b": 4}}, "figures of 'c'"),
        ({"per_class": {"a": {"kappa": ".5"}}, "classes": {"a": 3, "b": 4}}, "expected one of sensitivity"),
        ({"per_class": {"a": {"ppv": "5"}}, "classes": {"a": 3, "b": 4}}, "a ppv: found '5'"),
    ],
)
def test_classes_that_cannot_be_are_refused(table, message):
    with pytest.raises(StatsError, match=message):
        check_published(PublishedTable(**{"figures": {"accuracy": ".5"}, **table}))


def test_figures_of_two_classes_beside_several_are_refused():
    with pytest.raises(StatsError, match=r"found recall beside several classes.*per_class"):
        PublishedTable(figures={"accuracy": ".8", "recall": ".9"}, class_number=3)
    with pytest.raises(StatsError, match="expected two or more"):
        PublishedTable(figures={"accuracy": ".8"}, class_number=1)
