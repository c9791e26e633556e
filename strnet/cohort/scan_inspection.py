"""Every scan of a cohort opened once: what is in a study's series, which one is used, or why none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from strnet.cohort.scan_choice import rank_of, why_before
from strnet.errors import ImageError
from strnet.imaging.scan_acquisition import ScanAcquisition
from strnet.imaging.scan_files import FileContent, content_of, opened_all
from strnet.imaging.series_sorting import Stack, stacks_of
from strnet.imaging.volume_reading import described_stack, read_stack, read_volume, voxel_sha256
from strnet.workers import AnyWorkers, in_order

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Scan:
    """One series, or one NIfTI file, of a study."""

    files: tuple[Path, ...]
    source: ScanAcquisition | None
    """How it was taken; None where it cannot be used."""
    name: str
    reason: str | None = None
    """Why it is not used."""
    voxel_sha256: str | None = None

    @property
    def place(self) -> Path:
        """The NIfTI file, or the folder of the first slice."""
        first = self.files[0]
        return first if self.source is not None and self.source.file_format == "nifti" else first.parent


def scans_in(
    files: Sequence[Path], *, workers: AnyWorkers = None, progress: Progress | None = None
) -> tuple[list[list[Scan]], list[FileContent]]:
    """The scans of every study, the best one first, by headers alone; and files that are of none.

    A series beside a file that cannot be read is refused: it may be one of its slices.
    """
    contents = []
    for content in in_order(content_of, files, _unreadable, workers):
        contents.append(content)
        if progress:
            progress(len(contents), len(files))
    broken: dict[Path, FileContent] = {}
    for content in contents:
        if content.unreadable:
            broken.setdefault(content.path.parent, content)
    studies: dict[object, list[Scan]] = {}
    for stack in stacks_of(contents):
        first = stack.slices[0]
        key = first.study_uid or str(first.path.parent)
        studies.setdefault(key, []).append(_scan(stack, broken.get(first.path.parent)))
    ranked = [sorted(scans, key=_suits) for scans in studies.values()]
    return ranked, [content for content in contents if not content.slices]


def settled(study: Sequence[Scan]) -> list[Scan]:
    """The scans of a study with reasons: the first that can be decoded has none, the others say why not."""
    done: list[Scan] = []
    chosen: Scan | None = None
    for scan in study:
        if scan.source is None:
            done.append(scan)
        elif chosen is None:
            tried = _decoded(scan)
            chosen = tried if tried.reason is None else None
            done.append(tried)
        elif chosen.source is not None:
            why = why_before(chosen.source, scan.source)
            done.append(replace(scan, reason=f"another series of the study is used: {why} ({chosen.name})."))
    return done


def failed_study(study: Sequence[Scan], reason: str) -> list[Scan]:
    """The scans of a study that brought a process down, or passed a limit."""
    return [scan if scan.reason else replace(scan, source=None, reason=reason) for scan in study]


def settled_nifti(path: Path) -> list[Scan]:
    """The one scan of a NIfTI file."""
    try:
        volume, source = read_volume(path)
    except (ImageError, OSError) as error:
        return [Scan((path,), None, path.name, _said(error, path))]
    return [Scan((path,), source, path.name, None, voxel_sha256(volume))]


def _scan(stack: Stack, broken: FileContent | None) -> Scan:
    files = tuple(dict.fromkeys(piece.path for piece in stack.slices))
    if stack.reason is not None:
        return Scan(files, None, stack.name, stack.reason)
    if broken is not None:
        reason = f"{broken.path.name} beside it cannot be read and may be one of its slices: "
        f"{broken.unreadable}"
        return Scan(files, None, stack.name, reason)
    try:
        return Scan(files, described_stack(stack), stack.name)
    except (ImageError, OSError) as error:
        return Scan(files, None, stack.name, _said(error, files[0]))


def _decoded(scan: Scan) -> Scan:
    """The scan with its hash, or with the reason why it cannot be decoded."""
    try:
        contents, files = opened_all(scan.files)
        stack = next(stack for stack in stacks_of(contents) if stack.name == scan.name)
        volume, source = read_stack(stack, files)
    except (ImageError, OSError, StopIteration) as error:
        return replace(scan, source=None, reason=_said(error, scan.files[0]).removeprefix(f"{scan.name}: "))
    return replace(scan, source=source, voxel_sha256=voxel_sha256(volume))


def _suits(scan: Scan) -> tuple[bool, tuple[float, ...], str]:
    return (scan.source is None, () if scan.source is None else rank_of(scan.source), str(scan.files[0]))


def _unreadable(path: Path, reason: str) -> FileContent:
    return FileContent(path, unreadable=reason)


def _said(error: BaseException, path: Path) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix(f"{path}: ")


def all_settled(
    studies: Iterable[Sequence[Scan]], niftis: Sequence[Path], workers: AnyWorkers, progress: Progress | None
) -> list[Scan]:
    """Every scan with its reason or its hash, made by `workers` processes, a study at a time."""
    waiting = list(studies)
    total = len(waiting) + len(niftis)
    done: list[Scan] = []
    steps = 0
    for found in in_order(settled, waiting, failed_study, workers):
        done, steps = [*done, *found], steps + 1
        if progress:
            progress(steps, total)
    for found in in_order(settled_nifti, niftis, _failed_nifti, workers):
        done, steps = [*done, *found], steps + 1
        if progress:
            progress(steps, total)
    return done


def _failed_nifti(path: Path, reason: str) -> list[Scan]:
    return [Scan((path,), None, path.name, reason)]
