"""spec/embeddings/perco.md: its example and its vectors, by a reader that knows the text alone and by the plugin."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import gcodec_formats as gcx
from gcodec.entropy.captions import unpack
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec_ldm.perco.fixed import FixedLength

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(Path(__file__).parent)]

from perco_reader import Tokens, layers_of  # noqa: E402
from text_entropy import Refused  # noqa: E402

TEXT = ROOT / "spec" / "embeddings" / "perco.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "perco"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


@pytest.fixture(scope="module")
def model() -> tuple[dict[str, Any], dict[str, Any]]:
    """config.json and tensors of profile 1."""
    folder = Run().models.find("base/perco").folder
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return config, load_file(folder / "diffusion_pytorch_model.safetensors")


def read(data: bytes, model: tuple[Any, Any]) -> tuple[Tokens, str]:
    file = gcx.read(data)
    layer, caption = layers_of(file.bodies(gcx.MAIN))
    return Tokens(layer, *file.header.size, *model), unpack(caption, "test")


def symbols(tokens: Tokens, caption: str) -> bytes:
    """Section 6."""
    name = tokens.book["space"].encode()
    return bytes(name + b"\0" + np.array(tokens.tokens, "<i4").tobytes() + caption.encode())


def test_the_example(model: tuple[Any, Any]) -> None:
    text = TEXT.read_text(encoding="utf-8").split("## 7. Example")[1].split("## 8.")[0]
    layer = bytes.fromhex(re.findall(r"^    ((?:[0-9A-F]{2} ?)+)$", text, re.M)[0])
    caption = bytes.fromhex("759FF63E")
    assert "75 9F F6 3E" in text
    header = gcx.Header(gcx.Identity(id=25, profile=1), gcx.Size(64, 96))
    data = gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, part) for part in (layer, caption)]))
    tokens, said = read(data, model)
    for table in tokens.tables[:2]:
        assert " ".join(map(str, table)) in " ".join(text.split())
    assert (tokens.tokens, said) == ([732, 528, 412, 468, 521, 220], "A red door")
    assert " ".join(map(str, tokens.tokens)) in text
    digest = hashlib.sha256(symbols(tokens, said)).digest()[:8]
    assert digest == open_stage1(data).symbol_digest()
    assert digest.hex().upper() in text


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str, model: tuple[Any, Any]) -> None:
    data = (FOLDER / f"{name}.gcx").read_bytes()
    facts = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises((Refused, PayloadError)):
            read(data, model)
        return
    found = symbols(*read(data, model))
    assert hashlib.sha256(found).hexdigest() == facts["symbols"]["sha256"]
    assert hashlib.sha256(found).hexdigest()[:16] == facts["digest"]
    assert found[:64].hex() == facts["symbols"]["first"]
    assert open_stage1(data).symbol_digest().hex() == facts["digest"]


def test_tokens_of_a_pipeline_are_those_of_section_5() -> None:
    """With a stride of 4 on latents of factor 8, and 1000 values: 10 bits a token of 32 x 32 samples."""
    coder: Any = FixedLength.__new__(FixedLength)
    coder.__dict__["_book"] = SimpleNamespace(stride=4, entries=1000, name="theirs")
    coder.__dict__["_space"] = SimpleNamespace(factor=8)
    sent = [999, 0, 1, 512, 700, 3]
    bits = "".join(f"{token:010b}" for token in sent)
    layer = bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))
    size = gcx.Size(64, 96)
    name, tokens = coder.decode(layer, size)
    assert (name, tokens.ravel().tolist(), tokens.shape) == ("theirs", sent, (2, 3))
    assert coder.encode(tokens, 0.5) == layer
    last = layer[:-1] + bytes([layer[-1] | 1])
    for bad in (layer[:-1], layer + b"\0", last, b"\xfa\x40" + layer[2:]):
        with pytest.raises(PayloadError):
            coder.decode(bad, size)
