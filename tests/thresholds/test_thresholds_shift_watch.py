import hashlib
import json

import numpy as np
import polars as pl
import pytest

from strnet.errors import StrnetError, ThresholdError
from strnet.thresholds.conformal_martingale import HIGHER, Alarms
from strnet.thresholds.patient_hashes import patient_hashes, uniform
from strnet.thresholds.shift_watch import begin_watch, look_at, read_watch, write_watch
from strnet.thresholds.watched_patients import PatientColumns, read_patients

EVER = Alarms(limit=20.0)
COLUMNS = PatientColumns(score="prob")


def table(scores, prefix="n", **more):
    return pl.DataFrame({"patient_id": [f"{prefix}{i}" for i in range(len(scores))], "prob": scores, **more})


def drawn(count, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=count) + shift


@pytest.fixture
def watch():
    return begin_watch(read_patients(table(drawn(300, seed=9), "r"), COLUMNS), EVER, "one")


def test_the_four_numbers_of_a_patient_are_its_sha256():
    (found,) = patient_hashes(["p1"])
    digest = hashlib.sha256(b"p1").hexdigest()
    assert [f"{word:016x}" for word in found.tolist()] == [digest[i : i + 16] for i in range(0, 64, 16)]


def test_numbers_drawn_from_hashes_lie_strictly_inside_0_and_1_and_are_uniform():
    assert uniform(np.array([0, 2**64 - 1], dtype=np.uint64)).tolist() == [2.0**-54, 1 - 2.0**-54]
    draws = uniform(patient_hashes(f"p{i}" for i in range(4000)))
    assert draws.mean(axis=0) == pytest.approx(0.5, abs=4 * (1 / 12 / 4000) ** 0.5)
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 4 / 4000**0.5


def test_one_score_stands_for_a_patient_with_several_films():
    films = pl.DataFrame({"patient_id": ["a", "b", "a", "a"], "prob": [0.3, 0.8, 0.1, 0.5]})
    by_rule = {}
    for film in ("one", "mean", "max"):
        found = read_patients(films, PatientColumns(score="prob", film=film))
        assert found.films == 4
        by_rule[film] = dict(zip(found.names.tolist(), found.score.tolist(), strict=True))
    a, b = (int(hashlib.sha256(name).hexdigest()[:16], 16) for name in (b"a", b"b"))
    assert by_rule["mean"] == {a: pytest.approx(0.3), b: 0.8}
    assert by_rule["max"] == {a: 0.5, b: 0.8}
    last = int(hashlib.sha256(b"a").hexdigest()[48:], 16)
    assert by_rule["one"] == {a: [0.1, 0.3, 0.5][last % 3], b: 0.8}


def test_neither_the_order_of_rows_nor_sorting_by_score_changes_what_a_watch_finds(watch):
    rows = table(drawn(200))
    found = [look_at(watch, read_patients(rows.sort(by), COLUMNS)).watch for by in ("patient_id", "prob")]
    assert found[0] == found[1]
    assert not found[0].flags


def test_patients_are_read_in_the_order_of_the_time_that_is_named():
    rows = table([1.0, 2.0, 3.0], when=["2026-11-20", "20261119", "2026-11-21T09:00"])
    found = read_patients(rows, PatientColumns(score="prob", time="when"))
    assert found.score.tolist() == [2.0, 1.0, 3.0]


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-11-25x",
        "2026-11-250",
        "2026-11-2 5",
        "2026-11-25 9:05",  # would stand behind 10:05
        "2026-11-25T09:00+02:00",  # may come before 08:00 in another zone
        "2026-13-01",
        "20112026",
        "2026-11-25 to 2026-12-01",
    ],
)
def test_a_time_that_only_begins_like_one_is_refused(wrong):
    rows = table([1.0, 2.0], when=["2026-11-20", wrong])
    with pytest.raises(StrnetError, match="does not sort by time"):
        read_patients(rows, PatientColumns(score="prob", time="when"))


def test_times_of_one_day_are_sorted_however_they_are_written():
    times = ["2026-11-20 10:00", "2026-11-20T09:30:00.5", "20261120093000", "2026-11-20", "20261121"]
    found = read_patients(
        table([3.0, 2.0, 1.0, 0.0, 4.0], when=times), PatientColumns(score="prob", time="when")
    )
    assert found.score.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_shift_is_flagged_once_and_the_flag_says_where_the_scores_went(watch):
    first = look_at(watch, read_patients(table(drawn(200, shift=1.5)), COLUMNS))
    assert [flag.towards for flag in first.flags] == [HIGHER]
    assert first.flags[0].patient < 40
    assert first.watch.wealth >= 20
    later = look_at(first.watch, read_patients(table(drawn(200, seed=1, shift=1.5), "m"), COLUMNS))
    assert later.flags == ()
    assert later.watch.flags == first.flags
    assert later.watch.patients == 400


