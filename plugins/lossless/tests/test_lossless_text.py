"""spec/embeddings/lossless.md: its example and its vectors, by a reader that knows the text alone and by the plugin."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(Path(__file__).parent)]

from text_entropy import Refused  # noqa: E402
from text_lossless import Picture  # noqa: E402

TEXT = ROOT / "spec" / "embeddings" / "lossless.md"
BESIDE = ROOT / "spec" / "vectors" / "beside"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "lossless"
FILES = sorted(path.with_suffix("") for folder in (FOLDER, BESIDE) for path in folder.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


@cache
def tensors(name: str = "base/lossless") -> dict[str, Any]:
    """Of profile 2, or beside a companion."""
    folder = Run().models.find(name).folder
    return load_file(folder / "diffusion_pytorch_model.safetensors")


def read(data: bytes) -> Picture:
    """What the text makes of a file."""
    file = gcx.read(data)
    layers = file.bodies(gcx.MAIN)
    if len(layers) != 1:
        raise Refused("more than one layer")
    beside = None
    for part in open_stage1(data).parts[:-1]:
        picture = part.embedding.exact(part.layers, file.header.size)
        beside = None if picture is None else (tensors("base/lossless_beside"), picture)
    return Picture(layers[0], *file.header.size, tensors(), beside)


def test_the_example() -> None:
    text = TEXT.read_text(encoding="utf-8").split("## 10. Example")[1].split("## 11.")[0]
    layer = bytes.fromhex(re.findall(r"^    ([0-9A-F]{2}(?: [0-9A-F]{2})+)$", text, re.M)[0])
    header = gcx.Header(gcx.Identity(id=48, profile=2), gcx.Size(3, 4))
    data = gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, layer)]))
    found = read(data)
    for name, plane in zip(("Green", "Red", "Blue"), found.samples, strict=True):
        assert f"{name}: " + " / ".join(" ".join(map(str, row)) for row in plane) in text
    digest = hashlib.sha256(found.stored()).digest()[:8]
    assert digest == open_stage1(data).symbol_digest() and digest.hex().upper() in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_vectors(file: Path) -> None:
    data = file.with_suffix(".gcx").read_bytes()
    facts = json.loads(file.with_suffix(".json").read_text("utf-8"))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises(Refused):
            read(data)
        return
    found = read(data)
    assert hashlib.sha256(found.stored()).hexdigest() == facts["symbols"]["sha256"]
    assert open_stage1(data).symbol_digest().hex() == facts["digest"]
    shown = open_stage1(data).signals()[-1]
    mine = found.samples[[1, 0, 2]] if found.C == 3 else found.samples[[0, 0, 0]]
    assert np.array_equal(np.rint(shown.pixels.astype(float) * found.top), mine)  # type: ignore[attr-defined]
    for plane, y, x, value in facts["samples"]:
        assert abs(255 * shown.pixels[plane, y, x] - value) < 0.006  # type: ignore[attr-defined]
