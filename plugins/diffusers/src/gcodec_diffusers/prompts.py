"""What a pipeline's network is told of a caption: embeddings by the pipeline's own tokenizers and text encoders.

transformers is imported here and nowhere else, and only where a caption is really encoded. The empty prompt, which is all
that an unconditional denoiser needs, can lie in the folder ready made:

    python -m gcodec_diffusers.prompts FOLDER
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gcodec.errors import ModelDamaged, UnusablePlugin
from gcodec.models import ModelStore, _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT, family_of
from gcodec_diffusers.loading import load_from_transformers

if TYPE_CHECKING:
    from gcodec.models import Model

__all__ = ["embed", "reads_text", "save_empty_prompt"]

#: Tokens of a CLIP prompt.
_CLIP_LENGTH = 77
_ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection", "T5EncoderModel")
#: What it takes to encode a prompt, by family: diffusers' pipeline, and how "text" and "pooled" come out of it.
_PIPELINES: Mapping[str, tuple[str, Callable[[Any, str], dict[str, Tensor]]]] = {
    "sd": ("StableDiffusionPipeline", lambda p, s: _named(p, s, 0)),
    "sdxl": ("StableDiffusionXLPipeline", lambda p, s: _named(p, s, 0, 2)),
    "sd3": ("StableDiffusion3Pipeline", lambda p, s: _named(p, s, 0, 2)),
    "flux": ("FluxPipeline", lambda p, s: _named(p, s, 0, 1)),
}


def reads_text(model: Model) -> bool:
    """Whether a pipeline has a text encoder. Raises ModelDamaged."""
    return any((model.folder / f"text_encoder{n}").is_dir() for n in family_of(model).texts)


@lru_cache(maxsize=4)
def embed(model: Model, prompt: str, device: str, dtype: torch.dtype) -> Mapping[str, Tensor]:
    """The embeddings of a prompt: "text" [1, L, D] and, where the architecture has it, "pooled" [1, P].

    Raises ModelDamaged, and UnusablePlugin where transformers is needed and not installed.
    """
    stored = model.folder / EMPTY_PROMPT
    if not prompt and stored.is_file():
        made = _stored(stored)
    elif not prompt and family_of(model).name == "sdxl" and _zeros_for_nothing(model):
        made = _zeros(model)
    else:
        made = _encoded(model, prompt, device, dtype)
    return {name: tensor.to(device, dtype) for name, tensor in made.items()}


def save_empty_prompt(model: Model) -> Path:
    """Write the embeddings of the empty prompt into a pipeline's folder, which makes another model of it.

    Raises ModelDamaged and UnusablePlugin.
    """
    made = _encoded(model, "", "cpu", torch.float32)
    save_file({k: v.contiguous() for k, v in made.items()}, model.folder / EMPTY_PROMPT)
    return model.folder / EMPTY_PROMPT


def _stored(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelDamaged(str(path), str(error)) from error


def _zeros_for_nothing(model: Model) -> bool:
    return bool(model.json("model_index.json").get("force_zeros_for_empty_prompt", True))


def _zeros(model: Model) -> dict[str, Tensor]:
    """SDXL was trained with zeros where there is no prompt."""
    unet = model.json("unet/config.json")
    try:
        ids = 5 if model.json("model_index.json").get("requires_aesthetics_score") else 6
        pooled = (
            unet["projection_class_embeddings_input_dim"] - ids * unet["addition_time_embed_dim"]
        )
        return {
            "text": torch.zeros(1, _CLIP_LENGTH, unet["cross_attention_dim"]),
            "pooled": torch.zeros(1, pooled),
        }
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelDamaged(model.name, f"unet/config.json: {error}") from error


@torch.no_grad()
def _encoded(model: Model, prompt: str, device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """What diffusers' own pipeline makes of a prompt; the text encoders are given up afterwards."""
    _torchvision_cpu.install()
    try:
        import transformers
    except ImportError as error:
        raise UnusablePlugin(
            "diffusers",
            f"the text encoders of {model.name} need transformers: pip install gcodec-diffusers[text]",
        ) from error
    import diffusers

    family = family_of(model)
    parts: dict[str, Any] = {}
    for number in family.texts:
        parts |= _text_parts(transformers, model, number, device, dtype)
    if family.name == "sd3":
        # Without its T5 it asks the transformer how wide nothing is.
        parts["transformer"] = _Widths(model.json("transformer/config.json"))
    else:
        # It would else say that a picture it never makes is not checked.
        parts["requires_safety_checker"] = False
    name, read = _PIPELINES[family.name]
    cls = getattr(diffusers, name)
    wanted = inspect.signature(cls).parameters
    pipeline = cls(
        **{k: parts.get(k) for k, p in wanted.items() if k in parts or p.default is p.empty}
    )
    return read(pipeline, prompt)


class _Widths:
    """A transformer as far as its configuration goes."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = SimpleNamespace(**config)


def _text_parts(
    transformers: Any, model: Model, number: str, device: str, dtype: torch.dtype
) -> dict[str, Any]:
    """A text encoder and its tokenizer under the names of their folders; None for both where there is none."""
    encoder, tokenizer = f"text_encoder{number}", f"tokenizer{number}"
    if not (model.folder / encoder).is_dir():
        return {encoder: None, tokenizer: None}
    name = next(iter(model.json(f"{encoder}/config.json").get("architectures") or []), None)
    if name not in _ENCODERS:
        raise ModelDamaged(model.name, f"{encoder} is of class {name}, not one of {_ENCODERS}")
    network = load_from_transformers(getattr(transformers, name), model.folder / encoder, dtype)
    try:
        words = transformers.AutoTokenizer.from_pretrained(
            model.folder / tokenizer, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, ImportError) as error:
        raise ModelDamaged(model.name, f"{tokenizer}: {' '.join(str(error).split())}") from error
    return {encoder: network.to(device), tokenizer: words}


def _named(pipeline: Any, prompt: str, *places: int) -> dict[str, Tensor]:
    """ "text" and "pooled" of what `encode_prompt` returns."""
    wanted = inspect.signature(pipeline.encode_prompt).parameters
    settings: dict[str, Any] = {
        "prompt": prompt,
        "prompt_2": None,
        "prompt_3": None,
        "num_images_per_prompt": 1,
        "do_classifier_free_guidance": False,
        "device": next(iter(_encoders(pipeline))).device,
    }
    made = pipeline.encode_prompt(**{k: v for k, v in settings.items() if k in wanted})
    return dict(zip(("text", "pooled"), (made[place] for place in places), strict=False))


def _encoders(pipeline: Any) -> list[Any]:
    names = ("text_encoder", "text_encoder_2", "text_encoder_3")
    return [e for e in (getattr(pipeline, name, None) for name in names) if e is not None]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folder: Path) -> None:
    """Write FOLDER/empty_prompt.safetensors, so that nobody needs the text encoders for the empty prompt."""
    click.echo(save_empty_prompt(ModelStore().find(str(folder))))


if __name__ == "__main__":
    main()
