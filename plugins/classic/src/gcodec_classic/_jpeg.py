"""JPEG: scans and Huffman tables without what follows from size, rate code and chroma sampling (spec/embeddings/jpeg.md).

    file  SOI, APP0, DQT.., SOF, then DHT.. and SOS with a scan, once or (progressive) several times, EOI
    body  rate code (1) | scans, where
          annex K      the scan alone
          own tables   counts and symbols of each table, then the scan
          progressive  FF C4 before each table, FF DA before each scan; their lengths and scan headers are left out

The quantization tables are annex K's, scaled in 256 steps (`_jpeg_tables.quantization`), finer at low rates than the
100 qualities of libjpeg. All three ways to code the same coefficients are tried, and the smallest is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from PIL import Image

from gcodec.interfaces import Size
from gcodec.pictures import saved
from gcodec_classic._jpeg_tables import ANNEX_K, SCRIPTS, quantization, zigzag
from gcodec_classic._stream import FORM, WHOLE, Stream

__all__ = ["FORMAT", "MOST_SCANS", "SOS", "compress", "restore"]

FORMAT = "JPEG"

_ANNEX_K, _OWN_TABLES, _PROGRESSIVE = 1, 2, 3
_SETTINGS: dict[int, dict[str, Any]] = {
    _ANNEX_K: {},
    _OWN_TABLES: {"optimize": True},
    _PROGRESSIVE: {"progressive": True},
}

#: Chroma sampling, two bits of the flags -> Pillow's name and the luma factors of SOF.
_SAMPLING_SHIFT = 2
_SAMPLINGS = (("gray", 0x11), ("4:2:0", 0x22), ("4:2:2", 0x21), ("4:4:4", 0x11))
_OPTIONS = {"420": 1, "422": 2, "444": 3}

#: Where chroma at full resolution begins to pay: measured on Kodak, see README.md.
_FULL_CHROMA_FROM = 0.75

_DHT, _EOI = b"\xff\xc4", b"\xff\xd9"

#: Start of a scan. A decoder goes over the whole picture for each, so a small hostile stream with thousands takes hours.
SOS = b"\xff\xda"
MOST_SCANS = 64
_APP0 = bytes.fromhex("ffe000104a46494600010100000100010000")
_MARKER = re.compile(rb"\xff[\x01-\xff]")


def compress(image: Image.Image, quality: float, options: dict[str, Any]) -> Stream:
    """Encode with the rate code 255 * quality."""
    auto = 3 if quality >= _FULL_CHROMA_FROM else 1
    sampling = 0 if image.mode == "L" else _OPTIONS.get(options["subsampling"], auto)
    return min(
        (_compress(image, form, sampling, round(255 * quality)) for form in _SETTINGS),
        key=lambda stream: len(stream.body),
    )


def _compress(image: Image.Image, form: int, sampling: int, code: int) -> Stream:
    settings = dict(_SETTINGS[form])
    if sampling:
        settings["subsampling"] = _SAMPLINGS[sampling][0]
    tables = list(quantization(code))[: 2 if sampling else 1]
    file = saved(image, FORMAT, qtables=tables, **settings)
    head = _head(form, sampling, code, Size(image.height, image.width))
    try:
        if not (file.startswith(head) and file.endswith(_EOI)):
            raise ValueError("an unusual header")
        body = bytes([code]) + _shorten(form, sampling, file[len(head) : -2])
    except (ValueError, IndexError):
        return Stream(file, WHOLE, file)
    return Stream(file, form | sampling << _SAMPLING_SHIFT, body)


def restore(flags: int, body: bytes, size: Size) -> bytes:
    """Return the file, byte for byte as Pillow wrote it. Raises ValueError."""
    form, sampling = flags & FORM, flags >> _SAMPLING_SHIFT
    if form == WHOLE or sampling >= len(_SAMPLINGS) or not body:
        raise ValueError(f"unknown flags {flags:#x}")
    if max(size) > 0xFFFF:
        raise ValueError("JPEG ends at 65535 pixels a side")
    return _head(form, sampling, body[0], size) + _lengthen(form, sampling, body[1:]) + _EOI


def _head(form: int, sampling: int, code: int, size: Size) -> bytes:
    """Build everything up to the first Huffman table."""
    tables = quantization(code)[: 2 if sampling else 1]
    head = b"\xff\xd8" + _APP0
    for number, table in enumerate(tables):
        head += b"\xff\xdb\0\x43" + bytes([number]) + zigzag(table)
    components = [(1, _SAMPLINGS[sampling][1], 0)]
    if sampling:
        components += [(2, 0x11, 1), (3, 0x11, 1)]
    frame = b"\x08" + size.height.to_bytes(2, "big") + size.width.to_bytes(2, "big")
    frame += bytes([len(components)]) + b"".join(map(bytes, components))
    marker = b"\xff\xc2" if form == _PROGRESSIVE else b"\xff\xc0"
    return head + _segment(marker, frame)


def _shorten(form: int, sampling: int, tail: bytes) -> bytes:
    """Leave out of tables and scans what `_lengthen` puts back. Raises ValueError or IndexError if it could not."""
    parts, at, scans = [], 0, 0
    while at < len(tail):
        marker, length = tail[at : at + 2], int.from_bytes(tail[at + 2 : at + 4], "big")
        contents = tail[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == _DHT:
            parts.append(contents if form == _OWN_TABLES else _DHT + contents)
        elif marker == SOS:
            if contents != _scan_header(form, sampling, scans):
                raise ValueError("an unusual scan")
            found = _MARKER.search(tail, at)
            end = found.start() if found else len(tail)
            parts.append((SOS if form == _PROGRESSIVE else b"") + tail[at:end])
            at, scans = end, scans + 1
        else:
            raise ValueError("an unusual segment")
    if form == _ANNEX_K:
        return parts[-1]
    body = b"".join(parts)
    if _lengthen(form, sampling, body) != tail:
        raise ValueError("an unusual order")
    return body


def _lengthen(form: int, sampling: int, body: bytes) -> bytes:
    """Put tables and scan headers back. Raises ValueError."""
    if form == _PROGRESSIVE:
        return b"".join(_progressive(sampling, body))
    tables: tuple[bytes, ...] = ANNEX_K[: 4 if sampling else 2]
    at = 0
    if form == _OWN_TABLES:
        own = []
        for standard in tables:
            table = _table(body, at)
            if table[0] != standard[0]:
                raise ValueError("a Huffman table out of order")
            own.append(table)
            at += len(table)
        tables = tuple(own)
    if _MARKER.search(body, at):
        raise ValueError("a marker inside the scan")
    segments = b"".join(_segment(_DHT, table) for table in tables)
    return segments + _segment(SOS, _scan_header(form, sampling, 0)) + body[at:]


def _progressive(sampling: int, body: bytes) -> Iterator[bytes]:
    at, scans = 0, 0
    while at < len(body):
        marker = body[at : at + 2]
        at += 2
        if marker == _DHT:
            table = _table(body, at)
            yield _segment(_DHT, table)
            at += len(table)
        elif marker == SOS:
            found = _MARKER.search(body, at)
            end = found.start() if found else len(body)
            yield _segment(SOS, _scan_header(_PROGRESSIVE, sampling, scans)) + body[at:end]
            at, scans = end, scans + 1
        else:
            raise ValueError("an unknown marker between scans")


def _scan_header(form: int, sampling: int, number: int) -> bytes:
    """Build the contents of SOS for the scan of that number. Raises ValueError past the last one."""
    count = 3 if sampling else 1
    components, first, last, bits = tuple(range(count)), 0, 63, 0x00
    if form == _PROGRESSIVE:
        if number >= len(SCRIPTS[count]):
            raise ValueError("more scans than the script has")
        components, first, last, bits = SCRIPTS[count][number]
    elif number:
        raise ValueError("more than one scan")
    header = bytes([len(components)])
    for component in components:
        table = min(component, 1)  # luma has the tables 0, chroma the tables 1
        dc, ac = table << 4, table
        if form == _PROGRESSIVE:
            # A progressive scan is either DC, whose refinement needs no table at all, or AC.
            dc, ac = (dc, 0) if last == 0 else (0, ac)
            if last == 0 and bits >> 4:
                dc = 0
        header += bytes([component + 1, dc | ac])
    return header + bytes([first, last, bits])


def _table(data: bytes, at: int) -> bytes:
    """Cut out one Huffman table: class and number, 16 counts, symbols. Raises ValueError."""
    length = 17 + sum(data[at + 1 : at + 17])
    table = data[at : at + length]
    if len(table) < length or length > 17 + 256:
        raise ValueError("a Huffman table ends early")
    return table


def _segment(marker: bytes, contents: bytes) -> bytes:
    return marker + (2 + len(contents)).to_bytes(2, "big") + contents
