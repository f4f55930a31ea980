"""Where the extra [jxl] is missing: `jxl` is listed with what to install, and passed over wherever all are meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gcodec.testing import pictures

INSTALL = 'pip install "gcodec-classic[jxl]"'

Python = Callable[..., subprocess.CompletedProcess[str]]

SUITES = """
from gcodec.testing import EmbeddingConformance, ReconstructorConformance

class TestPreview(ReconstructorConformance):
    name, deterministic, max_mse_ratio = "preview", True, 1.0
    large = ()

class TestJxl(EmbeddingConformance):
    name = "jxl"
"""


@pytest.fixture
def python(tmp_path: Path) -> Python:
    """Python where pillow_jxl cannot be found, and no plugins are on but those of the core and of this distribution."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['pillow_jxl'] = None\n")
    others = {p.dist.name for p in entry_points(group="gcodec") if p.dist} - {"gcodec-classic"}
    paths = [str(site), *filter(None, sys.path)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "GCODEC_DISABLE": ",".join(others - {"gcodec"}),
    }

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return run


def test_lists_say_what_to_install(python: Python) -> None:
    listed = python("gcodec", "plugins")
    assert (
        f"cannot be used: embedding jxl (gcodec-classic 0.1.0): JPEG XL is an extra; install it with: {INSTALL}"
        in (listed.stdout)
    )
    offers = [
        o for p in json.loads(python("gcodec", "plugins", "--json").stdout) for o in p["offers"]
    ]
    assert {o["name"] for o in offers if o["missing"]} == {"jxl"}
    rows = python("gcodec", "matrix").stdout.splitlines()
    assert not [row for row in rows if row.startswith("jxl ")]
    assert [row for row in rows if row.startswith("passed over: jxl: ") and INSTALL in row]


def test_where_it_is_named_it_is_refused_with_what_to_install(
    python: Python, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(pictures.as_png(pictures.photograph(20, 30)))
    done = python("gcodec", "encode", "photo.png", "--embed", "jxl")
    assert (done.returncode, len(done.stderr.splitlines())) == (4, 1)
    assert INSTALL in done.stderr


def test_all_are_all_that_can_be_used(python: Python, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(pictures.as_png(pictures.photograph(20, 30)))
    done = python("gcodec", "mix", "photo.png", "--embed", "all", "--recon", "all", "--json")
    assert done.returncode == 0, done.stderr
    made = {record["embedding"] for record in json.loads(done.stdout)}
    assert made == {"jpeg", "webp", "avif"}
    assert f"jxl is passed over: JPEG XL is an extra; install it with: {INSTALL}" in done.stderr


def test_the_kit_does_without_it(python: Python, tmp_path: Path) -> None:
    (tmp_path / "test_suites.py").write_text(SUITES)
    words = ("-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, "--junitxml=report.xml")
    done = python("pytest", *words, "test_suites.py")
    assert done.returncode == 0, done.stdout[-3000:]
    cases = list(ElementTree.parse(tmp_path / "report.xml").iter("testcase"))
    sources = {case.attrib["name"] for case in cases if "TestPreview" in case.attrib["classname"]}
    assert {f"test_source[{name}]" for name in ("blurred", "jpeg", "webp", "avif")} <= sources
    assert "test_source[jxl]" not in sources
    jxl = [case for case in cases if "TestJxl" in case.attrib["classname"]]
    reasons = [case.find("skipped") for case in jxl]
    assert len(jxl) > 15
    assert all(reason is not None and INSTALL in reason.attrib["message"] for reason in reasons)
