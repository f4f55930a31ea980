"""`make docs`: the site builds strictly, asks nobody for anything, and says of each method what its plugin says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gcodec.plugin import EmbeddingSpec, ReconstructorSpec
from gcodec.registry import registry

ROOT = Path(__file__).resolve().parents[1]

#: What a browser fetches by itself.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|link(?![^>]*rel="?canonical))\b[^>]*?(?:src|href)=["']?([^"'> ]+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("mkdocs", "material", "latex2mathml"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(site.rglob("*.html")):
        yield path.relative_to(site).as_posix(), path.read_text("utf-8")


def test_no_page_asks_anybody_for_anything(site: Path) -> None:
    for name, text in pages(site):
        for address in FETCHED.findall(text):
            assert not re.match("(https?:)?//", address), f"{name} fetches {address}"
            path = (site / name).parent / address.partition("#")[0].partition("?")[0]
            if name != "404.html":
                assert path.exists(), f"{name}: {address} is not there"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text("utf-8")), style


def test_every_method_has_a_page_with_its_options(site: Path) -> None:
    methods = "".join(text for name, text in pages(site) if name.startswith("methods/"))
    for cls in (EmbeddingSpec, ReconstructorSpec):
        for plugin in registry().plugins:
            if not plugin.distribution.startswith("gcodec"):
                continue
            for spec in plugin.specs:
                if isinstance(spec, cls) and "/" not in spec.name:
                    assert f"<code>{spec.name}</code>" in methods, spec.name
                    for option in spec.options:
                        assert f"<code>{option.flag}</code>" in methods, (spec.name, option.flag)


def test_formulas_are_mathml_and_no_tex_is_left(site: Path) -> None:
    for name, text in pages(site):
        assert 'class="arithmatex"' not in text, name
        if name.startswith("methods/") and name != "methods/index.html":
            assert "<math " in text, name


def test_tables_are_those_of_the_repository(site: Path) -> None:
    row = next(
        line
        for line in (ROOT / "docs" / "systems.md").read_text("utf-8").splitlines()
        if line.startswith("| `relic`, 1 step |")
    )
    page = (site / "methods" / "relic.html").read_text("utf-8")
    for cell in row.strip("| ").split(" | ")[1:]:
        assert f"<td>{cell}</td>" in page


def test_the_search_knows_the_texts(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    found = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"index.html", "faq.html", "methods/relic.html", "spec/FORMAT.html"} <= found
    assert {"docs/plugins.html", "plugins/ntc/index.html"} <= found
