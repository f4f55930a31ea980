"""Hostile input: arbitrary bytes, changed files, and changed files whose checksums were put right again.

Whatever comes, `read` returns or raises FormatError, in memory bounded by the limits and the input.
"""

from __future__ import annotations

import contextlib
import time
import tracemalloc

import pytest
from fuzzing import mend, use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gcodec_formats as gcx
from gcodec_formats import registry

SIZE = gcx.Size(3, 4)


def seeds() -> list[bytes]:
    """Files that use every part of the format."""
    extensions: dict[int, object] = {
        registry.SEED: 300,
        registry.RECONSTRUCTOR: ["flow", {"steps": 8, "guidance": 1.5}],
        registry.PARAMETERS: {"tiles": [1, {"a": b"\0"}]},
        registry.SYMBOLS_DIGEST: bytes(8),
        registry.PACKAGE: "gcodec-acme.blob_2",
    }
    plain = gcx.Header(gcx.Identity(id=2, profile=1), SIZE)
    full = gcx.Header(gcx.Identity(name="acme/blob", digest=bytes(8)), SIZE, extensions)
    segments = [
        gcx.Segment(gcx.ICC, gcx.pack_metadata(b"icc " * 20)),
        gcx.Segment(gcx.COMPANION, gcx.pack_companion(gcx.Identity(id=32, profile=1), b"text")),
        gcx.Segment(gcx.MAIN, b"base"),
        gcx.Segment(gcx.MAIN, bytes(5000)),
        gcx.Segment(gcx.ALPHA, gcx.pack_alpha(bytes(12), SIZE, 8)),
    ]
    return [
        gcx.write(gcx.File(header, part, progressive))
        for header in (plain, full)
        for part in (segments[2:3], segments)
        for progressive in (False, True)
    ]


SEEDS = seeds()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid file with a few bytes changed, inserted, removed or repeated."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, min(len(data), 160) - 1)))
        kind = draw(st.integers(0, 3))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1:
            data[at:at] = draw(st.binary(min_size=1, max_size=9))
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 9))]
        else:
            data[at:at] = data[at : at + draw(st.integers(1, 9))]
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    use(data)


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 7))
def test_arbitrary_bytes_behind_a_good_start_and_checksum(rest: bytes, flags: int) -> None:
    use(mend(b"\xc7\r\n" + bytes([0x40 | flags]) + rest))


@settings(max_examples=600, deadline=None)
@given(mutated())
def test_changed_files(data: bytes) -> None:
    use(data)


@settings(max_examples=1200, deadline=None)
@given(mutated())
def test_changed_files_with_mended_checksums(data: bytes) -> None:
    use(mend(data))


@settings(max_examples=800, deadline=None)
@given(st.binary(min_size=1, max_size=120))
def test_arbitrary_extension_maps(packed: bytes) -> None:
    head = b"\xc7\r\n\x41\x02\x01\x03\x00\x02\x00"
    use(mend(head + bytes([len(packed)]) + packed + b"payload" + b"\0\0"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([1, 3, 4, 5, 2, 7, 9]))
def test_arbitrary_segment_bodies(body: bytes, type: int) -> None:
    head = b"\xc7\r\n\x42\x02\x01\x03\x00\x02\x00"
    frame = b"\x28\xb5\x2f\xfd" + body
    for content in (body, frame, b"\x08" + frame):
        first = bytes([2, type, len(content), 0]) + content + b"payload"
        last = bytes([2, 0, 7, type]) + b"payload" + content
        use(mend(head + first + b"\0\0"))
        use(mend(head + last + b"\0\0"))


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers(-99, 999), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.integers(-99, 999) | st.text(max_size=5), json_like, min_size=1, max_size=6)
)
def test_any_parameters_come_back(parameters: dict[object, object]) -> None:
    header = gcx.Header(
        gcx.Identity(id=16, profile=1), SIZE, {registry.PARAMETERS: parameters, 11: parameters}
    )
    file = gcx.File(header, [gcx.Segment(gcx.MAIN, b"x")])
    try:
        data = gcx.write(file)
    except gcx.errors.LimitExceeded as error:
        assert error.limit == "depth"
        return
    assert gcx.read(data) == file
    assert gcx.write(gcx.read(data)) == data


def hostile() -> list[bytes]:
    """Small files that claim to be large in every way there is."""
    head = b"\xc7\r\n\x41\x02\x01\xff\xff\xff\xff"
    table = b"\xc7\r\n\x42\x02\x01\xff\x0f\xff\x0f"
    huge = b"\xff" * 8 + b"\x7f"
    frame = b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + b"\x01\x00\x00"
    return [
        mend(head + b"\x05\x81\x02\xdd\xff\xff\xff\xff" + bytes(9)),
        mend(head + b"\x06\x81\x02\x81\xdb\xff\xff\xff\xff" + bytes(9)),
        mend(head + huge + bytes(9)),
        mend(table + huge + bytes(9)),
        mend(table + b"\xff\x1f" + bytes(9)),
        mend(table + b"\x02\x01" + huge + b"\x00" + bytes(99)),
        mend(table + b"\x02\x01" + bytes([len(frame)]) + b"\x00" + frame + bytes(9)),
        mend(table + b"\x02\x00\x01\x04a\x08" + frame + b"\0\0"),
        mend(
            table
            + b"\x02\x00\x01\x04a\x08\x28\xb5\x2f\xfd\xa0"
            + (1 << 24).to_bytes(4, "little")
            + b"\x03\x00\x00"
            + b"\0\0"
        ),
    ]


@pytest.mark.parametrize("index", range(9))
def test_large_claims_cost_neither_memory_nor_time(index: int) -> None:
    data = hostile()[index]
    with contextlib.suppress(gcx.FormatError):  # imports, once
        gcx.read(data)
    tracemalloc.start()
    begin = time.process_time()
    try:
        with pytest.raises(gcx.FormatError):
            gcx.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
    assert time.process_time() - begin < 5


def test_the_worst_extension_map_is_bounded() -> None:
    body = b"\x81\x02\x81\x00" + b"\xdd" + (65_000).to_bytes(4, "big") + b"\x90" * 65_000
    length = bytes([len(body) & 127 | 128, len(body) >> 7 & 127 | 128, len(body) >> 14])
    data = mend(b"\xc7\r\n\x41\x02\x01\x03\x00\x02\x00" + length + body + b"\0\0")
    tracemalloc.start()
    try:
        with pytest.raises(gcx.errors.LimitExceeded):
            gcx.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
