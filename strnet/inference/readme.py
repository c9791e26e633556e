"""The README of a bundle: what it is, for a person who finds the folder."""

from __future__ import annotations

from collections.abc import Iterator

from strnet.bundle_format import DOCUMENT, WEIGHTS, StartingWeights
from strnet.inference.bundle import Bundle
from strnet.inference.ensemble_bundle import AnyBundle
from strnet.thresholds import OperatingPoint
from strnet.trust import PictureLimit

MEASURED_BY = {
    "dxa": "dual-energy X-ray absorptiometry (DXA).",
    "qus": "quantitative ultrasound. A T-score from ultrasound is not a DXA T-score, and not diagnostic "
    "in the sense of the WHO.",
    "qct": "quantitative CT. Its T-scores are not DXA T-scores.",
    "model": "another model's prediction; nothing was measured.",
    "phantom": "a simulation. The films are not of people, and no figure here says anything about patients.",
    "unknown": "unknown: the cohort does not say.",
}


def bundle_readme(bundle: Bundle) -> str:
    """Markdown: what the bundle is, what it is not, its tasks, inputs, operating points and origin."""
    recipe, origin = bundle.recipe, bundle.provenance
    clinical = ", ".join(f"`{variable.name}`" for variable in bundle.clinical)
    parts = [
        f"# {recipe.name}",
        recipe.description or "A screening network on radiographs, written by strnet.",
        "**Not a medical device.** For research. Nothing here has been cleared or approved for use on "
        "patients, and no output replaces a measurement of bone density.",
        "## What the labels were measured with",
        "\n".join(f"- `{name}`: {MEASURED_BY[name]}" for name in origin.reference_standard.standards),
        f"Site of measurement: {', '.join(origin.reference_standard.sites) or 'not known'}.",
        "## Intended use",
        _intended_use(bundle),
        "## Films that it refuses",
        _applicability(bundle),
        "## What it answers",
        "\n".join(
            f"- `{task.name}` ({task.kind}), from column `{task.target.column}`" for task in bundle.tasks
        ),
        f"Clinical inputs: {clinical or 'none'}. Any of them may be missing.",
        *_region(bundle),
        "## Operating points",
        "\n".join(point_lines(bundle)) or "None.",
        "## Origin",
        _origin(bundle),
        f"`{DOCUMENT}` holds all of this as JSON, `{WEIGHTS}` the weights. Both are checked against their "
        "hashes when strnet reads them. Predict with `strnet predict FOLDER FILMS -o results.csv`.",
    ]
    return "\n\n".join(parts) + "\n"


def _intended_use(bundle: Bundle) -> str:
    seen = bundle.applicability.trained_on
    anatomy, views = " or ".join(seen.anatomies), " or ".join(seen.views)
    films = " ".join(word for word in (anatomy, views) if word) or "the kind it was trained on"
    return (
        f"Research on opportunistic screening for low bone density, on radiographs of: {films}. An operating "
        "point holds for films like those it was fitted on; check it on films of a new site first."
    )


def _region(bundle: Bundle) -> Iterator[str]:
    """What of a film the network looks at, where it is not the whole."""
    region = bundle.recipe.region
    if not region.used:
        return
    names = ", ".join(region.names)
    each = "each by itself" if region.several else "as one picture"
    finds = (
        "its segmenter, in the folder `segmenter`, finds them"
        if bundle.document.segmenter_sha256
        else "their boxes come with the films, in the table that is given with them"
    )
    yield f"## What it looks at\n\n{names}, {each}: {finds}. A film without them is not answered."


def point_lines(bundle: AnyBundle) -> Iterator[str]:
    """The operating points, one a line, before them why none decides."""
    if bundle.undecided is not None:
        yield f"**No operating point decides.** {bundle.undecided}\n"
    for point in bundle.operating_points:
        yield _point_line(point) + (" **This one decides.**" if point is bundle.deciding else "")


def _applicability(bundle: Bundle) -> str:
    seen, limit = bundle.applicability.trained_on, bundle.applicability.picture
    ages = None if seen.ages is None else f"{seen.ages[0]:g} to {seen.ages[1]:g} years"
    facts = {
        "Body part": seen.anatomies,
        "View": seen.views,
        "Modality": seen.modalities,
        "Presentation intent": seen.presentation_intents,
        f"Age (and {seen.age_margin:g} years beyond)": (ages,) if ages else (),
    }
    lines = [
        f"- {name}: {', '.join(values) or 'not known, so not checked'}" for name, values in facts.items()
    ]
    told = (
        "A film whose header names something else than the training rows is refused: a row with a reason "
        "code and no score. One that does not say is answered and flagged. So are blank and cut pictures "
        "refused. The training rows were:"
    )
    return "\n".join([told, "", *lines, "", _picture_words(bundle, limit)])


def _picture_words(bundle: Bundle, limit: PictureLimit | None) -> str:
    if limit is None:
        return "Whether a picture looks like the training films is not checked."
    beyond = "refused" if bundle.applicability.picture_refuses else "answered and flagged"
    short = "" if limit.kept else f" (too few for the {limit.false_refusal:.1%} asked for)"
    return (
        f"A picture that looks unlike them (atypicality above {limit.threshold:.4g}) is {beyond}. Of films "
        f"like the {limit.validation_films} validation films{short} at most {limit.at_most:.1%} exceed that, "
        "on average; how many films of other kinds do so has to be measured, as "
        "benchmarks/applicability.py of strnet does. "
        "A film that nothing flags is still not known to be one that the network can answer."
    )


def _point_line(point: OperatingPoint) -> str:
    specificity = "" if point.specificity is None else f", specificity {point.specificity}"
    return (
        f"- `{point.score.task}`, method {point.method} ({point.status}): positive if "
        f"`{point.score.column}` {point.operator} {point.threshold!r}. Floor {point.min_sensitivity}; on "
        f"{point.positives} positive and {point.negatives} negative films sensitivity "
        f"{point.observed_sensitivity}{specificity}; probability that the true sensitivity keeps the "
        f"floor: {point.confidence_reached:.3f}."
    )


def _origin(bundle: Bundle) -> str:
    origin = bundle.provenance
    images = ", ".join(f"{split} {count}" for split, count in origin.images.items()) or "not stated"
    lines = {
        "Written": origin.created.isoformat(timespec="seconds"),
        "strnet": f"{origin.strnet_version}, commit {origin.code_commit or 'unknown'}",
        "Images": images if origin.fold is None else f"{images} (fold {origin.fold})",
        "Manifest": f"SHA-256 {origin.manifest_sha256}",
        **({"Rows chosen": f"`{bundle.recipe.cohort.where}`"} if bundle.recipe.cohort.where else {}),
        "Split": f"SHA-256 {origin.split_sha256}",
        **_start(origin.starting_weights),
        "Weights": f"SHA-256 {bundle.document.weights.sha256}",
        "Bundle": f"SHA-256 {bundle.sha256}",
    }
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _start(start: StartingWeights | None) -> dict[str, str]:
    """What the network started from, and under which licence; nothing for random weights."""
    if start is None:
        return {}
    source = {"file": "the file", "bundle": "the bundle of", "hub": "timm's hub,"}[start.source]
    named = f"{' and '.join(start.parts)} of {source} {start.name}"
    hashed = f", SHA-256 {start.sha256}" if start.sha256 else ""
    licence = {"Licence of the start": start.licence} if start.licence else {}
    return {"Started from": named + hashed, **licence}
