"""The model store: weights by name and by digest, verified before use, never fetched unasked.

Stores look in this order: folders named by the user (``--model PATH``), folders in ``GCODEC_MODELS`` (separated like
``PATH``), installed packages (`ModelSpec`), models fetched before. The hub itself is asked only by
`gcodec.models.hub.fetch`, for ``gcodec models --fetch``; a file never makes gcodec download anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gcodec.errors import ModelDamaged, ModelMissing
from gcodec.models.cache import fetched
from gcodec.models.folder import DIGEST_PREFIX, Model, folder_digest, former_digest

if TYPE_CHECKING:
    from gcodec.plugin import ModelSpec

__all__ = ["ModelStore", "package_folder"]


@dataclass(frozen=True)
class ModelStore:
    """All models that this run may use.

    specs    models in installed packages.
    folders  models that the user pointed at, each found by its path, its own name or its digest.
    """

    specs: tuple[ModelSpec, ...] = ()
    folders: tuple[Path, ...] = ()
    _checked: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)
    _formerly: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

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
            if named or (_is_digest(wanted) and self._is(folder, wanted)):
                return Model(str(folder), self._digest(folder), folder)
        for spec in self.specs:
            if wanted == spec.name or _matches(spec.digest, wanted):
                return self._verified(spec)
        for name, digest, folder in fetched():
            if wanted == name or _matches(digest, wanted):
                return self._unchanged(Model(name, digest, folder))
        if _is_folder(wanted):
            return Model(wanted, self._digest(Path(wanted)), Path(wanted))
        if _lies(wanted, Path.is_file):
            raise ModelMissing(
                wanted,
                "it is a file, and a model is a folder: config.json and the weights as *.safetensors; name the folder",
            )
        raise ModelMissing(
            wanted,
            "`gcodec models` lists what is; point at its folder with --models, or fetch it with"
            " `gcodec models --fetch OWNER/NAME`",
        )

    def anywhere(self, wanted: str) -> str:
        """Return `wanted` as a process in another working folder must be told it: a folder by its absolute path."""
        names = {*(folder.name for folder in self.folders), *(spec.name for spec in self.specs)}
        named = wanted in names or any(wanted == name for name, _, _ in fetched())
        return wanted if named or not _is_folder(wanted) else str(Path(wanted).absolute())

    def _verified(self, spec: ModelSpec) -> Model:
        folder = package_folder(spec)
        return self._unchanged(Model(spec.name, spec.digest, folder, spec.summary, spec.licence))

    def _unchanged(self, model: Model) -> Model:
        found = self._digest(model.folder)
        if found != model.digest and self._former(model.folder) != model.digest:
            raise ModelDamaged(
                model.name,
                f"the weights in {model.folder} have digest {found[:16]}..., not"
                f" {model.digest[:16]}...; install or fetch it again",
            )
        return model

    def _is(self, folder: Path, wanted: str) -> bool:
        """Whether a digest, or the beginning of one, is that of a folder, or was."""
        return _matches(self._digest(folder), wanted) or _matches(self._former(folder), wanted)

    def _former(self, folder: Path) -> str:
        if folder not in self._formerly:
            self._formerly[folder] = former_digest(folder)
        return self._formerly[folder]

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
    return not _is_digest(wanted) and _lies(wanted, Path.is_dir)


def _lies(wanted: str, kind: Callable[[Path], bool]) -> bool:
    try:
        return bool(wanted) and kind(Path(wanted))
    except (OSError, ValueError):
        return False
