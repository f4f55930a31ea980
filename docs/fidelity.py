"""Measure where embeddings err, and whether a fidelity map says so: the numbers of docs/fidelity.md.

    python docs/fidelity.py fit ntc 0.35,0.6,0.8 PHOTOGRAPH...             # EmbeddingSpec.spread, printed
    python docs/fidelity.py check ntc preview,bridge,flow 0.35,0.6,0.8 PHOTOGRAPH...

    python docs/fidelity.py draw docs/fidelity.jpg PHOTOGRAPH              # the figure

Of each photograph the middle is taken, 512x384 at most, and encoded at each quality; to `fit`, every second one also with
grain, as film and sensors have it, which counts twice: a preview says nothing of grain. `fit` finds the ten numbers under
which the errors of the previews are the likeliest, taken as normal with a deviation of their own in each pixel. `check`
sorts all pixels of all photographs by the error s that the map says, and compares it with the error that is there, in 8-bit
pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

import gcodec
from gcodec.pipeline.fidelity import expected_error, features, preview_of
from gcodec.pipeline.stage1 import open_stage1
from gcodec.plugin import EmbeddingSpec
from gcodec.registry import registry
from gcodec.signals import Preview

SIZE = (384, 512)
#: Pixels of each picture that are fitted.
COUNT = 2000
#: Classes of said errors, in levels of 8 bits.
EDGES = (0, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64)
#: A class with less of all pixels says nothing: it may be one object of one photograph.
LEAST = 0.005


@dataclass(frozen=True)
class Case:
    """One photograph at one quality: uint8 [3, H, W] as it was and as each reconstructor shows it, and the preview."""

    quality: str
    bpp: float
    original: np.ndarray[Any, Any]
    preview: Preview
    shown: dict[str, np.ndarray[Any, Any]]
    pixels: dict[str, np.ndarray[Any, Any]]


def cases(
    embedding: str,
    reconstructors: Iterable[str],
    qualities: Iterable[str],
    names: Iterable[str],
    grain: bool = False,
) -> Iterator[Case]:
    """Encode and decode; with `grain` as `fit` wants it."""
    with gcodec.Session() as session:
        for number, name in enumerate(names):
            whole = gcodec.load_image(name).pixels
            top, left = (max(0, (a - b) // 2) for a, b in zip(whole.shape[1:], SIZE, strict=True))
            middle = whole[:, top : top + SIZE[0], left : left + SIZE[1]]
            versions = [(middle, 1)]
            if grain and number % 2 == 0:
                versions.append((grainy(middle, number), 2))
            for pixels, times in versions:
                picture = gcodec.Picture.from_array(np.ascontiguousarray(pixels))
                for quality in qualities:
                    target = gcodec.Target(quality=float(quality))
                    data = session.encode(picture, embedding, target=target).data
                    yield from [case(quality, pixels, data, reconstructors, session)] * times


def grainy(pixels: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """With grain of 1.5 to 6 levels, most of it the same in all channels."""
    rng = np.random.default_rng(seed)
    size = rng.choice([1.5, 2.5, 4, 6]) / 255
    gray, colour = (rng.standard_normal((n, *pixels.shape[1:])) for n in (1, 3))
    noisy = pixels + size * (0.9 * gray + 0.45 * colour)
    rounded: np.ndarray[Any, Any] = (np.rint(noisy.clip(0, 1) * 255) / 255).astype(np.float32)
    return rounded


def case(
    quality: str,
    original: np.ndarray[Any, Any],
    data: bytes,
    reconstructors: Iterable[str],
    session: gcodec.Session,
) -> Case:
    """Decode by each reconstructor."""
    preview = preview_of(open_stage1(data))
    pixels = {name: session.decode(data, name).picture.pixels for name in reconstructors}
    bpp = 8 * len(data) / original[0].size
    return Case(
        quality, bpp, eight(original), preview, {n: eight(p) for n, p in pixels.items()}, pixels
    )


def eight(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """In 8 bits."""
    rounded: np.ndarray[Any, Any] = np.rint(pixels * 255).astype(np.uint8)
    return rounded


def squared(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Squared difference of two 8-bit pictures, averaged over the channels, [H, W]."""
    found: np.ndarray[Any, Any] = np.square(a.astype(np.float32) - b).mean(0)
    return found


