"""Which files of a folder are a model: all that it needs to be opened, and nothing of it twice.

One rule says what is fetched of a repository, what a folder's digest is of and what is loaded. Repositories hold a model in
many forms: in half precision beside the whole, with and without averaging of the weights, in one file for other programs,
for other libraries; and people lay files beside. Taken are, where there is a model_index.json, that file, a stored empty
prompt and the folders of the components that it lists, on disk also those that are opened unlisted; elsewhere, what
lies beside config.json, and on disk in the folders below. Of each of these folders,

    *.json, tokenizers     but indexes of weights that are not taken
    weights                of the first name of `_STEMS` that is there: one file, or its shards and their index; else the
                           same in half precision ("fp16"). Where both are there, what the library of that name opens:
                           diffusers the shards, transformers the file. Under other names alone, every .safetensors

The choice decides the model's digest, by which files name it: where it has to change, `folder_digest` goes on knowing the
digests of before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from gcodec.errors import GcodecError

__all__ = ["FILES", "INDEX", "NotAModel", "needed", "of_disk", "weights_of"]

#: The files that make a model what it is, in any folder of it; weights are chosen among the last.
FILES = ("*.json", "*merges.txt", "vocab.txt", "*.model", "*.tiktoken", "*.safetensors")

#: What lists a pipeline's components.
INDEX = "model_index.json"
_CONFIG = "config.json"

#: Names of weights in diffusers' folders and in those of transformers.
_SHARDS_FIRST = "diffusion_pytorch_model"
_STEMS = (_SHARDS_FIRST, "model")
#: Components that judge finished pictures or look at examples: no network here asks them.
_IDLE = ("safety_checker", "feature_extractor", "image_encoder")
#: What belongs to a pipeline although its index is silent about it, and what is opened where it lies there all the same
#: (gcodec-diffusers).
_UNLISTED = ("hyper_enc",)
_OPENED = (
    *_UNLISTED,
    *("controlnet", "movq", "scheduler", "transformer", "unet", "vae"),
    *(f"{part}{n}" for part in ("text_encoder", "tokenizer") for n in ("", "_2", "_3", "_4")),
)
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


def of_disk(files: Collection[str], index: Mapping[str, Any] | None) -> list[str]:
    """`needed` of a folder on disk, which is taken as it is where it is no repository's: with the folders below.

    Weights that cannot be opened are no concern of this.
    """
    taken: set[str] = set()
    if index is None:
        for folder in {name.rpartition("/")[0] for name in files}:
            taken |= _chosen(f"{folder}/" if folder else "", files)
    else:
        taken = {INDEX, *({_BESIDE} & set(files))}
        for component in (*_listed(index), *_OPENED):
            taken |= _chosen(f"{component}/", files)
    return sorted(taken)


def weights_of(names: Collection[str]) -> list[str]:
    """Those of the names in one folder that are its network's weights, indexes of shards left out, sorted."""
    weights = {name for name in names if name.endswith(".safetensors")}
    return sorted(name for name in _weights(weights, set(names)) if name.endswith(".safetensors"))


def _listed(index: Mapping[str, Any]) -> list[str]:
    """Components: a name with a library and a class, both null where the component is left out."""
    return [
        name
        for name, value in index.items()
        if isinstance(value, list) and all(isinstance(part, str) for part in value)
        if name not in _IDLE
    ]


def _inside(folder: str, files: Iterable[str]) -> set[str]:
    inside = [name.removeprefix(folder) for name in files if name.startswith(folder)]
    return {name for name in inside if "/" not in name}


def _of_folder(folder: str, files: Iterable[str]) -> set[str]:
    """`_chosen` of a folder. Raises NotAModel where its weights are in other forms alone."""
    files = list(files)
    names = _inside(folder, files)
    weights = {name for name in names if name.endswith(".safetensors")}
    if not weights and any(name.endswith(_OTHER_WEIGHTS) for name in names):
        where = f"the weights in {folder.rstrip('/')}" if folder else "its weights"
        raise NotAModel(
            f"{where} are in none but forms that are never loaded; name a revision that has safetensors"
            " (--revision refs/pr/N), if there is one"
        )
    return _chosen(folder, files)


def _chosen(folder: str, files: Iterable[str]) -> set[str]:
    """Those of the files directly in a folder ("" or ending in a slash) that make it."""
    names = _inside(folder, files)
    weights = {name for name in names if name.endswith(".safetensors")}
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
            if whole in weights and stem != _SHARDS_FIRST:
                return {whole}
            shard = re.compile(rf"{stem}{re.escape(variant)}-\d+-of-\d+\.safetensors")
            index = f"{stem}.safetensors.index{variant}.json"
            if index in names and (shards := {name for name in weights if shard.fullmatch(name)}):
                return {index, *shards}
            if whole in weights:
                return {whole}
    return weights
