"""Vectors are written once, whoever runs the generators."""

from __future__ import annotations

import runpy
from contextlib import suppress
from pathlib import Path

import pytest

SPEC = Path(__file__).resolve().parents[1] / "spec"
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
