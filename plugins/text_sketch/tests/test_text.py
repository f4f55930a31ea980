"""spec/embeddings/text_sketch.md: its example and its vectors, by a reader that knows the text alone and by the plugin."""

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
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(Path(__file__).parent)]

from text_entropy import Refused  # noqa: E402
from text_sketch_reader import Layer  # noqa: E402

TEXT = ROOT / "spec" / "embeddings" / "text_sketch.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "text_sketch"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


def read(data: bytes) -> Layer:
    file = gcx.read(data)
    (layer,) = file.bodies(gcx.MAIN)
    return Layer(layer, *file.header.size)


def agree(data: bytes) -> Layer:
    """The layer, where the plugin makes the same signals of it as the text does."""
    found, (text, preview, sketch) = read(data), open_stage1(data).signals()
    from gcodec.entropy.captions import unpack

    assert text.value == unpack(found.caption, "test")  # type: ignore[union-attr]
    pixels, edges = preview.pixels, sketch.edges  # type: ignore[union-attr]
    for y in range(0, found.height, 1 + found.height // 5):
        for x in range(0, found.width, 1 + found.width // 5):
            assert np.allclose(pixels[:, y, x], found.sample(y, x), rtol=0, atol=1 / 4096)
            assert abs(edges[0, y, x] - found.strength(y, x)) < 1 / 4096
    return found


def test_the_example() -> None:
    text = TEXT.read_text(encoding="utf-8").split("## 5. Example")[1].split("## 6.")[0]
    layer = bytes.fromhex(max(re.findall(r"^    ((?:[0-9A-F]{2} ?)+)$", text, re.M), key=len))
    header = gcx.Header(gcx.Identity(id=32, profile=1), gcx.Size(64, 96))
    found = agree(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, layer)])))
    assert (found.level, found.side, found.n, len(layer)) == (3, 40, 42, 27)
    assert found.tables[0][:4] == [1323454, 1129856, 1129856, 964643]
    planes = [sum(place[0] == plane for place in found.steps) for plane in range(3)]
    assert planes == [189, 19, 14]
    said = re.findall(r"\((\d), (\d), (\d)\) (-?\d)", text)
    assert said == [(*map(str, place), str(v)) for place, v in found.steps.items() if v]
    assert [*found.cells.values()] == [1, 1, 0, 1, 1, 0]


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str) -> None:
    data = (FOLDER / f"{name}.gcx").read_bytes()
    facts = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises((Refused, ValueError)):
            refuse(data)
        return
    found = agree(data)
    assert (found.level, found.error) == (facts["level"], facts["squared_error"])
    said(facts["steps"], [*found.steps.values()])
    said(facts["cells"], [found.cells[y, x] for y in range(found.h) for x in range(found.w)])


def refuse(data: bytes) -> None:
    """Sections 1 to 3 and, of what CAPTIONS.md refuses, what the caption's own tests show."""
    from gcodec.entropy.captions import unpack

    try:
        unpack(read(data).caption, "test")
    except PayloadError as error:
        raise Refused(str(error)) from error


def said(facts: dict[str, Any], numbers: list[int]) -> None:
    stored = np.array(numbers, "<i2").tobytes()
    assert (facts["count"], facts["first"]) == (len(numbers), numbers[:16])
    assert facts["sha256"] == hashlib.sha256(stored).hexdigest()
