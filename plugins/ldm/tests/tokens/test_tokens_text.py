"""spec/embeddings/tokens.md by a reader that knows the text alone, beside the plugin."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.interfaces import Size
from gcodec.pipeline.stage1 import open_stage1
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec_ldm.tokens.codec import Codec, Priced

from .conftest import CONFIG, random_maps

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(ROOT / "plugins" / "ldm" / "tests")]

from text_entropy import Refused  # noqa: E402
from tokens_reader import read  # noqa: E402

TEXT = ROOT / "spec" / "embeddings" / "tokens.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "tokens"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")
SIZE = Size(100, 150)


@pytest.mark.parametrize(
    ("count", "complete"), [(0, True), (15, False), (70, True), (128, False), (160, True)]
)
def test_the_text_reads_what_the_plugin_writes(
    codec: Codec, tensors: dict[str, Any], count: int, complete: bool
) -> None:
    parts = Priced(codec, random_maps(SIZE), SIZE).encode(count, complete)
    maps, runs, _ = read(parts, *SIZE, 9, CONFIG, tensors)
    wanted = codec.decode(parts, SIZE, Randomness(9))
    assert (runs.sent, runs.holes) == (wanted.sent, not complete)
    assert maps == [tokens.ravel().tolist() for tokens in wanted.maps]


def test_both_refuse_the_same(codec: Codec, tensors: dict[str, Any]) -> None:
    whole = Priced(codec, random_maps(SIZE), SIZE).encode(160, True)
    short = Priced(codec, random_maps(SIZE), SIZE).encode(70, True)
    cases = [(), (*whole, b""), (*short, whole[2]), (whole[0][:-2],), (whole[0] + b"\1" * 8,)]
    cases += [(b"\0",), (b"\xff" * 9,)]
    for parts in cases:
        with pytest.raises((Refused, AssertionError)):
            read(parts, *SIZE, 0, CONFIG, tensors)
        with pytest.raises(PayloadError):
            codec.decode(parts, SIZE, Randomness(0))


def test_the_example() -> None:
    text = TEXT.read_text(encoding="utf-8").split("## 8. Example")[1].split("## 9.")[0]
    layer = bytes.fromhex(re.findall(r"^    ((?:[0-9A-F]{2} ?)+)$", text, re.M)[0])
    data = gcx.write(
        gcx.File(
            gcx.Header(gcx.Identity(id=27, profile=1), gcx.Size(40, 64)),
            [gcx.Segment(gcx.MAIN, layer)],
            progressive=True,
        )
    )
    folder = Run().models.find("base/tokens").folder
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    maps, runs, tables = read((layer,), 40, 64, 0, config, tensors)
    plain = " ".join(text.split())
    assert f"{runs.sent} tokens" in plain
    assert " ".join(map(str, tables[0])) in plain
    for tokens in maps[:2]:
        assert " ".join(map(str, tokens)) in plain
    symbols = np.concatenate(maps).astype("<i4").tobytes()
    digest = hashlib.sha256(symbols).digest()[:8]
    assert digest == open_stage1(data).symbol_digest()
    assert digest.hex().upper() in text


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str) -> None:
    data = (FOLDER / f"{name}.gcx").read_bytes()
    facts = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    file = gcx.read(data)
    folder = Run().models.find("base/tokens").folder
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    what = (file.bodies(gcx.MAIN), *file.header.size, file.header.extensions.get(0, 0))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises((Refused, AssertionError)):
            read(*what, config, tensors)
        return
    maps, _, _ = read(*what, config, tensors)
    symbols = np.concatenate(maps).astype("<i4").tobytes()
    assert hashlib.sha256(symbols).hexdigest() == facts["symbols"]["sha256"]
    assert open_stage1(data).symbol_digest().hex() == facts["digest"]
