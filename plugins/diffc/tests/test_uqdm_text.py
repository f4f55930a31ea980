"""spec/embeddings/uqdm.md: its example and its vectors, by a reader that knows the text alone and by the plugin."""

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
import torch
from safetensors.numpy import load_file
from torch.nn import functional as F

import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "core" / "tests"), str(Path(__file__).parent)]

from text_entropy import Refused  # noqa: E402
from text_uqdm import Picture  # noqa: E402

TEXT = ROOT / "spec" / "embeddings" / "uqdm.md"
FOLDER = ROOT / "spec" / "vectors" / "embeddings" / "uqdm"
NAMES = sorted(path.stem for path in FOLDER.glob("*.gcx"))
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


@cache
def model() -> tuple[dict[str, Any], dict[str, Any]]:
    """config.json and tensors of profile 1."""
    folder = Run().models.find("base/uqdm").folder
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return config, load_file(folder / "diffusion_pytorch_model.safetensors")


def read(data: bytes) -> tuple[Picture, bytes]:
    """What the text makes of a file, and what extension 5 is the digest of."""
    file = gcx.read(data)
    layers = file.bodies(gcx.MAIN)
    found = Picture(*file.header.size, model(), int(str(file.header.extensions.get(0, 0))))
    found.read(layers)
    return found, bytes(layer[0] for layer in layers) + found.stored()


@torch.inference_mode()
def preview(found: Picture, count: int) -> Any:
    """Section 7, for fewer than 17 layers."""
    Y, Co, Cg = np.moveaxis(found.estimates(), 2, 0) / 64
    t = Y - Cg / 3
    X = torch.from_numpy(np.stack([t + Co / 2, Cg + t, t - Co / 2])).float()[None]
    _, _, h, w = X.shape
    X = F.pad(X, (0, -w % 8, 0, -h % 8), mode="replicate")
    k, S = count - 1, (27, 9, 3, 1)[(count - 1) // 4]

    def layer(name: str, x: Any) -> Any:
        weight, gain, bias = (
            torch.from_numpy(model()[1][f"restorer.{name}.{part}"]).float()
            for part in ("conv.weight", "gain", "bias")
        )
        side = weight.shape[2]
        return F.conv2d(x, weight * gain[k][:, None, None, None], bias[k], padding=side // 2)

    M = F.avg_pool2d(X, 8)

    def repeated(times: int) -> Any:
        return M.repeat_interleave(times, 2).repeat_interleave(times, 3)

    fold, unfold = F.pixel_unshuffle, F.pixel_shuffle
    high = (fold(X - repeated(8), 2) / (2 * S)).clamp(-15, 15)
    x = F.relu(layer("enter", torch.cat([high, repeated(4) / 64 - 2], 1)))
    x = x + layer("a1", x)
    y = F.relu(layer("down1", fold(x, 2)))
    y = y + layer("b2", F.relu(layer("b1", y)))
    z = F.relu(layer("down2", fold(y, 2)))
    z = z + layer("c.1", F.relu(layer("c.0", z)))
    z = z + layer("c.3", F.relu(layer("c.2", z)))
    y = y + unfold(layer("up2", z), 2)
    y = y + layer("b4", F.relu(layer("b3", y)))
    x = x + unfold(layer("up1", y), 2)
    x = F.relu(x + layer("a2", F.relu(x)))
    made = X + S * unfold(layer("leave", x), 2)
    return (made[0, :, :h, :w] / 255).clamp(0, 1).numpy()


def test_the_example() -> None:
    text = TEXT.read_text(encoding="utf-8").split("## 8. Example")[1].split("## 9.")[0]
    rows = re.findall(r"^    ([0-9A-F]{2}(?: [0-9A-F]{2})+)$", text, re.M)[:17]
    layers = [bytes.fromhex(row) for row in rows]
    header = gcx.Header(gcx.Identity(id=41, profile=1), gcx.Size(3, 2))
    segments = [gcx.Segment(gcx.MAIN, layer) for layer in layers]
    data = gcx.write(gcx.File(header, segments, progressive=True))
    first, _ = read(gcx.write(gcx.File(header, segments[:1], progressive=True)))
    said = " ".join(text.split())
    assert "are " + ", ".join(map(str, first.symbols[:3])) in said
    for at in range(3, 30, 9):
        assert " ".join(map(str, first.symbols[at : at + 9])) in said
    averages = first.arrays[7]
    for lo, hi in zip(averages.lo[0, 0], averages.hi[0, 0], strict=True):
        assert f"{lo} ... {hi}" in said
    found, symbols = read(data)
    assert len(found.symbols) == 285
    blue = np.array([[76, 76], [78, 78], [79, 79]])
    assert np.array_equal(
        found.lossless(), np.stack([np.full((3, 2), 102), np.full((3, 2), 128), blue])
    )
    digest = hashlib.sha256(symbols).digest()[:8]
    assert digest == open_stage1(data).symbol_digest() and digest.hex().upper() in text


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name: str) -> None:
    data = (FOLDER / f"{name}.gcx").read_bytes()
    facts = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if "error" in facts:
        with pytest.raises(PayloadError):
            open_stage1(data).signals()
        with pytest.raises(Refused):
            read(data)
        return
    found, symbols = read(data)
    assert hashlib.sha256(symbols).hexdigest() == facts["symbols"]["sha256"]
    assert symbols[:64].hex() == facts["symbols"]["first"]
    assert (len(found.symbols), found.symbols[:16]) == (facts["sent"], facts["first"])
    shown = open_stage1(data).signals()[0].pixels  # type: ignore[union-attr]
    count = len(gcx.read(data).bodies(gcx.MAIN))
    mine = found.lossless() / 255 if count == 17 else preview(found, count)
    assert np.abs(shown - mine).max() < 1e-4
    for plane, y, x, value in facts["samples"]:
        assert abs(255 * shown[plane, y, x] - value) <= 1
