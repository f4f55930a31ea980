"""Bytes over the payload: 12 for a registered profile, at any image size and any payload; at most 24 otherwise."""

from __future__ import annotations

import pytest

import gcodec_formats as gcx
from gcodec_formats import registry

SIZES = [(1, 1), (512, 768), (4320, 8192), (65536, 65536)]
WIDE = gcx.Limits(pixels=1 << 32)


def over(identity: gcx.Identity, size: tuple[int, int], payload: int) -> int:
    file = gcx.File(gcx.Header(identity, gcx.Size(*size)), [gcx.Segment(gcx.MAIN, bytes(payload))])
    data = gcx.write(file, limits=WIDE)
    assert gcx.read(data, limits=WIDE) == file
    assert gcx.overhead(gcx.layout(data, limits=WIDE)) == len(data) - payload
    return len(data) - payload


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("payload", [0, 135, 4083, 4084, 15_000, 1 << 20])
def test_budget(size: tuple[int, int], payload: int) -> None:
    for row in registry.EMBEDDINGS:
        assert over(gcx.Identity(id=row.id, profile=1), size, payload) == 12
    assert over(gcx.Identity(id=16, digest=bytes(8)), size, payload) == 20
    assert over(gcx.Identity(name="acme/waves4", profile=1), size, payload) == 24


def test_what_options_cost() -> None:
    header = gcx.Header(gcx.Identity(id=2, profile=1), gcx.Size(512, 768))
    base = len(gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, b"x")])))

    def cost(extensions: dict[int, object]) -> int:
        changed = gcx.Header(header.identity, header.size, extensions)
        return len(gcx.write(gcx.File(changed, [gcx.Segment(gcx.MAIN, b"x")]))) - base

    assert cost({registry.CHANNELS: 1}) == 4
    assert cost({registry.SEED: 100}) == 4
    assert cost({registry.SYMBOLS_DIGEST: bytes(8)}) == 13
    assert cost({registry.RECONSTRUCTOR: ["flow", {}]}) == 10
    progressive = [gcx.Segment(gcx.MAIN, b"x"), gcx.Segment(gcx.MAIN, b"y")]
    assert len(gcx.write(gcx.File(header, progressive, progressive=True))) == base + 1 + 5 + 4
