"""Training photographs, decoded once into one memory-mapped array.

`packed` writes two files into a cache: `photos.bin`, every photograph's uint8 [H, W, 3] samples one after the other,
and `photos.npz`, with `name`, `sha256` and `bytes` of each file, `height`, `width` and `offset` (in bytes) of its
samples, sorted by name; `unread` and `unread_bytes` are those that could not be read. Imports no torch.
"""

from __future__ import annotations

import csv
import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import ImageError, OutputError
from gcodec.files import atomic_write, why
from gcodec.pictures import load_image, pictures_among
from gcodec.progress import Progress, silent

__all__ = ["Photos", "packed", "photographs", "present"]

_INDEX = "photos.npz"
_SAMPLES = "photos.bin"

#: Images that are named where more of them cannot be read.
_NAMED = 4

UInt8 = NDArray[np.uint8]


def photographs(folder: Path) -> list[Path]:
    """Return every file below a folder that its name calls a picture, in the order of their POSIX paths.

    A warning counts the others. Raises ImageError if there is none.
    """
    files = sorted(
        (p for p in folder.rglob("*") if p.is_file()),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    found = pictures_among(files, folder)
    if not found:
        raise ImageError(str(folder), "the folder holds no images (PNG, JPEG, WebP, AVIF, ...)")
    return found


def packed(data: Path, cache: Path, progress: Progress = silent) -> Photos:
    """The photographs below `data`, packed into `cache` unless they lie there already.

    Files of the same names and sizes are taken for the same. An image that cannot be read is passed over, with a warning.
    Raises ImageError for a folder without images, or with none that can be read, and OutputError.
    """
    files = photographs(data)
    names = [path.relative_to(data).as_posix() for path in files]
    sizes = [path.stat().st_size for path in files]
    photos = present(cache)
    if photos is not None:
        known = {**dict(zip(photos.names, photos.sizes, strict=True)), **photos.unread}
        if known == dict(zip(names, sizes, strict=True)):
            return photos
    _pack(files, names, data, cache, progress)
    return Photos(cache)


def present(cache: Path) -> Photos | None:
    """The photographs that a cache holds; None if it holds none, or none that this version can read."""
    try:
        return Photos(cache)
    except (OSError, EOFError, KeyError, ValueError, BadZipFile):
        return None


def _pack(
    files: list[Path], names: list[str], source: Path, target: Path, progress: Progress
) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Samples without their index are taken for nothing.
        (target / _INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(target, why(error)) from error
    heights, widths, offsets, sizes, digests, kept = [], [], [], [], [], []
    unread: dict[str, str] = {}
    position = 0
    with atomic_write(target / _SAMPLES, force=True) as stream:
        for count, (path, name) in enumerate(zip(files, names, strict=True)):
            progress("packing photographs", count, len(files))
            try:
                pixels, content = decoded(path)
            except ImageError as error:
                unread[name] = error.reason
                continue
            kept.append(name)
            stream.write(pixels.tobytes())
            heights.append(pixels.shape[0])
            widths.append(pixels.shape[1])
            offsets.append(position)
            sizes.append(len(content))
            digests.append(hashlib.sha256(content).hexdigest())
            position += pixels.size
        tell_unread(source, unread, len(files))
    progress("packing photographs", len(files), len(files))
    with atomic_write(target / _INDEX, force=True) as stream:
        np.savez(
            stream,
            source=np.array(str(source)),
            name=np.array(kept),
            sha256=np.array(digests),
            bytes=np.array(sizes, np.int64),
            height=np.array(heights),
            width=np.array(widths),
            offset=np.array(offsets, np.int64),
            unread=np.array([*unread], str),
            unread_bytes=np.array([(source / name).stat().st_size for name in unread], np.int64),
        )


def tell_unread(source: Path, unread: Mapping[str, str], total: int) -> None:
    """Warn of images that cannot be read: name -> reason. Raises ImageError where these are all that there are."""
    if not unread:
        return
    first = ", ".join(f"{name} ({reason})" for name, reason in [*unread.items()][:_NAMED])
    more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
    text = f"{len(unread)} of {total} images cannot be read: {first}{more}"
    if len(unread) == total:
        raise ImageError(str(source), text)
    warnings.warn(f"{source}: {text}; they are passed over", stacklevel=3)


def decoded(path: Path) -> tuple[UInt8, bytes]:
    """The samples of an image file, upright, alpha dropped, uint8 [H, W, 3], and its contents. Raises ImageError."""
    try:
        content = path.read_bytes()
        picture = load_image(content)
    except OSError as error:
        raise ImageError(str(path), f"cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise ImageError(str(path), error.reason) from error
    octets = np.rint(picture.pixels * np.float32(255)).astype(np.uint8)
    return np.ascontiguousarray(octets.transpose(1, 2, 0)), content


class Photos:
    """A packed set of photographs; `photos[i]` is a read-only uint8 [H, W, 3] view.

    source  the folder that they came from.
    names, sizes, digests   of their files there: POSIX paths, bytes, SHA-256.
    height, width           in pixels, int64 [N].
    unread  files that could not be read, and their bytes.

    Raises OSError, EOFError, KeyError, ValueError or BadZipFile where the folder does not hold such a set.
    """

    def __init__(self, folder: Path) -> None:
        # Opened here: np.load would leave a damaged file open.
        with (folder / _INDEX).open("rb") as file, np.load(file, allow_pickle=False) as index:
            self.source = str(index["source"])
            self.names = [str(name) for name in index["name"]]
            self.digests = [str(digest) for digest in index["sha256"]]
            self.sizes = [int(size) for size in index["bytes"]]
            self.height = index["height"]
            self.width = index["width"]
            self.offset = index["offset"]
            lengths = map(int, index["unread_bytes"])
            self.unread = dict(zip(map(str, index["unread"]), lengths, strict=True))
        self._samples = np.memmap(folder / _SAMPLES, np.uint8, "r")
        if self._samples.size != 3 * int((self.height * self.width).sum()):
            raise ValueError(f"{folder / _SAMPLES} holds other samples than {_INDEX} says")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, i: int) -> UInt8:
        height, width, start = int(self.height[i]), int(self.width[i]), int(self.offset[i])
        samples: UInt8 = self._samples[start : start + height * width * 3]
        return samples.reshape(height, width, 3)

    def listing(self) -> str:
        """The set as CSV: file, sha256, width, height."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("file", "sha256", "width", "height"))
        writer.writerows(zip(self.names, self.digests, self.width, self.height, strict=True))
        return table.getvalue()

    def split(self, held_out: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices to train on and indices held out; the choice depends on the seed alone.

        Raises ImageError if none would be left to train on.
        """
        if held_out >= len(self):
            raise ImageError(
                self.source,
                f"holds {len(self)} images, and {held_out} are to be held out of training",
            )
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

        A photograph is drawn in proportion to its area; corners lie on multiples of `grid`. Raises ImageError if none
        is as large as a crop.
        """
        fits = (self.height[members] >= size) & (self.width[members] >= size)
        weights = np.where(fits, self.height[members] * self.width[members], 0).astype(np.float64)
        if not fits.any():
            raise ImageError(self.source, f"no image is as large as a crop of {size}x{size}")
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
