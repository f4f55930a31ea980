"""The doctor finds what is wrong, says what to do, and does not fall over it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from gcodec.testing import CommandConformance


class TestDoctor(CommandConformance):
    name = "doctor"
    failing: ClassVar[Mapping[tuple[str, ...], int]] = {("nothing",): 2, ("--nothing",): 2}


def doctor(**environment: str) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run(
        [sys.executable, "-m", "gcodec", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, json.loads(done.stdout)["rows"], done.stderr


def test_what_is_wrong_is_found_and_all_of_it(tmp_path: Path) -> None:
    about = tmp_path / "gcodec_acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gcodec-acme\nVersion: 1.0\nRequires-Dist: numpy>=99\n"
        "Requires-Dist: acme-waves; extra == 'fast'\nProvides-Extra: fast\n"
    )
    (about / "entry_points.txt").write_text("[gcodec]\nacme = acme_that_is_not_there\n")
    odd = tmp_path / "gcodec_odd-1.0.dist-info"
    odd.mkdir()
    (odd / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gcodec-odd\nVersion: 1.0\nRequires-Dist: ??\n"
    )
    fetched = tmp_path / "cache" / "models" / f"acme--flow@{'0' * 64}"
    fetched.mkdir(parents=True)
    (fetched / "config.json").write_text("{}")
    (fetched / "model.safetensors").write_bytes(b"cut short")

    status, rows, said = doctor(
        PYTHONPATH=os.pathsep.join([str(tmp_path), *filter(None, sys.path)]),
        GCODEC_CACHE=str(tmp_path / "cache"),
        GCODEC_MODELS=str(tmp_path / "nowhere"),
        GCODEC_DISABLE="no-such-thing",
    )

    found = {row["what"]: row for row in rows}
    due = {
        "gcodec-acme": "numpy is",
        "gcodec-odd": "its metadata cannot be read",
        "plugin acme of gcodec-acme": "acme_that_is_not_there",
        "model acme/flow": "digest",
        "GCODEC_MODELS": "nowhere is no folder",
        "GCODEC_DISABLE": "no-such-thing",
    }
    for what, reason in due.items():
        assert found[what]["state"] == "wrong", found[what]
        assert reason in found[what]["detail"]
    extra = found["gcodec-acme[fast]"]
    assert (extra["state"], extra["advice"]) == ("absent", 'pip install "gcodec-acme[fast]"')
    assert found["model base/ntc"]["state"] == "ok"
    assert status == 19
    wrong = sum(row["state"] == "wrong" for row in rows)
    assert said == f"gcodec: this installation: {wrong} of {len(rows)} checks failed\n"


def test_where_nothing_is_wrong_the_status_is_0() -> None:
    status, rows, said = doctor()
    if find_spec("torch"):
        (precision,) = (row["detail"] for row in rows if row["what"] == "--dtype auto")
        assert precision.startswith(("bfloat16; ", "float32; "))
    wrong = [row for row in rows if row["state"] == "wrong"]
    assert (status, wrong, said) == (0, [], "")
    assert {"Python", "gcodec", "gcodec-formats", "numpy", "plugin builtin of gcodec"} <= {
        row["what"] for row in rows
    }
