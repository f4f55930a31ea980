"""From what the user calls a model of the zoo to a model in the cache, converted once."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelMissing, UnknownNetwork
from gcodec.models.checkpoint import SUFFIXES
from gcodec_ntc.zoo.names import NOT_READ, READ, address, family_of

if TYPE_CHECKING:
    from gcodec.models import Model

__all__ = ["find"]

#: File beside the weights that says which checkpoint they were made of; no part of the model.
_SOURCE = "checkpoint.sha256"


def find(wanted: str, fetch: bool, options: Mapping[str, Any] | None = None) -> str | None:
    """Digest of the model that `wanted` means: a checkpoint file, or a name of the zoo, which `fetch` allows to download.

    None for what is neither. Raises ModelMissing, saying how to get it, for a name of the zoo without `fetch`, and what
    `gcodec_ntc.zoo.checkpoint.open_checkpoint` raises.
    """
    if wanted.endswith(SUFFIXES) and Path(wanted).is_file():
        return _converted(Path(wanted)).digest
    family, place = family_of(wanted), address(wanted)
    if family in NOT_READ:
        raise UnknownNetwork(wanted, str(family), "codec of ntc", READ)
    if place is None:
        return None
    if not fetch:
        raise ModelMissing(
            wanted,
            f"fetch it with `gcodec models --fetch {wanted}`, or give the file {place} as model",
        )
    return _downloaded(wanted, place)


def _converted(path: Path) -> Model:
    """The model in the cache that was made of this checkpoint; made now if there is none."""
    from gcodec.models import Model
    from gcodec.models.cache import cache_folder, fetched, keep

    with path.open("rb") as stream:
        source = hashlib.file_digest(stream, "sha256").hexdigest()
    for name, digest, folder in fetched():
        if (folder / _SOURCE).is_file() and (folder / _SOURCE).read_text("ascii") == source:
            return Model(name, digest, folder)

    from gcodec_ntc.zoo.checkpoint import open_checkpoint
    from gcodec_ntc.zoo.convert import write_folder

    checkpoint = open_checkpoint(path)
    partial = cache_folder() / "partial" / f"{source}.{secrets.token_hex(4)}"
    try:
        write_folder(checkpoint, partial)
        (partial / _SOURCE).write_text(source, "ascii")
        return keep(checkpoint.name, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _downloaded(name: str, place: str) -> str:
    """Fetch and convert a published checkpoint; `open_checkpoint` checks that it is the one whose digest its name has."""
    from http.client import HTTPException

    import torch.hub

    from gcodec.models.cache import cache_folder

    folder = cache_folder() / "partial" / f"{name}.{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    try:
        file = folder / place.rpartition("/")[2]
        try:
            torch.hub.download_url_to_file(place, str(file), progress=sys.stderr.isatty())
        except (OSError, HTTPException) as error:
            reason = " ".join(str(error).split())
            raise ModelMissing(name, f"{place} does not give it: {reason}") from error
        return _converted(file).digest
    finally:
        shutil.rmtree(folder, ignore_errors=True)
