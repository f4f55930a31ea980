"""Codewords that are rows of a transform against codewords of normals, in one run: bits, worth, time, memory, picture.

    OMP_NUM_THREADS=1 python plugins/diffc/benchmarks/hadamard.py PHOTO... [--side 256] [--bpp 0.05] [--seeds 5]

Of the first photograph, whole, the channel sends what `base/denoiser` lacks at step 0 in about `--bits` bits, seed by seed.
`conveyed` is A^2 / 2 in bits per bit sent, for the way A that z goes along it; `variance` that of z across it. Times are
processor time, the best of the seeds; `MiB` the peak of either end, besides what it is given. `x` are ratios to the row
of normals above. A last line says with how many bits a row conveys just as much as those.

PSNR is of E[x_0 | x_t] at `bpp`, for the middle `side` x `side` of each photograph, the mean over photographs and seeds;
`+-` the standard error of its difference from the row of normals, picture by picture and seed by seed. `seconds` are those
of a whole encoding and decoding of stage 1 there.
"""

from __future__ import annotations

import argparse
import math
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import torch
from ddcm import made, middle
from numpy.typing import NDArray

from gcodec.channels import Common, Gaussian
from gcodec.interfaces import Setup, Size
from gcodec.pictures import load_image, psnr
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec.signals import Noisy
from gcodec_diffc.channels import Codebook, Hadamard
from gcodec_diffc.ddcm.embedding import Ddcm
from gcodec_diffc.diffc._process import level, start

FloatArray: TypeAlias = NDArray[np.float32]
AnyCodebook: TypeAlias = Codebook | Hadamard


