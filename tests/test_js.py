"""The reader in JavaScript (formats/js) beside the one in Python. Its own tests are Node's: `make js`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

JS = Path(__file__).parents[1] / "formats/js"


def test_the_data_are_those_of_the_texts() -> None:
    subprocess.run([sys.executable, JS / "make_data.py", "--check"], check=True)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_both_readers_say_the_same_of_damaged_files() -> None:
    spec = importlib.util.spec_from_file_location("differential", JS / "fuzz/differential.py")
    assert spec and spec.loader
    differential = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(differential)
    said, differ = differential.compare(600, seed=20261129)
    assert not differ, [differential.differing(*pair) for pair in zip(*differ[0][1:], strict=True)]
    assert said["read"] > 60
    assert len(said) > 15
