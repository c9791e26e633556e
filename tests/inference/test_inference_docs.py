import re
from pathlib import Path

import numpy as np
import pytest

from strnet.inference import column_notes, open_torch

DOCS = Path(__file__).parents[2] / "docs"


def code_blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_documented_code_checks_a_bundle_without_strnet(bundle, state_dict):
    block = next(block for block in code_blocks("bundle.md") if "canonical" in block)
    assert "strnet" not in block
    names = {}
    exec(block.replace("run/bundle", str(bundle.folder)), names)
    assert names["tensors"].keys() == state_dict.keys()
    assert names["sha256"] == bundle.sha256


def test_the_documented_code_notices_an_edit(copied):
    block = next(block for block in code_blocks("bundle.md") if "canonical" in block)
    path = copied / "bundle.json"
    path.write_text(path.read_text().replace('"mean": 64.0', '"mean": 65.0'))
    with pytest.raises(AssertionError):
        exec(block.replace("run/bundle", str(copied)), {})


def test_the_documented_code_serves_the_exported_file_without_strnet(bundle, exported):
    block = next(block for block in code_blocks("bundle.md") if "onnxruntime" in block)
    block = block.replace('"network.json"', repr(str(exported.sidecar)))
    block = block.replace('about["file"]', repr(str(exported.path)))
    names = {}
    exec(block, names)
    expected = open_torch(bundle).run(
        np.zeros((1, 1, 64, 48), np.float32), np.full((1, 3), np.nan, np.float32)
    )
    assert names["outputs"].keys() == expected.keys()
    for task, output in expected.items():
        np.testing.assert_allclose(names["outputs"][task], output, atol=1e-4)


def test_the_guide_names_every_column_of_the_results_table(bundle):
    guide = (DOCS / "predict.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+)`", guide))
    tasks = "|".join(task.name for task in bundle.tasks)
    for column in column_notes(bundle):
        general = re.sub(rf"\.({tasks})\b", ".TASK", column)
        general = re.sub(r"TASK\.(empirical|exact)$", "TASK.METHOD", general)
        general = re.sub(r"TASK\.(normal|osteopenia|osteoporosis)$", "TASK.CLASS", general)
        assert general in named, column
