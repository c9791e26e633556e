"""Tables of people: who was drawn, who was verified, and which tables are no random sample."""

import hashlib
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from strnet.errors import ThresholdError
from strnet.thresholds import fit_threshold
from strnet.thresholds.from_table import fit_from_table
from strnet.thresholds.partial_verification import VerificationCounts
from strnet.thresholds.sampling_list import draw, read_list, write_list
from strnet.thresholds.verified_people import counts_of, read_people


@pytest.fixture
def people():
    """Eight people: three flagged, two of them verified; five not flagged, two of them verified."""
    return pl.DataFrame(
        {
            "patient_id": list("abcdefgh"),
            "positive": [True] * 3 + [False] * 5,
            "dxa": [1, 0, None, 0, 1, None, None, None],
        }
    )


def test_people_are_counted_by_flag_and_result(people):
    counted = counts_of(read_people(people, target="dxa"), None)
    assert counted == VerificationCounts(
        flagged=3,
        flagged_verified=2,
        flagged_positive=1,
        unflagged=5,
        unflagged_drawn=2,
        unflagged_verified=2,
        unflagged_positive=1,
    )


def test_decisions_and_results_may_be_words(people):
    words = people.with_columns(
        positive=pl.when("positive").then(pl.lit("Positive")).otherwise(pl.lit("negative ")),
        dxa=pl.col("dxa").replace_strict({1: "TRUE", 0: "false"}, default=None, return_dtype=pl.String),
    )
    same = read_people(words.rename({"positive": "answer"}), target="dxa", decision="answer")
    assert counts_of(same, None) == counts_of(read_people(people, target="dxa"), None)


def test_a_drawing_is_that_of_the_lowest_hashes_whatever_the_order_of_people():
    names = [f"p{n}" for n in range(50)]
    by_hash = sorted(names, key=lambda name: hashlib.sha256(f"7\n12\n{name}".encode()).hexdigest())
    assert draw(names, 12, 7).drawn == draw(reversed(names), 12, 7).drawn == tuple(by_hash[:12])
    assert set(draw(names, 12, 8).drawn) != set(draw(names, 12, 7).drawn)


def test_everybody_is_drawn_as_often():
    names = [f"p{n}" for n in range(10)]
    drawn = [name for seed in range(4000) for name in draw(names, 3, seed).drawn]
    shares = [drawn.count(name) / 4000 for name in names]
    assert min(shares) > 0.3 - 4 * (0.21 / 4000) ** 0.5
    assert max(shares) < 0.3 + 4 * (0.21 / 4000) ** 0.5


def test_a_list_that_was_changed_or_drawn_from_others_is_refused(tmp_path):
    names = [f"p{n}" for n in range(20)]
    path = tmp_path / "list.csv"
    write_list(draw(names, 6, 3), "patient_id", path)
    assert read_list(path, "patient_id", names) == draw(names, 6, 3)
    with pytest.raises(ThresholdError, match="was drawn from 20 unflagged people, and the table has 19"):
        read_list(path, "patient_id", names[1:])
    left_out = next(name for name in names if name not in draw(names, 6, 3).drawn)
    path.write_text(path.read_text().replace(draw(names, 6, 3).drawn[0] + ",", left_out + ",", 1))
    with pytest.raises(ThresholdError, match="2 differ"):
        read_list(path, "patient_id", names)
    write_list(draw(names, 6, 3), "patient_id", path)
    path.write_text(path.read_text().replace(",3,20,6", ",4,20,6"))
    with pytest.raises(ThresholdError, match="is not what seed 4 draws"):
        read_list(path, "patient_id", names)


@pytest.mark.parametrize("told", ["as it was drawn", "as that of fewer"])
def test_a_list_that_was_cut_where_the_results_looked_good_is_refused(tmp_path, told):
    names = [f"p{n}" for n in range(40)]
    path = tmp_path / "list.csv"
    for number in range(2, 30):
        write_list(draw(names, number, 3), "patient_id", path)
        whole = pl.read_csv(path)
        for kept in range(1, number):
            cut = whole.head(kept)
            (cut if told == "as it was drawn" else cut.with_columns(drawn=kept)).write_csv(path)
            if set(cut["patient_id"]) == set(draw(names, kept, 3).drawn):
                assert kept == 1  # the two orders begin with the same person by chance
                continue
            with pytest.raises(ThresholdError, match=r"people were drawn|is not what seed 3 draws"):
                read_list(path, "patient_id", names)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drawn": 7}, "7 people were drawn, and the list has 6"),
        ({"drawn": "all"}, "drawn is all"),
        ({"seed": None}, "seed is None"),
        ({"seed": "²"}, "seed is ²"),
    ],
)
def test_a_list_whose_numbers_were_changed_is_refused(tmp_path, change, said):
    names = [f"p{n}" for n in range(20)]
    path = tmp_path / "list.csv"
    write_list(draw(names, 6, 3), "patient_id", path)
    pl.read_csv(path).with_columns(**{name: pl.lit(value) for name, value in change.items()}).write_csv(path)
    with pytest.raises(ThresholdError, match=said):
        read_list(path, "patient_id", names)


