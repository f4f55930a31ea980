"""Whether tiles show: steps from line to line where tiles meet, against the same lines without tiles and other lines.

    python core/benchmarks/seams.py PHOTO [--recon hfd,cdc,relic] [--embed ntc] [--quality 0.3] [--tile 256]
    python core/benchmarks/seams.py --pictures TILED WHOLE [--tile 1024] [--overlap 128]

A step is the mean of |x - x'| over neighbouring samples on either side of a line across the picture. Printed are, over
rows and columns:

    borders   steps at the borders of tiles, over those of lines 8 to 32 samples away
    blended   steps in the zones where two tiles are mixed, over those outside
    elsewhere what `borders` is on grids of lines moved by multiples of 8: 5th to 95th percentile

of the picture made in tiles, and `borders` and `blended` of the one made in one piece. The latter knows what the
picture itself does at those places: of two large pictures the second may be the preview.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import gcodec
from gcodec.diffusion.tiles import cut

Array = NDArray[np.float64]

#: Reconstructors whose tiles do not overlap by as much as those of `gcodec.diffusion.tiles.through_latents`.
NARROW = {"flow": 64, "bridge": 64}


class Seams(NamedTuple):
    """Ratios of steps; 1 is no seam."""

    borders: float
    blended: float
    low: float
    high: float


def steps(picture: NDArray[np.float32], axis: int) -> Array:
    """Mean step at every line between two rows (axis 1) or columns (axis 2) of [3, H, W]."""
    others = tuple({0, 1, 2} - {axis})
    made: Array = np.abs(np.diff(picture, axis=axis)).mean(others, dtype=np.float64)
    return made


def meetings(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """[first, last) of each zone that two tiles share."""
    side, begins = cut(-(-length // 8), tile // 8, overlap // 8)
    return [(8 * b, 8 * (a + side)) for a, b in pairwise(begins)]


def prominence(g: Array, lines: Sequence[int]) -> float:
    """Steps at the lines over those 8, 16, 24 and 32 samples to either side, where the grid of latents is alike."""
    near = [d for k in (8, 16, 24, 32) for d in (-k, k)]
    inside = [i for i in lines if 32 <= i < len(g) - 32]
    return float(g[inside].sum() / np.mean([g[[i + d for i in inside]] for d in near], 0).sum())


def seams(picture: NDArray[np.float32], tile: int, overlap: int) -> Seams:
    """Measure a picture [3, H, W]."""
    made = []
    for axis in (1, 2):
        g = steps(picture, axis)
        zones = meetings(picture.shape[axis], tile, overlap)
        if not zones:
            continue
        quarter = overlap // 4
        # Line i lies between samples i and i + 1. Tiles end, and their weights begin and end to change, at these.
        lines = [i - 1 for a, b in zones for i in (a, a + quarter, b - quarter, b)]
        mixed = np.zeros(len(g), bool)
        for a, b in zones:
            mixed[a + quarter : b - quarter] = True
        moved = [prominence(g, [i + d for i in lines]) for d in range(-tile // 2, tile // 2, 8)]
        low, high = np.percentile(moved, (5, 95))
        made.append((prominence(g, lines), g[mixed].mean() / g[~mixed].mean(), low, high))
    return Seams(*np.mean(made, 0))


def report(name: str, tiled: Seams, whole: Seams) -> None:
    print(
        f"{name:16}{tiled.borders:10.3f}{tiled.low:10.3f}-{tiled.high:.3f}{whole.borders:10.3f}"
        f"{tiled.blended:12.3f}{whole.blended:10.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", nargs="?")
    parser.add_argument("--pictures", nargs=2, metavar=("TILED", "WHOLE"))
    parser.add_argument("--embed", default="ntc")
    parser.add_argument("--quality", type=float, default=0.3)
    parser.add_argument("--recon", default="flow,bridge,latent_flow,hfd,cdc,relic")
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--overlap", type=int, default=128)
    given = parser.parse_args()
    print(f"{'':16}{'borders':>10}{'elsewhere':>15}{'whole':>11}{'blended':>12}{'whole':>10}")
    if given.pictures:
        shown = (gcodec.load_image(p).pixels for p in given.pictures)
        report("", *(seams(p, given.tile, given.overlap) for p in shown))
        return
    photo = gcodec.load_image(given.photo)
    data = gcodec.encode(photo, given.embed, target=gcodec.Target(quality=given.quality)).data
    for recon in given.recon.split(","):
        overlap = NARROW.get(recon, given.overlap)
        tiled, whole = (
            seams(
                gcodec.decode(data, recon, options={"tile": tile}).picture.pixels,
                given.tile,
                overlap,
            )
            for tile in (given.tile, 2048)
        )
        report(recon, tiled, whole)


if __name__ == "__main__":
    main()
