import polars as pl
import pytest

from strnet.errors import ManifestError
from strnet.report.task_rows import patient_codes, rows_of_split, task_rows, with_observer


def frame(**columns) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "patient_id": ["p", "q", "q"],
            "split": ["test", "test", "validation"],
            "target.bone_loss": [1, 0, 1],
            "logit.bone_loss": [0.5, -0.5, 1.0],
        }
        | columns
    )


def test_an_unknown_split_names_the_ones_there_are():
    with pytest.raises(ManifestError, match="did you mean 'test'"):
        rows_of_split(frame(), "tset")


def test_an_image_twice_is_refused_by_name():
    with pytest.raises(ManifestError, match=r"1 images stand in more than one row \(a\)"):
        rows_of_split(frame(image_id=["a", "a", "c"]), "test")


def test_a_film_without_patient_is_refused():
    with pytest.raises(ManifestError, match="1 rows of split 'test' have no patient_id"):
        rows_of_split(frame(patient_id=["p", None, "q"]), "test")


def test_a_logit_that_is_no_number_is_refused_by_its_image():
    rows = rows_of_split(frame(**{"logit.bone_loss": [0.5, float("nan"), 1.0]}), "test")
    with pytest.raises(ManifestError, match=r"1 of 2 rows whose target is known \(images b\)"):
        task_rows(rows, "bone_loss", "binary")


def test_a_logit_may_be_missing_where_the_target_is_unknown():
    rows = frame(**{"logit.bone_loss": [0.5, None, 1.0], "target.bone_loss": [1, None, 1]})
    found = task_rows(rows_of_split(rows, "test"), "bone_loss", "binary")
    assert (found.target.tolist(), found.unknown) == ([1.0], 1)


def test_a_binary_target_of_two_is_refused():
    with pytest.raises(ManifestError, match="values other than 0 and 1 in 1 rows"):
        task_rows(frame(**{"target.bone_loss": [1, 2, 0]}), "bone_loss", "binary")


def test_a_target_of_words_is_refused():
    with pytest.raises(ManifestError, match="expected numbers"):
        task_rows(frame(**{"target.bone_loss": ["yes", "no", "no"]}), "bone_loss", "binary")


def test_a_missing_column_is_named_with_the_nearest():
    rows = frame().rename({"logit.bone_loss": "logit.bone_los"})
    with pytest.raises(ManifestError, match=r"'logit\.bone_loss' is missing.*did you mean 'logit\.bone_los'"):
        task_rows(rows, "bone_loss", "binary")


def test_true_and_false_are_targets_too():
    found = task_rows(frame(**{"target.bone_loss": [True, False, None]}), "bone_loss", "binary")
    assert found.target.tolist() == [1.0, 0.0]


def test_a_baseline_that_says_nothing_is_left_out():
    empty = {"baseline.clinical.bone_loss": pl.Series([None] * 3, dtype=pl.Float64)}
    found = task_rows(frame(**empty), "bone_loss", "binary")
    assert list(found.scores) == ["network"]


def test_two_films_of_one_patient_make_patients_the_unit():
    assert task_rows(frame(), "bone_loss", "binary").clusters.tolist() == [0, 1, 1]
    assert task_rows(rows_of_split(frame(), "test"), "bone_loss", "binary").clusters is None


def test_the_observer_is_matched_by_image():
    truth = pl.DataFrame(
        {"image_id": ["c", "a"], "observer.bone_loss": [3.0, 1.0], "true_t_score": [0.0, 1.0]}
    )
    joined = with_observer(frame(), truth)
    assert joined["observer.bone_loss"].to_list() == [1.0, None, 3.0]
    assert "true_t_score" not in joined.columns


def test_a_case_of_both_films_has_the_observer_who_saw_both():
    cases = frame(image_id=[None, None, "c"], patient_id=["p", "q", "r"], members=[2, 2, 1])
    truth = pl.DataFrame(
        {
            "image_id": ["p1", "p2", "q1", "q2", "c", "d"],
            "patient_id": ["p", "p", "q", "q", "r", "r"],
            "observer.bone_loss": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            "observer_of_both.bone_loss": [7.0, 7.0, 8.0, 8.0, 9.0, 9.0],
        }
    )
    joined = with_observer(cases, truth)
    # the last case has one film only, and what both would say of it is no ceiling of that
    assert joined["observer.bone_loss"].to_list() == [7.0, 8.0, 0.5]
    assert [name for name in joined.columns if name not in cases.columns] == ["observer.bone_loss"]
    assert list(task_rows(joined, "bone_loss", "binary").scores) == ["network", "observer"]


def test_a_film_alone_keeps_the_observer_of_one_film():
    truth = pl.DataFrame(
        {
            "image_id": ["a", "b", "c"],
            "patient_id": ["p", "q", "q"],
            "observer.bone_loss": [1.0, 2.0, 3.0],
            "observer_of_both.bone_loss": [7.0, 8.0, 8.0],
        }
    )
    assert with_observer(frame(), truth)["observer.bone_loss"].to_list() == [1.0, 2.0, 3.0]


def test_the_observer_of_both_is_silent_where_a_patient_has_two_examinations():
    truth = pl.DataFrame(
        {
            "image_id": ["p1", "p2", "q1", "q2"],
            "patient_id": [7, 7, 8, 8],
            "observer.bone_loss": [0.1, 0.2, 0.3, 0.4],
            "observer_of_both.bone_loss": [7.0, 6.0, 8.0, 8.0],
        }
    )
    cases = frame(image_id=pl.Series([None] * 3, dtype=pl.String), patient_id=["7", "8", "9"])
    assert with_observer(cases, truth)["observer.bone_loss"].to_list() == [None, 8.0, None]


def test_numeric_image_ids_match_their_text():
    truth = pl.DataFrame({"image_id": ["1", "2", "3"], "observer.bone_loss": [1.0, 2.0, 3.0]})
    joined = with_observer(frame(image_id=[1, 2, 3]), truth)
    assert joined["observer.bone_loss"].to_list() == [1.0, 2.0, 3.0]


def test_image_ids_match_also_where_gaps_made_them_floating():
    truth = pl.DataFrame({"image_id": [1.0, 2.0, 3.0], "observer.bone_loss": [1.0, 2.0, 3.0]})
    joined = with_observer(frame(image_id=["1", "2", "3"]), truth)
    assert joined["observer.bone_loss"].to_list() == [1.0, 2.0, 3.0]


def test_a_truth_table_without_observer_is_refused():
    with pytest.raises(ManifestError, match=r"no column 'observer\.<task>'"):
        with_observer(frame(), pl.DataFrame({"image_id": ["a"], "t_score": [1.0]}))


def test_names_of_patients_are_read_once_into_numbers_in_their_order():
    names = ["p10", "p9", "Ä", "p10", "q"]
    films = pl.DataFrame({"patient_id": names})

    # by hand: sorted they are p10, p9, q, Ä
    assert patient_codes(films).tolist() == [0, 1, 3, 0, 2]
    known = task_rows(rows_of_split(frame(patient_id=["q", "p", "q"]), "test"), "bone_loss", "binary")
    assert known.patients.dtype.kind == "i"
    assert known.patients.tolist() == [1, 0]
