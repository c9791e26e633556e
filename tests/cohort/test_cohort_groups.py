from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strnet.cohort.linked_films import allocate, class_numbers, linked_groups

films = st.lists(
    st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 8))), min_size=1, max_size=25
)


def frame(rows):
    patients, contents = zip(*rows, strict=True)
    return pl.DataFrame(
        {
            "patient_id": [str(p) for p in patients],
            "pixel_sha256": [None if c is None else f"{c:064x}" for c in contents],
        },
        schema={"patient_id": pl.String, "pixel_sha256": pl.String},
    )


def reachable(rows):
    """Links by brute force: the transitive closure of sharing a patient or a picture."""
    n = len(rows)
    linked = np.array([[a[0] == b[0] or (a[1] is not None and a[1] == b[1]) for b in rows] for a in rows])
    for _ in range(n):
        linked = linked @ linked
    return linked


@given(films)
def test_films_are_grouped_exactly_when_a_chain_of_patients_and_pictures_links_them(rows):
    groups = linked_groups(frame(rows))
    assert np.array_equal(groups[:, None] == groups[None, :], reachable(rows))


def test_a_chain_over_three_patients_is_one_group():
    rows = frame([("a", 1), ("b", 1), ("b", 2), ("c", 2), ("d", None), ("e", None)])
    assert linked_groups(rows).tolist() == [0, 0, 0, 0, 1, 2]


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shares=st.sampled_from([(0.7, 0.15, 0.15), (1120, 226, 224), (1, 1, 1), (0.5, 0, 0.5), (9, 1, 0)]),
)
def test_every_part_comes_near_its_share_in_every_class(seed, shares):
    generator = np.random.default_rng(seed)
    groups = np.repeat(np.arange(150), generator.integers(1, 3, 150))
    classes = generator.choice(3, 150, p=[0.2, 0.5, 0.3])[groups]
    parts = allocate(groups, classes, shares, generator)
    assert all(len(set(parts[groups == group])) == 1 for group in range(150))
    for number, share in enumerate(np.asarray(shares) / sum(shares)):
        for label in range(3):
            due = share * (classes == label).sum()
            got = ((parts == number) & (classes == label)).sum()
            assert abs(got - due) <= 2.0, "a patient's two films may tip the scale"
            assert share > 0 or got == 0


def test_the_same_generator_gives_the_same_parts():
    groups, classes = np.arange(40), np.arange(40) % 2
    one, two = (allocate(groups, classes, (2, 1), np.random.default_rng(4)) for _ in range(2))
    other = allocate(groups, classes, (2, 1), np.random.default_rng(5))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_unknown_labels_are_a_class_of_their_own():
    assert class_numbers(pl.Series(["b", None, "a", "b"])).tolist() == [1, 2, 0, 1]


@pytest.mark.parametrize("labels", [[1, 2, 1], [True, False, True]])
def test_any_column_can_be_balanced(labels):
    numbers = class_numbers(pl.Series(labels))
    assert numbers[0] == numbers[2] != numbers[1]
