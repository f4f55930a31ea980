"""Training photographs, decoded once into one memory-mapped array.

`pack` writes two files: `photos.bin`, every image's uint8 [H, W, 3] samples one after the other, and `photos.npz`, with
`name`, `height`, `width` and `offset` (in bytes) of each image, sorted by name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Photos", "pack", "packed"]

SUFFIXES = frozenset({".avif", ".jpg", ".jpeg", ".png", ".webp"})

UInt8 = NDArray[np.uint8]


def pack(source: Path, target: Path) -> None:
    """Decode every image below `source` (sRGB, alpha dropped) into `target`/photos.{bin,npz}."""
    from PIL import Image

    target.mkdir(parents=True, exist_ok=True)
    names, heights, widths, offsets = [], [], [], []
    position = 0
    partial = target / "photos.bin.part"
    with partial.open("wb") as stream:
        for path in sorted(p for p in source.iterdir() if p.suffix.lower() in SUFFIXES):
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            stream.write(pixels.tobytes())
            names.append(path.name)
            heights.append(pixels.shape[0])
            widths.append(pixels.shape[1])
            offsets.append(position)
            position += pixels.size
    np.savez(
        target / "photos.npz",
        name=np.array(names),
        height=np.array(heights),
        width=np.array(widths),
        offset=np.array(offsets, np.int64),
    )
    partial.replace(target / "photos.bin")


class Photos:
    """A packed set of photographs; `photos[i]` is a read-only uint8 [H, W, 3] view."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "photos.npz", allow_pickle=False) as index:
            self.names = [str(name) for name in index["name"]]
            self.height = index["height"]
            self.width = index["width"]
            self.offset = index["offset"]
        self._samples = np.memmap(folder / "photos.bin", np.uint8, "r")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> UInt8:
        height, width, start = int(self.height[i]), int(self.width[i]), int(self.offset[i])
        samples: UInt8 = self._samples[start : start + height * width * 3]
        return samples.reshape(height, width, 3)

    def split(self, held_out: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices to train on and indices held out; the choice depends on the seed alone."""
        order = np.random.default_rng(seed).permutation(len(self))
        return np.sort(order[held_out:]), np.sort(order[:held_out])

    def crops(
        self,
        members: NDArray[np.int64],
        count: int,
        size: int,
        rng: np.random.Generator,
        grid: int = 1,
    ) -> UInt8:
        """Random crops of the photographs `members`, half of them mirrored: uint8 [count, size, size, 3].

        A photograph is drawn in proportion to its area; corners lie on multiples of `grid`. Raises ValueError if none
        is as large as a crop.
        """
        fits = (self.height[members] >= size) & (self.width[members] >= size)
        weights = np.where(fits, self.height[members] * self.width[members], 0).astype(np.float64)
        if not fits.any():
            raise ValueError(f"no photograph is as large as a crop of {size}x{size}")
        batch = np.empty((count, size, size, 3), np.uint8)
        for slot, index in enumerate(rng.choice(members, count, p=weights / weights.sum())):
            photo = self[index]
            top, left = (grid * int(rng.integers((n - size) // grid + 1)) for n in photo.shape[:2])
            crop = photo[top : top + size, left : left + size]
            batch[slot] = crop[:, ::-1] if rng.random() < 0.5 else crop
        return batch

    def centre(self, index: int, size: int, multiple: int = 16) -> UInt8:
        """Central crop with sides a multiple of `multiple`, at most `size`: uint8 [h, w, 3]."""
        photo = self[index]
        h, w = (min(side, size) // multiple * multiple for side in photo.shape[:2])
        top, left = (photo.shape[0] - h) // 2, (photo.shape[1] - w) // 2
        return photo[top : top + h, left : left + w]


def packed(data: Path, cache: Path) -> Photos:
    """The photographs in `data`, packed there already or packed into `cache` on first use."""
    for folder in (data, cache):
        if (folder / "photos.bin").exists():
            return Photos(folder)
    pack(data, cache)
    return Photos(cache)
