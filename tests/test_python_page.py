"""docs/python.py runs as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_pil_to_bytes_to_torch_to_a_picture() -> None:
    script = [sys.executable, "docs/python.py", "tests/images/kodim23.png"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert float(first.split()[2]) <= 0.3
    assert second.startswith("RGB 128x128")
