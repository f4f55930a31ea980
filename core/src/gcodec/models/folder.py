"""A model folder: what it holds, and its digest.

A model is a diffusers-style folder: ``config.json`` and ``*.safetensors``, or a pipeline of such folders under a
``model_index.json``. Its digest is SHA-256 over, for every file that it needs (`gcodec.models.needed`) in the order of their
POSIX paths: the path in UTF-8, or the bytes that it is, a zero byte, the length as 8 little-endian bytes, the contents. So
neither the card and the licence beside the weights, nor a copy of them in half precision, nor an adapter that somebody laid
there change what the model is.

Before, every ``*.json``, ``*.safetensors`` and ``*merges.txt`` below the folder counted. Files that were made then name that
digest (`former_digest`), which differs where there is more in the folder than it needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelDamaged
from gcodec.models.digests import remembered
from gcodec.models.needed import FILES, INDEX, of_disk

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

__all__ = ["DIGEST_PREFIX", "Model", "folder_digest", "former_digest"]

_FORMER = ("*.json", "*.safetensors", "*merges.txt")

#: Bytes of a digest that travel in a file whose model has no registered profile.
DIGEST_PREFIX = 8

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a model folder in hexadecimal, as the module docstring defines it.

    Raises ModelDamaged if the folder holds no weights or cannot be read.
    """
    return _digest(folder, _needed(folder))


def former_digest(folder: Path) -> str:
    """Return the digest of before, by which older files may name the folder. Raises ModelDamaged."""
    files, needed = _below(folder, _FORMER), _needed(folder)
    return _digest(folder, files, "model" if files == needed else "former")


def _below(folder: Path, patterns: Iterable[str]) -> list[str]:
    found = (path for pattern in patterns for path in folder.rglob(pattern))
    return sorted({path.relative_to(folder).as_posix() for path in found if path.is_file()})


def _needed(folder: Path) -> list[str]:
    index = None
    try:
        if (folder / INDEX).is_file():
            index = json.loads((folder / INDEX).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        index = None  # whoever opens the folder says so
    return of_disk(_below(folder, FILES), index if isinstance(index, dict) else None)


def _digest(folder: Path, files: list[str], what: str = "model") -> str:
    if not any(name.endswith(".safetensors") for name in files):
        raise ModelDamaged(str(folder), "the folder holds no .safetensors file")

    def compute() -> str:
        digest = hashlib.sha256()
        for name in files:
            path = folder / name
            length = path.stat().st_size.to_bytes(8, "little")
            digest.update(name.encode(errors="surrogateescape") + b"\0" + length)
            with path.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
        return digest.hexdigest()

    try:
        return remembered(what, folder, files, compute)
    except OSError as error:
        raise ModelDamaged(str(folder), f"cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Model:
    """Weights that can be used: `name`, `digest` (64 hexadecimal digits) and the `folder` they were checked in."""

    name: str
    digest: str
    folder: Path
    summary: str = ""
    licence: str = ""

    @cached_property
    def config(self) -> dict[str, Any]:
        """The contents of ``config.json``. Raises ModelDamaged if it is not a JSON object."""
        return self.json("config.json")

    @property
    def class_name(self) -> str | None:
        """What the folder holds: `_class_name` of ``model_index.json``, of a pipeline, or else of ``config.json``.

        transformers writes the first of `architectures` there instead. None where nothing says. Raises ModelDamaged for
        a file that is not a JSON object.
        """
        for file in (INDEX, "config.json"):
            if (self.folder / file).is_file():
                config = self.json(file)
                architectures = config.get("architectures")
                first = architectures[:1] if isinstance(architectures, list) else []
                name = config.get("_class_name", *first)
                return name if isinstance(name, str) else None
        return None

    def json(self, file: str) -> dict[str, Any]:
        """The contents of a file in the folder. Raises ModelDamaged if it is not a JSON object."""
        try:
            text = (self.folder / file).read_text("utf-8")
            config = json.loads(text, object_hook=partial(_Part, self.name, file))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelDamaged(self.name, f"{file}: {error}") from error
        if not isinstance(config, dict):
            raise ModelDamaged(self.name, f"{file} does not hold an object")
        return config

    def tensors(self, file: str = _WEIGHTS) -> dict[str, NDArray[np.generic]]:
        """Return the weights as NumPy arrays. Raises ModelDamaged if the file cannot be read."""
        from safetensors.numpy import load_file

        return self._load(load_file, file)

    def torch_tensors(self, file: str = _WEIGHTS) -> dict[str, torch.Tensor]:
        """Return the weights as torch tensors on the CPU. Raises ModelDamaged if the file cannot be read."""
        from safetensors.torch import load_file

        return self._load(load_file, file)

    def _load(self, load_file: Any, file: str) -> dict[str, Any]:
        from safetensors import SafetensorError

        try:
            return _Part(self.name, file, load_file(self.folder / file))
        except (OSError, SafetensorError) as error:
            raise ModelDamaged(self.name, f"{file}: {error}") from error

    @contextmanager
    def taken_as(self, what: str) -> Iterator[None]:
        """What whoever takes it for `what`, as "the weights of `ntc`", trips over is ModelDamaged, in words."""
        try:
            yield
        except _Lacking as error:
            raise ModelDamaged(self.name, f"not {what}: {error.reason}") from error
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = f"it has no {error}" if isinstance(error, KeyError) else error
            raise ModelDamaged(self.name, f"not {what}: {reason}") from error


class _Lacking(ModelDamaged):
    """A file of a model lacks what was looked for in it."""


class _Part(dict[str, Any]):
    """What a file of a model holds; what it lacks is an error that names both, where a KeyError would say the key alone."""

    def __init__(self, model: str, file: str, held: Mapping[str, Any]) -> None:
        super().__init__(held)
        self._model, self._file = model, file

    def __missing__(self, key: object) -> Any:
        raise _Lacking(self._model, f"its {self._file} has no {key!r}")
