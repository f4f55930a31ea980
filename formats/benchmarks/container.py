"""Write and read a GCX file of 1 MB, against a plain file copy and Pillow's PNG of the same file size.

    python formats/benchmarks/container.py

Each line is the median of many runs in this process, files on the same disk and in its cache, and its ratio to the copy.
"""

from __future__ import annotations

import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

import gcodec_formats as gcx

SIZE = 1_000_000
RUNS = 100


def median(action: Callable[[], object]) -> float:
    """Seconds."""
    action()
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def png(size: int) -> bytes:
    """A PNG of about `size` bytes: noise of few levels over a gradient, so that it compresses by about half."""
    side = int((size * 2 / 3) ** 0.5)
    noise = Image.frombytes("RGB", (side, side), bytes(b & 15 for b in os.urandom(side * side * 3)))
    gradient = Image.merge("RGB", [Image.linear_gradient("L").resize((side, side))] * 3)
    buffer = io.BytesIO()
    Image.blend(gradient, noise, 0.5).save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    """Print the table."""
    payload = os.urandom(SIZE)
    header = gcx.Header(gcx.Identity(id=16, profile=1), gcx.Size(4320, 8192))
    single = gcx.File(header, [gcx.Segment(gcx.MAIN, payload)])
    layered = gcx.File(header, [gcx.Segment(gcx.MAIN, payload[i::4]) for i in range(4)], True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, copy, path = folder / "payload", folder / "copy", folder / "file.gcx"
        source.write_bytes(payload)
        picture = folder / "image.png"
        picture.write_bytes(png(SIZE))

        def write(file: gcx.File) -> None:
            path.write_bytes(gcx.write(file))

        def through_disk(file: gcx.File) -> None:
            write(file)
            gcx.read(path.read_bytes())

        def open_png() -> None:
            with Image.open(picture) as image:
                image.load()

        rows: list[tuple[str, Callable[[], object]]] = [
            ("file copy (shutil.copyfile)", lambda: shutil.copyfile(source, copy)),
            ("plain write + read", lambda: (copy.write_bytes(payload), copy.read_bytes())),
            ("GCX write + read, one segment", lambda: through_disk(single)),
            ("GCX write + read, 4 layers, progressive", lambda: through_disk(layered)),
            ("  in memory: write, one segment", lambda: gcx.write(single)),
            ("  in memory: write, 4 layers", lambda: gcx.write(layered)),
        ]
        single_data, layered_data = gcx.write(single), gcx.write(layered)
        rows += [
            ("  in memory: read, one segment", lambda: gcx.read(single_data)),
            ("  in memory: read, 4 layers", lambda: gcx.read(layered_data)),
            (f"Pillow: open a PNG of {picture.stat().st_size:,} bytes", open_png),
        ]
        base = 0.0
        for label, action in rows:
            seconds = median(action)
            base = base or seconds
            print(f"{label:45} {seconds * 1e3:8.3f} ms  {seconds / base:7.2f} x")
        small = gcx.write(gcx.File(header, [gcx.Segment(gcx.MAIN, payload[:135])]))
        seconds = median(lambda: gcx.read(small))
        print(f"{'a file of 147 bytes: read':45} {seconds * 1e3:8.3f} ms")


if __name__ == "__main__":
    main()
