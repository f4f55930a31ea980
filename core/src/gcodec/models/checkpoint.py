"""Reading the checkpoint of a training, a state dictionary, without executing anything in it."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gcodec.errors import ModelDamaged

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SUFFIXES", "load_state", "state_of", "stem_and_digest"]

#: Endings of checkpoint files.
SUFFIXES = (".pth.tar", ".pth", ".pt", ".safetensors")


def stem_and_digest(file: str) -> tuple[str, str | None]:
    """What the file name of a checkpoint says: what it is called, and the first 8 digits of the file's SHA-256 or None."""
    stem = next((file.removesuffix(end) for end in SUFFIXES if file.endswith(end)), file)
    name, _, digest = stem.rpartition("-")
    return (name, digest) if name and re.fullmatch("[0-9a-f]{8}", digest) else (stem, None)


def load_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint file, by name, on the CPU; of a training's state those under "state_dict".

    The file is opened by `torch.load(weights_only=True)` or as safetensors. Raises ModelDamaged for a file that holds
    something else, and for one that is not the file whose SHA-256 its name ends with.
    """
    _, digest = stem_and_digest(path.name)
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelDamaged(str(path), f"cannot be read: {error.strerror}") from error
    if digest is not None and not found.startswith(digest):
        reason = f"its SHA-256 begins with {found[:8]}, not with {digest}; fetch it again"
        raise ModelDamaged(str(path), reason)
    try:
        state = _loaded(path)
    except Exception as error:  # damaged bytes lead torch's unpickler to errors of any kind
        # torch's own text of a pickle tells the reader to run what is in it: not passed on
        reason = "damaged, or it holds more than tensors; have it saved as safetensors"
        raise ModelDamaged(str(path), f"not a checkpoint: {reason}") from error
    return state_of(state, str(path))


def state_of(loaded: Any, source: str) -> dict[str, Tensor]:
    """The tensors of what a file held. Raises ModelDamaged where that is more than named tensors."""
    from torch import Tensor

    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise ModelDamaged(source, "not a state dictionary: it holds more than named tensors")
    odd = next((k for k, v in loaded.items() if v.is_meta or v.is_complex() or v.is_sparse), None)
    if odd is not None:
        raise ModelDamaged(
            source, f"{odd} is no plain tensor: complex, sparse or without its values"
        )
    return {str(key): value for key, value in loaded.items()}


def _loaded(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on pickles that are refused anyway
        return torch.load(path, map_location="cpu", weights_only=True)
