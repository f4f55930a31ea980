"""A pipeline's text encoders and tokenizers, from its folder. transformers is imported here and nowhere else, and only where
a caption is really encoded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from gcodec.errors import ModelDamaged, UnusablePlugin
from gcodec.models import _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT, reads_text
from gcodec_diffusers.loading import load_from_transformers

if TYPE_CHECKING:
    from gcodec.models import Model

__all__ = ["text_parts"]

_ENCODER, _TOKENIZER = "text_encoder", "tokenizer"


def text_parts(
    model: Model, device: str, dtype: torch.dtype, classes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The components of a pipeline that read, by the names of their folders.

    classes  where the class of a component is, if it is not transformers' own: name -> "module:Class".

    Raises ModelDamaged, and UnusablePlugin without transformers.
    """
    if not reads_text(model):
        raise ModelDamaged(
            model.name,
            f"it has neither text encoders nor {EMPTY_PROMPT}; fetch or save it whole, or store the empty prompt where"
            " the text encoders are: python -m gcodec_diffusers.prompts FOLDER",
        )
    _torchvision_cpu.install()
    try:
        import transformers
    except ImportError as error:
        raise UnusablePlugin(
            "diffusers",
            f"the text encoders of {model.name} need transformers: pip install gcodec-diffusers[text]",
        ) from error
    made: dict[str, Any] = {}
    for folder in sorted(path for path in model.folder.iterdir() if path.is_dir()):
        own = (classes or {}).get(folder.name)
        if folder.name.startswith(_ENCODER):
            cls = _own(own) if own else _encoder(transformers, model, folder.name)
            made[folder.name] = load_from_transformers(cls, folder, dtype).to(device)
        elif folder.name.startswith(_TOKENIZER):
            made[folder.name] = _tokenizer(transformers, model, folder.name, own)
    for name in list(made):
        words = name.replace(_ENCODER, _TOKENIZER)
        if words not in made:
            raise ModelDamaged(model.name, f"it has a folder {name} and none for its {words}")
    return made


def _own(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _listed(model: Model, part: str) -> str:
    entry = model.json("model_index.json").get(part)
    if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str):
        return entry[1]
    architectures = model.json(f"{part}/config.json").get("architectures") or [None]
    return str(architectures[0])


def _encoder(transformers: Any, model: Model, part: str) -> Any:
    name = _listed(model, part)
    cls = getattr(transformers, name, None)
    if not (isinstance(cls, type) and issubclass(cls, transformers.PreTrainedModel)):
        raise ModelDamaged(
            model.name, f"{part} is of class {name}, which this transformers does not have"
        )
    return cls


def _tokenizer(transformers: Any, model: Model, part: str, own: str | None) -> Any:
    auto = transformers.AutoTokenizer
    if own:
        auto = _own(own)
    elif _listed(model, part).endswith("Processor"):
        auto = transformers.AutoProcessor
    more = {} if own else {"trust_remote_code": False}
    try:
        return auto.from_pretrained(model.folder / part, local_files_only=True, **more)
    except Exception as error:  # tokenizers raise whatever their formats' readers do
        raise ModelDamaged(model.name, f"{part}: {' '.join(str(error).split())[:300]}") from error
