"""From checkpoints to a model folder of `compressai`: one network, or several of ascending rate.

config.json says under "networks", in the order of their rates, what spec/embeddings/compressai.md describes; 0.safetensors,
1.safetensors, ... hold the weights, and the tables of the entropy coder: they are computed once, here, in floating point,
so that sender and receiver have the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from gcodec.errors import ModelDamaged
from gcodec.models.checkpoint import SUFFIXES, load_state, stem_and_digest
from gcodec_compressai import structure
from gcodec_compressai.library import architectures, library
from gcodec_compressai.network import check_tables, first_line, load, rates_of

__all__ = ["CLASS", "checkpoints_in", "guessed", "write_folder"]

#: `_class_name` of the model folders.
CLASS = "CompressAI"

#: Pixels a side that pictures are padded to multiples of, where the network does not say: the first that it takes.
_MULTIPLES = (64, 128, 256)

_CARD = """# {name}

{what}: checkpoints of CompressAI {version} for gcodec's embedding `compressai`. The weights remain under the licence of
whoever trained them; those that CompressAI publishes are under its BSD-3-Clause-Clear.
"""


def write_folder(
    paths: Sequence[Path],
    folder: Path,
    name: str,
    architecture: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Write the model folder of checkpoint files of ascending rate; `folder` must not exist.

    architecture  as of `library.class_of`; "": what each file's name begins with.
    arguments     as of `network.load`.

    Raises ModelDamaged.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    entries = []
    for number, path in enumerate(paths):
        chosen = architecture or guessed(path)
        net = load(chosen, arguments, _renamed(load_state(path)), str(path))
        with torch.inference_mode():
            net.update()
        check_tables(net, str(path))
        file = f"{number}.safetensors"
        about = {"file": file, "architecture": chosen, "arguments": arguments and dict(arguments)}
        entries.append({**about, "rates": rates_of(net), **_probed(net, str(path))})
        state = {key: value.contiguous().clone() for key, value in net.state_dict().items()}
        save_file(state, folder / file)
    config = {"_class_name": CLASS, "networks": entries}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    what = ", ".join(dict.fromkeys(str(entry["architecture"]) for entry in entries))
    card = _CARD.format(name=name, what=what, version=version("compressai"))
    (folder / "README.md").write_text(card, "utf-8")


def guessed(path: Path) -> str:
    """The registered architecture that a file's name begins with. Raises ModelDamaged where it begins with none."""
    stem, _ = stem_and_digest(path.name)
    called, known = stem.replace("_", "-"), architectures()
    found = [name for name in known if called == name or called.startswith(f"{name}-")]
    if not found:
        text = f"its name tells no architecture; say it with --arch: one of {', '.join(known)}"
        raise ModelDamaged(str(path), f"{text}, or a class of your own as package.module:Class")
    return max(found, key=len)


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoint files in a folder, in the order of the numbers in their names."""
    found = (path for path in folder.iterdir() if path.name.endswith(SUFFIXES) and path.is_file())
    return sorted(found, key=_numbered)


def _numbered(path: Path) -> list[tuple[int, float, str]]:
    """Digits count as numbers, so that q10 comes after q9 and 0.013 after 0.0018."""
    import re

    stem, _ = stem_and_digest(path.name)
    parts = re.split(r"(\d+(?:\.\d+)?)", stem)
    return [(i % 2, float(p) if i % 2 else 0.0, p) for i, p in enumerate(parts)]


def _renamed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names of older versions and of trainings on several devices, as CompressAI's zoo reads them."""
    state = {key.replace("_orig_mod.", ""): value for key, value in state.items()}
    renamed: dict[str, torch.Tensor] = library().zoo.pretrained.load_pretrained(state)
    return renamed


def _probed(net: Any, source: str) -> dict[str, Any]:
    """What pictures are padded to, and how strings and shapes follow from their size."""
    own = getattr(net, "downsampling_factor", None)
    failed: Exception | None = None
    for multiple in (own,) if isinstance(own, int) else _MULTIPLES:
        try:
            made = [
                _made(net, rows * multiple, columns * multiple)
                for rows, columns in structure.PROBES
            ]
            (strings, first), (again, second) = made
            if strings != again or not strings:
                raise ValueError("how many strings it makes depends on the picture")
            shape = structure.fitted(first, second)
            return {"multiple": multiple, "strings": strings, "shape": shape}
        except Exception as error:  # what a network of the user's own may raise
            failed = failed or error
    assert failed is not None
    raise ModelDamaged(
        source, f"its compress and decompress do not go together: {first_line(failed)}"
    ) from failed


@torch.inference_mode()
def _made(net: Any, height: int, width: int) -> tuple[Any, Any]:
    x = torch.full((1, 3, height, width), 0.5)
    found = net.compress(x)
    back = net.decompress(found["strings"], found["shape"])["x_hat"]
    if back.shape != x.shape:
        raise ValueError(f"a picture of {list(x.shape)} comes back as {list(back.shape)}")
    list(structure.leaves(found["strings"]))
    return structure.skeleton(found["strings"]), found["shape"]
