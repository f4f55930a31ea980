"""spec/data is what the packages ship: a port that copies it has what this reader has."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from gcodec_text_sketch._prior import PRIOR

DATA = Path(__file__).resolve().parents[1] / "spec" / "data"

#: File of spec/data -> the package that ships it.
SHIPPED = {"captions.txt": "gcodec.entropy", "normals.zlib": "gcodec.randomness"}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_file_is_the_packages_own(name: str) -> None:
    assert (DATA / name).read_bytes() == files(SHIPPED[name]).joinpath(name).read_bytes()


def test_the_counts_of_text_sketch_are_the_plugins_own() -> None:
    lines = (DATA / "text_sketch_counts.txt").read_text("utf-8").splitlines()
    assert [tuple(map(int, line.split())) for line in lines] == list(PRIOR)


def test_nothing_lies_there_that_no_test_compares() -> None:
    """jpeg.json is compared in plugins/classic/tests/test_classic_text.py."""
    compared = {*SHIPPED, "text_sketch_counts.txt", "jpeg.json"}
    assert {path.name for path in DATA.iterdir()} == compared
