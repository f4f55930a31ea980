"""Pictures of .gcx files for training and evaluation.

from gcodec_doors.torch import GcxDataset
from torch.utils.data import DataLoader

for batch in DataLoader(GcxDataset("files/", recon="preview"), batch_size=8, num_workers=2):
    ...
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset

from gcodec_doors._file import GcxError, decoded, told

__all__ = ["GcxDataset", "GcxError"]

SUFFIX = ".gcx"


class _Place(NamedTuple):
    """Where the bytes of a file are: so many of `path` from an offset, or all of it (-1)."""

    path: str
    offset: int = 0
    length: int = -1


class GcxDataset(Dataset[Any]):
    """Every .gcx file of folders and tars, decoded when it is asked for.

    source     a folder, with folders and tars below it, a tar, a .gcx file, or several of them; hidden files do not count.
    recon      reconstructor; None: what each file suggests, or preview.
    options    of the reconstructor, and model, via, partial, seed.
    transform  from float32 [3, H, W] in [0, 1] to an item; gray is three equal planes, and alpha is left out.
    device     that decodes, as torch calls it. Items are on the CPU.

    `keys[n]` names item n, a path below its folder or in its tar, or both; folders are in the order of names, tars in their
    own. Each worker process opens the networks once. It can be pickled if `transform` can.

    Raises GcxError, naming the file, for sources and items that cannot be read.
    """

    def __init__(
        self,
        source: str | Path | Iterable[str | Path],
        *,
        recon: str | None = None,
        options: Mapping[str, Any] | None = None,
        transform: Callable[[torch.Tensor], Any] | None = None,
        device: str = "cpu",
    ) -> None:
        given = [source] if isinstance(source, (str, Path)) else list(source)
        found = [pair for one in given for pair in _files(Path(one))]
        if not found:
            raise GcxError(f"{', '.join(map(str, given)) or 'nothing'}: there is no {SUFFIX} file")
        self.keys = [key for key, _ in found]
        self._places = [place for _, place in found]
        self._words = {**(options or {}), "recon": recon}
        self._transform, self._device = transform, device

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Any:
        place = self._places[index]
        with told(self.keys[index]):
            with Path(place.path).open("rb") as stream:
                stream.seek(place.offset)
                data = stream.read(place.length)
            pixels = decoded(data, self._words, self._device).pixels
        # A copy: a reconstructor may have kept the array.
        tensor = torch.tensor(pixels)
        return tensor if self._transform is None else self._transform(tensor)


def _files(source: Path) -> list[tuple[str, _Place]]:
    """Return key and place of every file of one source."""
    if source.is_dir():
        paths = [path for path in source.rglob("*") if path.suffix in (SUFFIX, ".tar")]
        inside = sorted((path.relative_to(source), path) for path in paths if path.is_file())
        return [pair for key, path in inside if _shown(key.parts) for pair in _below(key, path)]
    if source.suffix == SUFFIX and source.is_file():
        return [(source.name, _Place(str(source)))]
    return _members(source)


def _below(key: Path, path: Path) -> list[tuple[str, _Place]]:
    """The same of a file in a folder, where it is called `key`."""
    if path.suffix == SUFFIX:
        return [(key.as_posix(), _Place(str(path)))]
    return [(f"{key.as_posix()}/{name}", place) for name, place in _members(path)]


def _members(source: Path) -> list[tuple[str, _Place]]:
    try:
        with tarfile.open(source, "r:") as tar:
            return [
                (member.name, _Place(str(source), member.offset_data, member.size))
                for member in tar
                if member.isfile() and member.name.endswith(SUFFIX)
            ]
    except (OSError, tarfile.TarError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise GcxError(f"{source}: it is no folder, {SUFFIX} file or tar: {why}") from error


def _shown(parts: tuple[str, ...]) -> bool:
    return not any(part.startswith(".") for part in parts)
