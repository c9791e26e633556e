"""One scan and its mask to the rows of the density tables, or to the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from strnet.density.contrast_correction import ContrastCorrection
from strnet.density.conversion import PROVENANCE, DensityConversion, Mineral, given_density
from strnet.density.internal_tissues import conversion_from_tissues
from strnet.density.reference_rods import ReferenceRod, conversion_from_rods
from strnet.density.scan_density import ScanContrast, mean_hu, scan_density
from strnet.density.scanner_table import ScannerTable
from strnet.density.tissue_finding import find_tissues
from strnet.density.trabecular_core import CoreRules
from strnet.density.vertebra_readings import VertebraReading, read_vertebrae, require_air
from strnet.errors import DensityError, ImageError
from strnet.imaging.nifti import read_nifti
from strnet.imaging.volume import Volume
from strnet.imaging.volume_masks import read_volume_mask
from strnet.imaging.volume_reading import read_volume

METHODS = ("hu", "rods", "tissues", "scanner", "given")


@dataclass(frozen=True)
class DensityPlan:
    """What is measured in every scan, and how HU become density.

    `labels` names the numbers of each vertebra; `rods` are those of each image; `contrast` is what holds
    where neither manifest nor header say; `cropped` scans need show no air.
    """

    method: str
    labels: Mapping[str, tuple[int, ...]]
    rules: CoreRules = field(default_factory=CoreRules)
    mineral: Mineral = "K2HPO4"
    rods: Mapping[str, tuple[ReferenceRod, ...]] = field(default_factory=dict)
    scanners: ScannerTable | None = None
    correction: ContrastCorrection | None = None
    contrast: str = "unknown"
    cropped: bool = False


@dataclass(frozen=True)
class ScanFile:
    """A row of the manifest: its scan, its mask and what it says of how the scan was taken."""

    image_id: str
    path: Path
    mask: Path | None
    scanner: str | None
    kvp: float | None
    contrast: str | None
    phase: str | None


def measure(scan: ScanFile, plan: DensityPlan) -> dict[str, Any]:
    """The cells of a scan and, under `vertebrae`, its vertebrae's rows; `reason` says what is missing."""
    row: dict[str, Any] = {"reason": None, "vertebrae": []}
    try:
        volume, mask, known = _read(scan, plan)
        if not (plan.cropped or plan.method == "given"):
            require_air(volume.values, volume.voxel_mm3)
        readings = read_vertebrae(volume, mask, plan.labels, plan.rules)
        row["vertebrae"] = [_cells(reading) for reading in readings]
        used = [reading.vertebra for reading in readings if reading.core]
        row |= {"vertebrae_used": " ".join(used) or None, "mean_hu": mean_hu(readings)}
        if plan.method != "hu":
            _add_density(row, readings, (volume, mask), known, plan)
    except ImageError as error:
        row["reason"] = str(error)
    return row


@dataclass(frozen=True)
class _Known:
    """How the scan was taken, by manifest and header together."""

    image_id: str
    scanner: str | None
    contrast: ScanContrast


def _read(scan: ScanFile, plan: DensityPlan) -> tuple[Volume, Volume, _Known]:
    if scan.mask is None:
        raise DensityError("no mask. Name one in the manifest's column `mask`.")
    kvp, scanner, contrast, phase = None, None, "unknown", None
    if plan.method == "given":
        volume = read_nifti(scan.path)
    else:
        volume, header = read_volume(scan.path)
        kvp, scanner = header.kvp, header.scanner
        contrast, phase = header.contrast, header.contrast_phase
    mask = read_volume_mask(scan.mask, volume)
    stated = scan.contrast if scan.contrast not in (None, "unknown") else None
    found = contrast if contrast != "unknown" else None
    known = ScanContrast(
        contrast=_agreed("contrast", stated, found) or plan.contrast,
        phase=_agreed("contrast_phase", scan.phase, phase),
        kvp=_agreed("kvp", scan.kvp, kvp),
    )
    made = _Known(scan.image_id, scan.scanner or scanner, known)
    return volume.in_patient_order(), mask.in_patient_order(), made


def _agreed(column: str, stated: Any, found: Any) -> Any:
    """What manifest and header say, where they do not contradict each other."""
    if stated is not None and found is not None and stated != found:
        raise DensityError(f"{column}: the manifest says {stated}, the file's header {found}. Correct one.")
    return found if stated is None else stated


def _cells(reading: VertebraReading) -> dict[str, Any]:
    core = reading.core
    return {
        "vertebra": reading.vertebra,
        "mean_hu": core and core.mean_hu,
        "median_hu": core and core.median_hu,
        "sd_hu": core and core.sd_hu,
        "core_cm3": core and core.volume_cm3,
        "core_voxels": core and core.voxels,
        "stray_share": reading.stray_share,
        "reason": reading.reason,
    }


def _add_density(
    row: dict[str, Any],
    readings: list[VertebraReading],
    pair: tuple[Volume, Volume],
    known: _Known,
    plan: DensityPlan,
) -> None:
    conversion = _conversion(pair, known, plan)
    # A density that was given is of a scan whose contrast somebody else has dealt with, or not.
    contrast = ScanContrast("none", None, None) if plan.method == "given" else known.contrast
    made = scan_density(readings, conversion, contrast, plan.correction)
    by_name = {one.vertebra: one for one in made.vertebrae}
    for cells in row["vertebrae"]:
        if (one := by_name.get(cells["vertebra"])) is not None:
            cells |= {"density": one.density, "category": one.category, "extrapolated": one.extrapolated}
    corrected = contrast.contrast != "none" and plan.correction is not None
    row |= {
        "vbmd": made.vbmd,
        "diagnosis": made.diagnosis,
        "density_correction": plan.correction.name if corrected and plan.correction else None,
    }
    row |= conversion.provenance()


def _conversion(pair: tuple[Volume, Volume], known: _Known, plan: DensityPlan) -> DensityConversion:
    kvp = known.contrast.kvp
    if plan.method == "scanner" and plan.scanners is not None:
        return plan.scanners.conversion(known.scanner, kvp)
    if plan.method == "given":
        return given_density(plan.mineral, "values of the file")
    if plan.method == "rods":
        if known.image_id not in plan.rods:
            raise DensityError("the table of rods has no row of this image_id.")
        return conversion_from_rods(
            plan.rods[known.image_id],
            source="rods in view",
            mineral=plan.mineral,
            kvp=kvp,
            scanner=known.scanner,
        )
    if kvp is None:
        raise DensityError(
            "the tube voltage (kvp) is unknown, and tissues need it. Fill the manifest's column."
        )
    contrast = known.contrast.contrast
    found = find_tissues(pair[0], pair[1].values > 0, contrast=contrast)
    try:
        return conversion_from_tissues(
            found.samples,
            kvp=kvp,
            contrast=contrast,
            source="tissues in view",
            mineral=plan.mineral,
            scanner=known.scanner,
        )
    except DensityError as error:
        missing = "; ".join(f"{tissue}: {reason}" for tissue, reason in found.missing.items())
        raise DensityError(f"{error} {missing}".strip()) from error


SCAN_COLUMNS = (
    *("vertebrae_used", "mean_hu", "vbmd", "diagnosis"),
    *PROVENANCE,
    *("density_correction", "reason"),
)
VERTEBRA_COLUMNS = (
    *("vertebra", "mean_hu", "median_hu", "sd_hu", "core_cm3", "core_voxels", "stray_share"),
    *("density", "category", "extrapolated", "reason"),
)
