"""Files for the vectors, put together from their parts with a right checksum whatever the parts are."""

from __future__ import annotations

import binascii
import struct
import zlib

import zstandard

SIGNATURE = b"\xc7\x0d\x0a"
IDENTITY = b"\x02\x01"  # webp, profile 1
SIZE = struct.pack("<HH", 767, 511)  # 768 x 512
DIGEST = bytes(range(8))


def noise(count: int, seed: int) -> bytes:
    """`count` arbitrary bytes: the last 8 bits of the state of x <- 1664525 x + 1013904223 mod 2^32, high byte."""
    out, x = bytearray(), seed
    for _ in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out.append(x >> 24)
    return bytes(out)


def seal(covered: bytes, length: int = 2) -> bytes:
    """`covered` and its checksum."""
    crc = binascii.crc_hqx(covered, 0xFFFF) if length == 2 else zlib.crc32(covered)
    return covered + crc.to_bytes(length, "little")


def raw(flags: int = 0, rest: bytes = b"payload", identity: bytes = IDENTITY) -> bytes:
    """A sealed file from its parts; `rest` is everything after the size."""
    return seal(SIGNATURE + bytes([0x40 | flags]) + identity + SIZE + rest)


def extended(value: bytes, identity: bytes = IDENTITY) -> bytes:
    """A sealed file with these bytes as its extension map."""
    return raw(0x01, leb(len(value)) + value + b"payload", identity)


def tabled(table: str, rest: bytes = b"") -> bytes:
    """A sealed file with this segment table, in hexadecimal."""
    return raw(0x02, bytes.fromhex(table) + rest)


def frame(content: bytes) -> bytes:
    """A Zstandard frame."""
    return zstandard.ZstdCompressor(level=19).compress(content)


def leb(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 127:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def metadata(body: bytes) -> bytes:
    """A sealed file with an ICC profile of this body."""
    return raw(0x02, b"\x02\x01" + leb(len(body)) + b"\x00" + body + b"payload")


def progressive(table: str, *bodies: bytes, width: int = 767, ending: bytes | None = None) -> bytes:
    """A progressive file of this table and these bodies, the first checksum replaced by `ending` if given."""
    head = SIGNATURE + b"\x46" + IDENTITY + struct.pack("<HH", width, 511) + bytes.fromhex(table)
    start = seal(head) if ending is None else head + ending
    return start + b"".join(map(seal, bodies))


MAGIC = b"\x28\xb5\x2f\xfd"


def stored(descriptor: str, content: bytes = b"profile") -> bytes:
    """A Zstandard frame of one raw block, with the header that follows the magic number in hexadecimal."""
    block = (1 | len(content) << 3).to_bytes(3, "little")
    return MAGIC + bytes.fromhex(descriptor) + block + content
