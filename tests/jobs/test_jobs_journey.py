"""The journey of the documentation, run from its page on films and a table made here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "journey.md"


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return found


def commands(script):
    return re.findall(r"^(?:strnet|python) ", script, flags=re.MULTILINE)


@pytest.fixture
def chest(tmp_path):
    """A folder with 70 films named as the NIH names them, and a table in its words; darker is sicker."""
    generator = np.random.default_rng(5)
    (tmp_path / "images").mkdir()
    rows = ["NIH_Image_Index,Gender,Age,View,T-score,OP"]
    for number in range(70):
        t_score = round(float(generator.normal(-1.4, 1.5)), 1)
        shade = 128 + 25 * t_score
        ramp = np.linspace(-60, 60, 96)[None, :] * (1 + 0.2 * t_score)
        film = shade + ramp + generator.normal(0, 8, (96, 96))
        name = f"{number + 2:08d}_000.png"
        Image.fromarray(np.clip(film, 0, 255).astype(np.uint8)).save(tmp_path / "images" / name)
        sex, age = "MF"[number % 2], 50 + number % 40
        rows.append(f"{name},{sex},{age:03d}Y,PA,{t_score},{int(t_score <= -2.5)}")
    (tmp_path / "label.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "recipe.yaml").write_text(block("yaml"))
    return tmp_path


def test_the_journey_has_at_most_eight_commands():
    assert 1 <= len(commands(block("sh"))) <= 8


@pytest.mark.slow
def test_the_journey_of_the_documentation_ends_in_answers_joined_to_labels(chest):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e"],
        input=block("sh").encode(),
        cwd=chest,
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    held_out = pl.read_csv(chest / "held_out.csv", schema_overrides={"image_id": pl.String})
    labels = pl.read_csv(chest / "label.csv").with_columns(
        pl.col("NIH_Image_Index").str.strip_suffix(".png").alias("image_id")
    )
    sides = pl.read_csv(chest / "split.csv", infer_schema=False)
    assert set(held_out["image_id"]) == set(sides.filter(pl.col("split") == "test")["image_id"])
    both = held_out.join(labels, on="image_id")
    assert both.height == held_out.height > 5
    assert both["t_score"].to_list() == both["T-score"].to_list()
    answered = pl.read_csv(chest / "results.csv").filter(pl.col("status") == "ok")
    assert pl.read_csv(chest / "decisions.csv").height == answered.height >= 60
    assert held_out["decision.bone_loss"].drop_nulls().is_in(["positive", "negative"]).all()
    kept = pl.read_parquet(chest / "run" / "predictions.parquet").join(held_out, on="image_id")
    # Serving runs eight films a call and training thirty-two: the last bits differ.
    assert np.abs(kept["prob.bone_loss"] - kept["prob.bone_loss_right"]).max() < 1e-6
    assert (chest / "run" / "report" / "report.html").exists()
