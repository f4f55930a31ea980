"""Fetching models from the hub: only when the user asks, kept by digest, never executed.

Only the files that a model's digest covers are fetched. A model lies in the cache under its name and digest, so that
finding it costs a directory listing and using it is checked like every other model.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gcodec.errors import ModelMissing
from gcodec.models import FILES, Model, folder_digest

__all__ = ["cache_folder", "fetch", "fetched", "keep"]


def cache_folder() -> Path:
    """Return where fetched models are kept: ``GCODEC_CACHE``, else the user's cache folder."""
    if chosen := os.environ.get("GCODEC_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gcodec"


def fetched() -> Iterator[tuple[str, str, Path]]:
    """Yield name, digest and folder of every fetched model, without reading any."""
    models = cache_folder() / "models"
    for folder in sorted(models.glob("*@*")) if models.is_dir() else ():
        name, _, digest = folder.name.rpartition("@")
        yield name.replace("--", "/"), digest, folder


def fetch(repository: str, revision: str | None = None) -> Model:
    """Fetch "owner/name" from the hub (huggingface_hub's endpoint and credentials) and return it as a model.

    Raises ModelMissing where huggingface_hub is not installed or the hub does not give it, ModelDamaged where what it
    gives holds no safetensors.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise ModelMissing(repository, "fetching needs: pip install gcodec[hub]") from error
    partial = cache_folder() / "partial" / repository.replace("/", "--")
    try:
        # An interrupted download goes on where it stopped: huggingface_hub keeps its state in this folder.
        snapshot_download(
            repository, revision=revision, local_dir=partial, allow_patterns=list(FILES)
        )
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelMissing(repository, f"the hub does not give it: {reason}") from error
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    return keep(repository, partial)


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
    return Model(name, digest, folder)
