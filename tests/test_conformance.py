"""The conformance set of the specification: this installation passes, and entropy models in floating point would not."""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SET = ROOT / "spec" / "conformance"
TABLE: dict[str, dict[str, Any]] = json.loads((SET / "conformance.json").read_text("utf-8"))
CHECK = runpy.run_path(str(SET / "check.py"))
#: Prints the rows of one file, without its pictures.
ALONE = """
import json, runpy, sys
check = runpy.run_path(sys.argv[1])
facts = json.loads(sys.argv[3]) | {"pictures": {}}
print(json.dumps([row.result for row in check["checked"](sys.argv[2], facts)]))
"""


def test_the_folder_holds_what_the_table_says_and_nothing_else() -> None:
    files = {f"{name}.gcx" for name in TABLE}
    assert files == {path.name for path in SET.glob("*.gcx")}
    pictures = {f"{name}.{recon}.png" for name, row in TABLE.items() for recon in row["pictures"]}
    assert pictures == {path.name for path in SET.glob("*.png")}
    for name, row in TABLE.items():
        assert hashlib.sha256((SET / f"{name}.gcx").read_bytes()).hexdigest() == row["sha256"]


@pytest.mark.parametrize("name", TABLE)
def test_symbols_are_exact_and_pictures_within_their_tolerance(name: str) -> None:
    rows = [*CHECK["checked"](name, TABLE[name])]
    assert [row for row in rows if row.result == "WRONG"] == []
    assert rows[0].result in ("exact", "absent")


@pytest.mark.parametrize("name", ["ntc", "ldm_quant"])
def test_an_entropy_model_in_floating_point_does_not_pass(name: str) -> None:
    floats = runpy.run_path(str(ROOT / "tools" / "portability.py"))["FLOATS"].before
    for before, result in (("", "exact"), (floats, "WRONG")):
        words = (str(SET / "check.py"), name, json.dumps(TABLE[name]))
        done = subprocess.run(
            [sys.executable, "-c", before + ALONE, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert json.loads(done.stdout) == [result], done.stderr
