"""What `--effort` saves, and takes: bytes at equal PSNR and LPIPS against effort 0, and processor seconds of encoding.

    python plugins/ldm/benchmarks/effort.py PHOTO... [--efforts 0 1 2 3] [--qualities 0.25 0.4 0.55 0.7] [--recon]

Under `preview`, and with --recon under the reconstructor that each embedding was made for. Baseline: effort 0, the same run.
LPIPS where its weights are at hand (GCODEC_METRICS).
"""

from __future__ import annotations

import argparse
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gcodec
from gcodec.errors import MetricUnavailable
from gcodec_eval.metrics import lpips

MADE_FOR = {"ldm_quant": "relic", "rate_variable": "rate_variable"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--efforts", nargs="+", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--qualities", nargs="+", type=float, default=[0.25, 0.4, 0.55, 0.7])
    parser.add_argument("--recon", action="store_true")
    given = parser.parse_args()
    with gcodec.Session() as session:
        for photo in given.photos:
            picture = gcodec.load_image(photo)
            for embedding, made_for in MADE_FOR.items():
                recons = ["preview", *([made_for] if given.recon else [])]
                curves = []
                for effort in given.efforts:
                    begun = time.process_time()
                    files = [
                        session.encode(
                            picture,
                            embedding,
                            target=gcodec.Target(quality=quality),
                            options={"effort": effort},
                        ).data
                        for quality in given.qualities
                    ]
                    seconds = (time.process_time() - begun) / len(files)
                    rows = []
                    for file in files:
                        decoded = (session.decode(file, name).picture.pixels for name in recons)
                        near = [figure for made in decoded for figure in judged(made, picture)]
                        rows.append([np.log(len(file)), *near])
                    curves.append(np.array(rows))
                    saved = (
                        f"{apart(curves[0], curves[-1], n):+7.1%}" for n in range(1, len(rows[0]))
                    )
                    print(photo.stem, embedding, effort, f"{seconds:.2f} s", *saved, flush=True)
    print(
        f"columns after the seconds: bytes at equal PSNR, at equal LPIPS, of {' and '.join(recons)}"
    )


def judged(made: NDArray[np.float32], picture: gcodec.Picture) -> list[float]:
    """PSNR, and LPIPS with its sign turned, where it can be had."""
    figures = [-10 * float(np.log10(np.square(made - picture.pixels).mean()))]
    with suppress(MetricUnavailable):
        figures.append(-float(lpips(picture.pixels, made)))
    return figures


def apart(one: NDArray[np.float64], other: NDArray[np.float64], column: int) -> float:
    """Mean difference of the bytes where a figure is equal, in the range that both have."""
    low, high = (
        pick(curve[end, column] for curve in (one, other)) for pick, end in ((max, 0), (min, -1))
    )
    at = np.linspace(low, high, 32)
    first, second = (np.interp(at, curve[:, column], curve[:, 0]) for curve in (one, other))
    return float(np.exp((second - first).mean()) - 1)


if __name__ == "__main__":
    main()