def test_the_drawn_who_did_not_come_are_counted_and_others_are_refused(people):
    group = read_people(people, target="dxa")
    seed = next(s for s in range(100) if set(draw("defgh", 3, s).drawn) > {"d", "e"})
    counted = counts_of(group, draw("defgh", 3, seed))
    assert (counted.unflagged_drawn, counted.unflagged_verified, counted.unflagged_absent) == (3, 2, 1)
    seed = next(s for s in range(100) if "e" not in draw("defgh", 3, s).drawn)
    with pytest.raises(ThresholdError, match=r"not on the list: .*e"):
        counts_of(group, draw("defgh", 3, seed))


def test_two_rows_of_one_person_and_cells_that_say_nothing_are_refused(people):
    with pytest.raises(ThresholdError, match="1 people stand in more than one row: a"):
        read_people(pl.concat([people, people[:1]]), target="dxa")
    with pytest.raises(ThresholdError, match=r"an empty decision \(row 3"):
        read_people(people.with_columns(positive=pl.Series([True, True, True, None] + [False] * 4)))
    with pytest.raises(ThresholdError, match=r"found 8 cells such as -2\.6"):
        read_people(people.with_columns(dxa=pl.lit(-2.6)), target="dxa")
    with pytest.raises(ThresholdError, match="no name"):
        read_people(people.with_columns(patient_id=pl.lit(None, dtype=pl.String)), target="dxa")


def test_an_operating_point_flags_and_contradicts_decisions_that_are_not_its_own(people, tmp_path, binormal):
    from strnet.thresholds.score_identity import identity_of

    point = replace(fit_threshold(*binormal(300)), score=identity_of("score"))
    scores = people.with_columns(score=pl.Series([point.threshold + 1] * 3 + [point.threshold - 1] * 5))
    by_point = read_people(scores.drop("positive"), point, target="dxa")
    assert list(by_point.flagged) == [True] * 3 + [False] * 5
    assert counts_of(read_people(scores, point, target="dxa"), None) == counts_of(by_point, None)
    swapped = scores.with_columns(positive=~pl.col("positive"))
    with pytest.raises(ThresholdError, match="8 decisions are not the operating point's"):
        read_people(swapped, point, target="dxa")


@pytest.fixture
def fitted():
    """150 people with scores, of whom 90 have disease, and the threshold that they chose."""
    rng = np.random.default_rng(4)
    dxa = np.repeat([1, 0], [90, 60])
    prob = np.round(np.where(dxa == 1, rng.beta(4, 2, 150), rng.beta(2, 4, 150)), 6)
    rows = pl.DataFrame({"patient_id": [f"a{n}" for n in range(150)], "prob": prob, "dxa": dxa})
    return rows, fit_from_table(rows, target="dxa", score="prob", identifier="patient_id")


@pytest.mark.parametrize("results", [{1: "TRUE", 0: "no"}, {1: "1.0", 0: "0"}])
def test_people_who_chose_the_threshold_do_not_verify_it_under_other_names(fitted, results):
    rows, point = fitted
    said = pl.col("dxa").replace_strict(results | {0: "false"}, return_dtype=pl.String)
    renamed = rows.with_columns(said, patient_id="b" + pl.col("patient_id")).sample(80, seed=1)
    with pytest.raises(ThresholdError, match=r"80 of 80 rows .* are among those that the"):
        read_people(renamed, point, target="dxa")
    some = renamed.with_columns(dxa=pl.when(pl.int_range(80) < 30).then("dxa"))
    with pytest.raises(ThresholdError, match="30 of 30 rows"):
        read_people(some, point, target="dxa")


def test_a_person_who_chose_the_threshold_is_known_by_name_also_without_score_and_result(fitted):
    _, point = fitted
    others = pl.DataFrame({"patient_id": ["x1", "x2", "a7"], "positive": [True, False, False]})
    with pytest.raises(ThresholdError, match="1 of 3 films are among those"):
        read_people(others.with_columns(dxa=pl.Series([1, 0, None])), point, target="dxa")


def test_people_are_checked_only_where_their_rows_can_be_held_against_those_of_the_fit(fitted):
    rows, point = fitted
    rng = np.random.default_rng(5)
    site = rows.with_columns(patient_id="c" + pl.col("patient_id"), prob=pl.Series(rng.random(150)))
    assert read_people(site, point, target="dxa").new
    decided = site.with_columns(positive=pl.col("prob") >= point.threshold)
    assert read_people(decided, point, target="dxa").new
    assert not read_people(decided.drop("prob"), point, target="dxa").new
    assert not read_people(decided, target="dxa").new
    assert not read_people(site, point).new
    assert not read_people(site, replace(point, known_rows=None), target="dxa").new
