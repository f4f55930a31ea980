"""AVIF: the AV1 frame without the container and without the sequence header (spec/embeddings/avif.md).

    file  boxes (ftyp, meta, mdat) | temporal delimiter OBU | sequence header OBU | frame OBU
    body  level and coding tools (1) | contents of the frame OBU

Everything else in those headers follows from size and chroma sampling, or is always the same: 8 bits, full range, sRGB
transfer, BT.601 matrix, one still picture with the reduced header. A stream of which that is not true stays whole.
AV1 bitstream specification, section 5.5; ISOBMFF binding of AV1; HEIF, for the boxes.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from gcodec.interfaces import Size
from gcodec_classic._stream import FORM, WHOLE, Bits, Stream

__all__ = ["FORMAT", "compress", "restore"]

FORMAT = "AVIF"

_STRIPPED = 1
_SAMPLING_SHIFT, _TOOLS_SHIFT = 2, 4

#: Chroma sampling, two bits of the flags -> AV1 profile, av1C's mono/subsampling nibble (mono, x, y, 0) and planes.
_SAMPLINGS = (
    ("4:0:0", 0, 0b1110, 1),
    ("4:2:0", 0, 0b0110, 3),
    ("4:2:2", 2, 0b0100, 3),
    ("4:4:4", 1, 0b0000, 3),
)

_NAMES = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4"}

_TEMPORAL_DELIMITER = b"\x12\x00"
_SEQUENCE, _FRAME = 0x0A, 0x32  # OBU headers with a length field
_NCLX = b"nclx\0\x01\0\x0d\0\x06\x80"


def compress(image: Image.Image, quality: float, options: dict[str, Any]) -> Stream:
    """Encode with libaom's squared-error tuning: the preview is to be the MMSE estimate."""
    sampling = "4:0:0" if image.mode == "L" else _NAMES[options["subsampling"]]
    buffer = BytesIO()
    image.save(
        buffer,
        FORMAT,
        quality=round(100 * quality),
        speed=10 - options["effort"],
        subsampling=sampling,
        max_threads=1,  # on more libaom writes other bytes
        advanced={"tune": "psnr"},
    )
    file = buffer.getvalue()
    index = [row[0] for row in _SAMPLINGS].index(sampling)
    size = Size(image.height, image.width)
    try:
        tools, frame = _take_apart(file, index, size)
    except (ValueError, IndexError):
        return Stream(file, WHOLE, file)
    flags = _STRIPPED | index << _SAMPLING_SHIFT | tools >> 8 << _TOOLS_SHIFT
    return Stream(file, flags, bytes([tools & 0xFF]) + frame)


def restore(flags: int, body: bytes, size: Size) -> bytes:
    """Return a file that holds the same picture, in the smallest container that decoders take. Raises ValueError."""
    if flags & FORM != _STRIPPED or flags >> 7 or not body:
        raise ValueError(f"unknown flags {flags:#x}")
    index = flags >> _SAMPLING_SHIFT & 3
    tools = flags >> _TOOLS_SHIFT << 8 | body[0]
    frame = body[1:]
    stream = _obu(_SEQUENCE, _sequence_header(index, tools, size))
    stream += _obu(_FRAME, frame)
    return _container(index, tools >> 6, size, stream)


def _take_apart(file: bytes, index: int, size: Size) -> tuple[int, bytes]:
    """Return (level and tools, contents of the frame OBU). Raises ValueError or IndexError for what is unusual."""
    at = file.index(b"mdat") + 4
    if file[at : at + 2] == _TEMPORAL_DELIMITER:
        at += 2
    header, at = _take_obu(file, at, _SEQUENCE)
    frame, at = _take_obu(file, at, _FRAME)
    if at != len(file):
        raise ValueError("more than one frame")
    bits = Bits(header)
    bits.take(5)  # profile, still picture, reduced header
    level = bits.take(5)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits + height_bits)
    tools = level << 6 | bits.take(6)
    if _sequence_header(index, tools, size) != header:
        raise ValueError("an unusual sequence header")
    return tools, frame


def _sequence_header(index: int, tools: int, size: Size) -> bytes:
    """Build the sequence header's contents; `tools` is the level (5 bits) and six flags of coding tools."""
    _, profile, sampling, planes = _SAMPLINGS[index]
    width_bits = max((size.width - 1).bit_length(), 1)
    height_bits = max((size.height - 1).bit_length(), 1)
    text = f"{profile:03b}11{tools >> 6:05b}{width_bits - 1:04b}{height_bits - 1:04b}"
    text += f"{size.width - 1:0{width_bits}b}{size.height - 1:0{height_bits}b}{tools & 63:06b}"
    text += "0"  # 8 bits a sample
    if profile != 1:
        text += str(sampling >> 3)  # monochrome
    text += (
        f"1{1:08b}{13:08b}{6:08b}1"  # colour description: primaries, transfer, matrix; full range
    )
    if sampling == 0b0110:
        text += "00"  # chroma sample position unknown
    if planes == 3:
        text += "0"  # one quantizer offset for both chroma planes
    text += "01"  # no film grain; end of the header
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _container(index: int, level: int, size: Size, stream: bytes) -> bytes:
    _, profile, sampling, planes = _SAMPLINGS[index]
    av1c = bytes([0x81, profile << 5 | level, sampling << 1, 0])
    properties = _box(
        b"ipco",
        _full(b"ispe", size.width.to_bytes(4, "big") + size.height.to_bytes(4, "big")),
        _full(b"pixi", bytes([planes] + [8] * planes)),
        _box(b"av1C", av1c),
        _box(b"colr", _NCLX),
    )
    # One item, number 1, with the four properties; av1C and the number of planes are essential.
    association = _full(b"ipma", b"\0\0\0\x01\0\x01\x04\x01\x02\x83\x04")
    item = _full(b"infe", b"\0\x01\0\0av01\0", version=2)

    def meta(offset: int) -> bytes:
        extent = offset.to_bytes(4, "big") + len(stream).to_bytes(4, "big")
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            _full(b"pitm", b"\0\x01"),
            _full(b"iloc", b"\x44\0\0\x01\0\x01\0\0\0\x01" + extent),
            _full(b"iinf", b"\0\x01" + item),
            _box(b"iprp", properties, association),
        )

    kind = _box(b"ftyp", b"avif" + bytes(4) + b"avifmif1miaf")
    return kind + meta(len(kind) + len(meta(0)) + 8) + _box(b"mdat", stream)


def _box(kind: bytes, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    return (8 + len(inside)).to_bytes(4, "big") + kind + inside


def _full(kind: bytes, *contents: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]), *contents)


def _obu(header: int, contents: bytes) -> bytes:
    length, out = len(contents), bytearray([header])
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*out, length]) + contents


def _take_obu(file: bytes, at: int, header: int) -> tuple[bytes, int]:
    if file[at : at + 1] != bytes([header]):
        raise ValueError("another OBU")
    length = 0
    for place in range(5):
        byte = file[at + 1 + place]
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            start = at + 2 + place
            return file[start : start + length], start + length
    raise ValueError("a bad OBU length")
