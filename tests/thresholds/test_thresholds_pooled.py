"""Certificates and thresholds from counts alone: hand-made forms, unequal hospitals, and forms that lie."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from strnet.errors import BundleError, ImpossibleError, ManifestError, ThresholdError
from strnet.thresholds import certify, read_operating_point, write_operating_point
from strnet.thresholds.certification import ROWS_NOT_KNOWN
from strnet.thresholds.certify_table import certify_from_table
from strnet.thresholds.count_certificate import certify_counts
from strnet.thresholds.cutoff_counts import fill_form
from strnet.thresholds.cutoff_form import FilledForm, make_form, read_filled, read_form, write_form
from strnet.thresholds.from_table import fit_from_table
from strnet.thresholds.pooled_threshold import pool_counts
from strnet.thresholds.update_from_table import PARENT_UNKNOWN, update_from_table


def form(**asked):
    return make_form(**{"cutoffs": "0.1:0.9:0.1", "score": "prob", "label": "ill", **asked})


def hospital(name, missed, positives, cleared, negatives, of=None):
    return FilledForm(
        name, of or form(), positives - np.array(missed), positives, negatives - np.array(cleared), negatives
    )


NORTH = hospital("north", [0, 1, 2, 3, 5, 8, 10, 20, 40], 70, [10, 20, 40, 60, 70, 80, 85, 90, 95], 100)
SOUTH = hospital("south", [0, 0, 1, 3, 4, 6, 8, 12, 20], 30, [5, 10, 20, 30, 35, 40, 43, 45, 48], 50)


@pytest.fixture
def films(binormal):
    """80 films of 40 patients, each with two scores of its own."""
    target, score = binormal(40)
    rows = pl.DataFrame({"ill": np.repeat(target, 2).astype(int), "prob": np.repeat(score, 2)})
    bent = rows.with_columns(prob=pl.col("prob") + pl.int_range(80) * 1e-3)
    return bent.with_columns(patient_id=pl.Series([f"p{n}" for n in np.repeat(np.arange(40), 2)]))


@pytest.mark.parametrize(
    ("missed", "verdict"),
    [(0, "certified"), (8, "certified"), (9, "insufficient"), (20, "insufficient"), (21, "alarm")],
)
def test_counts_are_certified_as_the_binomial_law_says(missed, verdict):
    found = certify_counts(100, missed)
    assert found.verdict == verdict
    assert (found.misses_allowed, found.alarm_from) == (8, 21)
    assert binom.cdf(8, 100, 0.14) <= 0.05 < binom.cdf(9, 100, 0.14)
    assert found.chance_if_floor == pytest.approx(binom.sf(missed - 1, 100, 0.14))


def test_too_few_counts_say_how_many_more_it_takes():
    found = certify_counts(12, 0)
    assert (found.verdict, found.misses_allowed, found.more_if_none_missed) == ("insufficient", None, 8)
    assert certify_counts(1, 1).alarm_from is None  # 14% of single patients are missed at the floor
    for positives, missed in ((0, 0), (10, 11), (10, -1)):
        with pytest.raises(ThresholdError, match="counts: found"):
            certify_counts(positives, missed)


def test_cutoffs_are_read_as_decimals():
    assert form().cutoffs == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert form(cutoffs="-2,0.5,-1e1").cutoffs == (-10.0, -2.0, 0.5)
    assert form(cutoffs="1,2,3", higher_is_positive=False).cutoffs == (3.0, 2.0, 1.0)
    for wrong in ("", "a", "0.1:0.9", "0.9:0.1:0.1", "0:1:0", "0,nan", "0:1:0.1,2"):
        with pytest.raises(ThresholdError, match="cutoffs: found"):
            form(cutoffs=wrong)


def test_the_cutoff_that_flags_fewest_within_the_allowed_misses_is_taken():
    # 100 positives: 8 may be missed; 6 are at 0.4, and 9 at 0.5
    found = pool_counts([NORTH, SOUTH])
    point = found.point
    assert (point.threshold, point.operator, point.misses_allowed, point.misses_made) == (0.4, ">=", 8, 6)
    assert point.status == "guaranteed"
    assert (point.specificity.events, point.specificity.count) == (90, 150)
    assert [(one.name, one.missed) for one in found.hospitals] == [("north", 3), ("south", 3)]
    # rows would lie below 0.5, where 15 more negatives are cleared
    assert found.grid.next_cutoff == 0.5
    assert found.grid.misses_unused == 2
    assert found.grid.specificity_at_most == pytest.approx(15 / 150)


def test_a_threshold_from_rows_wins_no_more_than_the_grid_is_said_to_cost():
    rng = np.random.default_rng(2)
    frames = [
        pl.DataFrame(
            {"ill": [1] * 60 + [0] * 90, "prob": np.r_[rng.beta(4, 2, 60), rng.beta(2, 4, 90)].tolist()}
        )
        for _ in range(2)
    ]
    filled = [fill_form(form(), frame, hospital=str(n), target="ill") for n, frame in enumerate(frames)]
    found = pool_counts(filled)
    rows = pl.concat(frames)
    sick = np.sort(rows.filter(pl.col("ill") == 1)["prob"].to_numpy())
    best = sick[found.point.misses_allowed]
    cleared = rows.filter((pl.col("ill") == 0) & (pl.col("prob") < best)).height / 180
    assert 0 <= cleared - found.point.specificity.value <= found.grid.specificity_at_most


def test_the_pooled_point_is_an_operating_point_like_any_other(tmp_path):
    point = pool_counts([NORTH, SOUTH]).point
    write_operating_point(point, tmp_path / "op.json")
    assert read_operating_point(tmp_path / "op.json") == point
    assert list(point.apply([0.39, 0.4, 0.9])) == [False, True, True]


def test_a_pooled_point_and_its_certificate_say_that_its_rows_cannot_be_known_again(films):
    rows = films.unique("patient_id", maintain_order=True)
    filled = fill_form(form(), rows, hospital="a", target="ill", cluster="patient_id")
    point = pool_counts([filled], min_sensitivity="0.5").point
    assert "rows behind the counts stayed in the hospitals and are not known" in point.notes[1]
    asked = {"target": "ill", "cluster": "patient_id"}
    (back,) = certify_from_table(point, rows, **asked).values()
    assert [note for note in back.notes if "not checked" in note] == [ROWS_NOT_KNOWN]
    assert ROWS_NOT_KNOWN in certify(point, rows["ill"], rows["prob"]).notes
    fitted = fit_from_table(rows, score="prob", min_sensitivity="0.5", **asked)
    other = rows.with_columns(prob=pl.col("prob") / 2)
    (fresh,) = certify_from_table(fitted, other, **asked).values()
    assert not any("not checked" in note for note in fresh.notes)
    moved = update_from_table(point, "a" * 64, other, min_sensitivity="0.5", **asked)
    assert PARENT_UNKNOWN in moved.notes
    with pytest.raises(ThresholdError, match="chosen from"):
        certify_from_table(moved, other, **asked)


def test_low_scores_may_mean_disease():
    falling = form(cutoffs="1,2,3", higher_is_positive=False)
    rows = pl.DataFrame({"ill": [1] * 30 + [0, 0], "prob": [1.0] * 29 + [2.5, 2.0, 3.0]})
    filled = fill_form(falling, rows, hospital="a", target="ill")
    assert (list(filled.positives_flagged), list(filled.negatives_flagged)) == ([30, 29, 29], [2, 1, 0])
    point = pool_counts([filled]).point
    assert (point.threshold, point.operator, point.misses_allowed) == (3.0, "<=", 0)


def unequal_law(sizes, shares):
    """The law of all misses, by convolution."""
    law = np.ones(1)
    for size, share in zip(sizes, shares, strict=True):
        law = np.convolve(law, binom.pmf(np.arange(size + 1), size, share))
    return law


@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=4),
    seed=st.integers(0, 10_000),
    floor=st.sampled_from(["0.5", "0.8", "0.86", "0.95"]),
    confidence=st.sampled_from(["0.5", "0.6", "0.75", "0.95"]),
)
def test_unequal_hospitals_pass_a_bad_cutoff_no_more_often_than_promised(sizes, seed, floor, confidence):
    share = 1 - float(floor)
    rng = np.random.default_rng(seed)
    shares = rng.random(len(sizes)) ** rng.choice([0.2, 1.0, 5.0])
    mean = np.average(shares, weights=sizes)
    if mean <= share:  # a cut-off at the floor or better: nothing wrong with it
        return
    # as near to the floor as these hospitals come: draw all shares towards it
    shares = np.clip(shares * share / mean, 0, 1)
    filled = [_perfect(f"h{n}", size) for n, size in enumerate(sizes)]
    try:
        point = pool_counts(filled, min_sensitivity=floor, confidence=confidence).point
    except ImpossibleError:
        return
    assert np.average(shares, weights=sizes) == pytest.approx(share)
    assert unequal_law(sizes, shares)[: point.misses_allowed + 1].sum() <= 1 - float(confidence) + 1e-9
    assert point.misses_allowed + 1 <= sum(sizes) * share + 1e-9


def _perfect(name, positives):
    return hospital(name, [0] * 9, positives, [len(name)] * 9, 10)


def test_the_plain_rule_would_break_for_unequal_hospitals_at_a_low_confidence():
    # one patient missed for sure and the others never is no binomial: there Hoeffding's condition bites
    assert binom.cdf(1, 10, 0.14) > 0.5 > binom.cdf(0, 10, 0.14)
    with pytest.raises(ImpossibleError, match="hospitals that may differ promise nothing"):
        pool_counts([_perfect("a", 5), _perfect("bb", 1)], confidence="0.5")


def test_too_few_positives_and_a_grid_that_begins_too_high_are_impossible():
    with pytest.raises(ImpossibleError, match="It takes 20 positives"):
        pool_counts([_perfect("a", 10), _perfect("bb", 9)])
    worse = hospital("a", [9] * 9, 100, [1] * 9, 10)
    with pytest.raises(ImpossibleError, match=r"even >= 0\.1 misses 9 of 100 positives, and 8 are allowed"):
        pool_counts([worse])


def test_a_form_comes_back_as_it_was_filled_in(tmp_path):
    write_form(form(), tmp_path / "form.csv")
    assert read_form(tmp_path / "form.csv") == form()
    write_form(form(), tmp_path / "north.csv", NORTH)
    again = read_filled(tmp_path / "north.csv")
    assert (again.hospital, again.form, again.positives, again.negatives) == ("north", form(), 70, 100)
    assert np.array_equal(again.missed, NORTH.missed)


def test_a_form_may_come_back_from_a_spreadsheet_with_semicolons_and_decimal_commas(tmp_path):
    write_form(form(), tmp_path / "north.csv", NORTH)
    text = (tmp_path / "north.csv").read_text()
    (tmp_path / "north.csv").write_text(text.replace(",", ";").replace(".", ","))
    assert read_filled(tmp_path / "north.csv").form == form()


CHANGES = [
    ("0.3,68,70,60,100", "0.3,,70,60,100", r"line 4: positives_flagged is empty"),
    (
        "0.3,68,70,60,100",
        "0.3,68.5,70,60,100",
        r"line 4: positives_flagged is 68\.5, expected a whole number",
    ),
    ("0.3,68,70,60,100", "0.3,-1,70,60,100", r"line 4: positives_flagged is -1"),
    ("0.3,68,70,60,100", "0.3,70,70,60,100", r"line 4: positives_flagged rises from 69 to 70"),
    ("0.3,68,70,60,100", "0.3,68,70,81,100", r"line 4: negatives_flagged rises from 80 to 81"),
    ("0.3,68,70,60,100", "0.3,68,71,60,100", r"line 4: positives is 71, and 70 before"),
    ("0.1,70,70,90,100", "0.1,71,70,90,100", r"line 2: positives_flagged is 71, more than the 70"),
    ("0.3,68,70,60,100", "0.35,68,70,60,100", r"the cut-offs, or what they are for, are not those of form"),
    (",ill,", ",well,", r"the cut-offs, or what they are for, are not those of form"),
    ("north", "", r"line 2: hospital is empty"),
    (
        "score >= cutoff",
        "score > cutoff",
        r"line 2: flagged_if is 'score > cutoff', expected one of 'score >= ",
    ),
    ("score >= cutoff", "", r"line 2: flagged_if is empty"),
    ("prob,,ill", "prob,probably,ill", r"line 2: score_kind is 'probably', expected one of nothing, 'logit'"),
    ("prob,,ill", "prob,logit,ill", r"are not those of form"),
    ("0.3,68,70,60,100\n", "XX", r"are not those of form"),
]


@pytest.mark.parametrize(("old", "new", "words"), CHANGES)
def test_a_form_that_contradicts_itself_is_refused_with_the_line(tmp_path, old, new, words):
    path = tmp_path / "north.csv"
    write_form(form(), path, NORTH)
    text = path.read_text()
    assert old in text
    if new == "XX":  # a line left out
        text, old, new = "\n".join(line for line in text.splitlines() if "0.3,68" not in line) + "\n", "", ""
    path.write_text(text.replace(old, new))
    with pytest.raises(ThresholdError, match=words):
        read_filled(path)


def test_a_table_that_is_no_form_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("cutoff,positives\n0.1,3\n")
    with pytest.raises(ManifestError, match="column 'form' is missing"):
        read_filled(tmp_path / "a.csv")


def test_hospitals_that_do_not_go_together_are_refused():
    with pytest.raises(ThresholdError, match="North stands twice"):
        pool_counts([hospital("North", [0] * 9, 30, [0] * 9, 5), NORTH])
    copied = hospital("copy", NORTH.missed, 70, NORTH.negatives - NORTH.negatives_flagged, 100)
    with pytest.raises(ThresholdError, match="north and copy have the same counts"):
        pool_counts([NORTH, copied])
    other = hospital("other", [0] * 9, 30, [0] * 9, 5, of=form(label="worse"))
    with pytest.raises(ThresholdError, match="a positive is 'worse', not 'ill'"):
        pool_counts([NORTH, other])
    grid = form(cutoffs="0.1,0.2,0.3,0.4,0.55,0.6,0.7,0.8,0.9")
    with pytest.raises(ThresholdError, match=r"cut-off 5 is 0\.55, not 0\.5"):
        pool_counts([NORTH, hospital("other", [0] * 9, 30, [0] * 9, 5, of=grid)])
    with pytest.raises(ThresholdError, match="found no positives"):
        pool_counts([NORTH, hospital("empty", [0] * 9, 0, [0] * 9, 5)])


def test_one_film_of_each_patient_counts_and_neither_scores_nor_rows_say_which():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(500), 2)
    score = np.tile([0.25, 0.75], 500) + rng.normal(size=1000) * 1e-3
    rows = pl.DataFrame(
        {"ill": (patients < 250).astype(int), "prob": score, "who": [f"p{n}" for n in patients]}
    )
    asked = {"hospital": "a", "target": "ill", "cluster": "who"}
    filled = fill_form(form(cutoffs="0.5"), rows, **asked)
    assert (filled.positives, filled.negatives) == (250, 250)
    higher = (filled.positives_flagged[0] + filled.negatives_flagged[0]) / 500
    assert abs(higher - 0.5) < 4 * 0.5 / 500**0.5
    fine = form(cutoffs="0.24:0.76:0.0001")
    again = fill_form(fine, rows.sample(fraction=1, shuffle=True, seed=1), **asked)
    assert np.array_equal(again.positives_flagged, fill_form(fine, rows, **asked).positives_flagged)
    # the film of a patient is the same whoever stands beside it
    ill = fill_form(fine, rows.filter(pl.col("ill") == 1), **asked)
    assert np.array_equal(again.positives_flagged, ill.positives_flagged)
    assert ill.negatives == 0


def test_counts_from_rows_are_those_of_a_loop():
    rows = pl.DataFrame({"ill": [1, 1, 1, 0, 0], "prob": [0.1, 0.3, 0.95, 0.3, 0.05]})
    filled = fill_form(form(), rows, hospital="a", target="ill")
    for (n, cutoff), ill in product(enumerate(form().cutoffs), (0, 1)):
        counted = sum(row["ill"] == ill and row["prob"] >= cutoff for row in rows.to_dicts())
        assert (filled.positives_flagged if ill else filled.negatives_flagged)[n] == counted


def test_the_scores_of_another_column_fill_no_form(binormal):
    target, score = binormal(40)
    rows = pl.DataFrame({"ill": target.astype(int), "risk": score})
    with pytest.raises(BundleError, match="prob"):
        fill_form(form(), rows, hospital="a", target="ill", score="risk")
    assert (
        fill_form(form(), rows, hospital="a", target="ill", score="risk", same_score=True).positives
        == target.sum()
    )
    with pytest.raises(ThresholdError, match="outside"):
        fill_form(form(score_kind="probability"), rows.rename({"risk": "prob"}), hospital="a", target="ill")


def test_patients_with_several_films_are_counted_only_where_their_column_is_named(films):
    with pytest.raises(ThresholdError, match=r"several films.*--cluster patient_id"):
        fill_form(form(), films, hospital="a", target="ill")
    filled = fill_form(form(), films, hospital="a", target="ill", cluster="patient_id")
    assert filled.positives + filled.negatives == 40
    once = fill_form(form(), films.unique("patient_id"), hospital="a", target="ill")
    assert (filled.positives, filled.negatives) == (once.positives, once.negatives)


@pytest.mark.parametrize("named", [False, True])
def test_a_table_pasted_below_itself_sends_no_counts(films, named):
    ids = {"patient_id": pl.Series([f"n{n}" for n in range(80)])} if named else {}
    each = films.gather_every(2)
    twice = pl.concat([each, each]).drop("patient_id").with_columns(**ids)
    with pytest.raises(ThresholdError, match="pasted"):
        fill_form(form(), twice, hospital="a", target="ill", cluster="patient_id" if named else None)
