import pickle

import numpy as np
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from strnet.errors import ImpossibleError, PromiseWarning
from strnet.thresholds import SensitivityFloorClassifier, fit_threshold

NOT_AT_ONE_HALF = "predict does not cut predict_proba at one half: that is what the classifier is for"
NOT_THE_SAME_SPLIT = (
    "a row of weight 0 still takes part in drawing the hold-out, as in TunedThresholdClassifierCV"
)
EXPECTED_TO_FAIL = {
    "check_classifiers_train": NOT_AT_ONE_HALF,
    "check_sample_weight_equivalence_on_dense_data": NOT_THE_SAME_SPLIT,
    "check_sample_weight_equivalence_on_sparse_data": NOT_THE_SAME_SPLIT,
}


@parametrize_with_checks(
    [SensitivityFloorClassifier(LogisticRegression(), method="empirical")],
    expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL,
)
def test_scikit_learn_accepts_the_classifier(estimator, check):
    check(estimator)


@pytest.fixture
def knees():
    """400 rows of 200 patients, both knees with the same label."""
    X, y = make_classification(400, 6, n_informative=4, class_sep=1.2, random_state=0)
    return X, np.repeat(y[::2], 2), np.repeat(np.arange(200), 2)


def names_of(fitted):
    """Names of the columns that it was fitted on; scikit-learn before 1.7 reads none from polars."""
    return list(getattr(fitted, "feature_names_in_", []))


def test_a_fitted_classifier_is_calibrated_on_the_rows_given_and_not_trained_again(knees):
    X, y, _ = knees
    fitted = LogisticRegression().fit(X[:200], y[:200])
    coefficients = fitted.coef_.copy()
    floor = SensitivityFloorClassifier(fitted, calibration_size="prefit", anchor="tight").fit(
        X[200:], y[200:]
    )
    assert floor.estimator_ is fitted
    assert np.array_equal(fitted.coef_, coefficients)
    expected = fit_threshold(y[200:], fitted.predict_proba(X[200:])[:, 1])
    assert floor.operating_point_.threshold == expected.threshold
    assert floor.operating_point_.status == "guaranteed"
    assert np.array_equal(floor.predict(X), expected.apply(fitted.predict_proba(X)[:, 1]).astype(int))


def test_an_unfitted_classifier_called_prefit_is_refused(knees):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        SensitivityFloorClassifier(LogisticRegression(), calibration_size="prefit").fit(*knees[:2])


