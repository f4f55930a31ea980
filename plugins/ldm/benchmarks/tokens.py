"""What completion is worth: KID of decoded pictures with and without it, at the same number of tokens.

    python plugins/ldm/benchmarks/tokens.py PHOTOS [--limit 8] [--recon NAME] [--qualities 0.4,0.6] [--sheet OUT.jpg]

KID as `gcodec eval` takes it (Inception, patches of 128 pixels), of the patches of a grid alone. --sheet writes the first
picture, a column for each quality: above as holes leave it, below completed; the original last.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gcodec import Picture, Target, decode, encode
from gcodec.pictures import load_image, save_image
from gcodec_eval.metrics._inception import features, kid
from gcodec_train.photos import photographs

_SIDE = 128


def _grid(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    _, h, w = pixels.shape
    places = [
        (y, x) for y in range(0, h - _SIDE + 1, _SIDE) for x in range(0, w - _SIDE + 1, _SIDE)
    ]
    return np.stack([pixels[:, y : y + _SIDE, x : x + _SIDE] for y, x in places])


def main() -> None:
    """Print a row for each quality."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--recon", default="preview")
    parser.add_argument("--qualities", default="0.4,0.62,0.72,0.8,0.93")
    parser.add_argument("--sheet", type=Path)
    said = parser.parse_args()
    pictures = [load_image(path.read_bytes()).pixels for path in photographs(said.photos)]
    pictures = pictures[: said.limit]
    if said.sheet:
        pictures = pictures[:1]
    real = np.concatenate([features(_grid(x)) for x in pictures]) if not said.sheet else None
    columns = []
    print("| quality | bpp | KID with holes | completed |\n|---|---|---|---|")
    for quality in map(float, said.qualities.split(",")):
        kids, both = [], []
        for complete in (False, True):
            made = [
                encode(
                    Picture(pixels),
                    "tokens",
                    target=Target(quality=quality),
                    options={"complete": complete},
                ).data
                for pixels in pictures
            ]
            shown = [decode(data, said.recon).picture.pixels for data in made]
            both.append(shown[0])
            if real is not None:
                kids.append(kid(real, np.concatenate([features(_grid(x)) for x in shown])))
        bpp = np.mean([8 * len(d) / x[0].size for d, x in zip(made, pictures, strict=True)])
        print(f"| {quality:g} | {bpp:.4f} | {' | '.join(f'{k:.4f}' for k in kids)} |", flush=True)
        columns.append(np.concatenate(both, 1))
    if said.sheet:
        columns.append(np.concatenate(pictures * 2, 1))
        whole = np.concatenate(columns, 2)
        _, h, w = whole.shape
        halved = whole.reshape(3, h // 2, 2, w // 2, 2).mean((2, 4))
        save_image(Picture(halved), said.sheet, force=True)


if __name__ == "__main__":
    main()
