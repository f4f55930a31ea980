"""The table of normals, as shipped: 65,408 positive integers in units of 2^-20, pinned by SHA-256.

The file `normals.zlib` is the zlib stream of the table's second differences (int32, little-endian; both sums start
from 0), 7 kB instead of 256. What the entries mean, and how they were computed, is in `_make_table.py`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from itertools import accumulate, pairwise
from pathlib import Path

from gcodec.errors import ModelDamaged

ENTRIES = 65408
TAIL_ENTRIES = 32768  # entries 0, ..., 32767: cells of probability 2^-24; the others: 2^-16
FRACTION_BITS = 20
SHA256 = "7f5df1e1e1a9e79162d68e614ae37129e27953e40246dfdf880ef4f8e52a266e"

_FILE = Path(__file__).with_name("normals.zlib")
_INTEGERS = f"<{ENTRIES}i"


def pack(table: bytes) -> bytes:
    """Second differences of a table of little-endian int32, in the same form; `unpack` undoes it."""
    values = struct.unpack(_INTEGERS, table)
    first = [value - before for before, value in pairwise((0, *values))]
    second = [value - before for before, value in pairwise((0, *first))]
    return struct.pack(_INTEGERS, *second)


def unpack(second_differences: bytes) -> bytes:
    """The table of which these are the second differences."""
    return struct.pack(
        _INTEGERS, *accumulate(accumulate(struct.unpack(_INTEGERS, second_differences)))
    )


def shipped() -> bytes:
    """The table as little-endian int32, 261,632 bytes, its digest verified.

    Raises ModelDamaged if the file is missing or does not hold the table that the specification pins.
    """
    try:
        table = unpack(zlib.decompress(_FILE.read_bytes()))
    except (OSError, zlib.error, struct.error) as error:
        raise ModelDamaged("table of normals", f"{_FILE}: {error}; reinstall gcodec") from error
    if hashlib.sha256(table).hexdigest() != SHA256:
        raise ModelDamaged(
            "table of normals", f"{_FILE} is not the table of spec/RANDOMNESS.md; reinstall gcodec"
        )
    return table