def test_the_threshold_never_sees_a_row_that_trained_the_classifier(knees):
    X, y, _ = knees
    seen = {}

    class Recorder(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen["trained"] = X.copy()
            return super().fit(X, y, sample_weight)

        def predict_proba(self, X):
            seen["scored"] = X.copy()
            return super().predict_proba(X)

    SensitivityFloorClassifier(Recorder(), calibration_size=0.4, random_state=0).fit(X, y)
    trained = {row.tobytes() for row in seen["trained"]}
    scored = {row.tobytes() for row in seen["scored"]}
    assert not trained & scored
    assert (len(trained), len(scored)) == (240, 160)


def test_with_groups_no_patient_is_on_both_sides_and_patients_are_the_clusters(knees):
    X, y, patients = knees
    marked = np.column_stack([X, patients])
    seen = {}

    class Recorder(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen["trained"] = set(X[:, -1])
            return super().fit(X, y, sample_weight)

        def predict_proba(self, X):
            seen["scored"] = set(X[:, -1])
            return super().predict_proba(X)

    floor = SensitivityFloorClassifier(Recorder(max_iter=1000), random_state=0)
    point = floor.fit(marked, y, groups=patients).operating_point_
    assert not seen["trained"] & seen["scored"]
    assert point.clusters == len(seen["scored"]) == 100
    assert point.status == "guaranteed"


@pytest.mark.parametrize(("share", "held_out"), [(0.25, 0.25), (0.5, 0.5), (0.8, 0.8)])
def test_with_groups_the_share_asked_for_is_held_out(knees, share, held_out):
    X, y, patients = knees
    floor = SensitivityFloorClassifier(LogisticRegression(), calibration_size=share, random_state=0)
    point = floor.fit(X, y, groups=patients).operating_point_
    assert (point.positives + point.negatives) / len(y) == pytest.approx(held_out, abs=0.02)


@pytest.mark.parametrize("size", [0, 1, 50, "half"])
def test_a_calibration_size_that_is_no_share_is_refused(knees, size):
    X, y, patients = knees
    with pytest.raises(ValueError, match="expected a share"):
        SensitivityFloorClassifier(LogisticRegression(), calibration_size=size).fit(X, y, groups=patients)


def test_a_fitted_classifier_of_other_labels_is_refused(knees):
    X, y, _ = knees
    fitted = LogisticRegression().fit(X, np.where(y == 1, "loss", "normal"))
    with pytest.raises(ValueError, match=r"was fitted on the labels .*'loss'"):
        SensitivityFloorClassifier(fitted, calibration_size="prefit").fit(X, y)


def test_it_works_in_a_pipeline_and_in_a_search(knees):
    X, y, patients = knees
    floor = SensitivityFloorClassifier(LogisticRegression(), min_sensitivity="0.8", random_state=0)
    pipeline = make_pipeline(StandardScaler(), floor)
    pipeline.fit(X, y, sensitivityfloorclassifier__groups=patients)
    assert set(pipeline.predict(X)) == {0, 1}
    search = GridSearchCV(floor, {"estimator__C": [0.1, 1.0]}, scoring="roc_auc", cv=2, error_score="raise")
    assert search.fit(X, y).best_estimator_.operating_point_.min_sensitivity == "0.8"


def test_labels_that_are_words_and_frames_of_polars_are_read(knees):
    X, y, _ = knees
    words = np.where(y == 1, "loss", "normal")
    frame = pl.DataFrame(X, schema=[f"x{i}" for i in range(6)])
    floor = SensitivityFloorClassifier(LogisticRegression(), pos_label="loss", random_state=0).fit(
        frame, words
    )
    assert floor.pos_label_ == "loss"
    assert names_of(floor) == names_of(floor.estimator_)
    found = floor.predict(frame) == "loss"
    assert found[words == "loss"].mean() > 0.86
    # classes_ are sorted, so "normal" is the last: the decision function points there
    assert np.array_equal(floor.decision_function(frame) <= 0, found)


def test_classifiers_without_probabilities_are_cut_on_their_decision_function(knees):
    X, y, _ = knees
    floor = SensitivityFloorClassifier(LinearSVC(), random_state=0).fit(X, y)
    assert not hasattr(floor, "predict_proba")
    assert np.array_equal(floor.predict(X) == 1, floor.decision_function(X) >= 0)


def test_without_a_classifier_it_is_logistic_regression(knees):
    X, y, _ = knees
    assert isinstance(SensitivityFloorClassifier(random_state=0).fit(X, y).estimator_, LogisticRegression)


def test_too_few_positives_are_an_error_and_not_another_threshold(knees):
    X, y, _ = knees
    with pytest.raises(ImpossibleError, match="It takes 20"):
        SensitivityFloorClassifier(LogisticRegression(), random_state=0).fit(X[:40], y[:40])


def test_a_frozen_classifier_is_never_trained_again_and_all_rows_set_the_threshold(knees):
    X, y, _ = knees
    fitted = LogisticRegression().fit(X[:200], y[:200])
    frozen = SensitivityFloorClassifier(FrozenEstimator(fitted), random_state=0).fit(X[200:], y[200:])
    prefit = SensitivityFloorClassifier(fitted, calibration_size="prefit", random_state=0)
    assert frozen.operating_point_ == prefit.fit(X[200:], y[200:]).operating_point_
    assert frozen.operating_point_.positives == y[200:].sum()
    scores = cross_val_score(
        SensitivityFloorClassifier(FrozenEstimator(fitted)), X, y, cv=2, scoring="recall", error_score="raise"
    )
    assert scores.min() > 0.86
    other = FrozenEstimator(LogisticRegression().fit(X, np.where(y == 1, "loss", "normal")))
    with pytest.raises(ValueError, match="was fitted on the labels"):
        SensitivityFloorClassifier(other).fit(X, y)


@pytest.mark.parametrize("response", ["predict_proba", "decision_function"])
@pytest.mark.parametrize("pos_label", [0, 1])
def test_the_best_threshold_means_what_it_means_to_scikit_learn(knees, response, pos_label):
    X, y, _ = knees
    floor = SensitivityFloorClassifier(
        LogisticRegression(), response_method=response, pos_label=pos_label, random_state=0
    ).fit(X, y)
    assert floor.best_threshold_ == floor.operating_point_.threshold
    fixed = FixedThresholdClassifier(
        FrozenEstimator(floor.estimator_),
        threshold=floor.best_threshold_,
        response_method=response,
        pos_label=pos_label,
    ).fit(X, y)
    assert np.array_equal(fixed.predict(X), floor.predict(X))
    assert 0 < (floor.predict(X) == pos_label).mean() < 1


def test_the_response_asked_for_is_the_one_that_is_cut(knees):
    X, y, _ = knees
    both = [
        SensitivityFloorClassifier(LogisticRegression(), response_method=name, anchor="tight", random_state=0)
        for name in ("predict_proba", "decision_function")
    ]
    probability, logit = (one.fit(X, y).best_threshold_ for one in both)
    # the same order of rows, so the same row sets both thresholds
    assert probability == pytest.approx(1 / (1 + np.exp(-logit)))
    with pytest.raises(AttributeError, match="predict_proba"):
        SensitivityFloorClassifier(LinearSVC(), response_method="predict_proba").fit(X, y)


@pytest.mark.parametrize(("option", "value"), [("response_method", "proba"), ("on_impossible", "ignore")])
def test_an_unknown_option_is_refused_with_those_there_are(knees, option, value):
    X, y, _ = knees
    with pytest.raises(ValueError, match=rf"{option}: found '{value}', expected one of"):
        SensitivityFloorClassifier(LogisticRegression(), **{option: value}).fit(X, y)


def test_a_search_over_few_rows_has_scores_and_warnings_where_that_is_enough(knees):
    X, y, _ = knees
    few, marks = X[:40], y[:40]
    floor = SensitivityFloorClassifier(LogisticRegression(), on_impossible="warn", random_state=0)
    search = GridSearchCV(floor, {"estimator__C": [0.1, 1.0]}, scoring="balanced_accuracy", cv=2)
    with pytest.warns(PromiseWarning, match=r"It takes 20 .*promises nothing"):
        search.fit(few, marks)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    point = search.best_estimator_.operating_point_
    assert (point.status, point.method) == ("point only", "empirical")
    assert "Stands in for method exact: " in point.notes[-1]
    with pytest.raises(ValueError, match="on_impossible='warn'"):
        search.set_params(estimator__on_impossible="raise").fit(few, marks)


def test_a_promise_that_can_be_kept_is_kept_whatever_may_stand_in_for_it(knees):
    X, y, patients = knees
    both = [
        SensitivityFloorClassifier(LogisticRegression(), on_impossible=choice, random_state=0)
        .fit(X, y, groups=patients)
        .operating_point_
        for choice in ("raise", "warn")
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize("cluster_method", ["betting", "worst", "one_per_cluster"])
def test_the_stand_in_is_empirical_whatever_was_asked_of_the_patients(knees, cluster_method):
    X, y, patients = knees
    floor = SensitivityFloorClassifier(
        LogisticRegression(), cluster_method=cluster_method, on_impossible="warn", random_state=0
    )
    with pytest.warns(PromiseWarning):
        point = floor.fit(X[:40], y[:40], groups=patients[:40]).operating_point_
    assert (point.status, point.method) == ("point only", "empirical")


def test_a_fitted_classifier_survives_a_pickle_and_a_frame_in_a_pipeline(knees):
    X, y, _ = knees
    frame = pl.DataFrame(X, schema=[f"x{i}" for i in range(6)])
    pipeline = make_pipeline(
        StandardScaler(), SensitivityFloorClassifier(LogisticRegression(), random_state=0)
    )
    pipeline.set_output(transform="polars").fit(frame, y)
    assert names_of(pipeline[-1]) == names_of(pipeline[-1].estimator_)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict(frame), pipeline.predict(frame))
    assert again[-1].operating_point_ == pipeline[-1].operating_point_


def test_patients_and_weights_reach_their_places_by_metadata_routing(knees):
    X, y, patients = knees
    weights = np.where(patients % 2, 1.0, 2.0)
    seen = {}

    class Recorder(LogisticRegression):
        def fit(self, X, y, sample_weight=None, cost=None):
            seen.update(weights=sample_weight, cost=cost)
            return super().fit(X, y, sample_weight)

    with config_context(enable_metadata_routing=True):
        inner = Recorder().set_fit_request(sample_weight=True, cost=True)
        floor = SensitivityFloorClassifier(inner, min_sensitivity="0.7", max_weight=2.0, random_state=0)
        floor.set_fit_request(groups=True, sample_weight=True)
        plain = get_scorer("roc_auc").set_score_request(sample_weight=False)
        search = GridSearchCV(
            floor, {"estimator__C": [0.1, 1.0]}, cv=GroupKFold(2), scoring=plain, error_score="raise"
        )
        search.fit(X, y, groups=patients, sample_weight=weights, cost=weights)
        assert search.best_estimator_.operating_point_.clusters is not None
        assert seen["weights"].shape == seen["cost"].shape == (200,)
        assert set(seen["cost"]) == {1.0, 2.0}
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            SensitivityFloorClassifier(Recorder()).fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        SensitivityFloorClassifier(Recorder()).fit(X, y, cost=weights)


def test_targets_that_are_not_two_classes_are_refused(knees):
    X, y, _ = knees
    for wrong in (np.zeros(400), np.arange(400) % 3):
        with pytest.raises(ValueError, match="binary"):
            SensitivityFloorClassifier(LogisticRegression()).fit(X, wrong)
    with pytest.raises(ValueError, match="pos_label 7"):
        SensitivityFloorClassifier(LogisticRegression(), pos_label=7).fit(X, y)


def test_the_same_random_state_gives_the_same_threshold_and_a_clone_is_unfitted(knees):
    X, y, _ = knees
    floor = SensitivityFloorClassifier(
        RandomForestClassifier(20, random_state=0), random_state=3, anchor="tight"
    )
    first = floor.fit(X, y).operating_point_
    assert clone(floor).fit(X, y).operating_point_ == first
    assert not hasattr(clone(floor), "operating_point_")


def test_the_floor_holds_for_new_rows_in_most_of_many_draws():
    """29 of 30 would be expected; fewer than 25 has a chance below 0.3% if the promise of 0.95 is kept."""
    held = 0
    for seed in range(30):
        X, y = make_classification(1400, 4, n_informative=3, n_redundant=0, random_state=seed)
        floor = SensitivityFloorClassifier(LogisticRegression(), min_sensitivity="0.8", random_state=seed)
        found = floor.fit(X[:400], y[:400]).predict(X[400:])
        held += found[y[400:] == 1].mean() >= 0.8
    assert held >= 25
