"""Damage to the layers of a sound file: what a decoder must survive."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from gcodec.errors import PayloadError
from gcodec.interfaces import Size

__all__ = ["Case", "cases", "refused"]


class Case(NamedTuple):
    """One damaged input of `Embedding.decode`, and what was done to it."""

    label: str
    layers: Sequence[bytes]
    size: Size


def cases(layers: Sequence[bytes], size: Size, seed: int = 0) -> Iterator[Case]:
    """Yield some 150 cases for each layer, the same ones each time."""
    source = random.Random(seed)
    for i, layer in enumerate(layers):
        for label, data in _damaged(layer, source):
            yield Case(f"layer {i}: {label}", [*layers[:i], data, *layers[i + 1 :]], size)
    yield Case("the last layer twice", [*layers, layers[-1]], size)
    yield Case("a layer too many, empty", [*layers, b""], size)
    if len(layers) > 1:
        yield Case("layers in reverse", layers[::-1], size)
        yield Case("the first layer lost", layers[1:], size)
    height, width = size
    for other in ((1, 1), (height + 1, width), (height, 2 * width + 1), (8 * height, 8 * width)):
        yield Case(f"size {size} changed to {other}", layers, Size(*other))


def refused(
    payload: bytes,
    read: Callable[[bytes], object],
    embedding: str,
    *,
    head: int = 2,
    trials: int = 40,
) -> int:
    """Return how many of `trials` damaged payloads `read` refuses, by a PayloadError of `embedding`.

    They are cut short, have a bit flipped behind the first `head` bytes, or go on longer than they should. Any other
    exception is let through.
    """
    source, found = random.Random(5), 0
    for trial in range(trials):
        place = source.randrange(head, len(payload))
        flipped = bytes([payload[place] ^ 1 << source.randrange(8)])
        damaged = (
            payload[:place],
            payload[:place] + flipped + payload[place + 1 :],
            payload + source.randbytes(3),
        )[trial % 3]
        try:
            read(damaged)
        except PayloadError as error:
            assert error.embedding == embedding, f"it calls itself {error.embedding}"
            found += 1
    return found


def _damaged(data: bytes, source: random.Random) -> Iterator[tuple[str, bytes]]:
    n = len(data)
    lengths = {0, 1, 2, 3, n - 4, n - 3, n - 2, n - 1, *(n * k // 12 for k in range(12))}
    for length in sorted(length for length in lengths if 0 <= length < n):
        yield f"truncated to {length} of {n} bytes", data[:length]
    for place in range(min(n, 6)):
        for value in {0, 1, 127, 128, 255} - {data[place]}:
            yield f"byte {place} = {value}", data[:place] + bytes([value]) + data[place + 1 :]
    for _ in range(48 if n else 0):
        place, bit = source.randrange(n), source.randrange(8)
        flipped = bytes([data[place] ^ 1 << bit])
        yield f"bit {bit} of byte {place} flipped", data[:place] + flipped + data[place + 1 :]
    for _ in range(12 if n > 8 else 0):
        start = source.randrange(n - 4)
        junk = source.randbytes(4)
        yield f"bytes {start}..{start + 3} random", data[:start] + junk + data[start + 4 :]
    for k in range(12):
        yield f"random bytes, lot {k}", source.randbytes(n)
    for length in (1, 2, 4, 8, 16, 64, 256, 4 * n):
        yield f"{length} random bytes", source.randbytes(length)
    yield "all zero", bytes(n)
    yield "all ones", b"\xff" * n
    yield "a zero byte appended", data + b"\0"
    yield "random bytes appended", data + source.randbytes(64)
    yield "repeated", data + data
    yield "halves exchanged", data[n // 2 :] + data[: n // 2]
