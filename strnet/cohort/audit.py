"""What a cohort would leak: pictures that occur twice, and acquisition values that give the label away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from strnet.cohort.manifest import Manifest
from strnet.schema import IMAGE_ID, PATIENT_ID

_ACQUISITION = ("site", "scanner", "file_format", "photometric", "bits_stored", "size")
_CHANCE = 0.01
"""A value is reported if so pure a value has at most this probability among films drawn at random."""


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Films with the same pixel content, in the manifest's order."""

    pixel_sha256: str
    image_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    """The different patients."""
    diagnoses: tuple[str, ...]
    """The different known diagnoses."""

    @property
    def across_patients(self) -> bool:
        """Whether one picture is said to show several people."""
        return len(self.patient_ids) > 1

    @property
    def across_labels(self) -> bool:
        """Whether one picture has several diagnoses."""
        return len(self.diagnoses) > 1


@dataclass(frozen=True, slots=True)
class OneClassValue:
    """An acquisition value whose labelled films all have one diagnosis, more than chance would give."""

    column: str
    value: str
    diagnosis: str
    images: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What stands out in a manifest; nothing here changes a row."""

    images: int
    patients: int
    images_without_pixel_sha256: int
    duplicates: tuple[DuplicateGroup, ...]
    one_class_values: tuple[OneClassValue, ...]
    reference_standards: tuple[tuple[str, int], ...]
    """Labelled films by what their label was measured with."""
    unknown: tuple[tuple[str, int], ...]
    """Blank cells by column, columns without blanks left out."""

    def as_json(self) -> dict[str, Any]:
        """The audit as JSON values, with the counts people ask for first."""
        across = {
            "duplicate_groups": len(self.duplicates),
            "duplicate_groups_across_patients": sum(group.across_patients for group in self.duplicates),
            "duplicate_groups_across_labels": sum(group.across_labels for group in self.duplicates),
        }
        content = asdict(self)
        return across | content | {key: dict(content[key]) for key in ("reference_standards", "unknown")}


def audit_manifest(manifest: Manifest) -> Audit:
    """What stands out in the rows of `manifest`."""
    frame = manifest.frame
    labelled = frame.filter(pl.col("diagnosis").is_not_null())
    standards = labelled.group_by("reference_standard").len().sort("reference_standard")
    return Audit(
        images=frame.height,
        patients=frame[PATIENT_ID].n_unique(),
        images_without_pixel_sha256=frame["pixel_sha256"].null_count(),
        duplicates=duplicate_groups(frame),
        one_class_values=_one_class_values(labelled),
        reference_standards=tuple(standards.rows()),
        unknown=tuple((c.name, c.null_count()) for c in frame if c.null_count()),
    )


def duplicate_groups(frame: pl.DataFrame) -> tuple[DuplicateGroup, ...]:
    """Groups of two or more films with one pixel_sha256, in order of the first of them.

    `frame` holds image_id, patient_id, pixel_sha256 and diagnosis.
    """
    shared = frame.filter(pl.col("pixel_sha256").is_not_null() & pl.col("pixel_sha256").is_duplicated())
    groups = shared.group_by("pixel_sha256", maintain_order=True).agg(
        pl.col(IMAGE_ID),
        pl.col(PATIENT_ID).drop_nulls().unique(maintain_order=True),
        pl.col("diagnosis").drop_nulls().unique(maintain_order=True),
    )
    return tuple(DuplicateGroup(sha, *map(tuple, lists)) for sha, *lists in groups.rows())


def _one_class_values(labelled: pl.DataFrame) -> tuple[OneClassValue, ...]:
    """The probability of a pure value by chance is prevalence ** films, films taken as independent."""
    shares = {label: n / labelled.height for label, n in labelled.group_by("diagnosis").len().rows()}
    size = pl.format("{} x {}", "rows", "columns").alias("size")
    found = []
    for column in _ACQUISITION:
        values = labelled.with_columns(size).drop_nulls(column).group_by(pl.col(column).cast(pl.String))
        pure = values.agg(pl.col("diagnosis").unique(), pl.len()).filter(pl.col("diagnosis").list.len() == 1)
        for value, (diagnosis,), images in pure.sort(column).rows():
            if shares[diagnosis] ** images <= _CHANCE:
                found.append(OneClassValue(column, value, diagnosis, images))
    return tuple(found)
