from contextlib import nullcontext

import numpy as np
import polars as pl
import pytest

from strnet.errors import BundleError, ManifestError, StrnetError, ThresholdError
from strnet.tables import TableNote
from strnet.thresholds import ScoreIdentity, fit_cascade, fit_threshold
from strnet.thresholds.applying import apply_cascade_to_table, apply_to_table
from strnet.thresholds.certify_table import certify_from_table
from strnet.thresholds.from_table import (
    cascade_from_table,
    compare_case,
    fit_from_table,
    read_case,
)
from strnet.thresholds.scores_table import ScoreColumns, read_scores


def compare_from_table(table, **asked):
    return compare_case(read_case(table, **asked))


@pytest.fixture
def table(binormal):
    """400 rows as a foreign tool writes them: ids, patients, sites, splits, a score and two targets."""
    target, score = binormal(400, seed=12)
    return pl.DataFrame(
        {
            "image_id": [f"{i:03d}" for i in range(400)],
            "patient_id": [f"p{i // 2}" for i in range(400)],
            "site": np.where(np.arange(400) < 200, "north", "south"),
            "split": np.where(np.arange(400) % 4 < 3, "validation", "test"),
            "y": target.astype(int),
            "p": score,
        }
    )


@pytest.fixture(params=["csv", "tsv", "parquet", "xlsx", "frame", "lazy"])
def source(request, table, tmp_path):
    path = tmp_path / f"scores.{request.param}"
    if request.param in ("frame", "lazy"):
        return table if request.param == "frame" else table.lazy()
    if request.param == "parquet":
        table.write_parquet(path)
    elif request.param == "xlsx":
        pytest.importorskip("xlsxwriter", reason="polars writes spreadsheets with xlsxwriter")
        table.write_excel(path)
    else:
        table.write_csv(path, separator="\t" if request.param == "tsv" else ",")
    return path


def test_every_kind_of_table_gives_the_point_of_its_arrays(source, table):
    point = fit_from_table(source, target="y", score="p")
    plain = fit_threshold(table["y"], table["p"])
    stamps = {"score", "label", "rows_sha256", "known_rows", "known_films"}
    assert {name: getattr(point, name) for name in plain.__slots__ if name not in stamps} == {
        name: getattr(plain, name) for name in plain.__slots__ if name not in stamps
    }
    assert (point.score.column, point.label, len(point.rows_sha256)) == ("p", "y = 1", 64)
    assert str(point.known_rows) == "all 400 rows"


def test_a_run_folder_is_read_by_the_names_of_its_tasks(table, tmp_path):
    table.rename({"y": "target.bone_loss", "p": "logit.bone_loss"}).write_parquet(
        tmp_path / "predictions.parquet"
    )
    point = fit_from_table(tmp_path, target="bone_loss", score="bone_loss")
    assert point.threshold == fit_threshold(table["y"], table["p"]).threshold


@pytest.mark.parametrize(
    "where",
    [
        "split = 'validation'",
        'split == "validation"',
        "split in ('validation') and y >= 0",
        'split != "test"',
        'site is not null and not split = "test"',
    ],
)
def test_a_condition_keeps_the_rows_it_names(table, where):
    kept = table.filter(pl.col("split") == "validation")
    point = fit_from_table(table, target="y", score="p", where=where)
    assert point.threshold == fit_threshold(kept["y"], kept["p"]).threshold
    assert point.positives == kept["y"].sum()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("splt = 'test'", "did you mean 'split'"),
        ("split =", "cannot read"),
        ("split = 3", "does not fit the columns"),
        ("p", "expected true or false"),
        ("1 = 1", "names no column"),
        ("split = 'holdout'", "no rows"),
        ("split = test", "Unknown column 'test'"),
        ("read_csv('x') = 1", "cannot read|Unknown column"),
    ],
)
def test_a_condition_that_cannot_be_used_is_refused_with_the_reason(table, where, message):
    with pytest.raises(ThresholdError, match=message):
        fit_from_table(table, target="y", score="p", where=where)


def test_a_column_whose_name_needs_quotes_keeps_them(table):
    named = table.rename({"split": "data split"})
    kept = fit_from_table(named, target="y", score="p", where="\"data split\" = 'test'")
    assert kept.positives == table.filter(split="test")["y"].sum()


