"""A scikit-learn classifier whose decision keeps a sensitivity floor, around any classifier that scores."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import _safe_indexing, check_random_state, get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import (
    _check_method_params,
    check_is_fitted,
    column_or_1d,
    has_fit_parameter,
)

from strnet.errors import ImpossibleError, PromiseWarning
from strnet.threshold_options import Anchor, ClusterMethod, Method, Proportion
from strnet.thresholds.fitting import fit_threshold
from strnet.thresholds.hold_out import hold_out
from strnet.thresholds.point import OperatingPoint

Array = npt.NDArray[Any]
RESPONSES = ("predict_proba", "decision_function")


def _has(method: str) -> Any:
    def check(self: SensitivityFloorClassifier) -> bool:
        getattr(getattr(self, "estimator_", self._unfitted()), method)
        return True

    return check


class SensitivityFloorClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A binary classifier that calls a case positive where `estimator`'s score reaches a fitted threshold.

    The threshold comes from rows that `estimator` was not trained on: a hold-out of `fit`'s rows, stratified,
    and patient-disjoint where `groups` are given; or all of them if `estimator` is a `FrozenEstimator`, or
    fitted and `calibration_size` is "prefit". The guarantee of `method="exact"` is that of `fit_threshold`
    and speaks of `estimator_` only: it is lost if that is fitted again.

    Args:
        estimator: the classifier whose score is thresholded; logistic regression if None.
        min_sensitivity: as in `fit_threshold`, as are `confidence`, `method`, `cluster_method`,
            `mixed_clusters` and `max_weight`, without which weights promise nothing.
        anchor: as there, but `midgap` by default: the score of one row may differ in its last bit with the
            rows that are scored beside it, and that must not decide a case.
        calibration_size: the share of rows held out, in (0, 1), or "prefit"; with `groups` the nearest of
            1/k and 1 - 1/k of the patients.
        response_method: "predict_proba" or "decision_function", or "auto": the first of them there is.
        on_impossible: what happens where the held-out rows cannot keep the promise: "raise" its error, or
            "warn" and take the empirical threshold, whose status is "point only"; for searches over few rows.
        pos_label: the class whose sensitivity is kept; the last of `classes_` if None.
        random_state: of the hold-out.

    Attributes:
        classes_: the two labels, sorted.
        estimator_: the fitted classifier.
        operating_point_: the `OperatingPoint`, with everything that is promised and what it rests on.
        best_threshold_: its threshold, on the score of `pos_label_`.
        pos_label_: the class whose sensitivity is kept.
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every option as a parameter of its own
        self,
        estimator: Any = None,
        *,
        min_sensitivity: Proportion = "0.86",
        confidence: Proportion = 0.95,
        method: Method = "exact",
        cluster_method: ClusterMethod = "betting",
        mixed_clusters: bool = False,
        max_weight: float | None = None,
        anchor: Anchor = "midgap",
        calibration_size: float | Literal["prefit"] = 0.5,
        response_method: Literal["auto", "predict_proba", "decision_function"] = "auto",
        on_impossible: Literal["raise", "warn"] = "raise",
        pos_label: Any = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.min_sensitivity = min_sensitivity
        self.confidence = confidence
        self.method = method
        self.cluster_method = cluster_method
        self.mixed_clusters = mixed_clusters
        self.max_weight = max_weight
        self.anchor = anchor
        self.calibration_size = calibration_size
        self.response_method = response_method
        self.on_impossible = on_impossible
        self.pos_label = pos_label
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """This classifier, with the threshold set; `groups` (n,) are patients.

        `sample_weight` (n,) counts for the threshold, and for the training where `estimator.fit` takes it or,
        with scikit-learn's metadata routing, asks for it; so do other `params`, by that routing only.

        Raises:
            ValueError: `y` is not binary, or holds one class only; a `calibration_size` that is no share; an
                option that is unknown; an `estimator` fitted on other labels.
            ThresholdError, ImpossibleError: as `fit_threshold`.
        """
        _require_option("response_method", self.response_method, ("auto", *RESPONSES))
        _require_option("on_impossible", self.on_impossible, ("raise", "warn"))
        X, labels, groups, sample_weight = indexable(X, column_or_1d(y, warn=True), groups, sample_weight)
        params = self._training_params(groups, sample_weight, params)
        self._set_classes(labels if sample_weight is None else labels[_counted(sample_weight)])
        split_seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if self._is_trained():
            held_out = np.arange(labels.size)
            self.estimator_ = self._known_to_fit(self._unfitted())
        else:
            train, held_out = hold_out(labels, groups, self.calibration_size, split_seed)
            options = _check_method_params(X, params, indices=train)
            self.estimator_ = clone(self._unfitted()).fit(_safe_indexing(X, train), labels[train], **options)
        self._copy_feature_names()
        self.operating_point_: OperatingPoint = self._threshold(
            labels[held_out] == self.pos_label_,
            self._score(_safe_indexing(X, held_out)),
            clusters=_at(groups, held_out),
            weights=_at(sample_weight, held_out),
        )
        return self

    def _threshold(self, target: Array, score: Array, **rows: Any) -> OperatingPoint:
        """The operating point asked for; where it is impossible and that may be, the empirical one."""
        asked = {"mixed_clusters": self.mixed_clusters, "anchor": self.anchor, **rows}
        floor = self.min_sensitivity
        try:
            return fit_threshold(
                target,
                score,
                min_sensitivity=floor,
                confidence=self.confidence,
                method=self.method,
                cluster_method=self.cluster_method,
                max_weight=self.max_weight,
                **asked,
            )
        except ImpossibleError as error:
            if self.on_impossible == "raise":
                raise ImpossibleError(
                    f"{error} Where the score of a search is enough: on_impossible='warn'."
                ) from error
            warnings.warn(
                f"{error} The empirical threshold stands in, and promises nothing.",
                PromiseWarning,
                stacklevel=3,
            )
            point = fit_threshold(
                target, score, min_sensitivity=floor, confidence=self.confidence, method="empirical", **asked
            )
            return replace(point, notes=(*point.notes, f"Stands in for method {self.method}: {error}"))

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

    @property
    def best_threshold_(self) -> float:
        """The threshold on the score of `pos_label_`: a case at or above it is positive."""
        threshold = self.operating_point_.threshold
        assert threshold is not None  # no groups, so one threshold
        return threshold

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any) -> Array:
        """The probabilities of `estimator_`, shape (n, 2); `predict` does not cut them at one half."""
        check_is_fitted(self)
        probabilities: Array = self.estimator_.predict_proba(X)
        return probabilities

    def get_metadata_routing(self) -> MetadataRouter:
        """How metadata reaches this classifier and the training of its estimator."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self.__class__.__name__).add_self_request(self)
        return router.add(estimator=self._unfitted(), method_mapping=mapping)

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

    def _unfitted(self) -> Any:
        return LogisticRegression() if self.estimator is None else self.estimator

    def _is_trained(self) -> bool:
        return self.calibration_size == "prefit" or isinstance(self.estimator, FrozenEstimator)

    def _known_to_fit(self, estimator: Any) -> Any:
        """The fitted estimator, which knows the class whose sensitivity is kept.

        Raises: NotFittedError; ValueError: it was fitted on other labels.
        """
        check_is_fitted(estimator)
        if self.pos_label_ not in list(estimator.classes_):
            raise ValueError(
                f"estimator: was fitted on the labels {list(estimator.classes_)[:5]}, expected "
                f"{self.pos_label_!r} among them. Give y as it was given to the estimator."
            )
        return estimator

    def _training_params(self, groups: Any, sample_weight: Any, params: dict[str, Any]) -> dict[str, Any]:
        """What the estimator's own `fit` gets beside X and y, (n,) each."""
        given = {"groups": groups, "sample_weight": sample_weight}
        if _routing_enabled():
            given = {name: value for name, value in given.items() if value is not None}
            routed = process_routing(self, "fit", **given, **params)
            return dict(routed.estimator.fit)
        _raise_for_params(params, self, "fit")
        takes_weights = has_fit_parameter(self._unfitted(), "sample_weight")
        return {"sample_weight": sample_weight} if sample_weight is not None and takes_weights else {}

    def _score(self, X: Any) -> Array:
        column = list(self.estimator_.classes_).index(self.pos_label_)
        response = self.response_method
        if response == "auto":
            response = "predict_proba" if hasattr(self.estimator_, "predict_proba") else "decision_function"
        scores = np.asarray(getattr(self.estimator_, response)(X), dtype=np.float64)
        if response == "predict_proba":
            return np.ascontiguousarray(scores[:, column])
        return scores if column == 1 else -scores

    def _copy_feature_names(self) -> None:
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))


def _at(column: Any, rows: Array) -> Any:
    return None if column is None else _safe_indexing(column, rows)


def _require_option(name: str, found: str, known: tuple[str, ...]) -> None:
    if found not in known:
        raise ValueError(f"{name}: found {found!r}, expected one of {', '.join(map(repr, known))}.")


def _counted(weights: npt.ArrayLike) -> Array:
    counted: Array = column_or_1d(weights) > 0
    if not counted.any():
        raise ValueError(
            "sample_weight: every weight is zero, expected at least one row of each class to count."
        )
    return counted
