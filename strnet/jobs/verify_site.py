"""A site whose unflagged people were verified in part, or that sends two numbers: verify, plan, certify."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Unpack

from strnet.errors import ThresholdError
from strnet.files import write_json
from strnet.options import with_defaults
from strnet.sealed import Format, seal
from strnet.thresholds import OperatingPoint, read_threshold
from strnet.thresholds.count_certificate import CountCertificate, certify_counts
from strnet.thresholds.negatives_plan import NegativesPlan, drawn_needed, plan_negatives
from strnet.thresholds.partial_verification import PartialVerification, VerificationCounts, verify_counts
from strnet.thresholds.sampling_list import draw, read_list, write_list
from strnet.thresholds.verified_people import counts_of, read_people
from strnet.verification_options import (
    CertifyCounts,
    PeopleColumns,
    PlanAnything,
    Verify,
    VerifyFromCounts,
    VerifyFromTable,
)

FORMAT: Final = Format(
    name="strnet site certificate by partial verification",
    version=2,
    noun="a site certificate by partial verification",
    source="Give the file of threshold verify.",
    remake="Verify the site again; a certificate changed by hand proves nothing.",
)
DEFAULT_FLOOR: Final = "0.86"
DEFAULT_CONFIDENCE: Final = "0.95"


def threshold_verify(
    point: Path | None,
    people: Path | None,
    *,
    sampled: Path | None = None,
    out: Path | None = None,
    **asked: Unpack[Verify],
) -> PartialVerification:
    """Whether the floor holds where the flagged were verified, and a random sample of the others.

    The counts come from a table of `people`, one row each, or from the keywords. `sampled` is the list that
    the sample was drawn on; `out` a file for the verdict.

    Raises:
        ThresholdError: unusable rows or counts, a sample that is not the list's, or people who chose the
            threshold.
        ImpossibleError: no unflagged person was verified.
        BundleError: an edited operating point, or another score than its own.
    """
    frozen = None if point is None else read_threshold(point)
    if people is None:
        counts, new = _from_counts(asked, sampled), False
    else:
        counts, new = _from_table(people, frozen, sampled, asked)
    found = verify_counts(counts, from_list=sampled is not None, **_floor(frozen, asked))
    found = replace(found, drawn_needed=drawn_needed(found), new_people=new)
    if out is not None:
        content = {"point_rows_sha256": None if frozen is None else frozen.rows_sha256, **asdict(found)}
        write_json(out, seal(content, FORMAT))
    return found


def threshold_plan_negatives(
    people: Path | None = None, out: Path | None = None, **asked: Unpack[PlanAnything]
) -> NegativesPlan:
    """How many of the unflagged to verify; `out` is then the list of those drawn from the table of `people`.

    Raises: ThresholdError: unusable rows or numbers. ImpossibleError: a floor that cannot be certified so.
    """
    options = with_defaults(PlanAnything, asked)
    unflagged = None
    if options["draw"] is not None and out is None:
        raise ThresholdError("plan: found --draw and no list to write. Name it: -o list.csv.")
    if people is not None:
        unflagged = read_people(people, **with_defaults(PeopleColumns, asked)).unflagged_names()
    found = plan_negatives(
        flagged_positive=_given(options, "flagged_positive"),
        unflagged=len(unflagged) if unflagged is not None else _given(options, "unflagged"),
        min_sensitivity=options["min_sensitivity"],
        confidence=options["confidence"],
        expected_sensitivity=options["expected_sensitivity"],
    )
    if out is not None:
        if unflagged is None:
            raise ThresholdError("plan: a list is drawn from people. Name their table: --table.")
        number = options["draw"] or found.samples[0].drawn
        write_list(draw(unflagged, number, options["seed"]), options["identifier"], out)
    return found


def threshold_certify_counts(point: Path | None = None, **asked: Unpack[CertifyCounts]) -> CountCertificate:
    """Whether the floor holds at a site by the counts of its positive patients and of those missed.

    Raises: ThresholdError: impossible counts. BundleError: an edited operating point.
    """
    frozen = None if point is None else read_threshold(point)
    return certify_counts(asked["positives"], asked["missed"], **_floor(frozen, asked))


def _floor(point: OperatingPoint | None, asked: Any) -> dict[str, Any]:
    """The floor and the confidence: as asked, or the operating point's, or the default."""
    floor = DEFAULT_FLOOR if point is None else point.min_sensitivity
    confidence = DEFAULT_CONFIDENCE if point is None else point.confidence
    return {
        "min_sensitivity": floor if asked.get("min_sensitivity") is None else asked["min_sensitivity"],
        "confidence": confidence if asked.get("confidence") is None else asked["confidence"],
    }


def _from_table(
    people: Path, point: OperatingPoint | None, sampled: Path | None, asked: Verify
) -> tuple[VerificationCounts, bool]:
    """The counts, and whether the verified were held against the rows that chose the threshold."""
    if any(asked.get(name) is not None for name in VerifyFromCounts.__annotations__):
        raise ThresholdError("verify: found a table and counts, expected one of them. Leave the other out.")
    if asked.get("target") is None:
        raise ThresholdError("verify: found no target, expected the column of results. Name it: --target.")
    columns = with_defaults(VerifyFromTable, asked)
    group = read_people(people, point, **columns)
    listed = None if sampled is None else read_list(sampled, columns["identifier"], group.unflagged_names())
    return counts_of(group, listed), group.new


def _from_counts(asked: Verify, sampled: Path | None) -> VerificationCounts:
    if sampled is not None:
        raise ThresholdError("verify: a list is held against people. Give their table, or leave --list out.")
    counts = {name: asked.get(name) for name in VerifyFromCounts.__annotations__}
    if counts["unflagged_drawn"] is None:
        counts["unflagged_drawn"] = counts["unflagged_verified"]
    missing = [f"--{name.replace('_', '-')}" for name, value in counts.items() if value is None]
    if missing:
        raise ThresholdError(
            f"verify: missing {', '.join(missing)}. Give all counts, or a table of the people."
        )
    return VerificationCounts(**{name: int(str(value)) for name, value in counts.items()})


def _given(options: dict[str, Any], name: str) -> int:
    if options[name] is None:
        raise ThresholdError(f"plan: --verify-negatives needs --{name.replace('_', '-')}.")
    return int(options[name])
