"""Writes vectors of what readers of channels, captions and heads refuse; one that exists is left as it is.

    python spec/vectors/refused/generate.py

A vector is NAME.json: what a receiver has, as in the vectors that are read, and the `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gcodec.channels import Common
from gcodec.entropy import RowEncoder
from gcodec.entropy.captions import LONGEST, _pack, pack
from gcodec.randomness import Randomness
from gcodec_diffc.channels import Dithered, Logistic, _zipf

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

import write_once  # noqa: E402

Question = tuple[str, dict[str, Any]]


def questions() -> Iterator[Question]:
    """Name and contents."""
    yield from _trellis()
    yield from _chunks()
    yield from _codebook()
    yield from _hadamard()
    yield from _dithered()
    yield from _captions()
    yield from _heads()


def _read(folder: str, name: str) -> dict[str, Any]:
    """A vector of what is read."""
    found: dict[str, Any] = json.loads((HERE.parent / folder / f"{name}.json").read_text("utf-8"))
    return found


def _channel(
    name: str, error: str, change: Callable[[bytes], bytes], vector: str, **other: Any
) -> Question:
    """A vector of channels/ whose bits, dimensions or parameters are changed."""
    found = _read("channels", vector)
    bits = change(bytes.fromhex(found["bits"]))
    keys = ("channel", "parameters", "seed", "step", "dimensions")
    asked = {key: found[key] for key in keys} | other
    return f"channel-{name}", {"what": "channel", **asked, "bits": bits.hex(), "error": error}


def _same(bits: bytes) -> bytes:
    return bits


def _trellis() -> Iterator[Question]:
    yield _channel("trellis-short", "length", lambda b: b[:-1], "trellis-plain")
    yield _channel("trellis-long", "length", lambda b: b + b"\0", "trellis-plain")
    last = lambda b: b[:-1] + bytes([b[-1] | 1])  # noqa: E731
    yield _channel("trellis-padding", "padding", last, "trellis-plain")
    yield _channel("trellis-none", "length", lambda _: b"\0", "trellis-none")
    yield _channel("trellis-dimensions", "dimensions", _same, "trellis-dense", dimensions=89)
    yield _channel("antipodal-short", "length", lambda b: b[:-1], "antipodal-plain")
    yield _channel("antipodal-padding", "padding", last, "antipodal-plain")
    yield _channel("folded-short", "length", lambda b: b[:-1], "folded-plain")
    yield _channel("folded-padding", "padding", last, "folded-plain")


def _chunks() -> Iterator[Question]:
    for channel in "chunked", "orc":
        name = f"{channel}-fresh"
        yield _channel(f"{channel}-zero", "zero", lambda b: b + b"\0", name)
        yield _channel(f"{channel}-rest", "rest", lambda b: b + bytes(range(1, 9)), name)
        yield _channel(f"{channel}-dimensions", "dimensions", _same, name, dimensions=36)
        beyond = _zipf.encode([1, 1 << 10, 0, 2, 5], [10, 10, 9, 9, 9], (37, 5))
        yield _channel(f"{channel}-index", "index", lambda _, b=beyond: b, name)  # type: ignore[misc]
        far = _zipf.encode([1, 5000, 0, 2, 5], [10, 10, 9, 9, 9], (37, 5))
        yield _channel(f"{channel}-escape", "index", lambda _, b=far: b, name)  # type: ignore[misc]
    yield _channel("chunked-none", "length", lambda _: b"\x01", "chunked-none")
    yield _channel("pfr-rest", "rest", lambda b: b + bytes(range(1, 9)), "pfr-plain")


def _codebook() -> Iterator[Question]:
    for name in "threshold", "pursuit":
        vector = f"codebook-{name}"
        yield _channel(f"{vector}-short", "length", lambda b: b[:-1], vector)
        yield _channel(f"{vector}-long", "length", lambda b: b + b"\0", vector)
    # 3 fields of 49 bits (34 of them the rank) and 5 of padding; 3 of 52 and 4.
    last = lambda b: b[:-1] + bytes([b[-1] | 1])  # noqa: E731
    yield _channel("codebook-padding", "padding", last, "codebook-threshold")
    high = lambda b: b"\xff\xff\xff\xff" + b[4:]  # noqa: E731
    yield _channel("codebook-rank", "rank", high, "codebook-threshold")
    again = lambda b: b[:1] + b[:1] + b[2:]  # noqa: E731
    yield _channel("codebook-twice", "twice", again, "codebook-pursuit")
    yield _channel("codebook-blocks", "dimensions", _same, "codebook-threshold", dimensions=2)


def _hadamard() -> Iterator[Question]:
    # 3 fields of 49 bits and 5 of padding; 4 groups in 100 bits and 4 of padding.
    last = lambda b: b[:-1] + bytes([b[-1] | 1])  # noqa: E731
    high = lambda b: b"\xff\xff\xff\xff" + b[4:]  # noqa: E731
    yield _channel("hadamard-short", "length", lambda b: b[:-1], "hadamard-cut")
    yield _channel("hadamard-more", "length", lambda b: b + b"\0", "hadamard-cut")
    yield _channel("hadamard-padding", "padding", last, "hadamard-cut")
    yield _channel("hadamard-rank", "rank", high, "hadamard-cut")
    # 33 bits for the first group's two atoms: rank 2^31 and more is none.
    beyond = lambda b: b[:4] + b"\xff\xff\xff\xff" + b[8:]  # noqa: E731
    yield _channel("hadamard-group", "rank", beyond, "hadamard-groups")
    yield _channel("hadamard-blocks", "dimensions", _same, "hadamard-cut", dimensions=2)


def _dithered() -> Iterator[Question]:
    found = _read("dithered", "plain")
    asked = {key: found[key] for key in ("width", "seed", "step", "mean", "scale", "lo", "hi")}
    bits = bytes.fromhex(found["bits"])

    def vector(name: str, error: str, bits: bytes) -> Question:
        return f"dithered-{name}", {"what": "dithered", **asked, "bits": bits.hex(), "error": error}

    yield vector("zero", "zero", bits + b"\0")
    yield vector("rest", "rest", bits + bytes(range(1, 9)))
    channel, common = (
        Dithered(asked["width"]),
        Common(Randomness(int(asked["seed"], 16)), asked["step"]),
    )
    reference = Logistic(*(np.array(asked[key]) for key in ("mean", "scale", "lo", "hi")))
    dither = channel.dither(common, len(asked["mean"]))
    counts = channel._cells(reference, dither)[1]
    sent = np.flatnonzero(counts > 1)
    symbols = np.zeros(len(sent), np.int64)
    fewest = int(np.argmin(counts[sent]))
    symbols[fewest] = counts[sent][fewest]  # the first entry that is padding
    encoder = RowEncoder()
    encoder.put(symbols, channel._tables(reference, dither, sent))
    yield vector("cell", "index", encoder.finish())


def _captions() -> Iterator[Question]:
    end = b"\xff"
    cases = {
        "endless": ("endless", _pack(b"ab" * (LONGEST // 2) + b"a" + end, 0)),
        "utf8": ("utf8", _pack(b"a caf\xe9" + end, 0)),
        "utf8-cut": ("utf8", _pack("é".encode()[:1] + end, 1)),
        "surrogate": ("utf8", _pack(b"\xed\xa0\x80" + end, 1)),
        "zero": ("shortest", pack("a dog") + b"\0"),
        "model": ("shortest", _pack(b"a dog" + end, 1)),
        "empty": ("shortest", _pack(end, 0) or b"\0"),
        "long": ("length", bytes([1]) * (3 * LONGEST + 4)),
    }
    for name, (error, data) in cases.items():
        yield f"caption-{name}", {"what": "caption", "bytes": data.hex(), "error": error}


def _heads() -> Iterator[Question]:
    cases = {
        "empty": ("cut", b""),
        "number": ("number", b"\xa3"),
        "name-nothing": ("cut", b"\x1f"),
        "name-none": ("cut", b"\x1f\x00"),
        "name-cut": ("cut", b"\x1f\x0aacme/mine"),
        "name-utf8": ("utf8", b"\x1f\x09acme/min\xff"),
        "name-slash": ("name", b"\x1f\x07trellis"),
        "name-byte": ("name", b"\x1f\x09acme\0mine"),
        "name-long": ("name", b"\x1f\x42acme/" + b"a" * 61),
        "name-without": ("name", b"\x0f"),
    }
    for name, (error, data) in cases.items():
        yield f"head-{name}", {"what": "head", "bytes": data.hex(), "error": error}


def write(folder: Path = HERE) -> list[str]:
    """Write what is missing in `folder`; returns the names written."""
    return write_once.write(folder, questions(), write_once.lines)


if __name__ == "__main__":
    print(*write(), sep="\n")
