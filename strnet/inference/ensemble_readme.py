"""The README of an ensemble: what it is, for a person who finds the folder."""

from __future__ import annotations

from strnet.bundle_format import DOCUMENT
from strnet.inference.bundle import Bundle
from strnet.inference.ensemble_bundle import EnsembleBundle
from strnet.inference.ensemble_document import MEMBERS
from strnet.inference.readme import MEASURED_BY, point_lines

_RULES = {
    "mean": "the mean of the members' logits (of their values for a regression)",
    "largest": "the largest of the members' logits for a binary task, and the mean for any other",
    "stack": "a logistic regression on the members' logits for a binary task, and the mean for any other",
}


def ensemble_readme(ensemble: EnsembleBundle) -> str:
    """Markdown: what the ensemble is, its members, how they are combined, operating points and origin."""
    origin, rule = ensemble.provenance, ensemble.combination
    missing = (
        "is answered by the others, and its row says which one was missing."
        if rule.missing == "allow"
        else "gets no answer."
    )
    parts = [
        f"# {ensemble.recipe.name}",
        ensemble.recipe.description or f"{len(ensemble.members)} screening networks that answer together.",
        "**Not a medical device.** For research. Nothing here has been cleared or approved for use on "
        "patients, and no output replaces a measurement of bone density.",
        "## What the labels were measured with",
        "\n".join(f"- `{name}`: {MEASURED_BY[name]}" for name in origin.reference_standard.standards),
        "## Members",
        "\n".join(_member_line(name, member) for name, member in ensemble.members.items()),
        "## How they answer together",
        f"Of each {rule.by} one answer: {_RULES[rule.rule]}. A case for which a member is missing {missing} "
        + ("Each member also sees the mirrored film; its mean counts." if ensemble.recipe.mirrored else ""),
        "## What it answers",
        "\n".join(
            f"- `{task.name}` ({task.kind}), from column `{task.target.column}`" for task in ensemble.tasks
        ),
        "## Operating points",
        "\n".join(point_lines(ensemble)) or "None.",
        "## Origin",
        "\n".join(
            (
                f"- Written: {origin.created.isoformat(timespec='seconds')}",
                f"- strnet: {origin.strnet_version}, commit {origin.code_commit or 'unknown'}",
                f"- Cases: {', '.join(f'{name} {count}' for name, count in origin.cases.items())}",
                f"- Ensemble: SHA-256 {ensemble.sha256}",
            )
        ),
        f"`{DOCUMENT}` holds all of this as JSON, `{MEMBERS}/` the members, each with a README of its own. "
        "All are checked against their hashes when strnet reads them. Predict with "
        "`strnet predict FOLDER FILMS -o results.csv`.",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _member_line(name: str, member: Bundle) -> str:
    seen = member.applicability.trained_on
    films = " ".join((" or ".join(seen.anatomies), " or ".join(seen.views))).strip() or "not stated"
    return f"- `{name}`: films {films}; `{MEMBERS}/{member.sha256}`"
