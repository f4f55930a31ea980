"""Bits a pixel of `lossless` beside WebP, JPEG XL and tomoz, and seconds of processor time, by picture.

    python plugins/lossless/benchmarks/rate.py PHOTO... [--middle 768x512] [--tomoz PYTHON] [--rows FILE] [--codecs NAME,...]

WebP has quality 100 and method 6; JPEG XL efforts 7 and 9, by imagecodecs; both without metadata. tomoz, made for volumes
of one channel, is run by the interpreter that is named, of a virtual environment of its own (`pip install tomoz==0.2.0`), on
three slices: green, red - green, blue - green; or Y, Co, Cg; or red, green, blue; whichever takes least. `lossless` is whole
files. Every file is decoded and compared. `--middle` takes the middle of larger pictures. What FILE has is not measured
again. All on one thread.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import gcodec

Octets = NDArray[np.uint8]
#: Bytes, seconds to encode, seconds to decode.
Measured = tuple[int, float, float]

_TOMOZ = """
import sys, time, numpy, tomoz
least = None
for planes in numpy.load(sys.argv[1]):
    start = time.process_time()
    data = tomoz.encode(numpy.ascontiguousarray(planes), threads=1)
    middle = time.process_time()
    assert (tomoz.decode(data, threads=1) == planes).all()
    found = len(data), middle - start, time.process_time() - middle
    least = min(found, least or found)
print(*least)
"""


def timed(encode: Callable[[], bytes], decode: Callable[[bytes], Any], octets: Octets) -> Measured:
    start = time.process_time()
    data = encode()
    middle = time.process_time()
    assert np.array_equal(decode(data), octets)
    return len(data), middle - start, time.process_time() - middle


def lossless(octets: Octets) -> Measured:
    picture, target = gcodec.Picture.from_array(octets), gcodec.Target(quality=1.0)
    return timed(
        lambda: gcodec.encode(picture, "lossless", target=target).data,
        lambda data: gcodec.decode(data, "preview").picture.to_array(),
        octets,
    )


def webp(octets: Octets) -> Measured:
    def encode() -> bytes:
        stream = io.BytesIO()
        Image.fromarray(octets).save(stream, "WEBP", lossless=True, quality=100, method=6)
        return stream.getvalue()

    return timed(encode, lambda data: np.asarray(Image.open(io.BytesIO(data))), octets)


def jxl(effort: int) -> Callable[[Octets], Measured]:
    def measure(octets: Octets) -> Measured:
        return timed(
            lambda: imagecodecs.jpegxl_encode(octets, lossless=True, effort=effort, numthreads=1),
            lambda data: imagecodecs.jpegxl_decode(data, numthreads=1),
            octets,
        )

    return measure


def tomoz(python: str) -> Callable[[Octets], Measured]:
    def measure(octets: Octets) -> Measured:
        r, g, b = octets.astype(np.int16).transpose(2, 0, 1)
        co = r - b
        t = b + (co >> 1)
        cg = g - t
        volumes = np.array([[g, r - g, b - g], [t + (cg >> 1), co, cg], [r, g, b]], np.int16)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "volumes.npy", volumes)
            done = subprocess.run(
                [python, "-c", _TOMOZ, Path(folder) / "volumes.npy"],
                capture_output=True,
                text=True,
                check=True,
            )
        size, encoding, decoding = done.stdout.split()
        return int(size), float(encoding), float(decoding)

    return measure


def middle(octets: Octets, sides: str | None) -> Octets:
    height, width = octets.shape[:2]
    if sides:
        wanted = sorted(map(int, sides.split("x")))
        low, high = min(height, wanted[0]), min(max(height, width), wanted[1])
        height, width = (low, high) if width >= height else (high, low)
    top, left = (octets.shape[0] - height) // 2, (octets.shape[1] - width) // 2
    return np.ascontiguousarray(octets[top : top + height, left : left + width])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--middle")
    parser.add_argument("--tomoz")
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--codecs")
    arguments = parser.parse_args()
    codecs: dict[str, Callable[[Octets], Measured]] = {
        "lossless": lossless,
        "webp": webp,
        "jxl7": jxl(7),
        "jxl9": jxl(9),
    }
    if arguments.tomoz:
        codecs["tomoz"] = tomoz(arguments.tomoz)
    if arguments.codecs:
        codecs = {name: codecs[name] for name in arguments.codecs.split(",")}
    rows = arguments.rows
    known = json.loads(rows.read_text()) if rows and rows.exists() else {}
    for photo in arguments.photos:
        octets = middle(np.asarray(Image.open(photo).convert("RGB")), arguments.middle)
        mine = known.setdefault(photo.stem, {})
        mine["pixels"] = octets.shape[0] * octets.shape[1]
        for name, measure in codecs.items():
            if name not in mine:
                mine[name] = measure(octets)
                if rows:
                    rows.write_text(json.dumps(known))
        bpp = (f"{name} {8 * mine[name][0] / mine['pixels']:.3f}" for name in codecs)
        print(photo.stem, *bpp, *(f"{s:.1f}s" for s in mine[next(iter(codecs))][1:]), flush=True)
    table(codecs, {photo.stem: known[photo.stem] for photo in arguments.photos})


def table(codecs: Any, known: dict[str, Any]) -> None:
    print("\n| |", *(f" {name} |" for name in codecs), sep="")
    print("|---|", *("---|" for _ in codecs), sep="")
    bits = {n: [8 * row[c][0] / row["pixels"] for c in codecs] for n, row in known.items()}
    bits["mean"] = np.mean(list(bits.values()), 0).tolist()
    for name, row in bits.items():
        print(f"| {name} |", *(f" {value:.3f} |" for value in row), sep="")
    for at, what in ((1, "seconds to encode"), (2, "seconds to decode")):
        mean = [np.mean([row[c][at] for row in known.values()]) for c in codecs]
        print(f"| {what} |", *(f" {value:.1f} |" for value in mean), sep="")


if __name__ == "__main__":
    main()
