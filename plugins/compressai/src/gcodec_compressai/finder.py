"""From what the user calls a model to a model folder in the cache, converted once."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import sys
import warnings
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from gcodec.errors import InvalidOption, ModelMissing
from gcodec.models.checkpoint import SUFFIXES
from gcodec_compressai.plugin import NAME

__all__ = ["find", "given_arguments", "published"]

#: What names of the zoo may begin with; models in the cache do, since `ntc` keeps some under the names themselves.
_VENDOR = "compressai/"

#: File beside the weights that says what they were made of; no part of the model.
_SOURCE = "checkpoint.sha256"

#: Families whose bits `ntc` decides in integers.
_EXACT = (
    "bmshj2018-factorized",
    "bmshj2018-factorized-relu",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
)


def find(wanted: str, fetch: bool, options: Mapping[str, Any]) -> str | None:
    """Digest of the model that `wanted` means: a checkpoint file, a folder of them, or a name of CompressAI's zoo.

    None for what is none of these. With `fetch` only names that begin with "compressai/" are known: the others are `ntc`'s.
    Raises ModelMissing, saying how to get it, for a name whose weights are not here, InvalidOption for options that cannot
    be meant, and what `gcodec_compressai.convert.write_folder` raises.
    """
    arch, arguments = options.get("arch", ""), given_arguments(options.get("arguments", ""))
    path = Path(wanted)
    if not fetch and wanted.endswith(SUFFIXES) and path.is_file():
        return _converted([path], "", arch, arguments)
    if not fetch and wanted and path.is_dir():
        from gcodec_compressai.convert import checkpoints_in

        paths = checkpoints_in(path)
        return _converted(paths, path.resolve().name, arch, arguments) if paths else None
    if fetch and not wanted.startswith(_VENDOR):
        return None
    named = published(wanted.removeprefix(_VENDOR))
    if named is None:
        return None
    arch, addresses, arguments = named
    name = wanted.removeprefix(_VENDOR)
    paths = [_published_file(name, address, fetch) for address in addresses]
    return _converted(paths, name, arch, arguments)


def given_arguments(text: str) -> dict[str, Any] | None:
    """What the option `arguments` says; None for nothing. Raises InvalidOption."""
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidOption(NAME, "arguments", text, 'an object in JSON, such as {"N": 128}')
    return found


def published(name: str) -> tuple[str, list[str], dict[str, Any] | None] | None:
    """Architecture, addresses and arguments of what CompressAI's zoo publishes under a name; None if it publishes none.

    "mbt2018-mean-8" and "mbt2018-mean-ms-ssim-8" are one network, "mbt2018-mean" all eight, "mbt2018-vbr" one of variable
    rate.
    """
    from gcodec_compressai.library import library

    zoo = library().zoo
    found = re.fullmatch(r"(.+?)(?:-(mse|ms-ssim))?(?:-([1-8]))?", name)
    if found is None:
        return None
    family, metric, quality = found[1], found[2] or "mse", found[3]
    if family in zoo.image_vbr.model_urls and not quality:
        address = zoo.image_vbr.model_urls[family].get(metric)
        own = {"vr_entbttlnck": True} if family != "mbt2018-vbr" else None
        return (family, [address], own) if address else None
    addresses = zoo.image.model_urls.get(family, {}).get(metric, {})
    chosen = [addresses[q] for q in sorted(addresses) if quality in (None, str(q))]
    return (family, chosen, None) if chosen else None


def _published_file(name: str, address: str, fetch: bool) -> Path:
    """The file of an address, in torch's cache, where CompressAI keeps it too."""
    import torch.hub

    file = Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]
    if file.is_file():
        return file
    if not fetch:
        advice = f"its weights are not here: `gcodec models --fetch {_VENDOR}{name}` gets them from CompressAI"
        raise ModelMissing(name, f"{advice}, or put {address} into {file.parent}")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(address, str(file), progress=sys.stderr.isatty())
    except (OSError, HTTPException) as error:
        reason = " ".join(str(error).split())
        raise ModelMissing(name, f"{address} does not give it: {reason}") from error
    return file


def _converted(paths: list[Path], name: str, arch: str, arguments: Mapping[str, Any] | None) -> str:
    """Digest of the model in the cache that was made of these checkpoints; made now if there is none."""
    from gcodec.models.cache import cache_folder, fetched, keep
    from gcodec.models.checkpoint import stem_and_digest
    from gcodec_compressai.convert import guessed, write_folder

    digest = hashlib.sha256(json.dumps([arch, arguments]).encode())
    for path in paths:
        with path.open("rb") as stream:
            digest.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    source = digest.hexdigest()
    for _, found, folder in fetched():
        if (folder / _SOURCE).is_file() and (folder / _SOURCE).read_text("ascii") == source:
            return found
    name = name or stem_and_digest(paths[0].name)[0]
    partial = cache_folder() / "partial" / f"{source}.{secrets.token_hex(4)}"
    try:
        write_folder(paths, partial, name, arch, arguments)
        (partial / _SOURCE).write_text(source, "ascii")
        found = keep(f"{_VENDOR}{name}", partial).digest
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if {arch or guessed(path) for path in paths} <= {*_EXACT}:
        text = (
            "`ntc` codes with it too, and decides its bits in integers, the same on every machine"
        )
        warnings.warn(f"{name}: {text}: --embed ntc", stacklevel=2)
    return found
