import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from strnet import imaging
from strnet.config import ApplicabilityConfig, parse_recipe
from strnet.errors import BundleError, ConfigError
from strnet.trust import (
    REASONS,
    Applicability,
    conformal_limit,
    fit_picture_model,
    picture_bytes,
    picture_findings,
    picture_limit,
    picture_statistics,
    quality_findings,
    read_picture,
    trained_on,
)
from strnet.trust.picture_layer import _fit


def normal(rows, columns, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_the_distance_is_mahalanobis_by_the_covariance_it_stands_for():
    """Against the inverse of the whole matrix: V diag(variances) V' + rest (I - V V')."""
    values = normal(80, 6) @ normal(6, 6, 1) + 3
    gaussian = _fit(values, np.full(6, 2.0), 3)
    along = gaussian.directions.T @ np.diag(gaussian.variances) @ gaussian.directions
    across = np.eye(6) - gaussian.directions.T @ gaussian.directions
    inverse = np.linalg.inv(along + gaussian.rest[0] * across)
    new = normal(5, 6, 2) + 1
    centred = (new - values.mean(axis=0)) / 2
    expected = np.einsum("ij,jk,ik->i", centred, inverse, centred) / 6
    np.testing.assert_allclose(gaussian.distance(new), expected)
    np.testing.assert_allclose(gaussian.distance(values).mean(), 1, rtol=0.05)


def test_what_is_unlike_the_training_films_in_either_half_is_more_atypical():
    model = fit_picture_model(normal(200, 32), normal(200, 10, 1))
    like = model.atypicality(normal(50, 32, 2), normal(50, 10, 3))
    assert 0.7 < like.mean() < 1.5
    assert model.atypicality(normal(50, 32, 2) + 4, normal(50, 10, 3)).min() > like.max()
    assert model.atypicality(normal(50, 32, 2), normal(50, 10, 3) + 6).min() > like.max()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 1e200])
def test_a_feature_that_is_no_number_is_infinitely_atypical(broken):
    model = fit_picture_model(normal(40, 8), normal(40, 10))
    features = normal(2, 8)
    features[1, 3] = broken
    found = model.atypicality(features, normal(2, 10))
    assert np.isfinite(found[0])
    assert found[1] == np.inf


def test_a_network_whose_features_never_vary_flags_one_that_does():
    model = fit_picture_model(np.ones((30, 8)), normal(30, 10))
    same, other = model.atypicality(np.array([np.ones(8), np.full(8, 1.5)]), np.zeros((2, 10)))
    assert other > 1e4 > same


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_very_few_training_films_give_a_model_without_directions_of_single_films(rows):
    model = fit_picture_model(normal(rows, 8), normal(rows, 10))
    assert len(model.features.directions) <= (rows - 1) // 4
    assert np.isfinite(model.atypicality(normal(4, 8), normal(4, 10))).all()


def test_the_file_holds_sums_over_films_and_reads_back():
    features, statistics = normal(100, 24), normal(100, 10)
    model = fit_picture_model(features, statistics)
    content = picture_bytes(model)
    shapes = {name: tensor.shape for name, tensor in load(content).items()}
    assert shapes["features.directions"] == (16, 24)
    assert max(shape[0] for shape in shapes.values()) < 100, "no row per training film"
    again = read_picture(content, "here")
    np.testing.assert_allclose(
        again.atypicality(features, statistics), model.atypicality(features, statistics), rtol=1e-4
    )
    assert picture_bytes(again) == content


@pytest.mark.parametrize(
    "content", [b"", b"x" * 100, picture_bytes(fit_picture_model(normal(9, 4), normal(9, 10)))[:-8]]
)
def test_another_file_is_refused(content):
    with pytest.raises(BundleError, match="here: not the numbers of a picture layer"):
        read_picture(content, "here")


def test_the_limit_is_the_conformal_quantile_counted_by_hand():
    scores = np.arange(1.0, 100.0)  # 99 films: k = ceil(100 x 0.98) = 98
    assert conformal_limit(scores[::-1], 0.02) == (98.0, pytest.approx(0.02))
    assert conformal_limit(scores, 0.1) == (90.0, pytest.approx(0.1))
    assert conformal_limit(scores[:49], 0.02) == (49.0, pytest.approx(0.02))


