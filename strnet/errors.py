"""One exception family. Every message says where, what was found, what was expected, what to do."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class StrnetError(Exception):
    """Base of every error strnet raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 2


class OutputError(StrnetError):
    """A place that cannot be written to: a full disk, a used-up quota, a read-only file system."""

    def __init__(self, place: str, refusal: OSError) -> None:
        super().__init__(place, refusal)  # both, so that it comes whole out of a worker process
        self.place = place
        self.refusal = refusal

    def __str__(self) -> str:
        full = self.refusal.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "Make room on that disk and repeat the command" if full else "Make it writable"
        reason = self.refusal.strerror or self.refusal
        return (
            f"{self.place}: cannot be written ({reason}). What stood there is intact. {remedy}, or give "
            "another place."
        )


class ConfigError(StrnetError):
    """A recipe that cannot be used: unknown key, unknown name, impossible combination."""


class ManifestError(StrnetError):
    """A cohort manifest, import table or scores table with rows that cannot be trusted."""


class SplitError(StrnetError):
    """A split without a certificate that holds."""


class ImageError(StrnetError):
    """An image file that cannot become a network input."""


class DicomError(ImageError):
    """A DICOM file that cannot become a network input; the message names the tag."""


class DensityError(ImageError):
    """HU of a scan that cannot become the density of bone, or a conversion that cannot be made or used."""


class CacheError(StrnetError):
    """A sample cache that does not hold what was asked of it."""


class ModelError(StrnetError):
    """A network that cannot be built, or weights that do not fit it."""


class TrainingError(StrnetError):
    """Training that must stop, or must not start."""


class StatsError(StrnetError):
    """Scores, targets or counts that no statistic is defined for."""


class ThresholdError(StrnetError):
    """A threshold request with unusable input."""


class TableError(ManifestError, ThresholdError):
    """A table, of whatever rows, that cannot be read as what it is said to be."""


class TableNote(UserWarning):
    """What its owner should know of a table, though it changes no number read; the command line prints it."""


class RowFilterError(ConfigError, ThresholdError):
    """A condition on rows (`cohort.where`, `--where`) that cannot be read or names what is not there."""


class GroupingError(ConfigError, ThresholdError):
    """A column (`--group`) that cannot be grouped as it was asked."""


class ImpossibleError(ThresholdError):
    """A threshold request that these rows can never meet; the message says what would."""

    exit_code = 3


class PromiseWarning(UserWarning):
    """A threshold that stands in for one with a promise, where that was said to be enough."""


class BundleError(StrnetError):
    """A bundle or operating point that was edited, is incomplete, or belongs to another model."""


class PartialResultError(StrnetError):
    """The job was done for some files and not for others; the message lists those left out."""

    exit_code = 4


class RefusedFilmsError(StrnetError):
    """The job was done, and some films were refused as none that the network may answer."""

    exit_code = 5


class MissingExtraError(StrnetError):
    """An optional dependency that is not installed; the message names the extra."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """The error for an optional `package`, naming the extra that brings it."""
    return MissingExtraError(
        f"{purpose} needs the package '{package}', which is not installed. "
        f"Install it with: pip install 'strnet[{extra}]'"
    )


def unknown_name(kind: str, found: str, valid: Iterable[str]) -> str:
    """`Unknown backbone 'resnt18', did you mean 'resnet18'?`, or the valid names if none is near."""
    names = sorted(set(valid))
    near = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    if near:
        return f"Unknown {kind} '{found}', did you mean '{near[0]}'?"
    listing = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"Unknown {kind} '{found}'. Valid: {listing}."
