"""Whether the parts of a bundle belong together."""

from __future__ import annotations

from dataclasses import asdict, replace

from strnet.bundle_format import DOCUMENT, FORMAT
from strnet.config import TaskConfig
from strnet.errors import BundleError, unknown_name
from strnet.inference.bundle import Bundle
from strnet.inference.ensemble_bundle import AnyBundle
from strnet.schema import logit_column, prediction_column, prob_column
from strnet.stats.answers import PLAIN
from strnet.thresholds import OperatingPoint, ScoreIdentity
from strnet.thresholds.score_identity import RAW, identity_of


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
    _require_regions(bundle, where)
    columns = tuple(variable.name for variable in bundle.clinical)
    if columns != bundle.recipe.clinical_columns:
        raise BundleError(
            f"{where}: clinical variables {columns}, expected those of the recipe, "
            f"{bundle.recipe.clinical_columns}."
        )
    require_usable_answers(bundle)


def require_usable_answers(bundle: AnyBundle) -> None:
    """Raise unless calibrators and operating points are for the scores of this bundle, and the deciding one
    is there or a reason why not.

    Raises: BundleError: the first contradiction.
    """
    where = _where(bundle)
    for task in bundle.calibrators:
        _named(bundle, task, ("binary",))
    for point in bundle.operating_points:
        _require_usable(bundle, point)
    names = [(point.score.task, point.method) for point in bundle.operating_points]
    if len(set(names)) < len(names):
        raise BundleError(f"{where}: operating points {names}, expected one of each task and method.")
    if bundle.recipe.operating_point is not None and (bundle.deciding is None) == (bundle.undecided is None):
        raise BundleError(
            f"{where}: expected the operating point that the recipe decides by, or the reason why it was not "
            "reached, and one of both. Write the bundle again from its run."
        )


def _require_regions(bundle: Bundle, where: str) -> None:
    region, rule = bundle.recipe.region, bundle.document.region_combination
    if region.used and not region.names:
        raise BundleError(f"{where}: does not name the regions that its network looks at. {FORMAT.remake}")
    if region.several != (rule is not None):
        raise BundleError(
            f"{where}: region.use is {region.use}, and a rule for several regions is "
            f"{'missing' if rule is None else 'there'}. {FORMAT.remake}"
        )
    if rule is not None and set(rule.members) != set(region.names):
        raise BundleError(
            f"{where}: the rule is for regions {', '.join(rule.members)}, and the network looks at "
            f"{', '.join(region.names)}. {FORMAT.remake}"
        )


def _require_usable(bundle: AnyBundle, point: OperatingPoint) -> None:
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
    unsaid = [name for name, value in asdict(point.score).items() if value is None]
    if unsaid:
        raise BundleError(
            f"{where}: the operating point of {task.name} does not say the {', '.join(unsaid)} of its score. "
            "Fit it on the predictions table of the run."
        )
    if point.threshold is None:
        raise BundleError(
            f"{where}: the operating point of {task.name} has one threshold per group, and a film "
            "does not say which group it is of. Fit a common threshold."
        )
    try:
        point.score.require_same(_expected(bundle, task, str(point.score.column)))
    except BundleError as error:
        raise BundleError(f"{where}: {error}") from error


def _expected(bundle: AnyBundle, task: TaskConfig, column: str) -> ScoreIdentity:
    """The identity of a score in the results table of this bundle."""
    score = identity_of(column)
    calibrator = bundle.calibrators.get(task.name, PLAIN).digest if score.kind == "probability" else RAW
    return replace(score, model_sha256=bundle.scores_sha256, calibrator_sha256=calibrator)


def _named(bundle: AnyBundle, name: str, kinds: tuple[str, ...]) -> TaskConfig:
    tasks = {task.name: task for task in bundle.tasks if task.kind in kinds}
    if name not in tasks:
        raise BundleError(f"{_where(bundle)}: {unknown_name(' or '.join(kinds) + ' task', name, tasks)}")
    return tasks[name]


def _where(bundle: AnyBundle) -> str:
    return str(bundle.folder / DOCUMENT)
