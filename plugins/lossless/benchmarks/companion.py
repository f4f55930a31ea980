"""Bytes of `lossless` alone, of `ntc`, and of what `lossless` sends to whoever has that `ntc`, by picture and rate.

    python plugins/lossless/benchmarks/companion.py PHOTO... [--bpp 0.1,0.3,1] [--middle 512x384]

All are whole files. What is missing is decoded in a fresh process, with the `ntc` for a companion, and compared.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import gcodec
from gcodec.testing._processes import run_gcodec


def middle(picture: gcodec.Picture, width: int, height: int) -> gcodec.Picture:
    samples = picture.to_array("uint8")
    top, left = (max(0, (n - m) // 2) for n, m in zip(samples.shape, (height, width), strict=False))
    return gcodec.Picture.from_array(samples[top : top + height, left : left + width].copy())


def row(name: str, picture: gcodec.Picture, alone: int, bpp: float, folder: Path) -> None:
    small = gcodec.encode(picture, "ntc", target=gcodec.Target(bpp=bpp)).data
    rest = gcodec.encode(picture, "lossless", companions=[small], apart=True).data
    (folder / "small.gcx").write_bytes(small)
    (folder / "rest.gcx").write_bytes(rest)
    words = ("decode", "rest.gcx", "--companion", "small.gcx", "-o", "again.png", "--force")
    done = run_gcodec(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    again = gcodec.load_image(folder / "again.png")
    assert np.array_equal(again.to_array("uint8"), picture.to_array("uint8"))
    both, kept = len(small) + len(rest), 1 - (len(small) + len(rest) - alone) / len(small)
    print(
        f"| {name} | {bpp:g} | {alone} | {len(small)} | {len(rest)} | {both / alone:.3f} | {kept:.0%} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--bpp", default="0.1,0.3,1")
    parser.add_argument("--middle", default="512x384")
    asked = parser.parse_args()
    print(
        "| picture | bpp | `lossless` alone | `ntc` | what is missing | both / alone | of `ntc` saved |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for photo in asked.photos:
            picture = middle(gcodec.load_image(photo), *map(int, asked.middle.split("x")))
            alone = len(gcodec.encode(picture, "lossless").data)
            for bpp in map(float, asked.bpp.split(",")):
                row(photo.stem, picture, alone, bpp, Path(folder))


if __name__ == "__main__":
    main()
