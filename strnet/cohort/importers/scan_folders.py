"""Folders with exactly one series each, made of links where an archive keeps several in one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from strnet.cohort.scan_inspection import Scan
from strnet.errors import OutputError
from strnet.files import sha256_bytes, writing_to
from strnet.imaging.volume_reading import files_of_scan


def links_folder(out: Path) -> Path:
    """Where the folders for the manifest `out` stand: `cohort.series` beside `cohort.csv`."""
    return out.with_name(f"{out.stem}.series")


def scan_path(scan: Scan, out: Path) -> Path:
    """The NIfTI file, or the folder that holds this series and nothing else; made of links where none does.

    Raises: OutputError: the links cannot be written.
    """
    if scan.source is not None and scan.source.file_format == "nifti":
        return scan.place
    folder = scan.files[0].parent
    if set(files_of_scan(folder)) == set(scan.files):
        return folder
    named = sha256_bytes("\n".join(str(path) for path in sorted(scan.files)).encode())[:12]
    linked = links_folder(out) / f"{folder.name}-{named}"
    with writing_to(linked):
        linked.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(scan.files)):
        _link(path.absolute(), linked / f"{number:05d}-{path.name}")
    return linked


def _link(path: Path, link: Path) -> None:
    """A link to a file, or its copy where the file system has no links."""
    if link.exists():
        return
    try:
        link.symlink_to(os.path.relpath(path.resolve(), link.parent.resolve()))
    except OSError:
        try:
            shutil.copyfile(path, link)
        except OSError as error:
            raise OutputError(str(link), error) from error
