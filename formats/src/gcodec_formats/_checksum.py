"""The checksum: CRC-16, or CRC-32 over more than 4093 bytes in a file with a segment table.

CRC-16 (polynomial 0x1021, start 0xFFFF, not reflected, no final xor; binascii.crc_hqx) finds every
error of up to three bits in 4093 + 2 bytes and, at any length, every burst of up to 16 bits, hence
every changed byte. A file without a table keeps to it at any length, so that it is always 12 bytes
longer than its payload.
"""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Iterable

LONGEST_CRC16 = 4093


def width(covered: int, table: bool) -> int:
    """Bytes of the checksum over `covered` bytes, in a file with or without a segment table."""
    return 4 if table and covered > LONGEST_CRC16 else 2


def checksum(parts: Iterable[bytes | memoryview], length: int) -> bytes:
    """The checksum of the parts, one after the other, in `length` (2 or 4) little-endian bytes."""
    if length == 2:
        crc = 0xFFFF
        for part in parts:
            crc = binascii.crc_hqx(part, crc)
    else:
        crc = 0
        for part in parts:
            crc = zlib.crc32(part, crc)
    return crc.to_bytes(length, "little")
