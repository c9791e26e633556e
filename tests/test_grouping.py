import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import GroupingError
from strnet.grouping import Grouping, group_labels, read_grouping


def labels(values, *asked, **how):
    series = pl.Series(values, **how)
    return group_labels(series, Grouping(*asked)).to_list()


def test_a_bin_holds_its_lower_cut_and_not_its_upper_one():
    found = labels([49.9, 50.0, 64.99, 65.0, 80.0, 120.0, None, float("nan")], "age", (50.0, 65.0, 80.0))
    assert found == ["<50", "50 to <65", "50 to <65", "65 to <80", ">=80", ">=80", None, None]


def test_ages_are_cut_by_decades_where_nobody_says_otherwise():
    assert labels([49, 50, 60, 79, 80], "age") == ["<50", "50 to <60", "60 to <70", "70 to <80", ">=80"]


@given(
    values=st.lists(st.none() | st.floats(-100, 100), max_size=30),
    cuts=st.lists(st.integers(-50, 50), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_every_number_falls_into_the_bin_that_its_label_describes(values, cuts):
    names = labels(values, "x", tuple(map(float, cuts)), dtype=pl.Float64)
    for value, name in zip(values, names, strict=True):
        if value is None:
            assert name is None
        elif name.startswith("<"):
            assert value < float(name[1:])
        elif name.startswith(">="):
            assert value >= float(name[2:])
        else:
            low, high = name.split(" to <")
            assert float(low) <= value < float(high)


def test_groups_stand_in_the_order_of_their_numbers_and_not_of_their_letters():
    found = group_labels(pl.Series([10, 9, 100, 9]), Grouping("fold"))
    assert found.unique().sort().to_list() == ["9", "10", "100"]
    ages = group_labels(pl.Series([90, 10, 55]), Grouping("age", (50.0, 60.0)))
    assert ages.unique().sort().to_list() == ["<50", "50 to <60", ">=60"]


def test_numbers_that_differ_are_never_one_group():
    found = labels([0.1 + 0.2, 0.3, 1.0, None], "dose")
    assert found == ["0.30000000000000004", "0.3", "1", None]


def test_cuts_that_lie_close_keep_their_own_names():
    assert labels([1000000.15], "x", (1000000.1, 1000000.2)) == ["1000000.1 to <1000000.2"]


def test_many_numbers_need_cuts_and_the_message_offers_some():
    with pytest.raises(GroupingError, match=r"21 different numbers.*--group x:5,10,15, or --group x:each"):
        labels(list(range(21)), "x")
    assert labels(list(range(21)), "x", (), True) == [str(n) for n in range(21)]


def test_text_and_truth_are_groups_as_they_are():
    assert labels(["b", None, "a"], "site") == ["b", None, "a"]
    assert labels([True, False, None], "implant") == ["true", "false", None]
    assert labels(["60-69", None], "age") == ["60-69", None]  # somebody's own bins


def test_a_column_nobody_knows_anything_of_has_no_group():
    assert labels([None, None], "age", (50.0,), dtype=pl.String) == [None, None]


def test_text_cannot_be_cut():
    with pytest.raises(GroupingError, match="no numbers to cut"):
        labels(["a"], "site", (3.0,))


def test_a_grouping_is_read_from_the_command_line():
    assert read_grouping("age", ["age"]) == Grouping("age")
    assert read_grouping("age:50,65.5", ["age"]) == Grouping("age", (50.0, 65.5))
    assert read_grouping("age:each", ["age"]) == Grouping("age", each=True)
    assert read_grouping("tag:3", ["tag:3", "tag"]) == Grouping("tag:3")  # a column of that very name


@pytest.mark.parametrize("text", ["age:", "age:65,50", "age:50,50", "age:a", "age:nan", "age:50,inf"])
def test_cuts_that_do_not_rise_are_refused(text):
    with pytest.raises(GroupingError, match="expected rising numbers"):
        read_grouping(text, ["age"])


@pytest.mark.parametrize("text", ["agee", "agee:50", ":50"])
def test_a_column_that_is_not_there_is_named_with_the_nearest_one(text):
    with pytest.raises(GroupingError, match="Unknown column"):
        read_grouping(text, ["age", "sex"])
