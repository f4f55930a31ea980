"""Training photographs, decoded once into one memory-mapped array.

`pack` writes two files: `photos.bin`, every image's uint8 [H, W, 3] samples one after the other, and
`photos.npz`, with `name`, `height`, `width` and `offset` (in bytes) of each image, sorted by name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

SUFFIXES = frozenset({".avif", ".jpg", ".jpeg", ".png", ".webp"})


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
    partial.rename(target / "photos.bin")


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

    def __getitem__(self, i: int) -> np.ndarray:
        height, width, start = int(self.height[i]), int(self.width[i]), int(self.offset[i])
        return self._samples[start : start + height * width * 3].reshape(height, width, 3)
