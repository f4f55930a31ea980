"""Gives the same damaged files to the reader in Python and to the one in JavaScript, and lists where they differ.

    python formats/js/fuzz/differential.py --count 100000 --seed 1

Files are the vectors and the project's own coded pictures, with bits flipped, bytes changed, parts cut, repeated and
taken from other files. Of most the checksums are made right again, so that what lies behind them is reached. Status 1 if
any differs.
"""

from __future__ import annotations

import argparse
import binascii
import hashlib
import json
import random
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gcodec_formats as gcx
from gcodec_formats import registry

ROOT = Path(__file__).parents[3]
NODE = Path(__file__).with_name("answers.js")
TOGETHER = 500

Answer = Any

#: Of two faults in one extension map a reader may name either (FORMAT.md, section 7).
OF_THE_MAP = {
    *("bad-extensions", "not-canonical", "limit-exceeded"),
    *("bad-extension-value", "unknown-required-extension"),
}


def left_open(ours: Answer, theirs: Answer) -> str | None:
    """Why the text lets two unlike answers pass, or None."""
    if all(isinstance(a, str) and a in OF_THE_MAP for a in (ours, theirs)):
        return "one of two faults in one extension map"
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = zip(ours["contents"], theirs["contents"], strict=True)
        unlike = [theirs for ours, theirs in pairs if ours != theirs]
        if {**ours, "contents": 0} == {**theirs, "contents": 0} and set(unlike) == {
            "bad-compression"
        }:
            return "damage in a Zstandard frame that libzstd lets pass"
    return None


