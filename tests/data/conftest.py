"""A small cohort of PNG films, each with its own grey disc."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from strnet.config import Preprocessing


@pytest.fixture
def preprocessing() -> Preprocessing:
    return Preprocessing(height=32, width=40, crop_to_field=False, normalisation="none", mean=0.4, std=0.2)


@pytest.fixture
def films(tmp_path) -> list[tuple[str, Path]]:
    folder = tmp_path / "films"
    folder.mkdir()
    made = []
    for number in range(9):
        film = np.full((64, 80), 20 + number, dtype=np.uint8)
        cv2.circle(film, (20 + 5 * number, 32), 12, 150 + 10 * number, -1)
        path = folder / f"film{number}.png"
        assert cv2.imwrite(str(path), film)
        made.append((f"image{number}", path))
    return made