def test_groups_clusters_and_weights_are_the_columns_they_name(table):
    table = table.with_columns(weight=pl.Series(np.linspace(0.5, 1.5, 400)))
    options = {"target": "y", "score": "p", "min_sensitivity": "0.7"}
    point = fit_from_table(
        table, **options, cluster="patient_id", mixed_clusters=True, cluster_method="worst"
    )
    plain = fit_threshold(
        table["y"],
        table["p"],
        clusters=table["patient_id"],
        mixed_clusters=True,
        cluster_method="worst",
        min_sensitivity="0.7",
    )
    assert (point.threshold, point.clusters) == (plain.threshold, plain.clusters)
    sites = fit_from_table(table, **options, group="site")
    assert [row.name for row in sites.groups] == ["north", "south"]
    assert (
        sites.threshold
        == fit_threshold(table["y"], table["p"], groups=table["site"], min_sensitivity="0.7").threshold
    )
    weighted = fit_from_table(table, **options, weight="weight")
    assert weighted.effective_positives == pytest.approx(
        fit_threshold(
            table["y"], table["p"], weights=table["weight"], min_sensitivity="0.7"
        ).effective_positives
    )


def test_rows_without_a_target_are_left_out_and_counted(table):
    unknown = table.with_columns(y=pl.when(pl.int_range(400) < 30).then(None).otherwise("y"))
    point = fit_from_table(unknown, target="y", score="p")
    assert point.rows_without_target == 30
    assert point.positives + point.negatives == 370
    with pytest.raises(ThresholdError, match="none of 400 rows has a target"):
        fit_from_table(table.with_columns(y=pl.lit(None, pl.Int8)), target="y", score="p")


def test_unscored_rows_are_refused_unless_their_target_is_unknown(table):
    holes = table.with_columns(p=pl.when(pl.int_range(400).is_in([3, 5])).then(None).otherwise("p"))
    with pytest.raises(
        ThresholdError, match=r"2 scores missing, not a number or infinite \(row 3: None, row 5: None"
    ):
        fit_from_table(holes, target="y", score="p")
    excused = holes.with_columns(y=pl.when(pl.col("p").is_null()).then(None).otherwise("y"))
    assert fit_from_table(excused, target="y", score="p").rows_without_target == 2


def test_rows_are_numbered_as_in_the_table_before_the_filter(table):
    holes = table.with_columns(p=pl.when(pl.int_range(400) == 203).then(float("nan")).otherwise("p"))
    with pytest.raises(ThresholdError, match="row 203"):
        fit_from_table(holes, target="y", score="p", where="split = 'test'")


def test_a_csv_of_another_tool_with_nan_and_na_is_understood(tmp_path, golden_set):
    path = tmp_path / "r.csv"
    path.write_text("y,score\n0,0.1\n1,nan\n0,inf\n1,0.9\nNA,0.3\n")
    with pytest.raises(
        ThresholdError, match=r"2 scores missing, not a number or infinite \(row 1: nan, row 2: inf"
    ):
        fit_from_table(path, target="y", score="score")
    path.write_text("y,score\n0,0.1\n1,0.7\n0,0.2\n1,0.9\nNA,0.3\n")
    assert fit_from_table(path, target="y", score="score", method="empirical").rows_without_target == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": "z", "score": "p"}, "Unknown column 'z'"),
        ({"target": "y", "score": "q"}, "Unknown column 'q'"),
        ({"target": "y", "score": "p", "cluster": "patient"}, "did you mean 'patient_id'"),
        ({"target": "site", "score": "p"}, r"found String \('north', 'south'\), expected 0 and 1"),
        ({"target": "p", "score": "y"}, "400 targets other than 0 and 1"),
        ({"target": "y", "score": "y"}, "found as target and as score"),
        (
            {"target": "y", "score": "p", "identifier": "patient_id"},
            "200 ids stand in more than one row: p0 \\(2 times",
        ),
    ],
)
def test_a_column_that_cannot_be_used_is_refused(table, columns, message):
    with pytest.raises(ThresholdError, match=message):
        fit_from_table(table, **columns)


def test_an_image_that_stands_twice_is_refused_without_being_asked(table):
    with pytest.raises(ThresholdError, match="image_id: 400 ids stand in more than one row"):
        fit_from_table(pl.concat([table, table]), target="y", score="p")


