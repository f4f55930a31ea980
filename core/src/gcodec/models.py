"""The model store: weights by name and by digest, verified before use, never fetched unasked.

A model is a diffusers-style folder: ``config.json`` and ``*.safetensors``, or a pipeline of such folders under a
``model_index.json``. Its digest is SHA-256 over, for every ``*.json``, ``*.safetensors`` and ``*merges.txt`` (a
tokenizer's) file below the folder in the order of their POSIX paths: the path in UTF-8, a zero byte, the length as 8
little-endian bytes, the contents. The card and the licence beside the weights may be corrected without changing what
the model is.

Stores look in this order: folders named by the user (``--model PATH``), folders in ``GCODEC_MODELS`` (separated like
``PATH``), installed packages (`ModelSpec`), models fetched before. The hub itself is asked only by
`gcodec.hub.fetch`, for ``gcodec models --fetch``; a file never makes gcodec download anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelDamaged, ModelMissing

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from gcodec.plugin import ModelSpec

__all__ = ["DIGEST_PREFIX", "FILES", "Model", "ModelStore", "folder_digest"]

#: The files that make a model what it is, in any folder of it.
FILES = ("*.json", "*.safetensors", "*merges.txt")

#: Bytes of a digest that travel in a file whose model has no registered profile.
DIGEST_PREFIX = 8

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_PIPELINE = "model_index.json"


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of a model folder in hexadecimal, as the module docstring defines it.

    Raises ModelDamaged if the folder holds no weights or cannot be read.
    """
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for pattern in FILES
        for path in folder.rglob(pattern)
    )
    if not any(name.endswith(".safetensors") for name, _ in files):
        raise ModelDamaged(str(folder), "the folder holds no .safetensors file")
    digest = hashlib.sha256()
    try:
        for name, path in files:
            digest.update(name.encode() + b"\0" + path.stat().st_size.to_bytes(8, "little"))
            with path.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    except OSError as error:
        raise ModelDamaged(str(folder), f"cannot be read: {error.strerror}") from error
    return digest.hexdigest()


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
        for file in (_PIPELINE, "config.json"):
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
            config = json.loads((self.folder / file).read_text("utf-8"))
        except (OSError, ValueError) as error:
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
            tensors: dict[str, Any] = load_file(self.folder / file)
        except (OSError, SafetensorError) as error:
            raise ModelDamaged(self.name, f"{file}: {error}") from error
        return tensors


@dataclass(frozen=True)
class ModelStore:
    """All models that this run may use.

    specs    models in installed packages.
    folders  models that the user pointed at, each found by its path, its own name or its digest.
    """

    specs: tuple[ModelSpec, ...] = ()
    folders: tuple[Path, ...] = ()
    _checked: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def installed(cls, folders: Iterable[Path] = ()) -> ModelStore:
        """Return the store of this installation, with the user's `folders` and those in ``GCODEC_MODELS``."""
        from gcodec.registry import registry

        environment = os.environ.get("GCODEC_MODELS", "")
        named = [Path(part) for part in environment.split(os.pathsep) if part]
        return cls(tuple(registry().models.values()), (*folders, *named))

    def find(self, wanted: str) -> Model:
        """Return the model called `wanted`: a name, a folder, or a digest (16 or more hexadecimal digits).

        The weights are hashed once a process and refused unless they are what the digest says.
        Raises ModelMissing, with advice, and ModelDamaged.
        """
        # Only a digest is worth hashing the user's folders for; what looks like one is never a name.
        for folder in self.folders:
            named = not _is_digest(wanted) and folder.name == wanted
            if named or (_is_digest(wanted) and _matches(self._digest(folder), wanted)):
                return Model(str(folder), self._digest(folder), folder)
        for spec in self.specs:
            if wanted == spec.name or _matches(spec.digest, wanted):
                return self._verified(spec)
        from gcodec.hub import fetched

        for name, digest, folder in fetched():
            if wanted == name or _matches(digest, wanted):
                return self._unchanged(Model(name, digest, folder))
        if _is_folder(wanted):
            return Model(wanted, self._digest(Path(wanted)), Path(wanted))
        raise ModelMissing(
            wanted,
            "`gcodec models` lists what is; point at its folder with --models, or fetch it with"
            " `gcodec models --fetch OWNER/NAME`",
        )

    def _verified(self, spec: ModelSpec) -> Model:
        folder = package_folder(spec)
        return self._unchanged(Model(spec.name, spec.digest, folder, spec.summary, spec.licence))

    def _unchanged(self, model: Model) -> Model:
        found = self._digest(model.folder)
        if found != model.digest:
            raise ModelDamaged(
                model.name,
                f"the weights in {model.folder} have digest {found[:16]}..., not"
                f" {model.digest[:16]}...; install or fetch it again",
            )
        return model

    def _digest(self, folder: Path) -> str:
        if folder not in self._checked:
            self._checked[folder] = folder_digest(folder)
        return self._checked[folder]


def package_folder(spec: ModelSpec) -> Path:
    """Return where an installed package keeps a model, without importing the package. Raises ModelMissing."""
    from importlib.util import find_spec

    package, _, inside = spec.folder.partition(":")
    found = find_spec(package)
    places = list(found.submodule_search_locations or ()) if found else []
    for place in places:
        folder = Path(place) / inside
        if folder.is_dir():
            return folder
    raise ModelMissing(spec.name, f"package {package} does not hold {inside}; install it again")


def _is_digest(wanted: str) -> bool:
    return re.fullmatch(f"[0-9A-Fa-f]{{{2 * DIGEST_PREFIX},64}}", wanted) is not None


def _matches(digest: str, wanted: str) -> bool:
    return _is_digest(wanted) and digest.startswith(wanted.lower())


def _is_folder(wanted: str) -> bool:
    """Whether the user means a folder; a digest never does, whatever lies in the working folder under that name."""
    try:
        return bool(wanted) and not _is_digest(wanted) and Path(wanted).is_dir()
    except OSError:
        return False
