"""Every measurement of this folder, one after the other, each in a process of its own.

python benchmarks/run_all.py [NAME ...]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NEEDS_FILES = ("applicability",)
"""Measurements of a run and of folders that only a user has: called by themselves."""
NO_MEASUREMENT = {
    *(Path(__file__).stem, "encoded_films", "simulation"),
    *("coverage_cases", "coverage_floors", "coverage_update", "coverage_verification"),  # run by coverage
}


def main() -> None:
    """Run every measurement that needs nothing; end with exit code 1 if one did."""
    found = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem not in NO_MEASUREMENT}
    chosen = sys.argv[1:] or [name for name in found if name not in NEEDS_FILES]
    unknown = [name for name in chosen if name not in found]
    if unknown:
        sys.exit(f"No measurement named {', '.join(unknown)}. There are: {', '.join(found)}.")
    failed = []
    for name in chosen:
        print(f"\n=== {name}", flush=True)
        if subprocess.run([sys.executable, str(found[name])], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