def fit(found: Iterable[Case]) -> tuple[float, ...]:
    """The ten numbers of `EmbeddingSpec.spread`."""
    rng = np.random.default_rng(0)
    rows = []
    for one in found:
        stated = one.preview.mse * 255**2
        if stated == 0:
            continue
        error = np.square(one.original - 255 * one.preview.pixels).mean(0)
        some = rng.integers(0, error.size, COUNT)
        f = features(one.preview.pixels, stated).reshape(error.size, -1)[some]
        rows.append((f, error.ravel()[some], error.mean(), stated))
    columns = [torch.tensor(np.array(part)).double() for part in zip(*rows, strict=True)]
    f, error, real, states = columns
    level = torch.log2(states)
    # What is stated against what is: a straight line in the logarithms, nothing where it was measured.
    off = torch.log2(real / states)
    line = torch.stack([torch.ones_like(level), level], 1)
    bias = torch.linalg.lstsq(line, off[:, None]).solution[:, 0]
    if off.abs().median() < 0.05:
        bias = torch.zeros(2).double()
    mean = states * 2 ** (line @ bias)
    # Numbers of one size are found sooner.
    scale = torch.cat([f.std((0, 1)), f.std((0, 1)) * level.mean()])
    law = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([law], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        w, v = (law / scale).chunk(2)
        shape = torch.einsum("pnf,pf->pn", f, w + level[:, None] * v)
        log = shape - torch.logsumexp(shape, 1, True) + np.log(COUNT) + torch.log(mean)[:, None]
        value: torch.Tensor = (error * torch.exp((-log).clamp(max=30)) + log).mean()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    search.step(loss)  # type: ignore[no-untyped-call]
    return tuple(round(float(number), 4) for number in (*bias, *(law / scale).detach()))


def check(found: Iterable[Case], spread: tuple[float, ...]) -> None:
    """Print measured over said, by class of what is said."""
    sums: dict[tuple[str, str], np.ndarray[Any, Any]] = {}
    rates: dict[tuple[str, str], list[float]] = {}
    for one in found:
        for name, pixels in one.pixels.items():
            said = expected_error(one.preview, pixels, spread).ravel()
            real = squared(one.original, one.shown[name]).ravel()
            which = np.digitize(said, EDGES) - 1
            total = sums.setdefault((name, one.quality), np.zeros((len(EDGES), 3)))
            for column, values in enumerate((np.ones_like(said), said**2, real)):
                total[:, column] += np.bincount(which, values, len(EDGES))
            rates.setdefault((name, one.quality), []).append(one.bpp)
    classes = [f"{low}-{high}" for low, high in pairwise(EDGES)]
    print("| reconstructor | bpp | all |", " | ".join(classes), "|")
    print("|---" * (len(classes) + 3) + "|")
    for key, total in sorted(sums.items()):
        few = total[:-1, 0] < LEAST * total[:, 0].sum()
        ratios = np.sqrt(total[:-1, 2] / np.maximum(total[:-1, 1], 1e-9))
        cells = ["" if no else f"{ratio:.2f}" for no, ratio in zip(few, ratios, strict=True)]
        whole = np.sqrt(total[:, 2].sum() / total[:, 1].sum())
        print(f"| {key[0]} | {np.mean(rates[key]):.2f} | {whole:.2f} |", " | ".join(cells), "|")


def draw(output: str, photograph: str) -> None:
    """Original, `flow` at 0.1 bits per pixel, what the map says, and the error that is there, beside each other."""
    from matplotlib import colormaps

    picture = gcodec.load_image(photograph)
    data = gcodec.encode(picture, "ntc", target=gcodec.Target(bpp=0.1)).data
    made = gcodec.decode(data, "flow", fidelity=True)
    assert made.fidelity is not None
    real = np.sqrt(squared(eight(picture.pixels), eight(made.picture.pixels)))
    heat = [
        colormaps["inferno"](error / 40)[:, :, :3].transpose(2, 0, 1)
        for error in (made.fidelity, real)
    ]
    row = np.concatenate([picture.pixels, made.picture.pixels, *heat], 2).astype(np.float32)
    image = gcodec.Picture.from_array(row).to_pil()
    image.resize((image.width // 2, image.height // 2)).save(output, quality=85)


def main(what: str, embedding: str, *rest: str) -> None:
    """`fit`, `check` or `draw`."""
    if what == "draw":
        draw(embedding, *rest)
        return
    if what == "fit":
        qualities, *names = rest
        print(fit(cases(embedding, (), qualities.split(","), names, grain=True)))
        return
    reconstructors, qualities, *names = rest
    spec = registry().named(EmbeddingSpec, embedding)
    check(cases(embedding, reconstructors.split(","), qualities.split(","), names), spec.spread)


if __name__ == "__main__":
    main(*sys.argv[1:])
