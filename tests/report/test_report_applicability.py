import polars as pl
import pytest

from strnet.report.applicability_shares import applicability_table, evaluate_applicability
from strnet.report.settings import EvaluationSettings
from strnet.trust import Applicability, PictureLimit, TrainedOn

LIMIT = PictureLimit(sha256="0" * 64, threshold=2.0, false_refusal=0.02, at_most=0.04, validation_films=24)
KNEE = Applicability(
    trained_on=TrainedOn(anatomies=("knee",), views=("AP",), ages=(50.0, 80.0)), picture=LIMIT
)


def rows(**columns):
    table = {
        "patient_id": ["a", "b", "c", "d"],
        "fold": [0, 0, 1, 1],
        "anatomy": ["knee", "hip", "knee", None],
        "view": ["AP", "AP", "PA", None],
        "age": [60.0, 60.0, 90.0, None],
        "atypicality": [1.0, 3.0, 1.5, 2.5],
    }
    return pl.DataFrame({**table, **columns})


def shares(frame, applicability=KNEE):
    found = evaluate_applicability(frame, applicability, EvaluationSettings())
    return {"refused": found.refused, **{entry.code: entry.share for entry in found.by_code}}


def test_refused_and_atypical_rows_are_counted_by_reason():
    found = shares(rows())
    counts = {code: (share.events, share.count) for code, share in found.items()}
    assert counts == {
        "refused": (2, 4),
        "another_body_part": (1, 4),
        "another_view": (1, 4),
        "another_age": (1, 4),
        "atypical_picture": (2, 4),
    }
    assert found["refused"].low > 0


def test_where_the_recipe_says_so_atypical_pictures_are_refused():
    refusing = KNEE.model_copy(update={"picture_refuses": True})
    assert shares(rows(), refusing)["refused"].events == 3


def test_patients_are_the_unit_where_one_has_two_films():
    assert shares(rows(patient_id=["a", "a", "b", "b"]))["refused"].clusters == 2
    assert shares(rows())["refused"].clusters is None


def test_each_fold_is_judged_by_its_own_bundle():
    strict = KNEE.model_copy(update={"picture": LIMIT.model_copy(update={"threshold": 0.5})})
    assert shares(rows(), {0: KNEE, 1: strict})["atypical_picture"].events == 3


def test_without_scores_nothing_is_said_of_pictures():
    assert "atypical_picture" not in shares(rows().drop("atypicality"))


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("modality", "MG", "another_modality"), ("presentation_intent", "FOR PROCESSING", "for_processing")],
)
def test_what_was_joined_from_the_manifest_counts(column, value, code):
    assert shares(rows(**{column: [value, None, None, None]}))[code].events == 1


def test_the_table_says_what_the_validation_films_promise():
    table = applicability_table(evaluate_applicability(rows(), KNEE, EvaluationSettings()))
    assert table.rows[0][1].startswith("2/4 = 0.500")
    assert "at most 4.0%" in table.notes[0]
    assert "2.0% asked for needs more validation films" in table.notes[0]
