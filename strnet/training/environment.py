"""What a run ran on: versions, machine, code."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

import strnet
from strnet.training.machine import machine_description

_PACKAGES = (
    "strnet",
    "pytorch-lightning",
    "timm",
    "monai",
    "numpy",
    "polars",
    "scikit-learn",
    "opencv-python-headless",
    "pydicom",
)


def environment() -> dict[str, Any]:
    """Versions, machine, commit and time (UTC) of a run that starts now, as JSON values."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        # torch by itself: its own version says for which accelerator it was built.
        "packages": {name: _version(name) for name in _PACKAGES} | {"torch": str(torch.__version__)},
        "git_commit": git_commit(Path(strnet.__file__).parent),
        "machine": machine_description(),
    }


def git_commit(folder: Path) -> str | None:
    """Commit of the package in `folder`, with `+changes` if files differ; None if it is in no repository."""
    try:
        # A package installed below somebody's repository is not of that repository.
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        commit = _git(folder, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
