"""Which files of a repository are a model: all that a folder needs to be opened, and nothing of it twice.

Repositories hold a model in many forms: in half precision beside the whole, with and without averaging of the weights, in
one file for other programs, for other libraries. Taken are, where there is a model_index.json, that file, a stored empty
prompt and the folders of the components that it lists; elsewhere, what lies beside config.json. Of each of these folders,

    *.json, *merges.txt    but indexes of weights that are not taken
    weights                of the first name of `_STEMS` that is there: one file; else its shards and their index; else the
                           same in half precision ("fp16"). Under other names alone, every .safetensors

The choice decides the model's digest, by which files name it: it may grow for repositories of new kinds, and not change for
those of old ones.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from gcodec.errors import GcodecError
from gcodec.models.folder import FILES

__all__ = ["INDEX", "NotAModel", "needed"]

#: What lists a pipeline's components.
INDEX = "model_index.json"
_CONFIG = "config.json"

#: Names of weights in diffusers' folders and in those of transformers.
_STEMS = ("diffusion_pytorch_model", "model")
#: Components that judge finished pictures or look at examples: no network here asks them.
_IDLE = ("safety_checker", "feature_extractor", "image_encoder")
#: What belongs to a pipeline although its index is silent about it (gcodec-diffusers).
_UNLISTED = ("hyper_enc",)
_BESIDE = "empty_prompt.safetensors"
#: Weights in forms that may run code, or that nothing here reads.
_OTHER_WEIGHTS = (".bin", ".ckpt", ".h5", ".msgpack", ".pt", ".pth")
_INDEXES = re.compile(r"\.index(\.\w+)?\.json$")


class NotAModel(GcodecError):
    """A repository that is no model folder; the text says why, and what may help."""


def needed(files: Collection[str], index: Mapping[str, Any] | None) -> list[str]:
    """Return those of a repository's `files`, as POSIX paths, that are its model, sorted.

    index  the contents of `INDEX`; None where the repository is no pipeline.

    Raises NotAModel where there are none, or weights in other forms alone.
    """
    if index is not None:
        taken = {INDEX, *({_BESIDE} & set(files))}
        for component in (*_listed(index), *_UNLISTED):
            taken |= _of_folder(f"{component}/", files)
    elif _CONFIG in files:
        taken = _of_folder("", files)
    else:
        raise NotAModel(f"neither {INDEX} nor {_CONFIG} is there")
    if not any(name.endswith(".safetensors") for name in taken):
        raise NotAModel("no safetensors are there")
    return sorted(taken)


def _listed(index: Mapping[str, Any]) -> list[str]:
    """Components: a name with a library and a class, both null where the component is left out."""
    return [
        name
        for name, value in index.items()
        if isinstance(value, list) and all(isinstance(part, str) for part in value)
        if name not in _IDLE
    ]


def _of_folder(folder: str, files: Iterable[str]) -> set[str]:
    """Those of the files directly in a folder ("" or ending in a slash) that make it."""
    inside = [name.removeprefix(folder) for name in files if name.startswith(folder)]
    names = {name for name in inside if "/" not in name}
    weights = {name for name in names if name.endswith(".safetensors")}
    if not weights and any(name.endswith(_OTHER_WEIGHTS) for name in names):
        where = f"the weights in {folder.rstrip('/')}" if folder else "its weights"
        raise NotAModel(
            f"{where} are in none but forms that are never loaded; name a revision that has safetensors"
            " (--revision refs/pr/N), if there is one"
        )
    chosen = _weights(weights, names)
    about = {
        name
        for name in names - weights
        if any(fnmatch(name, pattern) for pattern in FILES) and not _INDEXES.search(name)
    }
    return {folder + name for name in chosen | about}


def _weights(weights: set[str], names: set[str]) -> set[str]:
    for stem in _STEMS:
        for variant in ("", ".fp16"):
            whole = f"{stem}{variant}.safetensors"
            if whole in weights:
                return {whole}
            shard = re.compile(rf"{stem}{re.escape(variant)}-\d+-of-\d+\.safetensors")
            index = f"{stem}.safetensors.index{variant}.json"
            if index in names and (shards := {name for name in weights if shard.fullmatch(name)}):
                return {index, *shards}
    return weights
