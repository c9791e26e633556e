"""Files of a folder, in any order, to stacks of slices that can each be one volume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from strnet.errors import ImageError
from strnet.imaging.scan_files import FileContent
from strnet.imaging.scan_slices import ScanSlice
from strnet.imaging.slice_geometry import (
    FEWEST_SLICES,
    ORIENTATION_TOLERANCE,
    StackGeometry,
    lay_out,
    plane_of,
)


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices of one series that may be a volume: their grid, or why they have none."""

    slices: tuple[ScanSlice, ...]
    geometry: StackGeometry | None
    reason: str | None
    part: str = ""
    """Which part of its series it is, where that has several: `sagittal`, `acquisition 2`."""

    @property
    def series_uid(self) -> str:
        """Series Instance UID; empty where an anonymiser blanked it."""
        return self.slices[0].series_uid

    @property
    def name(self) -> str:
        """The series in words, for messages."""
        series = self.series_uid or f"without UID in {self.slices[0].path.parent.name}"
        return f"series {series}{f', {self.part}' if self.part else ''} ({len(self.slices)} slices)"


def stacks_of(contents: Iterable[FileContent]) -> list[Stack]:
    """The stacks of all slices, in the order of their first files.

    Files without a Series Instance UID belong together by folder and study. A series is divided where its
    slices lie in several orientations; and by temporal position or acquisition where it makes no grid as a
    whole, but these parts do not mix.
    """
    series: dict[object, list[ScanSlice]] = {}
    for content in contents:
        for piece in content.slices:
            unnamed = (str(piece.path.parent), piece.study_uid) if not piece.series_uid else ""
            series.setdefault((piece.series_uid, unnamed), []).append(piece)
    return [stack for slices in series.values() for stack in _stacks(slices)]


def _stacks(slices: Sequence[ScanSlice]) -> list[Stack]:
    groups = _by_orientation(slices)
    if len(groups) == 1:
        return _divided(slices, "")
    large = [group for group in groups if len(group) >= FEWEST_SLICES]
    small = [piece for group in groups if len(group) < FEWEST_SLICES for piece in group]
    if not large:
        return [_tried(slices, "")]
    found = [stack for group in large for stack in _divided(group, _orientation_name(group, large))]
    if not small:
        return found
    reason = (
        f"mixed orientation: {len(small)} of {len(slices)} slices lie in other planes than the rest, such as "
        f"{small[0].place} ({plane_of(small[0])}). Leave them out, or export the series again."
    )
    return [*found, Stack(tuple(small), None, reason, "other planes")]


def _orientation_name(group: Sequence[ScanSlice], groups: Sequence[Sequence[ScanSlice]]) -> str:
    """The plane of a group, with its number where another one of the series has the same."""
    if len(groups) == 1:
        return ""
    planes = [plane_of(other[0]) for other in groups]
    place = next(index for index, other in enumerate(groups) if other is group)
    same = planes.count(planes[place]) > 1
    return f"{planes[place]} {planes[: place + 1].count(planes[place])}" if same else planes[place]


def _by_orientation(slices: Sequence[ScanSlice]) -> list[list[ScanSlice]]:
    groups: list[list[ScanSlice]] = []
    for piece in slices:
        for group in groups:
            pairs = zip(group[0].orientation, piece.orientation, strict=True)
            if max(abs(one - other) for one, other in pairs) <= ORIENTATION_TOLERANCE:
                group.append(piece)
                break
        else:
            groups.append([piece])
    return groups


_DIVIDERS: tuple[tuple[str, Callable[[ScanSlice], int | None]], ...] = (
    ("temporal position", lambda piece: piece.temporal),
    ("acquisition", lambda piece: piece.acquisition),
)


def _divided(slices: Sequence[ScanSlice], part: str) -> list[Stack]:
    """The slices as one stack where they make one, else by what tells scans of one place apart."""
    whole = _tried(slices, part)
    if whole.reason is None:
        return [whole]
    for word, key in _DIVIDERS:
        groups: dict[int | None, list[ScanSlice]] = {}
        for piece in slices:
            groups.setdefault(key(piece), []).append(piece)
        if len(groups) > 1 and None not in groups and min(map(len, groups.values())) >= FEWEST_SLICES:
            names = {number: ", ".join(filter(None, (part, f"{word} {number}"))) for number in groups}
            return [stack for number, group in groups.items() for stack in _divided(group, names[number])]
    return [whole]


def _tried(slices: Sequence[ScanSlice], part: str) -> Stack:
    try:
        return Stack(tuple(slices), lay_out(slices), None, part)
    except ImageError as error:
        return Stack(tuple(slices), None, str(error), part)