def test_a_row_without_patient_or_group_is_refused(table):
    holes = table.with_columns(site=pl.when(pl.int_range(400) == 7).then(None).otherwise("site"))
    for role in ("cluster", "group"):
        with pytest.raises(ThresholdError, match=r"site: found 1 empty cells \(row 7"):
            fit_from_table(holes, target="y", score="p", **{role: "site"})


def test_a_weight_that_is_missing_is_refused(table):
    holes = table.with_columns(w=pl.when(pl.int_range(400) == 7).then(None).otherwise(1.0))
    with pytest.raises(ThresholdError, match="w: found 1 weights missing"):
        fit_from_table(holes, target="y", score="p", weight="w")


def test_an_absent_or_unreadable_file_is_refused(tmp_path):
    with pytest.raises(ThresholdError, match="no such scores table"):
        fit_from_table(tmp_path / "absent.csv", target="y", score="p")
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")
    with pytest.raises(ThresholdError, match="is text, and no parquet inside"):
        fit_from_table(tmp_path / "broken.parquet", target="y", score="p")
    (tmp_path / "scores.dat").write_text("1")
    with pytest.raises(ManifestError, match="is not read"):
        fit_from_table(tmp_path / "scores.dat", target="y", score="p")


def test_the_hash_is_that_of_targets_and_scores_alone(table):
    def digest(frame, **columns):
        return read_scores(frame, ScoreColumns(target="y", score="p", **columns)).sha256

    last = pl.int_range(400) == 399
    same = [
        digest(table),
        digest(table.with_columns(site=pl.lit("x"))),
        digest(table.with_columns(y=pl.col("y").cast(float))),
        digest(table.reverse()),
        digest(table, cluster="patient_id"),
        digest(table, groups=("site",)),
    ]
    other = [
        digest(table.with_columns(p=pl.when(last).then(0.5).otherwise("p"))),
        digest(table.with_columns(y=pl.when(last).then(1 - pl.col("y")).otherwise("y"))),
        digest(table.with_columns(y=1 - pl.col("y"))),
        digest(table.head(399)),
    ]
    assert len(set(same)) == 1
    assert len({same[0], *other}) == 5


def test_a_table_is_known_by_its_extension_in_any_case(table, tmp_path):
    path = tmp_path / "SCORES.CSV"
    table.with_columns(y=pl.when(pl.int_range(400) < 9).then(None).otherwise("y")).write_csv(
        path, null_value="NA"
    )
    assert fit_from_table(path, target="y", score="p").rows_without_target == 9


@pytest.mark.parametrize(("separator", "name"), [(";", "r.csv"), ("\t", "r.csv"), (",", "r.tsv")])
def test_columns_separated_otherwise_are_found_and_said(table, tmp_path, separator, name):
    table.write_csv(tmp_path / name, separator=separator)
    expected = fit_from_table(table, target="y", score="p")
    with pytest.warns(TableNote, match="is read as cells separated by") if name == "r.csv" else nullcontext():
        assert fit_from_table(tmp_path / name, target="y", score="p") == expected


def test_a_decimal_far_down_a_sorted_file_is_read(tmp_path):
    path = tmp_path / "sorted.csv"
    scores = ["0"] * 15_000 + ["0.5"] * 10 + ["1"] * 100
    path.write_text("y,p,patient\n" + "\n".join(f"{int(p != '0')},{p},{i}" for i, p in enumerate(scores)))
    assert fit_from_table(path, target="y", score="p", method="empirical").threshold == 1.0
    assert fit_from_table(path, target="y", score="p", min_sensitivity="0.9").threshold == 0.5


