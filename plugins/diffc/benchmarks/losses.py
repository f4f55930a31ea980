"""Where `diffc` loses what its files take over the ideal channel: one pass of the steps for each row, all in one run.

    python plugins/diffc/benchmarks/losses.py PHOTO... [--channels antipodal folded:memory=18] [--quality 0.7] [--parts]

Ideal: a sample of the target itself, at its KL for bits and nothing else. Then a channel, and its rate in three ways from
the same states: its bits; and a byte a step, that says the time; and all bytes of a file that ends after the step. With
--parts two passes more: an ideal channel whose sample goes |m| along m without a spread, and the channel with times that are
not rounded. `conveyed` is A^2/2 in bits, per bit. Seconds are of processor time in the channel's search.

Rates are compared at equal error of x0-hat in the latent, which every step knows already; for small networks
the autoencoder's error is small beside it. Bjontegaard rate differences against ideal, mean over the photographs.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import gcodec_formats as gcx
from gcodec.channels import Gaussian
from gcodec.interfaces import Setup, Size
from gcodec.options import check_options
from gcodec.pictures import load_image
from gcodec.randomness import Domain, Randomness
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_diffc.diffc import _stream
from gcodec_diffc.diffc._process import start
from gcodec_diffc.diffc.embedding import Diffc
from gcodec_eval._bjontegaard import bd_rate

Curve = list[tuple[float, float]]
Array = NDArray[np.float32]


class Pass(NamedTuple):
    """What one pass found: curves by name, bits conveyed by each step for each bit, seconds in the channel."""

    curves: dict[str, Curve]
    conveyed: list[float]
    seconds: float


def walk(
    embedding: Diffc, x_0: Array, size: Size, lengths: list[int], how: str, rounded: bool
) -> Pass:
    """One pass of the steps, by the embedding's channel or, where `how` says ideal or steady, by none."""
    state, noise = start(embedding.setup.run, x_0.shape), Randomness(1)
    condition = embedding.denoiser.condition({}, size)
    there, area = torch.from_numpy(x_0)[None], size.height * size.width
    bits, sizes, conveyed, seconds = 0, list[int](), list[float](), 0.0
    curves: dict[str, Curve] = {}
    for length in [*lengths, 0]:
        x0_hat = embedding._x0_hat(state, condition)
        r = (there - x0_hat).numpy().ravel()
        norm = float(np.linalg.norm(r.astype(np.float64)))
        if sizes:
            quality = -10 * math.log10(norm**2 / r.size)
            steps = bits + 8 * len(sizes)
            for name, rate in (("bits", bits), ("steps", steps), ("file", 8 * whole(sizes, size))):
                curves.setdefault(name, []).append((rate / area, quality))
        if not length:
            break
        nominal = math.sqrt(2 * math.log(2) * 8 * length)
        began = time.process_time()
        if how in ("ideal", "steady"):
            z = noise.normal(Domain.ENCODER, state.step, 0, r.size)
            if how == "steady":
                z -= np.float32(z.astype(np.float64) @ r / norm**2) * r
            A = nominal
            z += np.float32(nominal / norm) * r
        else:
            channel, common = embedding.head.channel(length), embedding._common(state.step)
            reference = Gaussian.standard(r.size)
            sent = channel.simulate(Gaussian(r * np.float32(nominal / norm)), reference, common)
            seconds += time.process_time() - began
            z = channel.replay(sent, reference, common)
            A = float(z.astype(np.float64) @ r) / norm
        snr = state.snr + (A / norm) ** 2
        if rounded:
            code = _stream.error_code((norm * nominal / A) ** 2 / r.size)
            snr = _stream.snr_after(state.snr, code, length, r.size)
        conveyed.append((A / nominal) ** 2)
        bits += 8 * length
        sizes.append(1 + length)
        state = state.after(x0_hat, z, snr)
    return Pass(curves, conveyed, seconds)


def whole(sizes: list[int], size: Size) -> int:
    """Bytes of a file of steps of these bytes, and of a head of one."""
    parts = [sum(sizes[part]) for part in _stream.layers(sizes)]
    segments = [gcx.Segment(gcx.MAIN, bytes(part + (not k))) for k, part in enumerate(parts)]
    header = gcx.Header(gcx.Identity(id=40, profile=1), size, {})
    return len(gcx.write(gcx.File(header, tuple(segments), progressive=True)))


def passes(photo: str, arguments: argparse.Namespace) -> Iterator[tuple[str, Pass]]:
    ideal = made(arguments.channels[0])
    x_0, size = ideal.analyse(load_image(photo).pixels)
    lengths = ideal._lengths(x_0.size, arguments.quality)
    yield "ideal", walk(ideal, x_0, size, lengths, "ideal", False)
    if arguments.parts:
        yield "ideal, A = |m|", walk(ideal, x_0, size, lengths, "steady", False)
    for channel in arguments.channels:
        if arguments.parts:
            yield f"{channel}, exact", walk(made(channel), x_0, size, lengths, channel, False)
        yield channel, walk(made(channel), x_0, size, lengths, channel, True)


def made(channel: str) -> Diffc:
    spec, run = registry().embedding("diffc"), Run()
    values = check_options("diffc", spec.options, {"channel": channel})
    return Diffc(Setup(run, values, run.models.find("base/diffc")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--channels", nargs="+", default=["antipodal", "folded"])
    parser.add_argument("--quality", type=float, default=0.7)
    parser.add_argument("--least", type=float, default=0.02, help="bits per pixel")
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found: dict[str, list[list[float]]] = {}
    for photo in arguments.photos:
        anchor: Curve = []
        for name, (curves, conveyed, seconds) in passes(photo, arguments):
            first = sum(rate < arguments.least for rate, _ in curves["bits"])
            anchor = anchor or curves["bits"][first:]
            rates = [bd_rate(anchor, curve[first:]) for curve in curves.values()]
            row = [*rates, float(np.mean(conveyed)), seconds]
            found.setdefault(name, []).append(row)
            print(json.dumps([photo, name, *(round(value, 3) for value in row)]), flush=True)
    print(f"{len(arguments.photos)} photographs; % over ideal")
    print(f"{'':28}    bits   steps    file  conveyed  seconds")
    for name, rows in found.items():
        *rates, conveyed_, seconds_ = np.mean(rows, 0)
        print(f"{name:28}" + "".join(f"{rate:+8.2f}" for rate in rates), end="")
        print(f"{conveyed_:10.4f}{seconds_:9.1f}")


if __name__ == "__main__":
    main()
