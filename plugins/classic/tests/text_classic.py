"""Readers of the texts of jpeg, webp, avif and jxl in spec/embeddings: from a layer to the codec's file. Nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

SPEC = Path(__file__).resolve().parents[3] / "spec"


class Refused(Exception):
    """A reader of the text refuses the payload."""


def need(holds: object) -> None:
    if not holds:
        raise Refused


def restored(name: str, layers: tuple[bytes, ...], height: int, width: int) -> bytes:
    """The codec's file."""
    need(len(layers) == 1 and len(layers[0]) >= 2)
    flags, body = layers[0][0], layers[0][2:]
    if flags % 4 == 0:
        need(flags == 0)
        return body
    return {"jpeg": jpeg, "webp": webp, "avif": avif, "jxl": jxl}[name](flags, body, height, width)


def big(value: int, count: int) -> bytes:
    return value.to_bytes(count, "big")


def little(value: int, count: int) -> bytes:
    return value.to_bytes(count, "little")


def uleb(value: int) -> bytes:
    return bytes([value % 128 + 128]) + uleb(value // 128) if value > 127 else bytes([value])


def segment(marker: int, contents: bytes) -> bytes:
    return bytes([0xFF, marker]) + big(2 + len(contents), 2) + contents


def jpeg(flags: int, body: bytes, height: int, width: int) -> bytes:
    data = json.loads((SPEC / "data" / "jpeg.json").read_text("utf-8"))
    need(flags < 16 and body and max(height, width) <= 65535)
    form, chroma, rate = flags % 4, flags // 4, body[0]
    count = 3 if chroma else 1
    scans = data["scans"][str(count)]
    file = bytes.fromhex("FFD8 FFE0 0010 4A46494600 0101 00 0001 0001 00 00")
    for number, base in enumerate([data["luma"], data["chroma"]][: 2 if chroma else 1]):
        s = 17 + rate // 23
        made = [(51 * data["mantissas"][rate % 23] * b + 2 ** (s - 1)) // 2**s for b in base]
        steps = bytes(min(max(made[at], 1), 255) for at in data["zigzag"])
        file += segment(0xDB, bytes([number]) + steps)
    frame = b"\x08" + big(height, 2) + big(width, 2) + bytes([count])
    frame += bytes([1, {0: 0x11, 1: 0x22, 2: 0x21, 3: 0x11}[chroma], 0])
    frame += bytes([2, 0x11, 1, 3, 0x11, 1]) if chroma else b""
    file += segment(0xC2 if form == 3 else 0xC0, frame)
    at, done = 1, 0

    def table() -> bytes:
        nonlocal at
        length = 17 + sum(body[at + 1 : at + 17])
        found = body[at : at + length]
        need(len(found) == length <= 17 + 256)
        at += length
        return found

    def coded() -> bytes:
        nonlocal at
        start = at
        while at < len(body) and not (body[at] == 0xFF and body[at + 1 : at + 2] > b"\0"):
            at += 1
        return body[start:at]

    if form < 3:
        for text in data["huffman"][: 4 if chroma else 2]:
            standard = bytes.fromhex(text)
            one = table() if form == 2 else standard
            need(one[0] == standard[0])
            file += segment(0xC4, one)
        whole = {"components": range(count), "first": 0, "last": 63, "high": 0, "low": 0}
        file += segment(0xDA, scan_header(whole, progressive=False)) + coded()
        need(at == len(body))
        return file + b"\xff\xd9"
    while at < len(body):
        marker = body[at : at + 2]
        at += 2
        if marker == b"\xff\xc4":
            file += segment(0xC4, table())
        else:
            need(marker == b"\xff\xda" and done < len(scans))
            file += segment(0xDA, scan_header(scans[done], progressive=True)) + coded()
            done += 1
    return file + b"\xff\xd9"


def scan_header(scan: dict[str, object], progressive: bool) -> bytes:
    components, first, last, high, low = (
        scan[key] for key in ("components", "first", "last", "high", "low")
    )
    made = bytes([len(components)])  # type: ignore[arg-type]
    for c in components:  # type: ignore[attr-defined]
        dc = ac = 1 if c else 0
        if progressive and last == 0:
            ac = 0
            dc = 0 if high else dc
        elif progressive:
            dc = 0
        made += bytes([c + 1, 16 * dc + ac])
    return made + bytes([first, last, 16 * high + low])  # type: ignore[operator, list-item]


def webp(flags: int, body: bytes, height: int, width: int) -> bytes:
    need(flags % 4 == 1 and flags < 16 and max(height, width) <= 16383)
    first = length = 0
    while True:
        need(length < 3 and length < len(body))
        first += body[length] % 128 * 128**length
        length += 1
        if body[length - 1] < 128:
            break
    need(first < 2**19 and body[:length] == uleb(first))
    frame = little(32 * first + 16 + 2 * (flags // 4), 3) + b"\x9d\x01\x2a"
    frame += little(width, 2) + little(height, 2) + body[length:]
    odd = len(frame) % 2
    head = b"RIFF" + little(12 + len(frame) + odd, 4) + b"WEBPVP8 " + little(len(frame), 4)
    return head + frame + bytes(odd)


def jxl(flags: int, body: bytes, height: int, width: int) -> bytes:
    need(flags in (1, 2))
    small = height % 8 == 0 and width % 8 == 0 and max(height, width) <= 256

    def number(value: int, count: int) -> Iterator[int]:
        return (value >> i & 1 for i in range(count))

    def size(n: int) -> Iterator[int]:
        if small:
            yield from number(n // 8 - 1, 5)
        else:
            lengths = (9, 13, 18, 30)
            k = next(k for k in range(4) if n - 1 < 2 ** lengths[k])
            yield from number(k, 2)
            yield from number(n - 1, lengths[k])

    pairs = [(1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1)]
    ratio = next((r for r, (a, b) in enumerate(pairs, 1) if height * a // b == width), 0)
    bits = [int(small), *size(height), *number(ratio, 3), *(size(width) if ratio == 0 else ())]
    gray = "000 001 001 001 010 001 110 110 001"
    bits += [int(bit) for bit in ("11" if flags == 1 else gray.replace(" ", ""))]
    bits += [0] * (-len(bits) % 8)
    packed = little(sum(bit << i for i, bit in enumerate(bits)), len(bits) // 8)
    return b"\xff\x0a" + packed + body


def avif(flags: int, body: bytes, height: int, width: int) -> bytes:
    need(flags % 4 == 1 and flags < 128 and body)
    chroma, tools, frame = flags // 4 % 4, 256 * (flags // 16) + body[0], body[1:]
    profile, about, planes = [(0, 0x1C, 1), (0, 0x0C, 3), (2, 0x08, 3), (1, 0, 3)][chroma]
    level = tools // 64
    wb, hb = (max(1, (side - 1).bit_length()) for side in (width, height))
    bits = f"{profile:03b}11{level:05b}{wb - 1:04b}{hb - 1:04b}{width - 1:0{wb}b}"
    bits += f"{height - 1:0{hb}b}{tools % 64:06b}0"
    bits += "" if profile == 1 else str(int(chroma == 0))
    bits += f"1{1:08b}{13:08b}{6:08b}1" + ("00" if chroma == 1 else "")
    bits += ("0" if planes == 3 else "") + "01"
    bits += "0" * (-len(bits) % 8)
    sequence = big(int(bits, 2), len(bits) // 8)
    stream = b"\x0a" + uleb(len(sequence)) + sequence + b"\x32" + uleb(len(frame)) + frame

    def box(kind: str, contents: bytes) -> bytes:
        return big(8 + len(contents), 4) + kind.encode() + contents

    def hexed(text: str) -> bytes:
        return bytes.fromhex(text)

    def before(start: int) -> bytes:
        properties = box("ispe", bytes(4) + big(width, 4) + big(height, 4))
        properties += box("pixi", bytes(4) + bytes([planes]) + b"\x08" * planes)
        properties += box("av1C", bytes([0x81, 32 * profile + level, about, 0]))
        properties += box("colr", b"nclx" + hexed("0001 000D 0006 80"))
        association = box("ipma", hexed("00000000 00000001 0001 04 01028304"))
        meta = bytes(4) + box("hdlr", bytes(8) + b"pict" + bytes(13))
        meta += box("pitm", hexed("00000000 0001"))
        places = hexed("00000000 4400 0001 0001 0000 0001") + big(start, 4) + big(len(stream), 4)
        meta += box("iloc", places)
        item = box("infe", hexed("02000000 0001 0000") + b"av01\0")
        meta += box("iinf", hexed("00000000 0001") + item)
        meta += box("iprp", box("ipco", properties) + association)
        return box("ftyp", b"avif" + bytes(4) + b"avifmif1miaf") + box("meta", meta)

    return before(len(before(0)) + 8) + box("mdat", stream)
