"""spec/embeddings of ldm_quant and rate_variable by a reader that knows the texts alone, their vectors and examples."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gcodec_base
import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1

sys.path.append(str(Path(__file__).parent))

import text_scalar
from text_scalar import ROOT, Reader, Refused, Stream, adaptive, geometric

FOLDER = ROOT / "spec" / "vectors" / "embeddings"
NAMES = ("ldm_quant", "rate_variable")
FILES = sorted(f"{name}/{path.stem}" for name in NAMES for path in (FOLDER / name).glob("*.gcx"))
pytestmark = pytest.mark.skipif(not FILES, reason="spec/ is not part of this copy")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Path(gcodec_base.__file__).parent / "models" / "ldm")


def load(name: str) -> tuple[bytes, dict[str, Any]]:
    path = FOLDER / f"{name}.json"
    return path.with_suffix(".gcx").read_bytes(), json.loads(path.read_text("utf-8"))


def read_by_the_text(data: bytes, reader: Reader) -> tuple[Any, bytes]:
    file = gcx.read(data)
    layers, (height, width) = file.bodies(gcx.MAIN), file.header.size
    if len(layers) != 1:
        raise Refused("layers")
    if file.header.identity.id == 26:
        return reader.rate_variable(layers[0], height, width)
    seed = file.header.extensions.get(0, 0)
    assert isinstance(seed, int)
    if file.header.identity.digest is None:
        return reader.ldm_quant(layers[0], seed, height, width)
    return adaptive(layers[0], seed, -(-height // 8), -(-width // 8), 32)  # base/autoencoder


@pytest.mark.parametrize("name", [name for name in FILES if "bad-" not in name])
def test_files(name, reader):
    data, said = load(name)
    latent, symbols = read_by_the_text(data, reader)
    assert hashlib.sha256(symbols).hexdigest() == said["symbols"]["sha256"]
    stage1 = open_stage1(data)
    assert stage1.symbol_digest() == hashlib.sha256(symbols).digest()[:8]
    (signal,) = stage1.signals()
    assert np.allclose(signal.values.transpose(1, 2, 0), latent, rtol=2**-20, atol=0)
    for channel, row, column, value in said["latent"]:
        assert latent[row, column, channel] == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("name", [name for name in FILES if "bad-" in name])
def test_what_is_refused(name, reader):
    data, said = load(name)
    assert said["error"] == "payload"
    with pytest.raises(Refused):
        read_by_the_text(data, reader)
    with pytest.raises(PayloadError):
        open_stage1(data).signals()


@pytest.mark.parametrize(("name", "head"), [("rate_variable", 2), ("ldm_quant", 1)])
def test_the_example_of_the_text(name, head, reader, monkeypatch):
    text = (ROOT / "spec" / "embeddings" / f"{name}.md").read_text("utf-8")
    data, _ = load(f"{name}/one-position")
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert f"    {payload.hex(' ').upper()}\n" in text
    rows = []

    class Traced(Stream):
        def batch(self, tables, indices):
            found = super().batch(tables, indices)
            first = (" ".join(map(str, part[:8])) for part in (indices, found))
            rows.append([len(found), *first, f"{self.x:X}"])
            return found

    state = Stream(payload[head:])
    assert f"begins as {state.x:016X}," in " ".join(text.split())
    monkeypatch.setattr(text_scalar, "Stream", Traced)
    latent, _ = read_by_the_text(data, reader)
    printed = [
        f"| {number} | {' | '.join(map(str, row))} |" for number, row in enumerate(rows) if row[0]
    ]
    assert re.findall(r"^\| \d \| \d+ \| .* \|$", text, re.M) == printed
    assert f"{latent.ravel()[0]:.5f}" in text
    assert f"D = 2^1.5 = {text_scalar.width_of(51 * 257):.6f}" in " ".join(text.split())


def test_a_table_of_the_text_and_the_lists_it_prints():
    text = " ".join((ROOT / "spec" / "embeddings" / "ldm_quant.md").read_text("utf-8").split())
    assert f"table 0 is {', '.join(map(str, geometric(1024)))}." in text
    for printed in (text_scalar._T, text_scalar._RATIOS):
        assert " ".join(printed.split()) in text
