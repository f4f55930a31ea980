"""Where `diffc` loses what its files take over the ideal channel: two passes of the steps for each channel, all in one run.

    python plugins/diffc/benchmarks/losses.py PHOTO... [--channels antipodal folded:memory=18] [--quality 0.7] [--seeds 0 1]

A channel, and its rate in three ways from the same states: its bits; and the bits that say each step's time; and all bytes
of a file that ends after the step. Then the ideal one: in each of its steps a sample that goes |m| along m, at its KL for
bits and nothing else. Across m it has the channel's own noise. So both paths have the same luck, and one photograph tells
them apart to a few tenths of a per cent, where independent noise would take dozens. `conveyed` is A^2/2 in bits, per bit.
Seconds are of processor time in the channel's search.

Rates are compared at equal error of x0-hat in the latent, which every step knows already; for small networks
the autoencoder's error is small beside it. Bjontegaard rate differences against ideal, mean over the photographs and,
after +-, its standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import gcodec_formats as gcx
from gcodec.interfaces import Setup, Size
from gcodec.options import check_options
from gcodec.pictures import load_image
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_diffc.diffc import _stream
from gcodec_diffc.diffc._process import start
from gcodec_diffc.diffc._stream import Piece
from gcodec_diffc.diffc.embedding import Diffc
from gcodec_eval._bjontegaard import bd_rate

Curve = list[tuple[float, float]]
Array = NDArray[np.float32]


class Pass(NamedTuple):
    """What one pass found: curves by name, bits conveyed by each step for each bit, seconds in the channel."""

    curves: dict[str, Curve]
    conveyed: list[float]
    seconds: float


def walk(embedding: Diffc, x_0: Array, size: Size, lengths: list[int]) -> tuple[Pass, list[Array]]:
    """One pass of the steps by the embedding's channel, and what the samples of its steps have across m."""
    state, area, sent = start(embedding.setup.run, x_0.shape), math.prod(size), list[Piece]()
    condition, there = embedding.denoiser.condition({}, size), torch.from_numpy(x_0)[None]
    bits, conveyed, seconds, across = 0, list[float](), 0.0, list[Array]()
    curves: dict[str, Curve] = {"bits": [], "steps": [], "file": []}
    for length in [*lengths, 0]:
        x0_hat = embedding._x0_hat(state, condition)
        r = (there - x0_hat).numpy().ravel()
        if sent:
            sizes = [piece.length for piece in sent]
            rates = bits, 8 * sum(sizes), 8 * whole(sizes, size)
            for curve, rate in zip(curves.values(), rates, strict=True):
                curve.append((rate / area, error_in_dB(r)))
        if not length:
            break
        began = time.process_time()
        piece, snr, z = embedding._send(there - x0_hat, state, length, sent[-1:])
        seconds += time.process_time() - began
        count = _stream.bits_of(length, True)
        norm = float(np.linalg.norm(r.astype(np.float64)))
        A = float(z.astype(np.float64) @ r) / norm
        conveyed.append(A**2 / (2 * math.log(2) * count))
        bits += count
        sent.append(piece)
        across.append(z - np.float32(A / norm) * r)
        state = state.after(x0_hat, z, snr)
    return Pass(curves, conveyed, seconds), across


def ideal(
    embedding: Diffc, x_0: Array, size: Size, lengths: list[int], noise: list[Array]
) -> Curve:
    """The pass of a channel that loses nothing, its samples across m those of `noise`."""
    state, area = start(embedding.setup.run, x_0.shape), math.prod(size)
    condition, there = embedding.denoiser.condition({}, size), torch.from_numpy(x_0)[None]
    bits, curve = 0, Curve()
    for step, length in enumerate([*lengths, 0]):
        x0_hat = embedding._x0_hat(state, condition)
        r = (there - x0_hat).numpy().ravel()
        if bits:
            curve.append((bits / area, error_in_dB(r)))
        if not length:
            break
        z = noise[step]
        norm = float(np.linalg.norm(r.astype(np.float64)))
        count = _stream.bits_of(length, True)
        nominal = math.sqrt(2 * math.log(2) * count)
        A = float(z.astype(np.float64) @ r) / norm
        along = np.float32((nominal - A) / norm)
        bits += count
        state = state.after(x0_hat, z + along * r, state.snr + (nominal / norm) ** 2)
    return curve


def error_in_dB(r: Array) -> float:
    """Of the squared error per dimension."""
    return -10 * math.log10(float(np.square(r, dtype=np.float64).mean()))


def whole(sizes: list[int], size: Size) -> int:
    """Bytes of a file of steps of these bytes, and of a head of two."""
    parts = [sum(sizes[part]) for part in _stream.layers(sizes)]
    segments = [gcx.Segment(gcx.MAIN, bytes(part + 2 * (not k))) for k, part in enumerate(parts)]
    header = gcx.Header(gcx.Identity(id=40, profile=2), size, {})
    return len(gcx.write(gcx.File(header, tuple(segments), progressive=True)))


def made(channel: str, seed: int) -> Diffc:
    spec, run = registry().embedding("diffc"), Run(seed=seed)
    values = check_options("diffc", spec.options, {"channel": channel})
    return Diffc(Setup(run, values, run.models.find("base/diffc")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--channels", nargs="+", default=["antipodal", "folded"])
    parser.add_argument("--quality", type=float, default=0.7)
    parser.add_argument("--least", type=float, default=0.02, help="bits per pixel")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found: dict[str, list[list[float]]] = {}
    for photo, seed, channel in product(arguments.photos, arguments.seeds, arguments.channels):
        embedding = made(channel, seed)
        x_0, size = embedding.analyse(load_image(photo).pixels)
        lengths = embedding._lengths(x_0.size, arguments.quality)
        one, samples = walk(embedding, x_0, size, lengths)
        anchor = ideal(embedding, x_0, size, lengths, samples)
        first = sum(rate < arguments.least for rate, _ in anchor)
        rates = [bd_rate(anchor[first:], curve[first:]) for curve in one.curves.values()]
        row = [*rates, float(np.mean(one.conveyed)), one.seconds]
        found.setdefault(channel, []).append(row)
        print(json.dumps([photo, seed, channel, *(round(value, 3) for value in row)]), flush=True)
    print(f"{len(arguments.photos)} photographs, {len(arguments.seeds)} seeds; % over ideal")
    print(f"{'':28}            bits           steps            file  conveyed  seconds")
    for name, rows in found.items():
        *rates, conveyed, seconds = np.mean(rows, 0)
        errors = np.std(rows, 0) / max(len(rows) - 1, 1) ** 0.5
        texts = (f"{rate:+9.2f} +-{e:4.2f}" for rate, e in zip(rates, errors, strict=False))
        print(f"{name:28}" + " ".join(texts) + f"{conveyed:10.4f}{seconds:9.1f}")


if __name__ == "__main__":
    main()
