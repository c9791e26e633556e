"""How the slices of a stack lie to each other: one grid in the patient, or the reason why there is none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strnet.errors import DicomError
from strnet.imaging.limits import require_volume_size
from strnet.imaging.scan_slices import ScanSlice

FEWEST_SLICES = 3
"""A gap is only known to be regular beside another one."""
POSITION_TOLERANCE = 0.1
"""Of the slice spacing: how far a slice may lie from where equal spacing puts it. Headers round to 0.1 mm; a
tenth of a slice moves a density by less than the noise between two scans."""
LEAST_TOLERANCE_MM = 0.06
"""For thin slices: half of what headers round to, and a little."""
SAME_PLACE_MM = 0.01
ORIENTATION_TOLERANCE = 1e-3
"""Of a direction cosine: 0.06 degrees, more than headers round."""
STEEPEST_TILT = 31.0
"""Degrees; gantries tilt by 30 at most."""
LEAST_TILT = 0.05
"""Degrees; below it, 500 mm of slices are out of line by less than half a millimetre."""
_CHANGES = 0.25
"""Share of the gaps from which they are not single faults but another spacing."""


@dataclass(frozen=True, eq=False)
class StackGeometry:
    """Slices in the order of their places, and the grid that they make."""

    slices: tuple[ScanSlice, ...]
    affine: NDArray[np.float64]
    """(column, row, slice) to mm, LPS; the slice axis is oblique where the gantry was tilted."""
    tilt_degrees: float
    """Between the way from slice to slice and the line at right angles to them; 0 where there is none."""

    @property
    def spacing_mm(self) -> float:
        """Distance of neighbouring planes, at right angles to them."""
        return float(np.dot(self.affine[:3, 2], normal_of(self.slices[0])))


def normal_of(piece: ScanSlice) -> NDArray[np.float64]:
    """Unit vector at right angles to a slice: row direction times column direction."""
    normal = np.cross(piece.orientation[:3], piece.orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal))


def plane_of(piece: ScanSlice) -> str:
    """`axial`, `sagittal`, `coronal` or `oblique`, to within a gantry's tilt."""
    normal = np.abs(normal_of(piece))
    largest = int(np.argmax(normal))
    near = normal[largest] >= math.cos(math.radians(STEEPEST_TILT))
    return ("sagittal", "coronal", "axial")[largest] if near else "oblique"


def lay_out(slices: Sequence[ScanSlice]) -> StackGeometry:
    """The grid of a stack of slices in any order.

    Raises: DicomError: too few slices, several grids, or slices missing, doubled, overlapping, unevenly
        spaced or out of line.
    Source: DICOM PS3.3 C.7.6.2.1.1 (Image Position and Orientation).
    """
    if len(slices) == 1:
        raise DicomError("a single slice, expected a stack of them. Export the whole series.")
    if len(slices) < FEWEST_SLICES:
        raise DicomError(
            f"only {len(slices)} slices, expected {FEWEST_SLICES} or more. Export the whole series."
        )
    _require_one_grid(slices)
    first = slices[0]
    require_volume_size((len(slices), *first.shape))
    normal = normal_of(first)
    along = np.array([np.dot(piece.position, normal) for piece in slices])
    order = np.argsort(along, kind="stable")
    ordered = tuple(slices[index] for index in order)
    _require_even(along[order], ordered)
    places = np.array([piece.position for piece in ordered])
    step = (places[-1] - places[0]) / (len(ordered) - 1)
    _require_line(places, step, ordered)
    return StackGeometry(ordered, _affine(first, places[0], step), _tilt(first, step, normal))


def _require_one_grid(slices: Sequence[ScanSlice]) -> None:
    for what, found in (
        ("sizes", Counter(f"{piece.shape[0]} x {piece.shape[1]}" for piece in slices)),
        (
            "pixel spacings",
            Counter(" x ".join(f"{mm:.4g} mm" for mm in piece.spacing_mm) for piece in slices),
        ),
        ("frames of reference", Counter(piece.frame_of_reference for piece in slices)),
    ):
        if len(found) > 1:
            listing = ", ".join(f"{name or 'none'} ({count} slices)" for name, count in found.most_common(4))
            raise DicomError(f"several {what}: {listing}. Export each scan as a series of its own.")
    orientations = np.array([piece.orientation for piece in slices])
    if float(np.abs(orientations - orientations[0]).max()) > ORIENTATION_TOLERANCE:
        planes = Counter(plane_of(piece) for piece in slices)
        listing = ", ".join(f"{count} {name}" for name, count in planes.most_common())
        raise DicomError(
            f"mixed orientation: {listing}, whose planes are not parallel. Export each stack as its own "
            "series."
        )
    doubled = [uid for uid, count in Counter(_identity(piece) for piece in slices).items() if count > 1]
    if doubled:
        twice = [piece.place for piece in slices if _identity(piece) == doubled[0]]
        raise DicomError(
            f"doubled slices: {len(doubled)} SOP Instance UID(s) stand in several files, such as "
            f"{', '.join(twice[:3])}. Remove the copies."
        )


def _identity(piece: ScanSlice) -> object:
    """What no two slices may share; files without a UID are told apart by their names."""
    return (piece.instance_uid or piece.path, piece.frame)


