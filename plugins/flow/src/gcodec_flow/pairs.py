"""Training pairs (X, Y, mse): crops of photographs and of their lossy reconstructions.

A whole photograph is encoded at a random quality, by Pillow or by an installed embedding, decoded again, and cropped at
positions that are multiples of 16 (so that 4-, 8- and 16-pixel block grids keep their phase, as they do when a whole
image is reconstructed). `make` keeps them in a folder:

    x.npy, y.npy   uint8 [N, size, size, 3]   the original and the preview
    mse.npy        float32 [N]                squared error per sample of the *whole* image, [0, 1]; -1: not made yet
    about.json     what they were made from; other pairs are made where it differs
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gcodec.interfaces import Embedding, Setup, Size
from gcodec.options import check_options
from gcodec.pipeline.stage1 import build
from gcodec.progress import Progress, silent
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_train import Photos

GRID = 16

#: Quality as a function of u ~ U(0, 1), chosen to spread the rates over about 0.05..1 bpp.
QUALITIES = {
    "jpeg": lambda u: round(3 * 20**u),
    "webp": lambda u: round(85 * u**1.3),
    "avif": lambda u: round(8 + 60 * u),
    "jxl": lambda u: round(8 + 75 * u),
}
#: Pairs closer than this (60 dB) teach nothing and would be divided by almost zero.
SMALLEST_MSE = 1e-6

#: Codec: uint8 [h, w, 3] and u in [0, 1] to the decoded uint8 [h, w, 3].
Codec = Callable[[np.ndarray, float], np.ndarray]


@dataclass(frozen=True)
class PairSet:
    """How one set of pairs is made: a table [pairs.NAME] of the recipe. Raises ValueError.

    codecs       "jpeg", "webp", "avif", "jxl" of Pillow, or "gcodec:NAME", an embedding; taken in turn.
    share        of a batch that is drawn from this set.
    photographs  at most so many, the first of a random order; 0: all.
    encodings, crops   of one photograph, of one encoding.
    size         of a crop, in pixels.
    """

    codecs: tuple[str, ...]
    share: float = 1.0
    photographs: int = 0
    encodings: int = 6
    crops: int = 4
    size: int = 128

    def __post_init__(self) -> None:
        foreign = [c for c in self.codecs if c not in QUALITIES and not c.startswith("gcodec:")]
        if foreign or not self.codecs:
            known = ", ".join([*QUALITIES, "gcodec:NAME"])
            raise ValueError(f"codecs = {list(self.codecs)}: those known are {known}")
        if self.share <= 0 or min(self.encodings, self.crops) < 1 or self.photographs < 0:
            raise ValueError(
                "share, encodings and crops must be more than 0, photographs 0 or more"
            )
        if self.size < GRID or self.size % GRID:
            raise ValueError(f"size = {self.size} is no multiple of {GRID}")


class Pairs:
    """Memory-mapped pairs of one folder."""

    def __init__(self, folder: Path) -> None:
        self.x = np.load(folder / "x.npy", mmap_mode="r")
        self.y = np.load(folder / "y.npy", mmap_mode="r")
        self.mse = np.load(folder / "mse.npy")
        self.usable = np.flatnonzero(self.mse > SMALLEST_MSE)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
        """One pair (x, y) uint8 [h, w, 3], possibly mirrored, and its image's mse."""
        i = int(rng.choice(self.usable))
        step = -1 if rng.random() < 0.5 else 1
        return self.x[i][:, ::step], self.y[i][:, ::step], float(self.mse[i])


def make(
    photos: Photos,
    members: NDArray[np.int64],
    settings: PairSet,
    seed: int,
    folder: Path,
    progress: Progress = silent,
) -> Pairs:
    """The pairs of the photographs `members`, made in `folder` unless they are there; an interrupted making goes on.

    They depend on the photographs, the settings, the seed and the installed codecs alone; those of other weights of an
    embedding are made anew. Raises ValueError if no photograph is as large as a crop, and whatever an embedding raises.
    """
    order = np.random.default_rng(seed).permutation(np.sort(members))
    shortest = np.minimum(photos.height, photos.width)
    chosen = [int(i) for i in order[: settings.photographs or None] if shortest[i] >= settings.size]
    if not chosen:
        raise ValueError(f"no photograph is as large as a crop of {settings.size}x{settings.size}")
    each = settings.encodings * settings.crops
    about: dict[str, Any] = {
        "settings": asdict(settings) | {"codecs": list(settings.codecs)},
        "seed": seed,
        "photographs": [photos.digests[i] for i in chosen],
    }
    if models := digests(settings.codecs):
        about["models"] = models
    xs, ys, mses = _arrays(folder, about, each * len(chosen), settings.size)
    missing = [n for n in range(len(chosen)) if (mses[n * each : (n + 1) * each] < 0).any()]
    codecs = [codec_named(name) for name in settings.codecs] if missing else []

    def fill(n: int) -> None:
        rng = np.random.default_rng((seed, chosen[n]))
        x, at = photos[chosen[n]], n * each
        found = []
        for k in range(settings.encodings):
            y = codecs[(k + chosen[n]) % len(codecs)](x, rng.random())
            found += [squared_error(x, y)] * settings.crops
            for pair in crops(x, y, settings.crops, settings.size, rng):
                xs[at], ys[at] = pair
                at += 1
        # The last word: until then the photograph counts as not made.
        mses[n * each : (n + 1) * each] = found

    # Pillow's encoders let other threads run; embeddings bring threads of their own.
    own = any(name.startswith("gcodec:") for name in settings.codecs)
    with ThreadPoolExecutor(1 if own else os.cpu_count()) as pool:
        try:
            for done, _ in enumerate(pool.map(fill, missing), len(chosen) - len(missing) + 1):
                progress(f"making pairs in {folder.name}", done, len(chosen))
        finally:
            pool.shutdown(cancel_futures=True)
            for array in (xs, ys, mses):
                array.flush()
    return Pairs(folder)


