"""Bits a pixel of `lossless` beside WebP, JPEG XL and tomoz, and seconds of processor time, by picture.

    python plugins/lossless/benchmarks/rate.py PHOTO... [--middle 768x512] [--tomoz PYTHON] [--rows FILE] [--codecs NAME,...]

WebP has quality 100 and method 6; JPEG XL efforts 7 and 9, by pillow-jxl-plugin, whose files are 2 to 3 % smaller than
those of imagecodecs. tomoz, made for one channel, is run by the interpreter that is named, of an environment of its own
(`pip install tomoz==0.2.0`), on Y, Co and Cg one by one, or on the three as a volume, whichever takes least. Of `lossless`
it is the payload; a file has 12 bytes more. All are decoded and compared. `--middle` takes the middle of larger pictures.
What FILE has is not measured again. All on one thread; `gcodec encode` takes the seconds of both: it tries what it wrote.
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

import numpy as np
import pillow_jxl  # noqa: F401 - registers JPEG XL
from numpy.typing import NDArray
from PIL import Image

import gcodec
from gcodec.interfaces import Setup, Size
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_lossless.embedding import Lossless

Octets = NDArray[np.uint8]
#: Bytes, seconds to encode, seconds to decode.
Measured = tuple[int, float, float]

_TOMOZ = """
import sys, time, numpy, tomoz
least = None
planes = numpy.load(sys.argv[1])
for parts in (planes, [planes]):
    start = time.process_time()
    files = [tomoz.encode(numpy.ascontiguousarray(part), threads=1) for part in parts]
    middle = time.process_time()
    for file, part in zip(files, parts):
        assert (tomoz.decode(file, threads=1) == part).all()
    found = sum(map(len, files)), middle - start, time.process_time() - middle
    least = min(found, least or found)
print(*least)
"""


def lossless(octets: Octets) -> Measured:
    pixels, run = gcodec.Picture.from_array(octets).pixels, Run()
    embedding = Lossless(Setup(run, {}, run.models.find("base/lossless")))
    start = time.process_time()
    layers = embedding.encode(embedding.analyse(pixels), 1.0)
    middle = time.process_time()
    (found,) = embedding.decode(layers, Size(*octets.shape[:2]))
    end = time.process_time()
    assert isinstance(found, Preview) and np.array_equal(found.pixels, pixels)
    return len(layers[0]), middle - start, end - middle


def saved(name: str, **options: Any) -> Callable[[Octets], Measured]:
    def encode(octets: Octets) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(octets).save(stream, name, **options)
        return stream.getvalue()

    def measure(octets: Octets) -> Measured:
        start = time.process_time()
        data = encode(octets)
        middle = time.process_time()
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), octets)
        return len(data), middle - start, time.process_time() - middle

    return measure


def tomoz(python: str) -> Callable[[Octets], Measured]:
    def measure(octets: Octets) -> Measured:
        r, g, b = octets.astype(np.int16).transpose(2, 0, 1)
        co = r - b
        t = b + (co >> 1)
        cg = g - t
        planes = np.array([t + (cg >> 1), co, cg], np.int16)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "planes.npy", planes)
            done = subprocess.run(
                [python, "-c", _TOMOZ, Path(folder) / "planes.npy"],
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
        "webp": saved("WEBP", lossless=True, quality=100, method=6),
        "jxl7": saved("JXL", lossless=True, effort=7, num_threads=1),
        "jxl9": saved("JXL", lossless=True, effort=9, num_threads=1),
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