class Row(NamedTuple):
    """A channel for about so many bits, and the options of `ddcm` that choose it."""

    name: str
    base: str | None
    options: dict[str, Any]

    def channel(self, bits: int, atoms: int | None = None) -> AnyCodebook:
        """That sends as many bits as fit, or has so many atoms."""
        entries, one = 1 << self.options["codebook"], self.options.get("atoms") == 0
        kind = Codebook if self.options["method"] == "threshold" else Hadamard
        if not one:
            return kind(entries, blocks=bits // kind(entries).block_bits)
        if atoms is None:
            low, high = 1, kind.most_atoms(entries)
            while low < high:
                half = (low + high + 1) // 2
                low, high = (half, high) if kind(entries, half).bits <= bits else (low, half - 1)
            atoms = low
        return kind(entries, atoms)


ROWS = [
    Row("one block, normals", None, {"method": "threshold", "codebook": 14, "atoms": 0}),
    Row(
        "one block, rows", "one block, normals", {"method": "hadamard", "codebook": 14, "atoms": 0}
    ),
    Row(
        "one block, rows", "one block, normals", {"method": "hadamard", "codebook": 20, "atoms": 0}
    ),
    Row("blocks, normals", None, {"method": "threshold", "codebook": 14}),
    Row("blocks, rows", "blocks, normals", {"method": "hadamard", "codebook": 14}),
    Row("blocks, rows", "blocks, normals", {"method": "hadamard", "codebook": 16}),
]


class Sent(NamedTuple):
    """Means over seeds, the least times in ms, the peak in MiB."""

    bits: int
    squared: float
    variance: float
    encode: float
    decode: float
    peak: float

    @property
    def conveyed(self) -> float:
        return self.squared / 2 / math.log(2) / self.bits


def sent(channel: AnyCodebook, r: FloatArray, seeds: int) -> Sent:
    """What the channel makes of r."""
    reference, target = Gaussian.standard(r.size), Gaussian(r)
    unit = r / np.linalg.norm(r.astype(np.float64))
    squared, left, times = [], [], []
    for seed in range(seeds):
        common = Common(Randomness(seed), 0)
        began = time.process_time()
        bits = channel.simulate(target, reference, common)
        half = time.process_time()
        z = channel.replay(bits, reference, common).astype(np.float64)
        times.append((half - began, time.process_time() - half))
        squared.append(float(z @ unit) ** 2)
        left.append((float(z @ z) - squared[-1]) / (r.size - 1))
    tracemalloc.start()
    channel.replay(channel.simulate(target, reference, common), reference, common)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    encode, decode = (1000 * min(parts) for parts in zip(*times, strict=True))
    return Sent(channel.bits, float(np.mean(squared)), float(np.mean(left)), encode, decode, peak)


def equal(row: Row, r: FloatArray, wanted: float, bits: int, seeds: int) -> int:
    """The fewest bits by which one block conveys A^2 = `wanted` on average."""
    low, high = 1, row.channel(bits).atoms
    while low < high:
        half = (low + high) // 2
        enough = sent(row.channel(bits, half), r, seeds).squared >= wanted
        low, high = (low, half) if enough else (half + 1, high)
    return row.channel(bits, low).bits


def lacking(embedding: Ddcm, pixels: FloatArray) -> FloatArray:
    """x_0 - x0-hat at step 0."""
    x_0, size = embedding.analyse(pixels)
    state = start(embedding.setup.run, x_0.shape)
    condition = embedding.denoiser.condition({}, size)
    x0_hat = embedding.denoiser.x0(state.x_t, *level(0.0), condition)[0].numpy()
    return cast(FloatArray, (x_0 - x0_hat).ravel())


def seen(options: dict[str, Any], photos: list[FloatArray], bpp: float, seeds: int) -> Any:
    """PSNR of each picture and seed, and seconds there and back, on average."""
    embedding = made({name: str(value) for name, value in options.items()})
    quality, times = [], []
    for pixels in photos:
        size = Size(*pixels.shape[1:])
        analysis = embedding.analyse(pixels)
        levels = [q / 1024 for q in range(1025)]
        limit = bpp * math.prod(size) / 8
        asked = max(q for q in levels if sum(embedding.sizes(analysis, q)) <= limit)
        for seed in range(seeds):
            one = Ddcm(replace_run(embedding.setup, seed))
            began = time.process_time()
            layers = one.encode(analysis, asked)
            half = time.process_time()
            state = cast(Noisy, one.decode(layers, size)[0])
            times.append((half - began, time.process_time() - half))
            x_t, condition = torch.from_numpy(state.x_t)[None], one.denoiser.condition({}, size)
            x0_hat = one.denoiser.x0(x_t, state.alpha_t, state.sigma_t, condition)
            quality.append(psnr(pixels, one.space.decode(x0_hat[0].numpy(), size)))
    return np.array(quality), np.mean(times, axis=0)


def replace_run(setup: Setup, seed: int) -> Setup:
    """The setup with another seed."""
    return replace(setup, run=Run(seed=seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--bpp", type=float, default=0.05)
    parser.add_argument("--bits", type=int, default=2450)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    photos = [load_image(photo).pixels for photo in arguments.photos]
    r = lacking(made({}), photos[0])
    small = [middle(photo, arguments.side) for photo in photos]
    print(
        "| codewords | K | atoms | bits | conveyed | variance | encode ms | x | decode ms | x | MiB | x"
        " | PSNR | +- | seconds |"
    )
    print("|---|" + "---:|" * 14)
    bases: dict[str, tuple[Sent, Any]] = {}
    last = []
    for row in ROWS:
        channel = row.channel(arguments.bits)
        found = sent(channel, r, arguments.seeds)
        quality, seconds = seen(row.options, small, arguments.bpp, arguments.seeds)
        base, pictures = bases.setdefault(row.base or row.name, (found, quality))
        error = float((quality - pictures).std()) / math.sqrt(quality.size)
        print(
            f"| {row.name} | 2^{row.options['codebook']} | {channel.atoms * channel.blocks} | {found.bits} |"
            f" {found.conveyed:.3f} | {found.variance:.3f} |"
            f" {found.encode:.1f} | {base.encode / found.encode:.1f} |"
            f" {found.decode:.1f} | {base.decode / found.decode:.1f} |"
            f" {found.peak:.1f} | {base.peak / found.peak:.1f} |"
            f" {quality.mean():.2f} | {error:.2f} | {seconds[0]:.2f} / {seconds[1]:.2f} |",
            flush=True,
        )
        if row.base and channel.blocks == 1 and found.squared > base.squared:
            bits = equal(row, r, base.squared, arguments.bits, arguments.seeds)
            saved = 100 * (1 - bits / base.bits)
            last.append(
                f"2^{row.options['codebook']} rows in one block convey as much by {bits} bits: {saved:.1f} % fewer."
            )
    print(*last, sep="\n")


if __name__ == "__main__":
    main()