def test_too_few_validation_films_take_the_largest_and_say_what_it_promises():
    limit = picture_limit(np.arange(25.0), 0.02, b"")
    assert limit.threshold == 24.0
    assert limit.at_most == pytest.approx(1 / 26)
    assert not limit.kept
    assert picture_limit(np.arange(49.0), 0.02, b"").kept


@given(st.integers(1, 40), st.sampled_from([0.02, 0.1, 0.25, 0.5]), st.integers(0, 10**6))
def test_a_new_film_exceeds_the_limit_as_rarely_as_promised(films, rate, seed):
    """Over every way to leave one of n + 1 exchangeable films out as the new one, exactly."""
    scores = np.random.default_rng(seed).permutation(films + 1).astype(float)
    limits = [conformal_limit(np.delete(scores, new), rate) for new in range(films + 1)]
    exceed = np.mean([scores[new] > limit for new, (limit, _) in enumerate(limits)])
    assert exceed <= limits[0][1] + 1e-12
    assert limits[0][1] <= max(rate, 1 / (films + 1)) + 1e-12


def test_above_the_limit_is_a_flag_or_as_the_recipe_says_a_refusal():
    limit = picture_limit(np.arange(60.0), 0.02, b"")
    for refuses in (False, True):
        applicability = Applicability(picture=limit, picture_refuses=refuses)
        assert picture_findings(limit.threshold, applicability) == ()
        for score in (limit.threshold + 0.01, np.inf, np.nan):
            (finding,) = picture_findings(score, applicability)
            assert (finding.code, finding.refuses) == ("atypical_picture", refuses)
    assert picture_findings(1e9, Applicability()) == ()


def test_a_mirrored_film_has_the_same_figures_and_a_turned_one_others():
    film = np.zeros((1, 40, 30), np.uint16)
    film[:, :10, 5:25] = 65535
    np.testing.assert_allclose(picture_statistics(film[:, :, ::-1]), picture_statistics(film))
    assert np.abs(picture_statistics(film[:, ::-1]) - picture_statistics(film)).max() > 0.5
    mean, _, black, white, *_ = picture_statistics(film)[0]
    assert (mean, black, white) == pytest.approx((1 / 6, 5 / 6, 1 / 6))


def test_the_training_rows_are_described_as_their_manifest_says():
    rows = pl.DataFrame(
        {"anatomy": ["knee", None, "knee"], "view": ["AP", "PA", None], "age": [70.0, None, 51.5]}
    )
    known = trained_on(rows, ApplicabilityConfig(age_margin=2.0))
    assert (known.anatomies, known.views, known.modalities) == (("knee",), ("AP", "PA"), ())
    assert (known.ages, known.age_margin) == ((51.5, 70.0), 2.0)
    assert trained_on(rows.drop("age"), ApplicabilityConfig()).ages is None


def test_what_is_added_later_at_its_default_changes_nothing_that_was_written_before():
    named = {"name": "r", "tasks": [{"name": "t", "kind": "regression", "target": {"column": "t_score"}}]}
    assert parse_recipe(named).applicability == ApplicabilityConfig()
    assert parse_recipe(named) == parse_recipe({**named, "applicability": {}})
    changed = parse_recipe({**named, "applicability": {"picture": "refuse"}})
    assert changed.preprocessing.digest == parse_recipe(named).preprocessing.digest
    assert Applicability.model_validate({}) == Applicability()


@pytest.mark.parametrize("name", ["features", "atypicality", "image", "clinical"])
def test_a_task_cannot_take_the_name_of_another_output(name):
    task = {"name": name, "kind": "regression", "target": {"column": "t_score"}}
    with pytest.raises(ConfigError, match="another input or output"):
        parse_recipe({"name": "r", "tasks": [task]})


def test_the_faults_of_a_picture_refuse_it():
    findings = quality_findings(["cut", "blank", "cut"])
    assert [finding.code for finding in findings] == ["cut", "blank"]
    assert all(finding.refuses and finding.code in REASONS for finding in findings)


def test_every_oddity_of_a_file_is_either_a_refusal_or_a_flag():
    for code in (*imaging.FAULTS, *imaging.FLAGS):
        (finding,) = quality_findings([code])
        assert finding.refuses == (code != "no_end_marker")
        assert (finding.code in REASONS) == finding.refuses
        assert finding.words == {**imaging.FAULTS, **imaging.FLAGS}[code]
