"""What spec/FORMAT.md prints is what the code does."""

from __future__ import annotations

import binascii
import hashlib
import re
import zlib
from dataclasses import asdict
from itertools import product
from pathlib import Path

import pytest

import gcodec_formats as gcx
from gcodec_formats import errors

#: Of which the first bytes of the files below are made: those of a signature in any state, and versions 0, 1 and 2.
PARTS = ["C7", "0D", "0A", "47", "3F", "C387", "C3", "EFBFBD", "EF", "00", "40", "7F", "80"]
TEXT = Path(__file__).parents[2] / "spec" / "FORMAT.md"
pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="spec/ is not part of this copy")


def section(number: int) -> str:
    return re.split(r"^## ", TEXT.read_text(encoding="utf-8"), flags=re.M)[number]


def test_the_printed_examples_are_files() -> None:
    files: list[bytearray] = []
    for offset, hexadecimal in re.findall(
        r"^    (\d+) +((?:[0-9A-F]{2}(?: |$))+)", section(9), flags=re.M
    ):
        if offset == "0":
            files.append(bytearray())
        assert len(files[-1]) == int(offset)
        files[-1] += bytes.fromhex(hexadecimal)
    first, second = (gcx.read(data) for data in files)
    assert [gcx.write(first), gcx.write(second)] == files
    assert first.bodies(gcx.MAIN) == (b"payload",)
    assert second.bodies(gcx.MAIN) == (b"base", b"detail")
    assert second.header.extensions == {0: 300, 3: 1}


def test_the_closed_list_of_errors_is_the_same() -> None:
    printed = re.findall(r"^\| `([a-z-]+)` \|", section(8), flags=re.M)
    tree = re.findall(r"\+-- \w+ +([a-z0-9-]+)$", errors.__doc__ or "", flags=re.M)
    assert printed == tree


def test_the_check_values_and_default_limits_are_the_same() -> None:
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert "29B1" in section(5)
    assert "CBF43926" in section(5)
    assert asdict(gcx.DEFAULT_LIMITS) == {
        "pixels": 2**28,
        "segments": 4096,
        "header_bytes": 65536,
        "depth": 8,
        "items": 4096,
        "expansion": 2**26,
    }
    limits = " ".join(section(7).split("Limits are")[1].split())
    for words in (
        "pixels 2^28",
        "segments 4096",
        "map 65536",
        "depth 8",
        "4096, nested",
        "2^26 bytes",
    ):
        assert words in limits


def test_text_damage_is_told_from_other_files_as_printed() -> None:
    printed = section(8).split("`text-damaged` is the error")[1]
    rows = [line for line in printed.splitlines() if line.startswith("    ")]
    damaged = [bytes.fromhex(text) for row in rows for text in re.split(" {2,}", row.strip())]
    assert len(damaged) == len(set(damaged)) == 11

    def told(data: bytes) -> str:
        if gcx_begins(data):
            return "truncated"
        for start in damaged:
            rest = data.removeprefix(start)
            if data.startswith(start) and (not rest or 0x40 <= rest[0] <= 0x7F):
                return "text-damaged"
        return "not-gcx"

    def gcx_begins(data: bytes) -> bool:
        return b"\xc7\x0d\x0a".startswith(data)

    files = {
        b"".join(parts) for n in range(5) for parts in product(map(bytes.fromhex, PARTS), repeat=n)
    }
    for data in files:
        if not data.startswith(b"\xc7\x0d\x0a"):
            with pytest.raises(errors.FormatError) as caught:
                gcx.read(data)
            assert caught.value.code == told(data), data.hex(" ")


def test_the_digest_of_symbols_is_the_one_printed() -> None:
    said = re.search(
        r"symbols are bytes ((?:[0-9A-F]{2} ?)+), .*?value is\s+((?:[0-9A-F]{2}\s?)+)",
        section(3),
        re.S,
    )
    assert said
    symbols, digest = (bytes.fromhex(text) for text in said.groups())
    assert hashlib.sha256(symbols).digest()[:8] == digest
