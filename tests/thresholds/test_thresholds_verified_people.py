"""Tables of people: who was drawn, who was verified, and which tables are no random sample."""

import hashlib

import polars as pl
import pytest

from strnet.errors import ThresholdError
from strnet.thresholds import fit_threshold
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
    by_hash = sorted(names, key=lambda name: hashlib.sha256(f"7\n{name}".encode()).hexdigest())
    assert draw(names, 12, 7).drawn == draw(reversed(names), 12, 7).drawn == tuple(by_hash[:12])
    assert draw(names, 13, 7).drawn[:12] == draw(names, 12, 7).drawn  # more can be drawn later
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
    path.write_text(path.read_text().replace(",3,20", ",4,20"))
    with pytest.raises(ThresholdError, match="is not what seed 4 draws"):
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
    from dataclasses import replace

    from strnet.thresholds.score_identity import identity_of

    point = replace(fit_threshold(*binormal(300)), score=identity_of("score"))
    scores = people.with_columns(score=pl.Series([point.threshold + 1] * 3 + [point.threshold - 1] * 5))
    by_point = read_people(scores.drop("positive"), point, target="dxa")
    assert list(by_point.flagged) == [True] * 3 + [False] * 5
    assert counts_of(read_people(scores, point, target="dxa"), None) == counts_of(by_point, None)
    swapped = scores.with_columns(positive=~pl.col("positive"))
    with pytest.raises(ThresholdError, match="8 decisions are not the operating point's"):
        read_people(swapped, point, target="dxa")