def _arrays(folder: Path, about: dict[str, Any], total: int, size: int) -> list[np.memmap]:
    """Open the arrays of a folder for writing; new ones if those there were made from something else."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.npy" for name in ("x", "y", "mse")]
    note = folder / "about.json"
    if note.exists() and json.loads(note.read_text("utf-8")) == about:
        return [np.lib.format.open_memmap(path, "r+") for path in paths]
    note.unlink(missing_ok=True)
    shape = (total, size, size, 3)
    arrays = [np.lib.format.open_memmap(path, "w+", np.uint8, shape) for path in paths[:2]]
    mses = np.lib.format.open_memmap(paths[2], "w+", np.float32, (total,))
    mses[:] = -1
    note.write_text(json.dumps(about), "utf-8")
    return [*arrays, mses]


def digests(codecs: Iterable[str]) -> dict[str, str]:
    """The digests of the weights of those codecs that have some. Raises what the registry and the store of models raise."""
    named = (registry().embedding(c.removeprefix("gcodec:")) for c in codecs if ":" in c)
    return {spec.name: Run().models.find(spec.model).digest for spec in named if spec.model}


def codec_named(name: str) -> Codec:
    """ "jpeg", "webp", "avif" or "jxl" of Pillow at its defaults, or "gcodec:NAME", an embedding."""
    if name == "jxl":
        import pillow_jxl  # noqa: F401  (registers the format)
    if not name.startswith("gcodec:"):
        return partial(_through_pillow, name)
    spec = registry().embedding(name.removeprefix("gcodec:"))
    run = Run()
    weights = run.models.find(spec.model) if spec.model else None
    setup = Setup(run, check_options(spec.name, spec.options, {}), weights)
    return partial(_through_embedding, build(spec, setup))


def _through_embedding(embedding: Embedding, x: np.ndarray, u: float) -> np.ndarray:
    pixels = np.ascontiguousarray(x.transpose(2, 0, 1), np.float32) / np.float32(255)
    layers = embedding.encode(embedding.analyse(pixels), 0.8 * u)
    (preview,) = embedding.decode(layers, Size(*x.shape[:2]))
    assert isinstance(preview, Preview)
    return np.rint(255 * preview.pixels).astype(np.uint8).transpose(1, 2, 0)


def _through_pillow(codec: str, x: np.ndarray, u: float) -> np.ndarray:
    quality = QUALITIES[codec](u)
    buffer = io.BytesIO()
    settings: dict[str, dict[str, Any]] = {
        "jpeg": {"format": "JPEG", "quality": quality},
        "webp": {"format": "WEBP", "quality": quality, "method": 4},
        # One thread an image: libaom's own would make the bytes depend on their number.
        "avif": {"format": "AVIF", "quality": quality, "speed": 8, "max_threads": 1},
        "jxl": {"format": "JXL", "quality": quality, "effort": 4},
    }
    Image.fromarray(x).save(buffer, **settings[codec])
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))


def squared_error(x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error per sample of two uint8 images, on the [0, 1] scale."""
    return float(np.square(x.astype(np.float32) - y.astype(np.float32)).mean() / 255**2)


def crops(
    x: np.ndarray, y: np.ndarray, count: int, size: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`count` aligned crop pairs [size, size, 3] at random multiples of 16."""
    height, width, _ = x.shape
    for _ in range(count):
        top = GRID * int(rng.integers(0, (height - size) // GRID + 1))
        left = GRID * int(rng.integers(0, (width - size) // GRID + 1))
        window = np.s_[top : top + size, left : left + size]
        yield x[window], y[window]
