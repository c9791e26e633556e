"""Whether the parts of a bundle belong together."""

from __future__ import annotations

from strnet.config import TaskConfig
from strnet.errors import BundleError, unknown_name
from strnet.inference.bundle import Bundle
from strnet.inference.bundle_document import DOCUMENT
from strnet.schema import logit_column, prediction_column, prob_column
from strnet.thresholds import OperatingPoint, ScoreIdentity


def require_agreement(bundle: Bundle) -> None:
    """Raise unless recipe, preprocessing, clinical variables, calibrators and operating points fit together.

    Raises: BundleError: the first contradiction.
    """
    where = _where(bundle)
    found = bundle.preprocessing.digest
    if found != bundle.document.preprocessing_sha256:
        raise BundleError(
            f"{where}: this strnet would preprocess films as {found[:12]}, the network was trained on "
            f"{bundle.document.preprocessing_sha256[:12]}. Use the strnet version that wrote the bundle, "
            f"{bundle.provenance.strnet_version}."
        )
    columns = tuple(variable.name for variable in bundle.clinical)
    if columns != bundle.recipe.clinical_columns:
        raise BundleError(
            f"{where}: clinical variables {columns}, expected those of the recipe, "
            f"{bundle.recipe.clinical_columns}."
        )
    for task in bundle.calibrators:
        _named(bundle, task, ("binary",))
    for point in bundle.operating_points:
        _require_usable(bundle, point)
    names = [(point.score.task, point.method) for point in bundle.operating_points]
    if len(set(names)) < len(names):
        raise BundleError(f"{where}: operating points {names}, expected one of each task and method.")


def _require_usable(bundle: Bundle, point: OperatingPoint) -> None:
    """Raise unless `point` decides on a score that the results table has, of these weights, for any film."""
    where = _where(bundle)
    task = _named(bundle, point.score.task or "(none named)", ("binary", "regression"))
    raw = logit_column(task.name) if task.kind == "binary" else prediction_column(task.name)
    columns = (raw, prob_column(task.name)) if task.kind == "binary" else (raw,)
    if point.score.column not in columns:
        raise BundleError(
            f"{where}: the operating point of {task.name} is for column '{point.score.column}', expected "
            f"{' or '.join(columns)}."
        )
    if point.threshold is None:
        raise BundleError(
            f"{where}: the operating point of {task.name} has one threshold per group, and a film "
            "does not say which group it is of. Fit a common threshold."
        )
    calibrator = bundle.calibrators.get(task.name)
    digest = "none" if calibrator is None else calibrator.digest
    shown = ScoreIdentity(
        task=task.name,
        model_sha256=bundle.document.weights.sha256,
        calibrator_sha256=None if point.score.column == raw else digest,
    )
    try:
        point.require_same_score(shown)
    except BundleError as error:
        raise BundleError(f"{where}: {error}") from error


def _named(bundle: Bundle, name: str, kinds: tuple[str, ...]) -> TaskConfig:
    tasks = {task.name: task for task in bundle.tasks if task.kind in kinds}
    if name not in tasks:
        raise BundleError(f"{_where(bundle)}: {unknown_name(' or '.join(kinds) + ' task', name, tasks)}")
    return tasks[name]


def _where(bundle: Bundle) -> str:
    return str(bundle.folder / DOCUMENT)
