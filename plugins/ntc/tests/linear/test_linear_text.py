"""Section 8 of spec/embeddings/ntc.md by a reader that knows the texts alone, its vectors, and its printed numbers."""

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

sys.path.append(str(Path(__file__).parents[1]))

from text_linear import LinearReader
from text_ntc import ROOT, Reader, Refused

TEXT = ROOT / "spec" / "embeddings" / "ntc.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "ntc"
MODELS = Path(gcodec_base.__file__).parent / "models"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


@pytest.fixture(scope="module")
def reader() -> LinearReader:
    return LinearReader(MODELS / "ntc_range")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("linear-")])
def test_a_file_read_by_the_text(name, reader):
    file = gcx.read((FOLDER / f"{name}.gcx").read_bytes())
    said = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert (file.header.identity.profile, said["model"]) == (7, 7)
    (payload,) = file.bodies(gcx.MAIN)
    assert payload[0] == 255
    number, q, symbols = reader.symbols(payload, *file.header.size)
    assert hashlib.sha256(symbols).hexdigest() == said["symbols"]["sha256"]
    assert file.header.extensions.get(5, hashlib.sha256(symbols).digest()[:8]) == bytes.fromhex(
        said["digest"]
    )
    preview = reader.preview(number, q, *file.header.size)
    (shown,) = open_stage1((FOLDER / f"{name}.gcx").read_bytes()).signals()
    assert np.abs(preview - shown.pixels.transpose(1, 2, 0)).max() < 1 / 255 / 16
    for plane, row, column, value in said["samples"]:
        assert abs(255 * preview[row, column, plane] - value) < 1


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("bad-linear-")])
def test_what_the_text_refuses(name, reader):
    data = (FOLDER / f"{name}.gcx").read_bytes()
    with pytest.raises(PayloadError):
        open_stage1(data).signals()
    file = gcx.read(data)
    with pytest.raises(Refused):
        reader.symbols(file.bodies(gcx.MAIN)[0], *file.header.size)


def test_below_the_linear_mode_profile_7_is_the_networks_that_its_model_names(reader):
    file = gcx.read((FOLDER / "range-photo.gcx").read_bytes())
    said = json.loads((FOLDER / "range-photo.json").read_text("utf-8"))
    (payload,) = file.bodies(gcx.MAIN)
    assert payload[0] < 255
    assert (said["model"], reader.networks) == (7, gcx.registry.profile("ntc", 6).digest)
    symbols = Reader(MODELS / "ntc").symbols(payload, *file.header.size)[-1]
    assert hashlib.sha256(symbols).hexdigest() == said["symbols"]["sha256"]


def test_the_example_of_the_text(reader):
    text = TEXT.read_text("utf-8")
    data = (FOLDER / "linear-one-sample.gcx").read_bytes()
    (payload,) = gcx.read(data).bodies(gcx.MAIN)
    assert data.hex(" ").upper() in text
    assert payload.hex(" ").upper() in text
    rows = []

    def told(key, index, symbols, stream):
        if any(symbols) or (index and key[0] < 2):
            first = [" ".join(map(str, part[:8])) for part in (index, symbols)]
            rows.append([key[0], key[1], len(index), *first, f"{stream.x:X}"])

    number, q, _ = reader.symbols(payload, 1, 1, told)
    for row in rows:
        assert "| " + " | ".join(map(str, row)) + " |" in text
    assert q[0, 0, 0, 0, 0] == q.ravel()[np.abs(q).argmax()]
    shown = 255 * reader.preview(number, q, 1, 1)[0, 0]
    assert "red {:.2f}, green {:.2f}, blue {:.2f}".format(*shown) in " ".join(text.split())
