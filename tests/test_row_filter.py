import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strnet.errors import ConfigError, RowFilterError, ThresholdError
from strnet.row_filter import columns_of, condition_of, keep_rows, require_held, require_held_numbers

FILMS = pl.DataFrame(
    {
        "view": ["AP", "PA", None, "LATERAL"],
        "age": [50.0, None, 70.0, 30.0],
        "site": ["St. John's", "b", "b", "c"],
    }
)


def truth(where: str) -> list[bool | None]:
    return FILMS.select(condition_of(where, FILMS.lazy()).alias("kept"))["kept"].to_list()


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("view = 'AP'", [True, False, None, False]),
        ('view == "AP"', [True, False, None, False]),
        ("\"view\" = 'AP'", [True, False, None, False]),
        ("view <> 'AP'", [False, True, None, True]),
        ("not (view = 'AP')", [False, True, None, True]),
        ("view in ('AP', 'PA')", [True, True, None, False]),
        ("view is null", [False, False, True, False]),
        ("view = 'AP' or view is null", [True, False, True, False]),
        ("view = 'AP' and age >= 50", [True, False, None, False]),
        ("age between 40 and 60", [True, None, False, False]),
        ("site = 'St. John''s'", [True, False, False, False]),
        ("view = 'AP' -- the usual one", [True, False, None, False]),
    ],
)
def test_a_condition_is_true_false_or_unknown_as_sql_has_it(where, kept):
    assert truth(where) == kept


@given(low=st.integers(0, 100), view=st.sampled_from(["AP", "PA", "LATERAL"]), either=st.booleans())
def test_a_condition_keeps_what_a_loop_over_the_rows_keeps(low, view, either):
    def holds(row):
        parts = (row["view"] and row["view"] == view, row["age"] is not None and row["age"] >= low)
        return any(parts) if either else all(parts)

    where = f"view = '{view}' {'or' if either else 'and'} age >= {low}"
    kept = keep_rows(FILMS.lazy(), where).collect()
    assert kept.rows() == [row for row in FILMS.rows() if holds(dict(zip(FILMS.columns, row, strict=True)))]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("View = 'AP'", "did you mean 'view'"),
        ("view = AP", "Text stands in quotes: 'AP'"),
        ("\"veiw\" <> 'AP' and age > 5", "compares text with text .* did you mean 'view'"),
        ("\"veiw\" not like 'A%' and age > 5", "compares text with text"),
        ("age > 50; drop table x", "cannot read"),
        ("", "cannot read"),
        ("age", "expected true or false"),
        ("age > 'x'", "does not fit the columns"),
        ("1 = 1", "names no column"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(where, message):
    with pytest.raises(RowFilterError, match=message):
        condition_of(where, FILMS.lazy())


@pytest.mark.parametrize(
    "where",
    ["view = 'Ap'", "view <> 'Ap'", "view in ('AP', 'Ap')", 'age > 5 and view not in ("Ap")'],
)
def test_a_text_that_no_row_holds_is_a_slip_and_the_nearest_value_is_named(where):
    with pytest.raises(RowFilterError, match=r"no row has view 'Ap': did you mean 'AP'\?"):
        require_held(where, FILMS, {})


@pytest.mark.parametrize(
    "where", ["view <> 'OBLIQUE'", "site like 'view = ''Ap'''", "lower(view) = 'ap'", "age = 5"]
)
def test_a_word_of_the_vocabulary_and_text_that_is_no_value_are_left_alone(where):
    require_held(where, FILMS, {"view": ("AP", "OBLIQUE")})


@pytest.mark.parametrize(
    "where",
    [
        "kv > '10'",
        'kv <= "10"',
        "age > 3 and kv between '10' and '90'",
        "film_date < '01.02.2026'",
        "\"kv\">='9'",
    ],
)
def test_before_and_after_are_no_questions_to_text(where):
    # '9' > '10' is true of text, and of 9 and 10 it is not; one cell 'n/a' makes text of a column of numbers
    films = FILMS.with_columns(
        kv=pl.Series(["9", "10", "n/a", None]), film_date=pl.Series(["31.01.2026"] * 4)
    )
    with pytest.raises(RowFilterError, match="has no order"):
        require_held(where, films, {})


def test_before_and_after_are_questions_to_dates_and_numbers():
    films = FILMS.with_columns(film_date=pl.Series(["2026-01-31", None, "2026-02-01", "2026-02-02"]))
    for where in ("film_date < '2026-02-01'", "age < 60 and site <> 'b'", "cast(age as varchar) < '6'"):
        require_held(where, films, {})


def test_a_site_that_no_row_has_is_refused_also_where_it_would_keep_every_row():
    with pytest.raises(RowFilterError, match="no row has site 'd'"):
        require_held("site <> 'd'", FILMS, {"view": ("AP",)})


def test_the_columns_of_a_condition_are_known_before_it_is_checked():
    assert columns_of('view == "AP" and bmi > 30', FILMS.columns) == {"view", "bmi"}
    assert columns_of('view == "AP" and "bmi" > 30') == {"view", "AP", "bmi"}
    assert columns_of("view =", FILMS.columns) == set()


def test_the_error_is_one_of_a_recipe_and_of_a_threshold_request():
    assert issubclass(RowFilterError, ConfigError)
    assert issubclass(RowFilterError, ThresholdError)


@pytest.mark.parametrize("where", ["age = 50", "age in (50, 61.0)", "flag = 1", "age = 2 * 25", "age > 99"])
def test_numbers_that_a_row_holds_and_flags_may_be_asked_for(where):
    require_held_numbers(where, pl.DataFrame({"age": [50.0, 61.0, None], "flag": [0, 0, None]}))


@pytest.mark.parametrize(
    ("where", "found"),
    [("age = 49", "age 49"), ("age <> 5", "age 5"), ("sex = 'F = 3' and age in (50, -1)", "age -1")],
)
def test_a_number_that_no_row_holds_is_refused(where, found):
    frame = pl.DataFrame({"age": [50, 61], "sex": ["F", "M"]})
    with pytest.raises(RowFilterError, match=f"no row has {found}. Found: 50, 61"):
        require_held_numbers(where, frame)