def test_an_alarm_that_is_rare_on_average_rings_again(watch):
    often = begin_watch(
        read_patients(table(drawn(300, seed=9), "r"), COLUMNS), Alarms(limit=50.0, ever=False), "one"
    )
    found = look_at(often, read_patients(table(drawn(150, shift=3.0)), COLUMNS))
    assert len(found.flags) > 1
    assert [flag.patient for flag in found.flags] == sorted({flag.patient for flag in found.flags})


def test_a_watch_goes_on_where_it_stopped_as_if_it_had_never_been_written(watch, tmp_path):
    in_time, rows = PatientColumns(score="prob", time="day"), table(drawn(120), day=range(120))
    together = look_at(watch, read_patients(rows, in_time))
    going = watch
    for day in range(0, 120, 40):
        going = look_at(going, read_patients(rows.slice(day, 40), in_time)).watch
        write_watch(going, tmp_path / "watch.json")
        going = read_watch(tmp_path / "watch.json")
    assert going == together.watch


def test_patients_that_were_seen_are_known_again_by_their_hash_and_left_out(watch):
    rows = table(drawn(50))
    once = look_at(watch, read_patients(rows, COLUMNS))
    again = look_at(once.watch, read_patients(pl.concat([rows, table([0.5], "r")]), COLUMNS))
    assert (again.new, again.known) == (0, 51)  # r0 is of the reference
    assert again.watch == once.watch


def test_no_id_of_a_patient_stands_in_the_file(watch, tmp_path):
    write_watch(look_at(watch, read_patients(table([0.5], "secret"), COLUMNS)).watch, tmp_path / "watch.json")
    assert "secret" not in (tmp_path / "watch.json").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"reference": 10}, "edited after it was written"), ({"schema_version": 3}, "Update strnet")],
)
def test_a_file_that_was_edited_is_refused(watch, tmp_path, change, message):
    path = tmp_path / "watch.json"
    write_watch(watch, path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ThresholdError, match=message):
        read_watch(path)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (table([0.1, None]), COLUMNS, "1 scores missing"),
        (table([0.1, 0.2]).drop("patient_id"), COLUMNS, "--cluster"),
        (table([0.1, 0.2]), PatientColumns(score="prob", cluster="prob"), "decimals"),
        (table([0.1]).with_columns(patient_id=pl.lit(None, pl.String)), COLUMNS, "1 empty cells among 1"),
        (table([0.1], when=["25.11.2026"]), PatientColumns(score="prob", time="when"), "sort by time"),
        (table([0.1], when=[None]), PatientColumns(score="prob", time="when"), "empty cells"),
        (table([0.1]), PatientColumns(score="prob", film="median"), "median"),
        (table([0.1]), PatientColumns(score="logit"), "logit"),
        (table([0.1]).head(0), COLUMNS, "no rows"),
    ],
)
def test_rows_that_cannot_be_watched_are_refused_with_the_cause(rows, columns, message):
    with pytest.raises(StrnetError, match=message):
        read_patients(rows, columns)


@pytest.mark.parametrize(
    ("scores", "limit", "message"), [([0.5, 0.5], 20.0, "the score 0.5"), ([0.1, 0.2], 1.0, "more than 1")]
)
def test_a_watch_that_could_see_nothing_or_would_ring_at_once_does_not_begin(scores, limit, message):
    with pytest.raises(ThresholdError, match=message):
        begin_watch(read_patients(table(scores), COLUMNS), Alarms(limit), "one")


def test_a_more_common_disease_alone_is_flagged_while_sensitivity_stays_as_it_was(watch):
    """The score of each class stays as it is, so that every threshold keeps its sensitivity."""
    rng = np.random.default_rng(5)

    def intake(count, prevalence, prefix):
        sick = rng.random(count) < prevalence
        return sick, table(rng.normal(size=count) + 2 * sick, prefix)

    _, before = intake(500, 0.2, "r")
    sick, after = intake(1000, 0.5, "n")
    found = look_at(begin_watch(read_patients(before, COLUMNS), EVER, "one"), read_patients(after, COLUMNS))
    assert found.flags
    sensitivity = (after["prob"].to_numpy()[sick] >= 1).mean()
    assert sensitivity == pytest.approx(0.841, abs=3 * (0.841 * 0.159 / sick.sum()) ** 0.5)
