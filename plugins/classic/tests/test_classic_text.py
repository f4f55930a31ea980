"""spec/embeddings of the classical codecs by readers that know the texts alone, their vectors, and the examples printed."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gcodec_formats as gcx
from gcodec.errors import PayloadError, UnusablePlugin
from gcodec.pipeline.stage1 import Stage1, open_stage1

sys.path.append(str(Path(__file__).parent))

from text_classic import SPEC, Refused, restored

FOLDER = SPEC / "vectors" / "embeddings"
NAMES = ("jpeg", "webp", "avif", "jxl")
FILES = sorted(f"{name}/{path.stem}" for name in NAMES for path in (FOLDER / name).glob("*.gcx"))
pytestmark = pytest.mark.skipif(not FILES, reason="spec/ is not part of this copy")


def load(name: str) -> tuple[bytes, dict[str, Any]]:
    path = FOLDER / f"{name}.json"
    return path.with_suffix(".gcx").read_bytes(), json.loads(path.read_text("utf-8"))


def by_the_text(data: bytes) -> bytes:
    file = gcx.read(data)
    number = file.header.identity.id
    assert number is not None
    return restored(NAMES[number - 1], file.bodies(gcx.MAIN), *file.header.size)


def opened(data: bytes) -> Stage1:
    try:
        return open_stage1(data)
    except UnusablePlugin as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", [name for name in FILES if "bad-" not in name])
def test_files(name: str) -> None:
    data, said = load(name)
    file = by_the_text(data)
    assert len(file) == said["restored"]["bytes"]
    assert hashlib.sha256(file).hexdigest() == said["restored"]["sha256"]
    layer = b"".join(gcx.read(data).bodies(gcx.MAIN))
    assert hashlib.sha256(layer).hexdigest() == said["symbols"]["sha256"]
    stage1 = opened(data)
    assert stage1.symbol_digest().hex() == said["digest"]
    (shown,) = stage1.signals()
    found = [255 * shown.pixels[tuple(place)] for *place, _ in said["samples"]]
    assert np.abs(np.array(found) - [row[3] for row in said["samples"]]).max() < 4


@pytest.mark.parametrize("name", [name for name in FILES if "bad-" in name])
def test_what_is_refused(name: str) -> None:
    data, said = load(name)
    if said["found by"] == "text":
        with pytest.raises(Refused):
            by_the_text(data)
    else:
        assert by_the_text(data)
    stage1 = opened(data)
    with pytest.raises(PayloadError):
        stage1.signals()


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_the_text(name: str) -> None:
    """A vector's payload and what it becomes, in lines of hexadecimal."""
    text = (SPEC / "embeddings" / f"{name}.md").read_text("utf-8").split("Example\n")[1]
    vector = re.search(r"\((\.\./vectors/embeddings/\S+\.gcx)\)", text)
    assert vector
    data = (SPEC / "embeddings" / vector[1]).read_bytes()
    blocks = re.findall(r"(?:^    (?:[0-9A-F]{2} ?)+(?:  .*)?\n)+", text, re.M)
    payload, file = (
        bytes.fromhex("".join(re.findall(r"^    ((?:[0-9A-F]{2} ?)+)", block, re.M)))
        for block in blocks
    )
    assert payload == b"".join(gcx.read(data).bodies(gcx.MAIN))
    assert file == by_the_text(data)


def test_the_tables_of_jpeg_are_those_of_the_text() -> None:
    from gcodec_classic import _jpeg_tables as ours

    raw = (SPEC / "data" / "jpeg.json").read_bytes()
    assert hashlib.sha256(raw).hexdigest() in (SPEC / "embeddings" / "jpeg.md").read_text("utf-8")
    data = json.loads(raw)
    assert data["mantissas"] == [round(2**16 * 2 ** (-i / 23)) for i in range(23)]
    for code in range(256):
        s, m = 17 + code // 23, 51 * data["mantissas"][code % 23]
        for base, steps in zip(
            (data["luma"], data["chroma"]), ours.quantization(code), strict=True
        ):
            assert steps == [min(max((m * b + 2 ** (s - 1)) // 2**s, 1), 255) for b in base]
    assert list(ours.zigzag(list(range(64)))) == data["zigzag"]
    assert [table.hex() for table in ours.ANNEX_K] == data["huffman"]
    for count, scans in data["scans"].items():
        rows = [
            (tuple(s["components"]), s["first"], s["last"], 16 * s["high"] + s["low"])
            for s in scans
        ]
        assert tuple(rows) == ours.SCRIPTS[int(count)]
