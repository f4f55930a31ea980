"""What is written is read back, and the bytes are the ones that the specification prints."""

from __future__ import annotations

import array
import random
import subprocess
import sys

import pytest

import gcodec_formats as gcx
from gcodec_formats import registry

WEBP = gcx.Identity(id=2, profile=1)
SIZE = gcx.Size(512, 768)


def make(*segments: gcx.Segment, **header: object) -> gcx.File:
    extensions = header.get("extensions", {})
    progressive = bool(header.get("progressive", False))
    identity = header.get("identity", WEBP)
    return gcx.File(
        gcx.Header(identity, header.get("size", SIZE), extensions),  # type: ignore[arg-type]
        segments or (gcx.Segment(gcx.MAIN, b"payload"),),
        progressive,
    )


def test_the_smallest_file_byte_by_byte() -> None:
    data = gcx.write(make())
    assert data.hex(" ") == "c7 0d 0a 40 02 01 ff 02 ff 01 70 61 79 6c 6f 61 64 62 fe"
    assert gcx.read(data) == make()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_layers_of_any_length_come_back(progressive: bool, count: int) -> None:
    source = random.Random(count)
    for length in (0, 1, 127, 128, 4078, 4079, 4080, 4093, 4094, 20_000, 1 << 20):
        bodies = [source.randbytes(length + i) for i in range(count)]
        file = make(*(gcx.Segment(gcx.MAIN, b) for b in bodies), progressive=progressive)
        data = gcx.write(file)
        assert gcx.read(data) == file
        assert file.bodies(gcx.MAIN) == tuple(bodies)
        rows = gcx.layout(data)
        assert gcx.overhead(rows) == len(data) - sum(map(len, bodies))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda d: array.array("B", d)])
def test_any_buffer_is_read_and_none_is_kept(kind: type[bytearray]) -> None:
    buffer = kind(gcx.write(make()))
    file = gcx.read(buffer)
    assert type(file.segments[0].data) is bytes
    assert file == make()


@pytest.mark.parametrize(
    "identity",
    [
        gcx.Identity(id=1, profile=255),
        gcx.Identity(id=254, digest=bytes(8)),
        gcx.Identity(name="acme/blob", profile=3),
        gcx.Identity(name="a" * 31 + "/" + "b" * 32, digest=b"12345678"),
    ],
)
def test_identities(identity: gcx.Identity) -> None:
    companion = gcx.Segment(gcx.COMPANION, gcx.pack_companion(identity, b"words"))
    file = make(companion, gcx.Segment(gcx.MAIN, b"x"), identity=identity)
    read = gcx.read(gcx.write(file))
    assert read == file
    assert gcx.unpack_companion(read.segments[0].data) == (identity, b"words")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"id": 1},
        {"id": 1, "name": "a/b", "profile": 1},
        {"id": 1, "profile": 1, "digest": bytes(8)},
        {"id": 0, "profile": 1},
        {"id": 255, "profile": 1},
        {"id": 1, "profile": 0},
        {"id": 1, "profile": 256},
        {"id": 1, "digest": bytes(7)},
    ],
)
def test_impossible_identities(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"identity|profile|digest|embedding"):
        gcx.Identity(**wrong)  # type: ignore[arg-type]


def test_extensions_come_back_in_one_form_whatever_order_they_were_given_in() -> None:
    settings = {"steps": 30, "guidance": 0.1, "eta": -0.0, "schedule": [1, 2.5, None, True, b"\0"]}
    extensions = {
        registry.SEED: 2**64 - 1,
        registry.RECONSTRUCTOR: ["flow", settings],
        registry.PARAMETERS: {"b": 1, "a": {"nested": -(2**63)}, 7: "x" * 300},
        registry.DEPTH: 16,
        99: ["unknown", "odd"],
    }
    data = gcx.write(make(extensions=extensions))
    backwards = dict(reversed(list(extensions.items())))
    assert gcx.write(make(extensions=backwards)) == data
    assert gcx.read(data).header.extensions == extensions
    assert gcx.write(gcx.read(data)) == data


def test_a_tuple_is_an_array() -> None:
    data = gcx.write(make(extensions={registry.RECONSTRUCTOR: ("flow", {"sizes": (1, 2)})}))
    assert gcx.read(data).header.extensions == {1: ["flow", {"sizes": [1, 2]}]}


def test_metadata_comes_back() -> None:
    for content in (b"", b"x", b"profile " * 1000, random.Random(1).randbytes(100_000)):
        assert gcx.unpack_metadata(gcx.pack_metadata(content)) == content


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [gcx.Size(1, 1), gcx.Size(7, 3), gcx.Size(1000, 1300)])
def test_alpha_comes_back(depth: int, size: gcx.Size) -> None:
    samples = random.Random(2).randbytes(size.height * size.width * depth // 8)
    body = gcx.pack_alpha(samples, size, depth)
    assert gcx.unpack_alpha(body, size) == (depth, samples)
    file = make(gcx.Segment(gcx.MAIN, b"x"), gcx.Segment(gcx.ALPHA, body), size=size)
    assert gcx.read(gcx.write(file)) == file


def test_alpha_refuses_what_does_not_fill_the_image() -> None:
    with pytest.raises(ValueError, match="do not fill"):
        gcx.pack_alpha(bytes(5), gcx.Size(2, 2), 8)
    with pytest.raises(ValueError, match="8 or 16"):
        gcx.pack_alpha(bytes(4), gcx.Size(2, 2), 1)


def test_layout_covers_every_byte_once() -> None:
    file = make(
        gcx.Segment(gcx.ICC, gcx.pack_metadata(b"profile")),
        gcx.Segment(gcx.MAIN, b"base"),
        gcx.Segment(gcx.MAIN, b"more"),
        extensions={registry.SEED: 7},
        progressive=True,
    )
    data = gcx.write(file)
    rows = gcx.layout(data)
    at = 0
    for row in rows:
        assert row.offset == at
        at += row.length
    assert at == len(data)
    assert [row.name for row in rows] == [
        "signature",
        "version, flags",
        "embedding",
        "profile",
        "width, height",
        "extensions",
        "segment table",
        "checksum",
        "segment icc",
        "checksum",
        "segment main",
        "checksum",
        "segment main",
        "checksum",
    ]


def test_the_header_is_read_from_a_prefix() -> None:
    file = make(gcx.Segment(gcx.MAIN, bytes(1000)), extensions={registry.SEED: 7})
    data = gcx.write(file)
    assert gcx.read_header(data[:20]) == file.header
    for length in range(14):
        with pytest.raises(gcx.errors.Truncated):
            gcx.read_header(data[:length])


def test_an_incomplete_file_is_not_written() -> None:
    file = make()
    with pytest.raises(ValueError, match="missing"):
        gcx.write(gcx.File(file.header, file.segments, progressive=True, missing=[0]))


def test_import_is_light() -> None:
    code = (
        "import sys, gcodec_formats as g; "
        "g.read(bytes.fromhex('c70d0a400201ff02ff017061796c6f616462fe')); "
        "print(sorted({'torch', 'numpy', 'PIL', 'msgpack', 'zstandard'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
