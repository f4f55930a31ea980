"""Measure the realism dial and draw it: one file per photograph and rate, decoded at five points of the line.

    python docs/realism.py docs/realism.png PHOTOGRAPH...

Prints the table of docs/realism.md and plots its means. PSNR and LPIPS are those of 8-bit pictures, as a receiver gets them.
For the comparison with theory squared errors are taken before rounding: that of

    X_alpha = X* + alpha (X_0 - X*)

is, where the two errors are orthogonal, D* + alpha^2 |X_0 - X*|^2 (see `gcodec.pipeline.stage2`). How near they are to that
is the cosine of the angle between X - X* and X_0 - X*. LPIPS needs its weights: GCODEC_METRICS, see `gcodec_eval.metrics`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import gcodec
from gcodec_eval import metrics

RATES = (0.1, 0.2)
REALISM = (0.0, 0.25, 0.5, 0.75, 1.0)


def decoded(data: bytes, alpha: float) -> gcodec.Decoded:
    """The file at one point of the line, with the reconstructor's default settings."""
    return gcodec.decode(data, "flow", options={"realism": alpha})


def measured(photograph: str, bpp: float) -> tuple[list[tuple[float, ...]], float]:
    """For each realism: bits per pixel, PSNR, LPIPS, squared error, what theory says of it; and the cosine."""
    picture = gcodec.load_image(photograph)
    data = gcodec.encode(picture, "ntc", target=gcodec.Target(bpp=bpp)).data
    x = picture.pixels.astype(np.float64)
    made = {alpha: decoded(data, alpha).picture.pixels for alpha in REALISM}
    error, added = x - made[0.0], made[1.0] - made[0.0].astype(np.float64)
    rows = []
    for alpha, pixels in made.items():
        shown = (np.rint(pixels * 255) / 255).astype(np.float32)
        theory = np.mean(error**2) + alpha**2 * np.mean(added**2)
        rows.append(
            (
                8 * len(data) / x[0].size,
                metrics.psnr(picture.pixels, shown),
                metrics.lpips(picture.pixels, shown),
                float(np.mean((x - pixels) ** 2)),
                float(theory),
            )
        )
    cosine = np.mean(error * added) / np.sqrt(np.mean(error**2) * np.mean(added**2))
    return rows, float(cosine)


def main(output: str, *photographs: str) -> None:
    """Print a table per rate and plot PSNR and LPIPS against realism."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for bpp in RATES:
        found = [measured(photograph, bpp) for photograph in photographs]
        values = np.array([rows for rows, _ in found])  # [photographs, realism, columns]
        rate, psnr, lpips = values[..., :3].mean(0).T
        ratio = values[..., 3:] / values[:, :1, 3:4]  # in multiples of the preview's squared error
        print(f"{rate[0]:.3f} bpp")
        print("| realism | PSNR | LPIPS | squared error | orthogonal | perfect: 1 + alpha^2 |")
        for i, alpha in enumerate(REALISM):
            real, theory = ratio[:, i].mean(0)
            print(
                f"| {alpha:g} | {psnr[i]:.2f} | {lpips[i]:.3f} | {real:.3f} | {theory:.3f} |"
                f" {1 + alpha**2:.3f} |"
            )
        for photograph, (rows, cosine) in zip(photographs, found, strict=True):
            cells = " | ".join(f"{row[1]:.2f} / {row[2]:.3f}" for row in rows)
            print(f"| {Path(photograph).stem} | {cells} | {cosine:.3f} |")
        for axes, column in ((left, psnr), (right, lpips)):
            axes.plot(REALISM, column, marker="o", label=f"ntc + flow, {rate[0]:.2f} bpp")
    left.set(xlabel="realism", ylabel="PSNR, dB (higher is better)")
    right.set(xlabel="realism", ylabel="LPIPS (lower is better)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
