"""Table 1: patients as the unit, tests against scipy, counts by hand, and what is said of the rest."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from strnet.errors import GroupingError, ManifestError
from strnet.report.table_one import TableOneRequest, table_one
from strnet.report.table_one_text import table_one_table


@pytest.fixture
def images():
    """60 patients, the first 20 with two films; T-scores, ages and BMI by group, one sex, some unknown."""
    rng = np.random.default_rng(3)
    diagnosis = np.repeat(["normal", "osteopenia", "osteoporosis"], 20)
    age = rng.normal(np.repeat([55.0, 60.0, 70.0], 20), 6.0)
    sex = rng.choice(["F", "M"], 60, p=[0.6, 0.4])
    patients = pl.DataFrame(
        {
            "patient_id": [f"p{number}" for number in range(60)],
            "diagnosis": diagnosis,
            "age": age,
            "bmi": [None if number % 10 == 0 else 20 + number / 10 for number in range(60)],
            "sex": sex,
            "smoker": [int(number % 3 == 0) for number in range(60)],
        }
    )
    return pl.concat([patients, patients.head(20)])


def row(found, name):
    return next(each for each in found.rows if each.column == name)


def ask(frame, by="diagnosis", columns=("age", "sex"), **more):
    return table_one(frame, TableOneRequest(by, tuple(columns), **more))


def test_two_films_of_a_patient_count_once_and_the_test_is_scipys(images):
    two = images.filter(pl.col("diagnosis") != "osteopenia")
    found = ask(two)
    assert found.groups == {"normal": 20, "osteoporosis": 20}
    assert found.patients == 40
    one = two.unique("patient_id", maintain_order=True)
    first, second = (one.filter(diagnosis=name)["age"].to_numpy() for name in found.groups)
    age = row(found, "age")
    assert age.groups[1].mean == pytest.approx(first.mean())
    assert age.groups[2].sd == pytest.approx(second.std(ddof=1))
    assert age.compared.p_value == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue)
    assert age.compared.effect.method.startswith("Hedges' g")


def test_three_groups_are_compared_by_welchs_anova(images):
    one = images.unique("patient_id", maintain_order=True)
    groups = [one.filter(diagnosis=name)["age"] for name in ("normal", "osteopenia", "osteoporosis")]
    age = row(ask(images), "age")
    assert age.compared.p_value == pytest.approx(stats.f_oneway(*groups, equal_var=False).pvalue)
    assert age.compared.test == "Welch's ANOVA"


def test_categories_are_counted_by_patient_and_compared_by_chi_squared(images):
    one = images.unique("patient_id", maintain_order=True)
    table = np.array(
        [
            [one.filter(diagnosis=name, sex=sex).height for sex in "FM"]
            for name in ("normal", "osteopenia", "osteoporosis")
        ]
    )
    sex = row(ask(images), "sex")
    assert [list(group.counts.values()) for group in sex.groups[1:]] == table.tolist()
    assert sex.compared.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_small_two_by_two_counts_are_compared_by_fishers_test():
    frame = pl.DataFrame(
        {
            "patient_id": list("abcdefgh"),
            "diagnosis": ["normal"] * 4 + ["osteoporosis"] * 4,
            "fracture": [0, 0, 0, 1, 1, 1, 1, 0],
        }
    )
    compared = row(ask(frame, columns=["fracture"]), "fracture").compared
    assert compared.test == "Fisher"
    assert compared.p_value == pytest.approx(34 / 70)  # (1 + 16) twice, of 70 tables
    assert compared.effect.value == pytest.approx(0.5)
    assert not compared.effect.has_interval


def test_medians_are_compared_by_ranks_with_the_chance_of_a_higher_value(images):
    two = images.filter(pl.col("diagnosis") != "osteopenia")
    age = row(ask(two, columns=["age"], medians=("age",)), "age")
    one = two.unique("patient_id", maintain_order=True)
    first, second = (one.filter(diagnosis=name)["age"] for name in ("normal", "osteoporosis"))
    theirs = stats.mannwhitneyu(first, second)
    assert age.groups[1].median == pytest.approx(np.median(first))
    assert age.groups[1].lower_quartile == pytest.approx(np.quantile(first, 0.25))
    assert age.compared.p_value == pytest.approx(theirs.pvalue)
    assert age.compared.effect.value == pytest.approx(theirs.statistic / 400)


def test_a_column_that_is_to_have_a_median_is_shown_once_whether_it_was_named_or_not(images):
    found = ask(images, columns=("age", "bmi", "age"), medians=("bmi",), categories=("smoker",))
    assert [(row.column, row.kind) for row in found.rows] == [
        ("age", "mean"), ("bmi", "median"), ("smoker", "categories"),
    ]  # fmt: skip


def test_unknown_values_are_counted_and_percentages_are_of_the_known(images):
    found = ask(images.with_columns(sex=pl.when(pl.col("bmi").is_not_null()).then("sex")))
    sex = row(found, "sex")
    assert (sex.groups[0].known, sex.groups[0].unknown) == (54, 6)
    table = table_one_table(found)
    unknown = next(cells for cells in table.rows if cells[0] == "– unknown")
    assert unknown[1:5] == ("6", "2", "2", "2")
    women = sex.groups[0].counts["F"]
    assert any(cells[1] == f"{women} ({100 * women / 54:.1f}%)" for cells in table.rows)


def test_a_number_that_differs_within_a_patient_is_averaged_and_a_word_is_unknown_and_both_are_said():
    frame = pl.DataFrame(
        {
            "patient_id": ["a", "a", "b", "c", "d", "e"],
            "diagnosis": ["normal", "normal", "normal", "osteoporosis", "osteoporosis", "osteoporosis"],
            "age": [50.0, 52.0, 60.0, 70.0, 72.0, 80.0],
            "site": ["north", "south", "north", "south", "south", "north"],
        }
    )
    found = ask(frame, columns=["age", "site"])
    assert row(found, "age").groups[1].mean == 55.5
    assert row(found, "site").groups[1].unknown == 1
    notes = table_one_table(found).notes
    assert "age: 1 patient with several values; their mean is taken." in notes
    assert "site: 1 patient with several values; unknown here." in notes


def test_a_patient_whose_images_stand_in_two_groups_is_in_none(images):
    both = images.with_columns(
        diagnosis=pl.when(pl.int_range(pl.len()) == 60).then(pl.lit("osteoporosis")).otherwise("diagnosis")
    )
    found = ask(both)
    assert found.groups["normal"] == 19
    assert (found.in_several, found.without_group) == (1, 0)
    assert any("1 patient with images in several groups" in note for note in table_one_table(found).notes)


def test_patients_without_a_group_stand_in_the_first_column_only(images):
    some = images.with_columns(diagnosis=pl.when(pl.col("diagnosis") != "normal").then("diagnosis"))
    found = ask(some)
    assert (sum(found.groups.values()), found.patients, found.without_group) == (40, 60, 20)


def test_groups_stand_in_the_order_of_severity_and_a_number_is_cut(images):
    assert list(ask(images.reverse()).groups) == ["normal", "osteopenia", "osteoporosis"]
    by_age = ask(images, by="age:60", columns=["sex"])
    assert list(by_age.groups) == ["<60", ">=60"]
    many = images.unique("patient_id", maintain_order=True).with_columns(weight=pl.int_range(60, 120))
    with pytest.raises(GroupingError, match="--by weight: it holds 60 different numbers"):
        ask(many, by="weight")


def test_a_tiny_p_value_is_never_printed_as_nothing(images):
    apart = images.with_columns(age=pl.when(diagnosis="normal").then(pl.col("age") - 500).otherwise("age"))
    cells = table_one_table(ask(apart)).rows[0]
    assert "< 0.001" in cells
    assert "0.000" not in " ".join(cells)


def test_the_t_score_that_makes_the_diagnosis_is_named(images):
    found = ask(images.with_columns(t_score=-pl.col("age") / 30), columns=["t_score"])
    assert any("a small p-value there says nothing" in note for note in table_one_table(found).notes)


def test_one_group_and_a_group_of_nothing_known_have_no_test_but_a_reason(images):
    only = ask(images.filter(diagnosis="normal"), columns=["age"])
    assert row(only, "age").compared.note == "one group only"
    blank = images.with_columns(age=pl.when(pl.col("diagnosis") != "normal").then("age"))
    compared = row(ask(blank, columns=["age"]), "age").compared
    assert compared.p_value is None
    assert compared.note


def test_the_reason_for_no_test_of_a_group_of_one_patient_ends_in_one_full_stop(images):
    single = images.filter((pl.col("diagnosis") == "normal") | (pl.col("patient_id") == "p59"))
    notes = table_one_table(ask(single, columns=["age"])).notes
    assert sum("rows, expected two or more." in note for note in notes) == 1
    assert not any(note.endswith("..") for note in notes)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"columns": ["agee"]}, "did you mean 'age'"),
        ({"by": "patient_id"}, "60 groups"),
        ({"columns": ["patient_id"]}, "60 different words"),
        ({"columns": ["sex"], "medians": ("sex",)}, "has no median"),
    ],
)
def test_what_cannot_be_shown_is_refused(images, more, message):
    with pytest.raises(ManifestError, match=message):
        ask(images, **more)
