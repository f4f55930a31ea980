"""Writes the test vectors of spec/FORMAT.md that do not exist yet; an existing vector is never written again.

    python spec/vectors/gcx/generate.py

A vector is NAME.gcx and NAME.json. The JSON says either what a reader finds (`describe`) or which error it reports:
`operation` is what to do ("read"; "resolve": read, then require a registered embedding; "unpack": read, then unpack every
segment), `limits` what differs from the default limits.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import zstandard

import gcodec_formats as gcx
from gcodec_formats import registry

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from description import describe  # noqa: E402
from parts import (  # noqa: E402
    DIGEST,
    IDENTITY,
    SIGNATURE,
    SIZE,
    extended,
    frame,
    leb,
    metadata,
    noise,
    raw,
    seal,
    stored,
    tabled,
)  # fmt: skip
from refusals import further  # noqa: E402


def valid() -> Iterator[tuple[str, str, gcx.File]]:
    """Name, summary and contents of each valid vector."""
    size = gcx.Size(512, 768)
    webp = gcx.Identity(id=2, profile=1)
    main = gcx.Segment(gcx.MAIN, b"payload")

    def file(
        *segments: gcx.Segment,
        identity: gcx.Identity = webp,
        size: gcx.Size = size,
        extensions: dict[int, object] | None = None,
        progressive: bool = False,
    ) -> gcx.File:
        return gcx.File(gcx.Header(identity, size, extensions or {}), segments, progressive)

    yield "minimal", "registered embedding and profile, 12 bytes over the payload", file(main)
    yield "empty-payload", "no payload at all: 12 bytes", file(gcx.Segment(gcx.MAIN, b""))
    yield (
        "named",
        "an embedding without a number",
        file(main, identity=gcx.Identity(name="acme/blob", profile=1)),
    )
    yield (
        "digest",
        "unregistered weights, by the first 8 bytes of their digest",
        file(main, identity=gcx.Identity(id=16, digest=DIGEST)),
    )
    yield (
        "private",
        "a private embedding id",
        file(main, identity=gcx.Identity(id=192, profile=7), size=gcx.Size(1, 1)),
    )
    yield (
        "extensions",
        "every registered extension and one unknown odd key",
        file(
            main,
            extensions={
                registry.SEED: 2**64 - 1,
                registry.RECONSTRUCTOR: ["flow", {"steps": 8, "guidance": 1.5, "eta": 0.1}],
                registry.PARAMETERS: {"tiles": [2, 3], 0: True, -1: None, "table": b"\x00\xff"},
                registry.CHANNELS: 1,
                registry.SYMBOLS_DIGEST: DIGEST,
                registry.DEPTH: 16,
                301: "ignored",
            },
        ),
    )
    yield (
        "segments",
        "metadata, thumbnail, companion, two layers, 8-bit alpha and an unknown odd type",
        file(
            gcx.Segment(gcx.ICC, gcx.pack_metadata(b"icc " * 50)),
            gcx.Segment(gcx.EXIF, gcx.pack_metadata(b"MM\0*\0\0\0\x08\0\0\0\0\0\0")),
            gcx.Segment(gcx.XMP, gcx.pack_metadata(b"<x:xmpmeta/>")),
            gcx.Segment(gcx.THUMBNAIL, b"\xff\xd8\xff\xd9"),
            gcx.Segment(
                gcx.COMPANION, gcx.pack_companion(gcx.Identity(id=32, profile=1), b"a caption")
            ),
            gcx.Segment(gcx.MAIN, b"base"),
            gcx.Segment(gcx.MAIN, b"refinement"),
            gcx.Segment(gcx.ALPHA, gcx.pack_alpha(bytes([0, 128, 255] * 4), gcx.Size(3, 4), 8)),
            gcx.Segment(101, b"ignored"),
            size=gcx.Size(3, 4),
        ),
    )
    yield (
        "alpha16",
        "16-bit alpha: the high bytes of all samples, then the low bytes",
        file(
            main,
            gcx.Segment(gcx.ALPHA, gcx.pack_alpha(bytes(range(16)), gcx.Size(2, 4), 16)),
            size=gcx.Size(2, 4),
        ),
    )
    yield (
        "progressive",
        "three layers of 40, 300 and 5000 bytes, each with its checksum (CRC-16, CRC-16, CRC-32)",
        file(
            *(gcx.Segment(gcx.MAIN, noise(n, n)) for n in (40, 300, 5000)),
            progressive=True,
        ),
    )
    yield (
        "widest",
        "the longest side, 65536 pixels",
        file(main, size=gcx.Size(height=1, width=65536)),
    )
    yield (
        "long",
        "5000 bytes without a table: CRC-16 at any length",
        file(gcx.Segment(gcx.MAIN, noise(5000, 1))),
    )
    yield (
        "long-table",
        "5000 bytes with a table: CRC-32",
        file(gcx.Segment(gcx.MAIN, noise(2000, 2)), gcx.Segment(gcx.MAIN, noise(3000, 3))),
    )
    exact = file(gcx.Segment(gcx.MAIN, noise(4078, 4)), gcx.Segment(gcx.MAIN, b""))
    yield "longest-crc16", "4093 bytes covered by CRC-16, in a file with a table", exact
    exact = file(gcx.Segment(gcx.MAIN, noise(4079, 4)), gcx.Segment(gcx.MAIN, b""))
    yield "shortest-crc32", "4094 bytes covered by CRC-32, in a file with a table", exact
    for name, package in ("package", "gcodec-acme-blob"), ("package-longest", "Z" + 62 * "-" + "0"):
        named = gcx.Identity(name="acme/blob", profile=1)
        saying = file(main, identity=named, extensions={registry.PACKAGE: package})
        yield name, f"an embedding without a number, to be had in {package}", saying
    longest = gcx.Identity(name="acme/" + 59 * "b", profile=1)
    yield "named-longest", "a name of 64 bytes", file(main, identity=longest)
    yield "progressive-one", "a progressive file of one layer", file(main, progressive=True)
    edges: dict[int, object] = {registry.RECONSTRUCTOR: [64 * "r", {}], registry.DEPTH: 32}
    yield "values-longest", "values at the ends of their ranges", file(main, extensions=edges)
    frames = {
        "checksum": (
            zstandard.ZstdCompressor(write_checksum=True).compress(b"profile"),
            "with its content checksum",
        ),
        "no-dictionary": (stored("21 00 07"), "dictionary ID 0, which is none"),
        "window": (stored("80 af 07 00 00 00"), "a window of 3.75 GiB"),
        "nothing": (frame(b""), "no content"),
    }
    for name, (body, about) in frames.items():
        yield f"frame-{name}", f"a Zstandard frame: {about}", file(gcx.Segment(gcx.ICC, body), main)


def refused() -> Iterator[tuple[str, str, type[gcx.FormatError], bytes, dict[str, Any]]]:
    """Name, summary, error, bytes and further facts of each vector that a reader refuses."""
    e = gcx.errors
    whole = raw()
    progressive = (HERE / "progressive.gcx").read_bytes()
    yield "bad-signature", "a PNG", e.NotGcx, b"\x89PNG\r\n\x1a\n" + bytes(24), {}
    damaged = whole.replace(b"\r\n", b"\n")
    yield "bad-text-lf", "CR LF became LF", e.TextDamaged, damaged, {}
    damaged = whole.replace(b"\n", b"\r\n")
    yield "bad-text-crlf", "LF became CR LF", e.TextDamaged, damaged, {}
    damaged = bytes(byte & 0x7F for byte in whole)
    yield "bad-text-7bit", "the high bits are lost", e.TextDamaged, damaged, {}
    damaged = whole.decode("latin-1").encode()
    yield "bad-text-utf8", "Latin-1 to UTF-8", e.TextDamaged, damaged, {}
    version = seal(SIGNATURE + b"\x80" + IDENTITY + SIZE + b"payload")
    yield "bad-version", "version 2", e.UnsupportedVersion, version, {}
    yield "bad-flags", "flag 08", e.ReservedFlags, raw(0x08), {}
    yield "bad-empty", "no bytes at all", e.Truncated, b"", {}
    yield "bad-truncated", "the first 11 of 19 bytes", e.Truncated, whole[:11], {}
    cut = tabled("02 00 64 00", b"x" * 50)
    yield "bad-truncated-segment", "50 of 100 bytes of a layer", e.Truncated, cut, {}
    yield "bad-truncated-progressive", "10 bytes short", e.Truncated, progressive[:-10], {}
    yield "bad-trailing", "one byte too many", e.TrailingBytes, progressive + b"\0", {}
    bad = whole[:12] + bytes([whole[12] ^ 1]) + whole[13:]
    yield "bad-checksum", "one bit of the payload changed", e.ChecksumMismatch, bad, {}
    bad = progressive[:-5000] + bytes([progressive[-5000] ^ 128]) + progressive[-4999:]
    yield "bad-checksum-segment", "one bit of the last layer", e.ChecksumMismatch, bad, {}
    short = (HERE / "longest-crc16.gcx").read_bytes()[:-2]
    bad = seal(short, 4)
    yield "bad-checksum-width", "CRC-32 over 4093 bytes", e.ChecksumMismatch, bad, {}

    yield "bad-leb128", "1 as 81 00", e.NotCanonical, tabled("02 00 81 00 00", b"ab"), {}
    yield "bad-leb128-long", "10 bytes", e.NotCanonical, tabled("ff" * 9 + "01"), {}
    yield "bad-table", "a table for a lone main segment", e.NotCanonical, tabled("01 00"), {}
    yield "bad-progressive", "progressive without a table", e.NotCanonical, raw(0x04), {}
    yield "bad-map-empty", "an empty extension map", e.NotCanonical, extended(b"\x80"), {}
    bad = extended(b"\x81\x00\xcc\x05")
    yield "bad-map-integer", "5 in two bytes", e.NotCanonical, bad, {}
    bad = extended(b"\x82\x03\x01\x00\x05")
    yield "bad-map-order", "key 3 before key 0", e.NotCanonical, bad, {}
    bad = extended(b"\x82\x00\x05\x00\x05")
    yield "bad-map-twice", "key 0 twice", e.NotCanonical, bad, {}
    bad = extended(b"\x81\x02\x81\xa1s\xcb" + struct.pack(">d", 0.5))
    yield "bad-map-float", "0.5 in 64 bits", e.NotCanonical, bad, {}
    yield "bad-map-default", "seed 0", e.NotCanonical, extended(b"\x81\x00\x00"), {}

    limit = {"limits": {"pixels": 768 * 512 - 1}}
    yield "bad-limit-pixels", "one pixel too many", e.LimitExceeded, whole, limit
    limit = {"limits": {"segments": 2}}
    bad = tabled("03 00 01 00 01 00", b"abc")
    yield "bad-limit-segments", "three segments", e.LimitExceeded, bad, limit
    limit = {"limits": {"header_bytes": 2}}
    yield "bad-limit-header", "three bytes", e.LimitExceeded, extended(b"\x81\x00\x05"), limit
    nested = b"\x81\x02\x81\x00" + b"\x91" * 7 + b"\x00"
    yield "bad-limit-depth", "nine levels", e.LimitExceeded, extended(nested), {}
    limit = {"limits": {"items": 5}}
    nested = b"\x81\x02\x81\x00\x92\x00\x00"
    yield "bad-limit-items", "seven items", e.LimitExceeded, extended(nested), limit
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes((1 << 26) + 1))
    body = bytes.fromhex("02 01") + leb(len(bomb)) + bytes.fromhex("00") + bomb
    bad = SIGNATURE + b"\x42" + IDENTITY + SIZE + body
    bad = seal(bad, 4 if len(bad) > 4093 else 2)
    yield "bad-limit-expansion", "64 MiB and one byte", e.LimitExceeded, bad, {}

    yield "bad-embedding", "id 255", e.ReservedEmbedding, raw(identity=b"\xff\x01"), {}
    resolve = {"operation": "resolve"}
    yield "bad-unknown", "id 100", e.UnknownEmbedding, raw(identity=b"\x64\x01"), resolve
    bad = raw(identity=b"\x00\x05wave!\x01")
    yield "bad-name", "no slash, and a character not allowed", e.BadName, bad, {}
    yield "bad-name-empty", "no name", e.BadName, raw(identity=b"\x00\x00\x01"), {}

    yield "bad-map-array", "an array", e.BadExtensions, extended(b"\x91\x00"), {}
    yield "bad-map-cut", "a map cut short", e.BadExtensions, extended(b"\x82\x00\x05"), {}
    yield "bad-map-extra", "a byte after it", e.BadExtensions, extended(b"\x81\x00\x05\x00"), {}
    yield "bad-map-key", "a string as a key", e.BadExtensions, extended(b"\x81\xa1a\x05"), {}
    bad = extended(msgpack.packb({2: {"t": msgpack.ExtType(1, b"x")}}))
    yield "bad-map-ext", "an ext type", e.BadExtensions, bad, {}
    bad = extended(b"\x81\x02\x81\xa1s\xca\x7f\xc0\x00\x00")
    yield "bad-map-nan", "not a number", e.BadExtensions, bad, {}
    bad = extended(b"\x81\x02\x81\xa1s\xa1\xff")
    yield "bad-map-utf8", "a string that is not UTF-8", e.BadExtensions, bad, {}
    values = {
        "seed": {0: -1},
        "reconstructor": {1: ["flow"]},
        "parameters": {2: 5},
        "channels": {3: 2},
        "symbols": {5: b"short"},
        "depth": {7: 33},
    }
    for name, value in values.items():
        bad = extended(msgpack.packb(value))
        yield f"bad-value-{name}", f"{value}", e.BadExtensionValue, bad, {}
    named = b"\x00\x09acme/blob\x01"
    packages = {
        "empty": ("", named),
        "long": (65 * "a", named),
        "edge": ("gcodec-", named),
        "option": ("--index-url=x", named),
        "space": ("gcodec acme", named),
        "line": ("gcodec-acme\n", named),
        "letter": ("gcod\u00e8c", named),
        "bytes": (b"gcodec-acme-blob", named),
        "registered": ("gcodec-classic", IDENTITY),
        "private": ("gcodec-acme-blob", b"\xc0\x01"),
    }
    for name, (package, identity) in packages.items():
        bad = extended(msgpack.packb({9: package}), identity)
        about = f"{package!r} beside embedding {identity[:-1].hex(' ')}"
        yield f"bad-value-package-{name}", about, e.BadExtensionValue, bad, {}
    bad = extended(b"\x81\x2c\x00")
    yield "bad-extension", "key 44", e.UnknownRequiredExtension, bad, {}

    order = e.BadSegmentOrder
    yield "bad-order", "icc after main", order, tabled("02 00 03 01", b"abc" + frame(b"x")), {}
    yield "bad-order-twice", "exif twice", order, tabled("03 03 01 03 01 00", b"ab"), {}
    yield "bad-order-none", "no main segment", order, tabled("01 07", b"abc"), {}
    yield "bad-order-zero", "no segment at all", order, tabled("00"), {}
    bad = tabled("02 08 01 00", b"ab")
    yield "bad-segment", "type 8", e.UnknownRequiredSegment, bad, {}

    plane = frame(bytes(768 * 512 - 1))
    table = bytes.fromhex("02 00 01 04")
    bad = raw(0x02, table + b"a\x08" + plane)
    yield "bad-alpha-size", "a sample is missing", e.BadSegment, bad, {}
    yield "bad-alpha-depth", "12 bits", e.BadSegment, raw(0x02, table + b"a\x0c" + plane), {}
    bad = tabled("02 02 01 00", b"\x10")
    yield "bad-companion", "ends inside its identity", e.BadSegment, bad, {}

    bad = metadata(b"not a frame")
    yield "bad-frame", "no Zstandard frame", e.BadCompression, bad, {}
    streamed = zstandard.ZstdCompressor(write_content_size=False).compress(b"profile")
    yield "bad-frame-size", "no content size", e.BadCompression, metadata(streamed), {}
    lying = frame(b"x" * 4096).replace((4096 - 256).to_bytes(2, "little"), b"\xff\xff", 1)
    unpack = {"operation": "unpack"}
    yield "bad-frame-lie", "states another size", e.BadCompression, metadata(lying), unpack
    huge = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 1 << 25) + b"\x01\x00\x00"
    yield "bad-frame-huge", "12 bytes for 32 MiB", e.BadCompression, metadata(huge), {}
    body = frame(b"profile") + b"\0"
    yield "bad-frame-extra", "a byte after the frame", e.BadCompression, metadata(body), unpack
    yield from further()


def save(name: str, data: bytes, facts: dict[str, Any]) -> bool:
    """Write one vector unless it exists."""
    path = HERE / f"{name}.gcx"
    if path.exists() or path.with_suffix(".json").exists():
        return False
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return True


def main() -> int:
    """Write what is missing."""
    written = 0
    for name, summary, file in valid():
        data = gcx.write(file)
        written += save(name, data, {"summary": summary, **describe(gcx.read(data), data)})
    for name, summary, error, data, facts in refused():
        about = {"summary": summary, "error": error.code, "operation": "read", **facts}
        written += save(name, data, about)
    print(f"{written} vectors written; existing ones are never written again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