def plain(value: object) -> object:
    """A value of the extension map as `info` shows it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def content(segment: gcx.Segment, file: gcx.File) -> str:
    """The digest of what a segment holds, or the code of the refusal."""
    try:
        if segment.type in (gcx.ICC, gcx.EXIF, gcx.XMP):
            data = gcx.unpack_metadata(segment.data)
        elif segment.type == gcx.ALPHA:
            data = gcx.unpack_alpha(segment.data, file.header.size)[1]
        elif segment.type == gcx.COMPANION:
            data = gcx.unpack_companion(segment.data)[1]
        else:
            data = segment.data
    except gcx.FormatError as error:
        return error.code
    return hashlib.sha256(data).hexdigest()[:16]


def answer(data: bytes, partial: bool) -> Answer:
    """What the reader in Python says, as answers.js says it."""
    try:
        file = gcx.read(data, partial=partial)
        layout = gcx.layout(data, partial=partial)
    except gcx.FormatError as error:
        return error.code
    header, identity = file.header, file.header.identity
    row = registry.embedding(identity.id) if identity.id is not None else None
    names = {row.id: row.name for row in registry.EXTENSIONS}
    return {
        "rows": [[row.offset, row.length, row.name] for row in layout],
        "extensions": {
            names.get(key, f"key {key}"): plain(value) for key, value in header.extensions.items()
        },
        "width": header.size.width,
        "height": header.size.height,
        "embedding": row.name if row else identity.name or f"number {identity.id}",
        "model": f"profile {identity.profile}"
        if identity.digest is None
        else f"digest {identity.digest.hex()}...",
        "progressive": file.progressive,
        "payload": sum(len(body) for body in file.bodies(gcx.MAIN)),
        "overhead": gcx.overhead(layout),
        "missing": list(file.missing),
        "contents": [content(segment, file) for segment in file.segments],
    }


def sealed(data: bytes) -> bytes:
    """The file with right checksums, as far as its head can be followed."""
    if len(data) < 12:
        return data
    out = bytearray(data)
    if not data[3] & 4:
        wide = data[3] & 2 and len(data) > 4097
        put(out, 0, len(data) - (4 if wide else 2))
        return bytes(out)
    try:
        at, lengths = follow(data)
    except IndexError:
        return data
    start = 0
    for length in [0, *lengths]:
        at = put(out, start, at + length)
        if at is None:
            break
        start = at
    return bytes(out)


def put(out: bytearray, start: int, end: int) -> int | None:
    """Write the checksum over start..end behind it; where it ends, or None beyond the file."""
    if end - start <= 4093 or not out[3] & 2:
        crc = binascii.crc_hqx(out[start:end], 0xFFFF).to_bytes(2, "little")
    else:
        crc = zlib.crc32(out[start:end]).to_bytes(4, "little")
    if end + len(crc) > len(out):
        return None
    out[end : end + len(crc)] = crc
    return end + len(crc)


def follow(data: bytes) -> tuple[int, list[int]]:
    """Where the head of a progressive file ends, and the lengths of its segments. Raises IndexError."""
    at = 4

    def uleb() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    at += 2 + data[5] if data[4] == 0 else 1
    at += 9 if data[at] == 0 else 1
    at += 4
    if data[3] & 1:
        at += uleb()
    lengths = []
    for _ in range(min(uleb(), 1000)):
        uleb()
        lengths.append(uleb())
    return at, lengths


def damaged(rng: random.Random, files: list[bytes]) -> bytes:
    """One file with one to three changes."""
    data = bytearray(rng.choice(files))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        # Heads are short and full of meaning.
        reach = len(data) if rng.random() < 0.5 else min(len(data), 48)
        at = rng.randrange(reach) if reach else 0
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at] = rng.choice((0, 1, 2, 3, 127, 128, 255, rng.randrange(256)))
        elif kind == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            other = rng.choice(files)
            start = rng.randrange(len(other) + 1)
            data[at:] = other[start:]
        elif kind == 6:
            data[at:at] = data[at : at + rng.randrange(1, 17)]
        else:
            other = rng.choice(files)
            start = rng.randrange(len(other) + 1)
            part = other[start : start + rng.randrange(1, 33)]
            data[at : at + len(part)] = part
    return sealed(bytes(data)) if rng.random() < 0.8 else bytes(data)


def compressed() -> list[bytes]:
    """Files whose Zstandard frames have all kinds of blocks, literals and tables."""
    text = (ROOT / "spec/FORMAT.md").read_bytes()
    size = gcx.Size(64, 64)
    plane = bytes((x * x + y * (x % 7)) // 20 % 256 for y in range(64) for x in range(64))
    parts = [
        gcx.Segment(gcx.ICC, gcx.pack_metadata(text[:700])),
        gcx.Segment(gcx.EXIF, gcx.pack_metadata(bytes(range(32)) * 3 + text[:90])),
        gcx.Segment(gcx.XMP, gcx.pack_metadata(text[4000:7000])),
        gcx.Segment(gcx.MAIN, b"payload"),
        gcx.Segment(gcx.ALPHA, gcx.pack_alpha(plane, size, 8)),
    ]
    header = gcx.Header(gcx.Identity(id=2, profile=1), size)
    return [gcx.write(gcx.File(header, parts, progressive)) for progressive in (False, True)]


def seeds() -> list[bytes]:
    """Files of the project, up to 20,000 bytes, and some that are made here."""
    folders = ("spec/vectors/gcx", "spec/vectors/truncated", "tests/golden")
    paths = [path for folder in folders for path in sorted((ROOT / folder).glob("*.gcx"))]
    return 10 * compressed() + [data for data in map(Path.read_bytes, paths) if len(data) <= 20000]


def batches(count: int, seed: int) -> Iterator[list[bytes]]:
    rng, files = random.Random(seed), seeds()
    while count > 0:
        yield [damaged(rng, files) for _ in range(min(count, TOGETHER))]
        count -= TOGETHER


def compare(count: int, seed: int) -> tuple[Counter[str], list[tuple[bytes, Answer, Answer]]]:
    """How often each answer came, and the files with their two answers where these differ against the text."""
    said: Counter[str] = Counter()
    differ = []
    with subprocess.Popen(
        ["node", str(NODE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as node:
        assert node.stdin and node.stdout
        for files in batches(count, seed):
            # One at a time is behind the other: neither side waits for a full pipe.
            for data in files:
                node.stdin.write(struct.pack("<I", len(data)) + data)
                node.stdin.flush()
                theirs = json.loads(node.stdout.readline(), parse_int=float)
                ours = [answer(data, False), answer(data, True)]
                said[ours[0] if isinstance(ours[0], str) else "read"] += 1
                reasons = [
                    left_open(*pair)
                    for pair in zip(ours, theirs, strict=True)
                    if pair[0] != pair[1]
                ]
                if None in reasons:
                    differ.append((data, ours, theirs))
                elif reasons:
                    said[f"(of which the text leaves open: {reasons[0]})"] += 1
        node.stdin.close()
    return said, differ


def differing(ours: Answer, theirs: Answer) -> tuple[Answer, Answer]:
    """Of two descriptions, what differs."""
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return ours, theirs
    keys = [key for key in ours if ours[key] != theirs.get(key)]
    return {key: ours[key] for key in keys}, {key: theirs.get(key) for key in keys}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the files where answers differ")
    arguments = parser.parse_args()
    said, differ = compare(arguments.count, arguments.seed)
    for code, times in said.most_common():
        print(f"{times:8}  {code}")
    print(f"{len(differ)} of {arguments.count} differ against the text")
    for i, (data, ours, theirs) in enumerate(differ):
        for mine, other in zip(ours, theirs, strict=True):
            if mine != other:
                mine, other = differing(mine, other)
                print(f"  {i}: {len(data)} bytes: Python {mine!s:.300} | JavaScript {other!s:.300}")
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{i}.gcx").write_bytes(data)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
