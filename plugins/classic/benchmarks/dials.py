"""The dial of each codec: settings that another setting beats, with fewer bytes and less error.

    python plugins/classic/benchmarks/dials.py [NAMES [PICTURE [STEPS]]]      # e.g. jxl,avif photo.png 100

Prints of each dominated setting how far it is behind: bytes and PSNR, and those of the setting that beats it most. A
difference of less than 0.1 dB is the noise of encoders and is counted only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import gcodec
from gcodec.pictures import psnr

PHOTO = Path(__file__).resolve().parents[3] / "tests" / "images" / "kodim23.png"
NOISE = 0.1


def sweep(name: str, picture: gcodec.Picture, steps: int) -> list[tuple[float, int, float]]:
    """Quality, bytes and PSNR of each setting."""
    rows = []
    for quality in np.linspace(0, 1, steps + 1):
        data = gcodec.encode(picture, name, target=gcodec.Target(quality=float(quality))).data
        rows.append((quality, len(data), psnr(gcodec.decode(data).picture.pixels, picture.pixels)))
    return rows


def main(
    names: str = "jpeg,webp,avif,jxl,ntc,ldm_quant", path: str = str(PHOTO), steps: str = "50"
) -> None:
    picture = gcodec.load_image(path)
    for name in names.split(","):
        rows = sweep(name, picture, int(steps))
        print(f"{name}: {rows[0][1]} to {rows[-1][1]} bytes")
        small = 0
        for quality, size, score in rows:
            beaten = [row for row in rows if row[1] <= size and row[2] > score]
            best = max(beaten, key=lambda row: row[2], default=None)
            if best is None:
                continue
            if best[2] < score + NOISE:
                small += 1
                continue
            print(
                f"  {quality:.3f}: {size} bytes, {score:.2f} dB; {best[0]:.3f}: {best[1]} bytes, {best[2]:.2f} dB"
            )
        print(f"  {small} of {len(rows)} are beaten by less than {NOISE} dB")


if __name__ == "__main__":
    main(*sys.argv[1:])
