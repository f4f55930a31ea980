"""What tests/test_payloads.py and tests/fuzz/fuzz_payloads.py do with payloads from anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gcodec_formats as gcx
from gcodec.errors import PayloadError, UnknownPlugin, UnusablePlugin
from gcodec.pipeline.stage1 import open_stage1

__all__ = ["NAMES", "Sound", "mutated", "sound", "use"]

VECTORS = Path(__file__).resolve().parents[1] / "spec" / "vectors" / "embeddings"
#: Embeddings with vectors.
NAMES = sorted({path.parent.name for path in VECTORS.glob("*/*.gcx")})
#: What a receiver may say of a payload: it is damaged, or needs a channel that is not here.
ALLOWED = (PayloadError, UnknownPlugin, UnusablePlugin)
#: Files up to so many samples, so that a network takes no time.
_SMALL = 64 * 64


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound file of the vectors: the embedding that reads it, ready, its size and layers."""

    embedding: Any
    size: gcx.Size
    layers: tuple[bytes, ...]


@cache
def sound(name: str) -> tuple[Sound, ...]:
    """The small files of an embedding. Raises UnusablePlugin where it is not to be had here."""
    found = []
    for path in sorted(VECTORS.glob(f"{name}/*.gcx")):
        facts = json.loads(path.with_suffix(".json").read_text("utf-8"))
        data = path.read_bytes()
        size = gcx.read_header(data).size
        if "error" not in facts and size.height * size.width <= _SMALL:
            main = open_stage1(data).main
            found.append(Sound(main.embedding, size, tuple(main.layers)))
    return tuple(found)


def use(embedding: Any, layers: Sequence[bytes], size: gcx.Size) -> bool:
    """Decode layers as a receiver does; whether they are sound. Raises AssertionError for a defect."""
    try:
        symbols = embedding.symbols(layers, size)
        signals = embedding.decode(layers, size)
    except ALLOWED as error:
        assert "\n" not in str(error)
        return False
    assert symbols == embedding.symbols(layers, size)
    assert signals
    return True


def mutated(layers: Sequence[bytes], edits: Sequence[tuple[int, int, bytes]]) -> tuple[bytes, ...]:
    """Layers after each edit (kind, place, bytes): changed, cut, put in, a layer twice, dropped or replaced."""
    made = list(layers)
    for kind, place, data in edits:
        if not made:
            made = [data]
            continue
        index = place % len(made)
        layer = made[index]
        at = place // len(made) % (len(layer) + 1)
        if kind == 0:  # bytes changed
            end = at + len(data)
            old = layer[at:end]
            made[index] = (
                layer[:at] + bytes(a ^ b for a, b in zip(old, data, strict=False)) + layer[end:]
            )
        elif kind == 1:
            made[index] = layer[:at]
        elif kind == 2:
            made[index] = layer[:at] + data + layer[at:]
        elif kind == 3:
            made.insert(index, layer)
        elif kind == 4:
            del made[index]
        else:
            made[index] = data
    return tuple(made)
