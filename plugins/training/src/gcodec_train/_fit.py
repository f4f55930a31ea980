"""A set of photographs made small enough to be taken along, to a machine that takes so many bytes and no more."""

from __future__ import annotations

import os
import shutil
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image

from gcodec.errors import ImageError, OutputError, OutputExists, UsageError
from gcodec.files import why
from gcodec.progress import Progress, silent
from gcodec_train.photos import decoded, photographs, tell_unread

__all__ = ["fit"]

#: Pillow's AVIF qualities that are tried; below 40 a network would learn the codec's own faults.
_QUALITIES = (95, 92, 90, 88, 85, 82, 79, 76, 73, 70, 67, 64, 61, 58, 55, 50, 45, 40)
#: Photographs from which the quality is guessed before all are encoded.
_SAMPLES = 24


def fit(
    source: Path, target: Path, max_bytes: int, side: int | None = None, progress: Progress = silent
) -> tuple[int, int, int, Mapping[str, str]]:
    """Encode every image below `source` as AVIF 4:4:4 into the new folder `target`, in at most `max_bytes` together.

    The quality is the highest of a table at which all fit, the same for all; `side`, if given, is the length in pixels to
    which longer short sides are scaled down. The same images and libraries give the same bytes. Returns number of files,
    their bytes, quality, and of the images that cannot be read, which a warning names, the reason.

    Raises ImageError, OutputExists, OutputError, and UsageError where not even the lowest quality fits.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputExists(target)
    files = photographs(source)
    for quality in _QUALITIES[_first(files, max_bytes, side, progress) :]:
        pictures: dict[Path, bytes] = {}
        unread: dict[str, str] = {}
        total = 0
        for path, picture in zip(files, _encoded(files, quality, side, progress), strict=False):
            name = path.relative_to(source)
            if isinstance(picture, ImageError):
                unread[name.as_posix()] = picture.reason
                continue
            pictures[name] = picture
            total += len(picture)
            if total > max_bytes:
                break
        else:
            tell_unread(source, unread, len(files))
            _write(pictures, target)
            return len(pictures), total, quality, unread
    raise UsageError(
        f"{len(files)} images do not fit in {max_bytes} bytes at AVIF quality {_QUALITIES[-1]};"
        " allow more, or scale them down with --side"
    )


def _first(files: Sequence[Path], max_bytes: int, side: int | None, progress: Progress) -> int:
    """Guess, from some of the files, the first quality that is worth trying on all."""
    sample = files[:: max(len(files) // _SAMPLES, 1)]

    def fits(quality: int) -> bool:
        made = _encoded(sample, quality, side, progress)
        total = sum(len(picture) for picture in made if isinstance(picture, bytes))
        return total * len(files) <= max_bytes * len(sample)

    # The last is worth trying whatever the guess.
    return bisect_left(_QUALITIES[:-1], True, key=fits)


def _encoded(
    files: Sequence[Path], quality: int, side: int | None, progress: Progress
) -> Iterator[bytes | ImageError]:
    """Yield the files at a quality, in order, or why one cannot be read; as many at once as there are processors."""

    def encode(path: Path) -> bytes | ImageError:
        try:
            image = Image.fromarray(decoded(path)[0])
        except ImageError as error:
            return error
        if side is not None and min(image.size) > side:
            scale = side / min(image.size)
            image = image.resize([round(scale * n) for n in image.size], Image.Resampling.LANCZOS)
        buffer = BytesIO()
        # One thread an image: libaom's own would make the bytes depend on their number.
        settings = {"quality": quality, "speed": 7, "subsampling": "4:4:4", "max_threads": 1}
        image.save(buffer, "AVIF", **settings)
        return buffer.getvalue()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for done, picture in enumerate(pool.map(encode, files), 1):
                progress(f"encoding at quality {quality}", done, len(files))
                yield picture
        finally:
            pool.shutdown(cancel_futures=True)


def _write(pictures: Mapping[Path, bytes], target: Path) -> None:
    """Write the pictures under their names, suffix .avif, to a folder that appears whole or not at all."""
    partial = target.with_name(f"{target.name}.part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for name, picture in pictures.items():
            # a.png and a.jpg stay two.
            path = partial / name.with_name(
                f"{name.name}.avif" if name.suffix != ".avif" else name.name
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        raise OutputError(target, why(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