@pytest.mark.parametrize(
    ("cell", "seems"),
    [
        ("68.5%", r"percentages: write 68\.5% as 0\.685"),
        ('"0,685"', "Commas stand for the decimal point"),
        ('"1,234.5"', "Commas stand between thousands"),
        ("2024-03-01", "These are dates"),
        ("31.12.2024", "These are dates"),
        ("yes", "These are decisions"),
        ("#DIV/0!", "A formula of the spreadsheet failed"),
        ("<0.01", "These are bounds"),
        ("?", r"Write numbers as 0\.25"),
    ],
)
def test_scores_that_are_no_numbers_are_shown_as_they_stand_with_what_they_seem(tmp_path, cell, seems):
    path = tmp_path / "scores.csv"
    path.write_text(f"y,p\n0,0.1\n1,{cell}\n")
    with pytest.raises(ThresholdError, match=rf"row 1: .*{seems}"):
        fit_from_table(path, target="y", score="p")


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pl.Series([True, False]), "decisions"),
        (pl.Series(["2024-03-01", "2024-03-02"]).str.to_date(), "dates"),
        (pl.Series([["a"], ["b"]]), "List"),
    ],
)
def test_a_score_of_another_type_than_numbers_is_refused_and_not_turned_into_some(column, found):
    table = pl.DataFrame({"y": [0, 1], "p": column})
    with pytest.raises(ThresholdError, match=f"found {found}.*, expected scores"):
        fit_from_table(table, target="y", score="p")
    point = fit_threshold([0, 1], [0.1, 0.2], method="empirical")
    with pytest.raises(ThresholdError, match=f"found {found}.*, expected scores"):
        apply_to_table(point, table, score="p", same_score=True)


def test_whole_numbers_that_floating_point_would_merge_are_refused(table):
    large = table.with_columns(p=pl.int_range(400) + 2**53)
    with pytest.raises(ThresholdError, match=r"scores of more than 15 digits"):
        fit_from_table(large, target="y", score="p")
    merged = table.with_columns(patient=(pl.int_range(400) + 2**53).cast(float))
    with pytest.raises(ThresholdError, match=r"names of more than 15 digits"):
        fit_from_table(merged, target="y", score="p", cluster="patient", mixed_clusters=True)
    kept = merged.with_columns(pl.int_range(400) + 2**53)
    assert fit_from_table(kept, target="y", score="p", cluster="literal", mixed_clusters=True).clusters == 400


def test_names_that_differ_only_in_case_or_blanks_are_said_and_kept_apart(table):
    first = pl.int_range(400) == 0
    patients = table.with_columns(patient_id=pl.when(first).then(pl.lit(" P7")).otherwise("patient_id"))
    with pytest.warns(TableNote, match="patient_id: 1 names differ .*' P7' and 'p7'"):
        fit_from_table(patients, target="y", score="p", cluster="patient_id", mixed_clusters=True)
    films = table.with_columns(image_id=pl.when(first).then(pl.lit("I7")).otherwise("image_id"))
    films = films.with_columns(
        image_id=pl.when(pl.int_range(400) == 9).then(pl.lit("i7 ")).otherwise("image_id")
    )
    with pytest.warns(TableNote, match="image_id: 1 names differ .*'I7' and 'i7 '"):
        fit_from_table(films, target="y", score="p")


def test_text_in_latin_1_is_read_and_that_is_said(tmp_path, table):
    named = table.with_columns(site=pl.lit("Z\u00fcrich"))
    (tmp_path / "latin.csv").write_bytes(named.write_csv().encode("latin-1"))
    with pytest.warns(TableNote, match="is read as Windows-1252"):
        point = fit_from_table(tmp_path / "latin.csv", target="y", score="p", group="site")
    assert [group.name for group in point.groups] == ["Z\u00fcrich"]


def test_the_label_and_the_kind_given_are_kept(table):
    point = fit_from_table(table, target="y", score="p", score_kind="value", label="T < -1.0")
    assert (point.score, point.label) == (ScoreIdentity(column="p", kind="value"), "T < -1.0")


def test_the_comparison_states_what_the_promise_costs(table):
    both = compare_from_table(table, target="y", score="p")
    assert both.empirical == fit_from_table(table, target="y", score="p", method="empirical")
    assert both.chosen == fit_from_table(table, target="y", score="p")
    assert both.chance_empirical_holds == both.empirical.confidence_reached < 0.6
    assert both.specificity_cost == both.empirical.specificity.value - both.chosen.specificity.value > 0
    statements = {name: (empirical, chosen) for name, empirical, chosen in both.table()}
    assert statements["status"] == ("point only", "guaranteed")
    assert statements["chance that the floor holds"][1] == f"{both.chosen.confidence_reached:.1%}"
    assert both.to_dict().keys() == {"chance_empirical_holds", "specificity_cost"}


