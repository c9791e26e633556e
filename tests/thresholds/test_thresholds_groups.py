import numpy as np
import pytest

from strnet.errors import BundleError, ImpossibleError, ThresholdError
from strnet.thresholds import ScoreIdentity, fit_threshold
from strnet.thresholds.groups import _patients_cross
from strnet.thresholds.rows import RowColumns, checked_rows


@pytest.fixture
def sites(binormal):
    """600 rows of three sites, the third harder and small."""
    target, score = binormal(600, seed=6)
    site = np.repeat(["A", "B", "C"], [300, 270, 30])
    return target, score - 0.7 * (site == "B"), site


def test_the_common_threshold_is_the_lowest_of_the_groups_own(sites):
    target, score, site = sites
    point = fit_threshold(target, score, groups=site, min_sensitivity="0.8")
    own = [fit_threshold(target[site == name], score[site == name], min_sensitivity="0.8") for name in "AB"]
    assert point.threshold == min(own[0].threshold, own[1].threshold)
    assert [row.own_threshold for row in point.groups[:2]] == [one.threshold for one in own]
    assert point.confidence_reached == min(one.confidence_reached for one in own)
    assert point.status == "guaranteed"
    assert all(row.threshold == point.threshold for row in point.groups)


def test_a_group_that_is_too_small_is_reported_and_not_dropped(sites):
    target, score, site = sites
    keep = (site != "C") | (np.cumsum(site == "C") <= 12)
    target, score, site = target[keep], score[keep], site[keep]
    point = fit_threshold(target, score, groups=site)
    small = point.groups[2]
    assert (small.name, small.certified, small.own_threshold) == ("C", False, None)
    assert small.positives == np.sum(target[site == "C"]) < 20 == small.positives_needed
    assert small.misses_made == np.sum(score[target & (site == "C")] < point.threshold)
    assert "It takes 20 positives" in small.note
    assert point.positives == target.sum()


def test_positives_of_a_group_too_small_to_certify_still_count_among_all(binormal):
    target, score = binormal(300, seed=1)
    # 18 positives of C score lowest: without them the threshold would miss almost all of C
    target, score = np.append(target, np.ones(18, bool)), np.append(score, np.linspace(-9, -8, 18))
    site = np.repeat(["A", "C"], [300, 18])
    point = fit_threshold(target, score, groups=site)
    alone = fit_threshold(target[:300], score[:300])
    everyone = fit_threshold(target, score)
    assert point.threshold == min(alone.threshold, everyone.threshold) == everyone.threshold
    assert not point.groups[1].certified


def test_per_group_shares_delta_by_sidak_and_applies_each_its_own(sites):
    target, score, site = sites
    point = fit_threshold(target, score, groups=site, group_policy="per_group", min_sensitivity="0.5")
    share = 1 - 0.95 ** (1 / 3)
    for row in point.groups:
        members = site == row.name
        own = fit_threshold(target[members], score[members], confidence=1 - share, min_sensitivity="0.5")
        assert row.threshold == own.threshold
    assert point.threshold is None
    thresholds = {row.name: row.threshold for row in point.groups}
    expected = score >= np.array([thresholds[name] for name in site])
    assert np.array_equal(point.apply(score, site), expected)
    assert point.misses_made == np.sum(target & ~expected)
    assert point.specificity.value == np.mean(~expected[~target])
    assert point.confidence_reached >= 0.95


def test_per_group_application_refuses_what_has_no_threshold(sites):
    target, score, site = sites
    point = fit_threshold(target, score, groups=site, group_policy="per_group")
    with pytest.raises(ThresholdError, match="none given"):
        point.apply(score)
    with pytest.raises(ThresholdError, match=r"no certified threshold for \['D'\]"):
        point.apply(score[:1], ["D"])
    small = [row.name for row in point.groups if not row.certified]
    assert small == ["C"]
    with pytest.raises(ThresholdError, match=r"\['C'\], only for \['A', 'B'\]"):
        point.apply(score, site)


def test_groups_none_of_which_can_be_certified_are_impossible(binormal):
    target, score = binormal(40)
    with pytest.raises(ImpossibleError, match="no group can be certified"):
        fit_threshold(target, score, groups=np.arange(40) % 4)


def test_a_patient_in_two_groups_is_noticed():
    def crossing(patients):
        columns = RowColumns(clusters=patients, groups=[0, 0, 1, 1])
        return _patients_cross(checked_rows([1, 1, 1, 1], [1.0, 2.0, 3.0, 4.0], columns))

    assert crossing(["a", "b", "b", "c"])
    assert not crossing(["a", "a", "b", "c"])


def test_groups_of_knees_keep_their_patients(binormal):
    target, score = binormal(400, seed=9)
    target = np.repeat(target[::2], 2)
    point = fit_threshold(
        target,
        score,
        clusters=np.repeat(np.arange(200), 2),
        groups=np.repeat([0, 1], 200),
        min_sensitivity="0.5",
    )
    assert (point.status, point.clusters, point.group_policy) == ("guaranteed", 200, "common")
    assert [row.name for row in point.groups] == ["0", "1"]


