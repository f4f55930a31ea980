"""What `perco` makes of photographs: bits of a token, and rate against error at every quality.

    python plugins/ldm/benchmarks/perco.py [FOLDER] [--limit N] [--model FOLDER] [--every N]

First table, all tokens the nearest ones: bits of a token with a fixed length, under adaptive frequencies of the whole
token and of its digits (order 0, estimator of Krichevsky and Trofimov), and under the prior. Second table: by quality,
bits per pixel of the whole file, squared error of the latent relative to its variance, that of the nearest tokens, PSNR
of the preview.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.models.networks import Codebook, open_codebook, open_space
from gcodec.pictures import load_image, psnr
from gcodec.run import Run
from gcodec.signals import Tokens
from gcodec_ldm.digits import digits_of
from gcodec_ldm.perco.codec import Book, Codec
from gcodec_ldm.perco.embedding import Perco
from gcodec_ldm.perco.learned import LEVELS, rate
from gcodec_train.photos import photographs

_IMAGES = Path(__file__).resolve().parents[3] / "tests" / "images"
#: Bytes of a registered file beside its layers.
_CONTAINER = 12


def adaptive(symbols: np.ndarray, alphabet: int) -> float:
    """Bits of `symbols` under their own adaptive frequencies, begun at 1/2 each."""
    counts, bits = np.full(alphabet, 0.5), 0.0
    for symbol in symbols:
        bits += float(np.log2(counts.sum() / counts[symbol]))
        counts[symbol] += 1
    return bits


def bits_of(
    codec: Codec, which: int, row: Book, book: Codebook, latent: np.ndarray, size: Size
) -> tuple[float, ...]:
    """Bits of one of the nearest tokens: fixed length, adaptive, adaptive by digit, under the prior."""
    nearest = book.quantize(latent)
    digits = digits_of(nearest, row.levels).reshape(-1, len(row.levels))
    stream = codec.encode(which, size, lambda v: digits[v.positions, v.digit])
    own = sum(adaptive(digits[:, i], n) for i, n in enumerate(row.levels))
    whole = adaptive(nearest.ravel(), book.entries)
    fixed = float(np.log2(book.entries))
    return fixed, whole / nearest.size, own / nearest.size, 8 * len(stream) / nearest.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="?", default=_IMAGES)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--model", default="base/perco")
    parser.add_argument("--every", type=int, default=5, help="of the qualities; 0 for none")
    arguments = parser.parse_args()
    run = Run()
    model = ModelStore.installed().find(arguments.model)
    perco = Perco(Setup(run, {"text": "", "captioner": ""}, model))
    codec = Codec(model.config, model.tensors())
    books = [open_codebook(run.models.find(book.model), run) for book in codec.books]
    space = open_space(run.models.find(books[0].space), run)

    lengths: dict[str, list[tuple[float, ...]]] = {}
    rows: dict[int, list[tuple[float, ...]]] = {}
    for path in photographs(arguments.photos)[: arguments.limit]:
        pixels = load_image(path.read_bytes()).pixels
        size = Size(*pixels.shape[1:])
        latent = space.encode(pixels)
        for which, (row, book) in enumerate(zip(codec.books, books, strict=True)):
            lengths.setdefault(book.name, []).append(bits_of(codec, which, row, book, latent, size))
        begun = time.perf_counter()
        analysis = perco.analyse(pixels)
        for level in range(0, LEVELS, arguments.every) if arguments.every else ():
            which, trade = rate(level / (LEVELS - 1))
            layers = perco.encode(analysis, level / (LEVELS - 1))
            made = time.perf_counter()
            tokens, _ = perco.decode(layers, size)
            read = time.perf_counter() - made
            assert isinstance(tokens, Tokens)
            book = books[which]
            estimate, _ = book.dequantize(tokens.indices, latent.shape[1:])  # type: ignore[arg-type]
            error = float(np.square(estimate - latent).mean() / np.square(latent).mean())
            decoded = space.decode(estimate, size)
            total = 8 * (len(layers[0]) + _CONTAINER)
            bpp = total / pixels[0].size
            rows.setdefault(level, []).append(
                (bpp, error, psnr(pixels, decoded), made - begun, read)
            )
            begun = time.perf_counter()
    print("bits of a token   fixed  order 0  digits   prior")
    for name, found in lengths.items():
        fixed, whole, own, coded = np.mean(found, 0)
        print(f"{name:15} {fixed:7.2f} {whole:8.2f} {own:7.2f} {coded:7.2f}")
    print("quality  codebook  lambda     bpp   left  of nearest   PSNR  encode  decode")
    for level, found in rows.items():
        which, trade = rate(level / (LEVELS - 1))
        bpp, left, fidelity, seconds, read = np.mean(found, 0)
        best = np.mean(
            [r[1] for r in rows[max(k for k in rows if rate(k / (LEVELS - 1))[0] == which)]]
        )
        print(
            f"{level / (LEVELS - 1):7.3f}  {books[which].name:8}  {trade:6.2f} {bpp:7.4f} {left:6.3f}"
            f" {left / best:11.3f} {fidelity:6.2f} {seconds:7.2f} {read:7.2f}"
        )


if __name__ == "__main__":
    main()
