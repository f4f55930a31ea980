"""Vectors are written once, whoever runs the generators; every published embedding has a text and vectors."""

from __future__ import annotations

import runpy
from contextlib import suppress
from pathlib import Path

import pytest

from gcodec_formats import registry

SPEC = Path(__file__).resolve().parents[1] / "spec"
NAMES = [row.name for row in registry.EMBEDDINGS if row.status == "published"]
GENERATORS = sorted(SPEC.rglob("generate*.py"))


def lying_there() -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in SPEC.joinpath("vectors").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.parametrize("path", GENERATORS, ids=lambda path: path.relative_to(SPEC).as_posix())
def test_a_generator_leaves_what_is_there(path: Path) -> None:
    before = lying_there()
    with suppress(SystemExit):
        runpy.run_path(str(path), run_name="__main__")
    assert lying_there() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_published_embedding_has_a_text_and_vectors(name: str) -> None:
    text = " ".join((SPEC / "embeddings" / f"{name}.md").read_text("utf-8").split())
    assert "xtension 5 is the digest of" in text
    assert "Example" in text
    vectors = SPEC / "vectors" / "embeddings" / name
    if "parse class C" in text:  # its files need not decode anywhere else
        assert not vectors.exists()
        return
    files = {path.name.startswith("bad-") for path in vectors.glob("*.gcx")}
    assert files == {True, False}