def test_lower_scores_mean_positive_in_every_group_alike(sites):
    target, score, site = sites
    for policy in ("common", "per_group"):
        options = {"groups": site, "group_policy": policy, "min_sensitivity": "0.5"}
        up = fit_threshold(target, score, **options)
        down = fit_threshold(target, -score, higher_is_positive=False, **options)
        assert [row.threshold for row in down.groups] == [-row.threshold for row in up.groups]
        assert np.array_equal(up.apply(score, site), down.apply(-score, site))


def test_a_group_of_weightless_rows_stays_in_the_table(binormal):
    target, score = binormal(200)
    site = np.where(np.arange(200) < 190, "A", "B")
    point = fit_threshold(target, score, groups=site, weights=(site == "A").astype(float))
    assert [(row.name, row.positives, row.note) for row in point.groups][1] == ("B", 0, "no positives")
    assert point.status == "point only"


def test_scores_of_another_model_are_refused(binormal):
    from dataclasses import replace

    target, score = binormal(200)
    own = ScoreIdentity(task="bone_loss", model_sha256="a" * 64, calibrator_sha256="none")
    point = replace(fit_threshold(target, score), score=own)
    assert point.apply(score, source=own).shape == (200,)
    assert point.apply(score, source=ScoreIdentity(task="bone_loss", column="p")).any()
    with pytest.raises(BundleError, match=r"model_sha256: a+ against b+"):
        point.apply(score, source=replace(own, model_sha256="b" * 64))
    with pytest.raises(BundleError, match="calibrator_sha256"):
        point.apply(score, source=replace(own, calibrator_sha256="c" * 64))


def test_a_score_that_is_not_finite_is_not_called_negative(binormal):
    point = fit_threshold(*binormal(200))
    for bad in ([0.1, np.nan], np.array([0.1, np.inf], dtype=np.float32)):
        with pytest.raises(ThresholdError, match="NaN or infinite"):
            point.apply(bad)
    assert point.apply([]).shape == (0,)


@pytest.fixture
def columns(binormal):
    """800 rows; positives of site B and, less so, of the old are harder."""
    target, score = binormal(800, seed=12)
    rng = np.random.default_rng(1)
    groups = {
        "site": rng.choice(["A", "B", "C"], 800, p=[0.5, 0.48, 0.02]),
        "sex": rng.choice(["f", "m"], 800),
        "age": rng.choice(["old", "young"], 800),
    }
    harder = 0.8 * (groups["site"] == "B") + 0.3 * (groups["age"] == "old")
    return target, score - harder * target, groups


def test_one_threshold_keeps_the_floor_in_all_groups_of_all_columns(columns):
    target, score, groups = columns
    point = fit_threshold(target, score, groups=groups, min_sensitivity="0.8")
    own = {}
    for column, labels in groups.items():
        for name in np.unique(labels):
            members = labels == name
            if target[members].sum() >= 14:  # the fewest positives for 0.8 at 0.95
                own[column, name] = fit_threshold(target[members], score[members], min_sensitivity="0.8")
    assert point.threshold == min(one.threshold for one in own.values())
    shown = {(row.column, row.name): row for row in point.groups}
    assert len(shown) == 7
    for key, one in own.items():
        assert shown[key].own_threshold == one.threshold  # each at the full error
        assert shown[key].threshold == point.threshold
    assert [key for key, row in shown.items() if row.sets_threshold] == [("site", "B")]
    assert point.confidence_reached == min(one.confidence_reached for one in own.values())


def test_a_group_too_small_in_one_of_the_columns_is_listed_with_what_it_needs(columns):
    target, score, groups = columns
    small = fit_threshold(target, score, groups=groups, min_sensitivity="0.8").groups[2]
    assert (small.column, small.name, small.certified) == ("site", "C", False)
    assert small.positives_needed == 14
    assert not small.sets_threshold


def test_a_column_more_can_only_lower_the_threshold(columns):
    target, score, groups = columns
    site = fit_threshold(target, score, groups={"site": groups["site"]}, min_sensitivity="0.8")
    alone = fit_threshold(target, score, groups=groups["site"], min_sensitivity="0.8")
    everything = fit_threshold(target, score, groups=groups, min_sensitivity="0.8")
    assert site.threshold == alone.threshold >= everything.threshold


def test_groups_of_two_columns_have_no_threshold_each(columns):
    target, score, groups = columns
    with pytest.raises(ThresholdError, match=r"found 3 columns of groups \(site, sex, age\), expected one"):
        fit_threshold(target, score, groups=groups, group_policy="per_group")


def test_no_group_of_any_column_large_enough_is_impossible_and_names_them(binormal):
    groups = {"site": np.arange(40) % 4, "sex": np.arange(40) % 3}
    with pytest.raises(ImpossibleError, match=r"no group can be certified \(positives site 0: \d+.*sex 2:"):
        fit_threshold(*binormal(40), groups=groups)


def test_a_per_group_threshold_says_what_it_needs_at_its_share_of_the_error(sites):
    point = fit_threshold(*sites[:2], groups=sites[2], group_policy="per_group", min_sensitivity="0.8")
    # 0.8 ** n <= 1 - 0.95 ** (1 / 3) = 0.01695 takes 19
    assert {row.positives_needed for row in point.groups} == {19}
