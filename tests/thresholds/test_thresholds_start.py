"""What a command pays at start."""

import subprocess
import sys


def test_calibration_starts_without_the_heavy_libraries():
    heavy = ("torch", "sklearn", "matplotlib", "scipy.stats", "pandas", "jsonschema")
    code = (
        "import sys; import strnet.thresholds, strnet.thresholds.from_table\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