def test_the_comparison_stands_without_negatives_groups_or_a_second_rule(table):
    positives = table.filter(y=1)
    assert compare_from_table(positives, target="y", score="p").specificity_cost is None
    same = compare_from_table(table, target="y", score="p", method="empirical")
    assert same.chosen == same.empirical
    each = compare_from_table(table, target="y", score="p", group="site", group_policy="per_group")
    assert ("positive if score", "one per group", "one per group") in each.table()
    betting = compare_from_table(
        table, target="y", score="p", cluster="patient_id", cluster_method="betting", mixed_clusters=True
    )
    assert betting.chosen.status == "guaranteed"


def test_decisions_stand_behind_the_columns_of_the_table(table):
    point = fit_from_table(table, target="y", score="p")
    decided = apply_to_table(point, table, score="p", where="split = 'test'")
    assert decided.columns == [*table.columns, "positive"]
    assert decided["positive"].to_list() == (table.filter(split="test")["p"] >= point.threshold).to_list()
    each = fit_from_table(table, target="y", score="p", group="site", group_policy="per_group")
    assert apply_to_table(each, table, score="p", group="site")["positive"].sum() > 0
    for cell in (None, "68%", "nan"):
        unscored = table.with_columns(p=pl.when(pl.int_range(400) == 7).then(pl.lit(cell)).otherwise("p"))
        with pytest.raises(ThresholdError, match=rf"1 scores missing, not a number .*row 7: {cell}"):
            apply_to_table(point, unscored, score="p")


def test_every_site_of_a_table_is_certified_by_itself(table, binormal):
    point = fit_from_table(table, target="y", score="p")
    target, score = binormal(600, seed=99)
    new = pl.DataFrame({"y": target, "p": score, "site": np.arange(600) % 3})
    found = certify_from_table(point, new, target="y", score="p", group="site")
    assert list(found) == ["all rows", "0", "1", "2"]
    assert found["all rows"].positives == sum(found[name].positives for name in "012")
    only = certify_from_table(point, new, target="y", score="p", where="site = 1")
    assert only["all rows"] == found["1"]


def test_the_rows_that_chose_a_threshold_cannot_confirm_it(table):
    point = fit_from_table(table, target="y", score="p", where="split = 'validation'")
    with pytest.raises(ThresholdError, match="cannot confirm it"):
        certify_from_table(point, table, target="y", score="p", where="split = 'validation'")
    kept = table.filter(split="validation")
    for again in (kept.reverse(), kept.sort("p")):
        with pytest.raises(ThresholdError, match="cannot confirm it"):
            certify_from_table(point, again, target="y", score="p")
    for role in ("cluster", "group"):
        with pytest.raises(ThresholdError, match="cannot confirm it"):
            certify_from_table(point, kept, target="y", score="p", **{role: "site"})
    assert certify_from_table(point, table, target="y", score="p", where="split = 'test'")


def test_rows_without_a_target_are_counted_at_a_second_site_too(table):
    point = fit_from_table(table, target="y", score="p", where="split = 'validation'")
    unknown = table.with_columns(y=pl.when(pl.int_range(400) < 30).then(None).otherwise("y"))
    where = "split = 'test'"  # every fourth row, 7 of them among the first 30
    found = certify_from_table(point, unknown, target="y", score="p", group="site", where=where)
    assert found["all rows"].rows_without_target == 7
    assert found["all rows"].positives + found["all rows"].negatives == 93


def test_a_column_that_decisions_would_overwrite_is_refused(table):
    point = fit_from_table(table, target="y", score="p")
    with pytest.raises(ThresholdError, match="has a column 'positive' already"):
        apply_to_table(point, table.rename({"y": "positive"}), score="p")


@pytest.fixture
def predictions():
    """A predictions table: severity is unknown without bone loss, and for a few with it."""
    rng = np.random.default_rng(5)
    level = rng.choice(3, 600, p=[0.4, 0.3, 0.3])
    severe = pl.Series(np.where(level > 0, level - 1, -1)).replace(-1, None)
    return pl.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(600)],
            "target.bone_loss": (level > 0).astype(float),
            "logit.bone_loss": rng.normal(size=600) + 2.4 * (level > 0),
            "target.osteoporosis_given_loss": severe,
            "logit.osteoporosis_given_loss": rng.normal(size=600) + 2.2 * (level > 1),
        }
    )


