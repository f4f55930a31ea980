"""What a pipeline's network is told of a caption: embeddings by the pipeline's own tokenizers and text encoders.

The empty prompt, which is all that an unconditional denoiser needs, can lie in the folder ready made:

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

from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_denoiser
from gcodec.run import Run
from gcodec_diffusers.layout import EMPTY_PROMPT, FAMILIES, family_of
from gcodec_diffusers.texts import text_parts

if TYPE_CHECKING:
    from gcodec.models import Model

__all__ = ["embed", "save_empty_prompt"]

#: Tokens of a CLIP prompt.
_CLIP_LENGTH = 77
#: What it takes to encode a prompt, by family: diffusers' pipeline, and how "text" and "pooled" come out of it.
_PIPELINES: Mapping[str, tuple[str, Callable[[Any, str], dict[str, Tensor]]]] = {
    "sd": ("StableDiffusionPipeline", lambda p, s: _named(p, s, 0)),
    "sdxl": ("StableDiffusionXLPipeline", lambda p, s: _named(p, s, 0, 2)),
    "sd3": ("StableDiffusion3Pipeline", lambda p, s: _named(p, s, 0, 2)),
    "flux": ("FluxPipeline", lambda p, s: _named(p, s, 0, 1)),
}


@lru_cache(maxsize=4)
def embed(model: Model, prompt: str, device: str, dtype: torch.dtype) -> Mapping[str, Tensor]:
    """The embeddings of a prompt: "text" [1, L, D] and, where the architecture has it, "pooled" [1, P].

    Raises ModelDamaged, and UnusablePlugin where transformers is needed and not installed.
    """
    stored = model.folder / EMPTY_PROMPT
    if not prompt and stored.is_file():
        made = _stored(stored)
        if made.get("text", torch.empty(0)).ndim != 3:
            raise ModelDamaged(
                str(stored), f"it does not hold the embeddings of a prompt of {model.class_name}"
            )
    elif not prompt and family_of(model).name == "sdxl" and _zeros_for_nothing(model):
        made = _zeros(model)
    else:
        made = _encoded(model, prompt, device, dtype)
    return {name: tensor.to(device, dtype) for name, tensor in made.items()}


def save_empty_prompt(model: Model) -> Path:
    """Write the embeddings of the empty prompt into a pipeline's folder, which makes another model of it.

    Raises ModelDamaged and UnusablePlugin.
    """
    path = model.folder / EMPTY_PROMPT
    if model.class_name in FAMILIES:
        made = _encoded(model, "", "cpu", torch.float32)
    else:
        run = Run(models=ModelStore.installed())
        denoiser = open_denoiser(model, run)
        path.unlink(missing_ok=True)
        made = dict(denoiser.condition({}, Size(1, 1)).globals)
        del made["error"]
    save_file({k: v.contiguous() for k, v in made.items()}, path)
    return path


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
    with model.taken_as("a pipeline of SDXL"):
        ids = 5 if model.json("model_index.json").get("requires_aesthetics_score") else 6
        pooled = (
            unet["projection_class_embeddings_input_dim"] - ids * unet["addition_time_embed_dim"]
        )
        return {
            "text": torch.zeros(1, _CLIP_LENGTH, unet["cross_attention_dim"]),
            "pooled": torch.zeros(1, pooled),
        }


@torch.no_grad()
def _encoded(model: Model, prompt: str, device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """What diffusers' own pipeline makes of a prompt; the text encoders are given up afterwards."""
    family = family_of(model)
    parts = text_parts(model, device, dtype)
    import diffusers

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
    try:
        return read(pipeline, prompt)
    except (ValueError, TypeError, AttributeError, RuntimeError, IndexError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelDamaged(
            model.name, f"its text encoders and tokenizers do not go together: {reason[:300]}"
        ) from error


class _Widths:
    """A transformer as far as its configuration goes."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = SimpleNamespace(**config)


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
