"""A scikit-learn classifier whose decision keeps a sensitivity floor, around any classifier that scores."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, has_fit_parameter

from strnet.threshold_options import Anchor, ClusterMethod, Method, Proportion
from strnet.thresholds.fitting import fit_threshold
from strnet.thresholds.point import OperatingPoint

Array = npt.NDArray[Any]


def _has(method: str) -> Any:
    def check(self: SensitivityFloorClassifier) -> bool:
        getattr(getattr(self, "estimator_", self.estimator), method)
        return True

    return check


class SensitivityFloorClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A binary classifier that calls a case positive where `estimator`'s score reaches a fitted threshold.

    The threshold comes from rows that `estimator` was not trained on: a hold-out of `fit`'s rows, stratified,
    and patient-disjoint where `groups` are given; or all of them if `calibration_size` is "prefit" and
    `estimator` is fitted already. The guarantee of `method="exact"` is that of `fit_threshold` and speaks of
    `estimator_` only: it is lost if that is fitted again.

    Args:
        estimator: a classifier whose `predict_proba`, or else `decision_function`, is thresholded; logistic
            regression if None.
        min_sensitivity: as in `fit_threshold`, as are `confidence`, `method`, `cluster_method` and
            `mixed_clusters`.
        anchor: as there, but `midgap` by default: the score of one row may differ in its last bit with the
            rows that are scored beside it, and that must not decide a case.
        calibration_size: the share of rows held out, in (0, 1), or "prefit"; with `groups` the nearest of
            1/k and 1 - 1/k of the patients.
        pos_label: the class whose sensitivity is kept; the last of `classes_` if None.
        random_state: of the hold-out, and of the draws that some cluster methods make.

    Attributes:
        classes_: the two labels, sorted.
        estimator_: the fitted classifier.
        operating_point_: the `OperatingPoint`, with everything that is promised and what it rests on.
        pos_label_: the class whose sensitivity is kept.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every option as a parameter of its own
        self,
        estimator: Any = None,
        *,
        min_sensitivity: Proportion = "0.86",
        confidence: Proportion = 0.95,
        method: Method = "exact",
        cluster_method: ClusterMethod = "korn_graubard",
        mixed_clusters: bool = False,
        anchor: Anchor = "midgap",
        calibration_size: float | Literal["prefit"] = 0.5,
        pos_label: Any = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.min_sensitivity = min_sensitivity
        self.confidence = confidence
        self.method = method
        self.cluster_method = cluster_method
        self.mixed_clusters = mixed_clusters
        self.anchor = anchor
        self.calibration_size = calibration_size
        self.pos_label = pos_label
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """This classifier, with the threshold set; `groups` (n,) are patients.

        `sample_weight` (n,) counts for the threshold, and for the training where `estimator.fit` takes it.

        Raises:
            ValueError: `y` is not binary, or holds one class only; a `calibration_size` that is no share; a
                prefit `estimator` that knows other labels.
            ThresholdError, ImpossibleError: as `fit_threshold`.
        """
        X, labels, groups, sample_weight = indexable(X, column_or_1d(y, warn=True), groups, sample_weight)
        self._set_classes(labels if sample_weight is None else labels[_counted(sample_weight)])
        rng = check_random_state(self.random_state)
        split_seed, draw_seed = (int(seed) for seed in rng.randint(np.iinfo(np.int32).max, size=2))
        train, held_out = self._split(labels, groups, split_seed)
        self.estimator_ = self._trained(X, labels, train, sample_weight)
        self._copy_feature_names()
        self.operating_point_: OperatingPoint = fit_threshold(
            labels[held_out] == self.pos_label_,
            self._score(_safe_indexing(X, held_out)),
            min_sensitivity=self.min_sensitivity,
            confidence=self.confidence,
            method=self.method,
            clusters=_at(groups, held_out),
            cluster_method=self.cluster_method,
            mixed_clusters=self.mixed_clusters,
            weights=_at(sample_weight, held_out),
            anchor=self.anchor,
            seed=draw_seed,
        )
        return self

    def predict(self, X: Any) -> Array:
        """The label of each row, shape (n,)."""
        check_is_fitted(self)
        positive = self.operating_point_.apply(self._score(X))
        negative = self.classes_[self.classes_ != self.pos_label_][0]
        labels: Array = np.where(positive, self.pos_label_, negative).astype(self.classes_.dtype)
        return labels

    def decision_function(self, X: Any) -> Array:
        """How far the score of each row lies above the threshold, shape (n,), towards `classes_[1]`."""
        check_is_fitted(self)
        above: Array = self._score(X) - self.operating_point_.threshold
        return above if self.pos_label_ == self.classes_[1] else -above

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Array:
        """The probabilities of `estimator_`, shape (n, 2); `predict` does not cut them at one half."""
        check_is_fitted(self)
        probabilities: Array = self.estimator_.predict_proba(X)
        return probabilities

    def __sklearn_tags__(self) -> Any:
        """The tags of `estimator`, for two classes only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        if self.estimator is not None:
            tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        return tags

    def _set_classes(self, labels: Array) -> None:
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        kind = type_of_target(labels, input_name="y", raise_unknown=True)
        if kind != "binary" or self.classes_.size != 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}, with "
                f"{self.classes_.size} class(es): {self.classes_[:5].tolist()}. A threshold needs two."
            )
        wanted = self.classes_[1] if self.pos_label is None else self.pos_label
        if wanted not in self.classes_:
            raise ValueError(f"pos_label {wanted!r} is not among the classes {self.classes_.tolist()}.")
        self.pos_label_ = wanted

    def _split(self, labels: Array, groups: Any, seed: int) -> tuple[Array, Array]:
        """Rows to train on and rows to set the threshold on, both sorted."""
        everything = np.arange(labels.size)
        if self.calibration_size == "prefit":
            return everything[:0], everything
        share = self.calibration_size
        if isinstance(share, str) or not 0 < share < 1:
            raise ValueError(f"calibration_size: found {share!r}, expected a share in (0, 1) or 'prefit'.")
        if groups is None:
            splitter = StratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
            train, held_out = next(splitter.split(everything, labels))
        else:
            folds = round(1 / min(share, 1 - share))
            by_patient = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
            most, fold = next(by_patient.split(everything, labels, groups))
            train, held_out = (most, fold) if share <= 0.5 else (fold, most)
        return np.sort(train), np.sort(held_out)

    def _trained(self, X: Any, labels: Array, train: Array, weights: Any) -> Any:
        estimator = LogisticRegression() if self.estimator is None else self.estimator
        if self.calibration_size == "prefit":
            check_is_fitted(estimator)
            if self.pos_label_ not in list(estimator.classes_):
                raise ValueError(
                    f"estimator: was fitted on the labels {list(estimator.classes_)[:5]}, expected "
                    f"{self.pos_label_!r} among them. Give y as it was given to the estimator."
                )
            return estimator
        options = {}
        if weights is not None and has_fit_parameter(estimator, "sample_weight"):
            options["sample_weight"] = _safe_indexing(weights, train)
        return clone(estimator).fit(_safe_indexing(X, train), labels[train], **options)

    def _score(self, X: Any) -> Array:
        column = list(self.estimator_.classes_).index(self.pos_label_)
        if hasattr(self.estimator_, "predict_proba"):
            return np.asarray(self.estimator_.predict_proba(X)[:, column], dtype=np.float64)
        towards_last = np.asarray(self.estimator_.decision_function(X), dtype=np.float64)
        return towards_last if column == 1 else -towards_last

    def _copy_feature_names(self) -> None:
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))


def _at(column: Any, rows: Array) -> Any:
    return None if column is None else _safe_indexing(column, rows)


def _counted(weights: npt.ArrayLike) -> Array:
    counted: Array = column_or_1d(weights) > 0
    if not counted.any():
        raise ValueError(
            "sample_weight: every weight is zero, expected at least one row of each class to count."
        )
    return counted