def test_a_predictions_table_becomes_a_cascade(predictions):
    point = cascade_from_table(predictions, min_sensitivity="0.8")
    plain = fit_cascade(
        predictions["target.bone_loss"],
        predictions["target.osteoporosis_given_loss"].fill_null(0),
        predictions["logit.bone_loss"],
        predictions["logit.osteoporosis_given_loss"],
        min_sensitivity="0.8",
    )
    assert (point.bone_loss.threshold, point.osteoporosis.threshold) == (
        plain.bone_loss.threshold,
        plain.osteoporosis.threshold,
    )
    assert point.osteoporosis.label == "target.osteoporosis_given_loss = 1"


def test_a_cascade_decides_the_rows_of_a_table(predictions):
    point = cascade_from_table(predictions, min_sensitivity="0.8")
    scores = ("bone_loss", "osteoporosis_given_loss")
    decided = apply_cascade_to_table(point, predictions, scores=scores)
    first = predictions["logit.bone_loss"] >= point.bone_loss.threshold
    both = first & (predictions["logit.osteoporosis_given_loss"] >= point.osteoporosis.threshold)
    assert ((decided["decision"] != "no bone loss") == first).all()
    assert ((decided["decision"] == "osteoporosis") == both).all()
    assert decided.columns == [*predictions.columns, "decision"]
    with pytest.raises(ThresholdError, match="has a column 'decision' already"):
        apply_cascade_to_table(point, decided, scores=scores)
    assert apply_cascade_to_table(point, predictions).equals(decided)
    with pytest.raises(BundleError, match=r"Use --score logit\.osteoporosis_given_loss"):
        apply_cascade_to_table(point, predictions, scores=("bone_loss", "logit.bone_loss"))


def test_bone_loss_of_unknown_severity_is_left_out_and_counted(predictions):
    severe = pl.col("target.osteoporosis_given_loss")
    unknown = predictions.with_columns(
        pl.when(pl.int_range(600) < 100).then(None).otherwise(severe).alias(severe.meta.output_name())
    )
    lost = predictions.head(100)["target.bone_loss"].sum()
    point = cascade_from_table(unknown, min_sensitivity="0.8")
    assert point.bone_loss.rows_without_target == lost > 0


def test_osteoporosis_recorded_without_bone_loss_is_a_contradiction(predictions):
    wrong = predictions.with_columns(pl.lit(1).alias("target.osteoporosis_given_loss"))
    with pytest.raises(StrnetError, match="osteoporosis but no bone loss"):
        cascade_from_table(wrong)


def test_films_of_one_patient_that_nobody_named_are_said_in_point_and_certificate(table):
    patients = table.with_columns(patient_id=pl.format("p{}", pl.int_range(pl.len()) // 2))
    unnamed = fit_from_table(patients, target="y", score="p")
    assert any("--cluster patient_id" in note for note in unnamed.notes)
    named = fit_from_table(patients, target="y", score="p", cluster="patient_id", mixed_clusters=True)
    each = fit_from_table(patients.unique("patient_id"), target="y", score="p", method="empirical")
    assert not any("patient_id" in note for note in (*named.notes, *each.notes))
    other = patients.with_columns(pl.col("p") * 0.99)
    for point, said in ((unnamed, ("patient_id",)), (named, ("patient_id", "fitted on patients"))):
        notes = certify_from_table(point, other, target="y")["all rows"].notes
        assert len(notes) == len(said)
        assert all(word in note for word, note in zip(said, notes, strict=True))


@pytest.mark.parametrize("column", ["group", "score"])
def test_a_name_that_is_no_column_is_answered_with_the_columns_of_the_table_alone(table, column):
    point = fit_from_table(table, target="y", score="p", group="site", group_policy="per_group")
    for job in (
        lambda: apply_to_table(point, table, **{"group": "site", column: "zzz"}),
        lambda: certify_from_table(point, table, target="y", **{"group": "site", column: "zzz"}),
    ):
        with pytest.raises(ThresholdError, match=r"Unknown column 'zzz'\. Valid: image_id") as caught:
            job()
        assert "row in the table" not in str(caught.value)


def test_a_group_is_refused_where_the_point_decides_alike_for_all(table):
    point = fit_from_table(table, target="y", score="p")
    with pytest.raises(ThresholdError, match="--group site: found a group, expected none"):
        apply_to_table(point, table, group="site")
