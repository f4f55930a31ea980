"""Where fetched models lie: in the user's cache, each under its name and digest.

So finding one costs a directory listing, and using it is checked like every other model. Of several revisions of one name,
the name means the one that was fetched last, and the digest any.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gcodec.models.digests import cache_folder
from gcodec.models.folder import Model, folder_digest

__all__ = ["cache_folder", "fetched", "keep"]


def fetched() -> Iterator[tuple[str, str, Path]]:
    """Yield name, digest and folder of every fetched model, by name, the last fetched first, without reading any."""
    models = cache_folder() / "models"
    found = []
    for folder in models.glob("*@*") if models.is_dir() else ():
        name, _, digest = folder.name.rpartition("@")
        found.append((name.replace("--", "/"), -folder.stat().st_mtime_ns, digest, folder))
    for name, _, digest, folder in sorted(found):
        yield name, digest, folder


def keep(name: str, partial: Path) -> Model:
    """Move a finished model folder, which lies in the cache folder, to where `fetched` finds it; return it as a model.

    Raises ModelDamaged if it holds no safetensors.
    """
    digest = folder_digest(partial)
    folder = cache_folder() / "models" / f"{name.replace('/', '--')}@{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        shutil.rmtree(partial)
    else:
        partial.rename(folder)
    os.utime(folder)
    return Model(name, digest, folder)
