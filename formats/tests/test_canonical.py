"""One form only: msgpack that means the same but is written differently is refused."""

from __future__ import annotations

import binascii
import struct

import msgpack
import pytest

import gcodec_formats as gcx
from gcodec_formats import errors

HEAD = b"\xc7\r\n\x41\x02\x01\xff\x02\xff\x01"


def read(packed: bytes, limits: gcx.Limits = gcx.DEFAULT_LIMITS) -> dict[int, object]:
    covered = HEAD + len_leb(len(packed)) + packed + b"payload"
    data = covered + binascii.crc_hqx(covered, 0xFFFF).to_bytes(2, "little")
    return dict(gcx.read(data, limits=limits).header.extensions)


def len_leb(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, *len_leb(value >> 7)])


def parameter(packed: bytes) -> bytes:
    return b"\x81\x02\x81\x00" + packed


CANONICAL = [
    *(msgpack.packb(i) for i in (0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1)),
    *(msgpack.packb(i) for i in (-1, -32, -33, -128, -129, -32769, -(2**31) - 1, -(2**63))),
    *(msgpack.packb(s) for s in ("", "x" * 31, "x" * 32, "x" * 256, "é")),
    *(msgpack.packb(b) for b in (b"", bytes(255), bytes(256))),
    *(msgpack.packb(v) for v in (None, True, False, [], [0] * 15, [0] * 16, {}, {"a": 0, "bb": 0})),
    msgpack.packb(0.5, use_single_float=True),
    msgpack.packb(-0.0, use_single_float=True),
    msgpack.packb(0.1),
    msgpack.packb(1e300),
]


@pytest.mark.parametrize("packed", CANONICAL, ids=lambda packed: packed[:4].hex())
def test_accepted(packed: bytes) -> None:
    value = read(parameter(packed))[2]
    assert value == {0: msgpack.unpackb(packed)}


LOOSE = {
    "uint8 below 128": b"\xcc\x7f",
    "uint16 below 256": b"\xcd\x00\xff",
    "uint32 below 65536": b"\xce\x00\x00\xff\xff",
    "uint64 below 2^32": b"\xcf" + bytes(4) + b"\xff" * 4,
    "int8 for a positive": b"\xd0\x05",
    "int8 above -33": b"\xd0\xe0",
    "int64 for -129": b"\xd3" + struct.pack(">q", -129),
    "str8 below 32": b"\xd9\x01a",
    "str16 below 256": b"\xda\x00\x20" + b"a" * 32,
    "bin16 below 256": b"\xc5\x00\x01a",
    "array16 below 16": b"\xdc\x00\x01\x00",
    "map16 below 16": b"\xde\x00\x01\x00\x00",
    "double for 0.5": b"\xcb" + struct.pack(">d", 0.5),
    "strings out of order": b"\x82\xa1b\x00\xa1a\x00",
    "longer string first": b"\x82\xa2aa\x00\xa1b\x00",
    "integer after string": b"\x82\xa1a\x00\x01\x00",
    "same key twice": b"\x82\xa1a\x00\xa1a\x01",
}


@pytest.mark.parametrize("packed", LOOSE.values(), ids=LOOSE)
def test_other_forms_are_refused(packed: bytes) -> None:
    msgpack.unpackb(packed, strict_map_key=False)
    with pytest.raises(errors.NotCanonical):
        read(parameter(packed))


FORBIDDEN = {
    "ext": b"\xd4\x01\x00",
    "timestamp": b"\xd6\xff\x00\x00\x00\x01",
    "nan": b"\xca\x7f\xc0\x00\x00",
    "infinity": b"\xca\x7f\x80\x00\x00",
    "reserved byte": b"\xc1",
    "bad UTF-8": b"\xa1\xff",
    "surrogate": b"\xa3\xed\xa0\x80",
    "array as a key": b"\x81\x90\x00",
    "true as a key": b"\x81\xc3\x00",
    "float as a key": b"\x81\xca\x3f\x80\x00\x00\x00",
    "cut": b"\x92\x00",
    "huge array": b"\xdd\xff\xff\xff\xff",
    "huge string": b"\xdb\xff\xff\xff\xff",
}


@pytest.mark.parametrize("packed", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_may_not_occur_is_refused(packed: bytes) -> None:
    with pytest.raises(errors.BadExtensions):
        read(parameter(packed))


@pytest.mark.parametrize("key", [b"\xc3", b"\xa1a", b"\xff", b"\xca\x3f\x80\x00\x00", b"\xc0"])
def test_only_whole_numbers_are_keys(key: bytes) -> None:
    with pytest.raises(errors.BadExtensions):
        read(b"\x81" + key + b"\x05")


def test_depth_is_bounded_long_before_the_stack() -> None:
    for levels in (7, 100, 600, 2000, 60_000):
        with pytest.raises(errors.LimitExceeded) as caught:
            read(parameter(b"\x91" * levels + b"\x00"))
        assert caught.value.limit == "depth"
    read(parameter(b"\x91" * 6 + b"\x00"))


def test_items_are_bounded() -> None:
    with pytest.raises(errors.LimitExceeded) as caught:
        read(parameter(b"\xdc\x20\x00" + bytes(8192)))
    assert caught.value.limit == "items"
