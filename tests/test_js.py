"""The reader in JavaScript (formats/js) beside the one in Python. Its own tests are Node's: `make js`."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_jxl  # noqa: F401  (Pillow reads JPEG XL by it)
import pytest
from PIL import Image

from gcodec.cli.common import json_text
from gcodec.pipeline.inspection import inspect

JS = Path(__file__).parents[1] / "formats/js"


def tool(path: Path) -> Any:
    """A script that fuzzes."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_data_are_those_of_the_texts() -> None:
    subprocess.run([sys.executable, JS / "make_data.py", "--check"], check=True)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_both_readers_say_the_same_of_damaged_files() -> None:
    differential = tool(JS / "fuzz/differential.py")
    said, differ = differential.compare(600, seed=20261129)
    assert not differ, [differential.differing(*pair) for pair in zip(*differ[0][1:], strict=True)]
    assert said["read"] > 60
    assert len(said) > 15


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_both_readers_say_the_same_of_damaged_payloads() -> None:
    """Of both profiles of ntc, hence of networks and of the linear mode; some are whole, and are read."""
    said, differ = tool(Path(__file__).with_name("fuzz") / "js_payloads.py").compare(
        90, seed=20261129, names=["ntc", "ddcm"]
    )
    assert not differ, [(name, ours, theirs) for name, _, ours, theirs in differ]
    for name in ("ntc", "ddcm"):
        assert said[f"{name} read"] > 3
        assert said[f"{name} refused"] > 3


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
@pytest.mark.parametrize("name", ["jpeg", "webp", "avif", "jxl"])
def test_viewers_open_the_files_that_javascript_makes(name: str, tmp_path: Path) -> None:
    folder = JS.parents[1] / "spec/vectors/embeddings" / name
    vectors = [path for path in sorted(folder.glob("*.json")) if not path.name.startswith("bad-")]
    pairs = [[str(path.with_suffix(".gcx")), str(tmp_path / path.stem)] for path in vectors]
    script = f"""
        import {{ readFileSync, writeFileSync }} from "node:fs";
        import {{ body, read }} from "{(JS / "src/index.js").as_uri()}";
        for (const [from, to] of {json.dumps(pairs)})
            writeFileSync(to, body(read(new Uint8Array(readFileSync(from)))).bytes);
    """
    subprocess.run(["node", "--input-type=module", "-e", script], check=True)
    for path in vectors:
        said = json.loads(path.read_text())
        with Image.open(tmp_path / path.stem) as picture:
            assert picture.size == (said["width"], said["height"])
            shown = np.asarray(picture.convert("RGB"), dtype=float)
        for plane, row, column, value in said["samples"]:
            assert abs(shown[row, column, plane] - value) <= 4, path.name


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_info_says_the_same_in_both_languages() -> None:
    root = JS.parents[1]
    vectors = [
        root / f"spec/vectors/gcx/{name}.gcx"
        for name in ("segments", "extensions", "package", "digest")
    ]
    for path in [*vectors, *sorted((root / "tests/golden").glob("*.gcx"))]:
        words = ["node", str(JS / "bin/gcodec-formats.js"), "info", "--json", str(path)]
        said = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        assert said == json.loads(json_text(inspect(path))), path.name
