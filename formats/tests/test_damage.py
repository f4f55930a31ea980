"""Every damaged file is refused: each byte changed in every way, cut at every byte, cut and read in part."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

import gcodec_formats as gcx
from gcodec_formats import errors, registry

HEADER = gcx.Header(
    gcx.Identity(id=16, digest=bytes(range(8))), gcx.Size(512, 768), {registry.SEED: 9}
)
LAYERS = [gcx.Segment(gcx.MAIN, random.Random(i).randbytes(20 + 9 * i)) for i in range(3)]
SINGLE = gcx.write(gcx.File(HEADER, LAYERS[:1]))
SEVERAL = gcx.write(gcx.File(HEADER, [gcx.Segment(gcx.ICC, gcx.pack_metadata(b"icc")), *LAYERS]))
PROGRESSIVE_FILE = gcx.File(HEADER, LAYERS, progressive=True)
PROGRESSIVE = gcx.write(PROGRESSIVE_FILE)
LONG = gcx.write(gcx.File(HEADER, [gcx.Segment(gcx.MAIN, bytes(6000)), LAYERS[0]]))

every_kind = pytest.mark.parametrize(
    "data", [SINGLE, SEVERAL, PROGRESSIVE], ids=["single", "several", "progressive"]
)


@every_kind
def test_every_change_of_one_byte_is_found(data: bytes) -> None:
    for at in range(len(data)):
        for change in range(1, 256):
            bad = bytearray(data)
            bad[at] ^= change
            with pytest.raises(errors.FormatError):
                gcx.read(bad)
            with pytest.raises(errors.FormatError):
                gcx.read(bad, partial=True)


def test_every_changed_bit_of_a_long_file_is_found() -> None:
    for at in range(len(LONG)):
        bad = bytearray(LONG)
        bad[at] ^= 1 << at % 8
        with pytest.raises(errors.FormatError):
            gcx.read(bad)


VECTORS = Path(__file__).parents[2] / "spec" / "vectors"
SOUND = sorted(path for path in VECTORS.rglob("*.gcx") if "truncated" not in path.parts)
SOUND = [path for path in SOUND if not (path.parent.name == "gcx" and path.stem[:4] == "bad-")]


@pytest.mark.skipif(not SOUND, reason="spec/ is not part of this copy")
def test_of_100_flipped_bits_100_are_found_in_every_file_of_the_vectors() -> None:
    """All bits of a small file, 100 of a larger one; with and without a segment table, progressive or not."""
    tables = set()
    for path in SOUND:
        data = bytearray(path.read_bytes())
        bits: Iterable[int] = range(8 * len(data))
        if len(data) > 256:
            bits = random.Random(len(data)).sample(range(8 * len(data)), 100)
        for bit in bits:
            data[bit // 8] ^= 1 << bit % 8
            with pytest.raises(errors.FormatError):
                gcx.read(data)
            data[bit // 8] ^= 1 << bit % 8
        gcx.read(data)
        tables.add((data[3] & 6, len(data) > 256))
    assert tables == {(flags, long) for flags in (0, 2, 6) for long in (False, True)}


@every_kind
def test_every_cut_is_found(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises((errors.Truncated, errors.ChecksumMismatch)):
            gcx.read(data[:length])


def test_a_cut_progressive_file_is_called_truncated() -> None:
    for length in range(len(PROGRESSIVE)):
        with pytest.raises(errors.Truncated):
            gcx.read(PROGRESSIVE[:length])


def test_a_cut_progressive_file_gives_its_whole_segments() -> None:
    rows = gcx.layout(PROGRESSIVE)
    checks = [row.offset + row.length for row in rows if row.name == "checksum"]
    head, *ends = checks
    for length in range(len(PROGRESSIVE) + 1):
        if length < head:
            with pytest.raises(errors.Truncated):
                gcx.read(PROGRESSIVE[:length], partial=True)
            continue
        file = gcx.read(PROGRESSIVE[:length], partial=True)
        whole = sum(end <= length for end in ends)
        assert file.header == HEADER
        assert file.segments == tuple(LAYERS[:whole])
        assert file.missing == (gcx.MAIN,) * (len(LAYERS) - whole)
        rows = gcx.layout(PROGRESSIVE[:length], partial=True)
        assert sum(row.length for row in rows) == length


def test_a_prefix_can_be_written_as_a_file_of_its_own() -> None:
    cut = gcx.read(PROGRESSIVE[:-5], partial=True)
    data = gcx.write(gcx.File(cut.header, cut.segments, progressive=True))
    assert gcx.read(data).segments == tuple(LAYERS[:2])


def test_partial_does_not_excuse_damage_or_files_that_are_not_progressive() -> None:
    first = gcx.layout(PROGRESSIVE)
    start = next(row.offset for row in first if row.payload)
    bad = bytearray(PROGRESSIVE)
    bad[start] ^= 1
    with pytest.raises(errors.ChecksumMismatch):
        gcx.read(bad, partial=True)
    with pytest.raises(errors.Truncated, match="cannot be read in part"):
        gcx.read(SEVERAL[:40], partial=True)


def test_two_files_joined_are_refused() -> None:
    for data in (SINGLE, SEVERAL, PROGRESSIVE):
        with pytest.raises(errors.FormatError):
            gcx.read(data + data)
