"""spec/embeddings/ntc.md by a reader that knows the texts alone, its vectors, and the numbers that it prints."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import gcodec_base
import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1

sys.path.append(str(Path(__file__).parent))

from text_ntc import ROOT, Reader, Refused, Stream

TEXT = ROOT / "spec" / "embeddings" / "ntc.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "ntc"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Path(gcodec_base.__file__).parent / "models" / "ntc")


@pytest.mark.parametrize(
    "name", [name for name in NAMES if not name.startswith(("bad-", "linear-"))]
)
def test_a_file_read_by_the_text(name, reader):
    file = gcx.read((FOLDER / f"{name}.gcx").read_bytes())
    said = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    (payload,) = file.bodies(gcx.MAIN)
    height, width = file.header.size
    level, _, y, symbols = reader.symbols(payload, height, width)
    assert hashlib.sha256(symbols).hexdigest() == said["symbols"]["sha256"]
    assert file.header.extensions[5] == hashlib.sha256(symbols).digest()[:8]
    preview = reader.preview(level, y, height, width)
    # The tolerance of the text; binary32 in fact stays far below it.
    (shown,) = open_stage1((FOLDER / f"{name}.gcx").read_bytes()).signals()
    assert np.abs(preview - shown.pixels.transpose(1, 2, 0)).max() < 1 / 255 / 16
    for plane, row, column, value in said["samples"]:
        assert abs(255 * preview[row, column, plane] - value) < 1


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.startswith("bad-") and "linear" not in name]
)
def test_what_the_text_refuses(name, reader):
    data = (FOLDER / f"{name}.gcx").read_bytes()
    with pytest.raises(PayloadError):
        open_stage1(data).signals()
    file = gcx.read(data)
    with pytest.raises(Refused):
        layers = file.bodies(gcx.MAIN)
        if len(layers) != 1:
            raise Refused("layers")
        reader.symbols(layers[0], *file.header.size)


def test_the_example_of_the_text(reader):
    text = TEXT.read_text("utf-8")
    data = (FOLDER / "one-sample.gcx").read_bytes()
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert data.hex(" ").upper() in text
    assert payload.hex(" ").upper() in text
    stream = Stream(payload[2:])
    assert f"begins as {stream.x:016X}," in " ".join(text.split())
    on = ", ".join(f"{word:08X}" for word in stream.stack) or "nothing"
    assert f", with {on} on the stack." in " ".join(text.split())

    def batch(mean, scale, number, places):
        if not len(places):
            return mean
        index = scale + (67 if number == 0 else 0)
        symbols = np.array(stream.batch(reader.tables, index.ravel().tolist())).reshape(mean.shape)
        first = [" ".join(map(str, part.ravel()[:8])) for part in (mean, scale, symbols)]
        row = [number, mean.size, *first, np.count_nonzero(symbols), f"{stream.x:X}"]
        assert "| " + " | ".join(map(str, row)) + " |" in text
        return 16 * symbols + mean

    _, y = reader.model.read(payload[0], 1, 1, batch)
    most = np.abs(y.ravel()[3:]).max()
    words = "begin with {}, {} and {} sixteenths, and no other is beyond {}."
    assert words.format(*y.ravel()[:3], most) in text
    shown = 255 * reader.preview(payload[0], y, 1, 1)[0, 0]
    assert "red {:.2f}, green {:.2f}, blue {:.2f}".format(*shown) in " ".join(text.split())