def _require_even(along: NDArray[np.float64], ordered: Sequence[ScanSlice]) -> None:
    """Raise unless slices in order lie equally far apart, within the tolerance."""
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    same = np.flatnonzero(gaps < SAME_PLACE_MM)
    if same.size:
        raise DicomError(
            f"doubled slices: {same.size} place(s) have two, such as {_at(along, ordered, same[0])}. Remove "
            "the copies, or export each acquisition as its own series."
        )
    tolerance = max(POSITION_TOLERANCE * usual, LEAST_TOLERANCE_MM)
    uneven = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if uneven.size:
        raise DicomError(_unevenness(along, ordered, usual, tolerance, uneven))
    expected = np.linspace(along[0], along[-1], len(along))
    off = float(np.abs(along - expected).max())
    if off > tolerance:
        raise DicomError(
            f"changing slice spacing: from {gaps.min():.3g} to {gaps.max():.3g} mm, so that a slice lies "
            f"{off:.2f} mm from where equal spacing puts it, expected at most {tolerance:.2f} mm."
        )


def _unevenness(
    along: NDArray[np.float64],
    ordered: Sequence[ScanSlice],
    usual: float,
    tolerance: float,
    uneven: NDArray[np.intp],
) -> str:
    gaps = np.diff(along)
    where = f"between {_at(along, ordered, uneven[0])}"
    if _lacks_some(gaps[uneven] / usual, tolerance / usual, gaps.size):
        lost = int(np.rint(gaps[uneven] / usual - 1).sum())
        return (
            f"{lost} slice(s) missing: {where} there are {gaps[uneven[0]]:.3g} mm instead of {usual:.3g}. "
            "Export the whole series again."
        )
    if _interleaves(along, gaps, usual, tolerance):
        return (
            f"overlapping slices: gaps as narrow as {gaps.min():.3g} mm among {gaps.max():.3g} mm, first "
            f"{where}: two scans in one series. Export each as its own series."
        )
    return (
        f"changing slice spacing: from {gaps.min():.3g} to {gaps.max():.3g} mm (usual {usual:.3g}, tolerance "
        f"{tolerance:.2g}), first {where}. Export parts of one spacing as series of their own."
    )


def _lacks_some(ratios: NDArray[np.float64], tolerance: float, gaps: int) -> bool:
    """Whether the uneven gaps, over the usual one, are few and each a whole number of them."""
    whole = np.rint(ratios)
    few = ratios.size < max(_CHANGES * gaps, 2)
    return bool(few and np.all(whole >= 2) and np.all(np.abs(ratios - whole) <= whole * tolerance))


def _interleaves(
    along: NDArray[np.float64], gaps: NDArray[np.float64], usual: float, tolerance: float
) -> bool:
    """Whether slices of a second stack lie among those of the first: everywhere, or where the two overlap."""
    every_second = along[2:] - along[:-2]
    if np.all(np.abs(every_second - np.median(every_second)) <= tolerance):
        return True
    narrow = gaps < usual - tolerance
    return bool(narrow.any() and not narrow[0] and not narrow[-1])


def _at(along: NDArray[np.float64], ordered: Sequence[ScanSlice], index: int | np.intp) -> str:
    names = " and ".join(ordered[int(index) + side].place for side in (0, 1))
    return f"{names} at {along[index]:.2f} mm"


def _require_line(
    places: NDArray[np.float64], step: NDArray[np.float64], ordered: Sequence[ScanSlice]
) -> None:
    """Raise unless the slices lie on one straight line, sheared by no more than a tilted gantry does."""
    expected = places[0] + np.arange(len(places))[:, None] * step
    off = np.linalg.norm(places - expected, axis=1)
    tolerance = max(POSITION_TOLERANCE * float(np.linalg.norm(step)), LEAST_TOLERANCE_MM)
    worst = int(np.argmax(off))
    if off[worst] > tolerance:
        raise DicomError(
            f"slices out of line: {ordered[worst].place} lies {off[worst]:.2f} mm beside the others, "
            f"expected at most {tolerance:.2f} mm. Export the series again."
        )


def _tilt(first: ScanSlice, step: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Degrees between the step from slice to slice and the normal, signed by the columns' direction.

    Raises: DicomError: slices that slide along their rows, or farther than a gantry tilts.
    """
    forward = float(np.dot(step, normal))
    down, aside = (math.degrees(math.atan2(float(np.dot(step, axis)), forward)) for axis in _axes(first))
    if abs(aside) > LEAST_TILT:
        raise DicomError(
            f"slices slide along their rows by {aside:.1f} degrees, which no gantry does. Export the series "
            "again."
        )
    if abs(down) > STEEPEST_TILT:
        raise DicomError(
            f"slices slide along their columns by {down:.1f} degrees, more than a gantry tilts "
            f"({STEEPEST_TILT:g}). Export the series again."
        )
    return 0.0 if abs(down) <= LEAST_TILT else down


def _axes(first: ScanSlice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Direction of a column (down), of a row (aside)."""
    return np.array(first.orientation[3:]), np.array(first.orientation[:3])


def _affine(first: ScanSlice, origin: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.float64]:
    down, aside = _axes(first)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = aside * first.spacing_mm[1], down * first.spacing_mm[0]
    affine[:3, 2], affine[:3, 3] = step, origin
    return affine
