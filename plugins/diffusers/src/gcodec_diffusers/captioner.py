"""Captioners of transformers: networks that answer a picture with a sentence and need no question.

BLIP-2 is PerCo's (Careil et al. 2024), whose captions have 32 tokens at most; BLIP is its smaller forerunner. The words are
those that the network holds likeliest one by one: greedy search, which is nobody's chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gcodec.errors import ModelDamaged
from gcodec.models import _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import Captioner
from gcodec_diffusers.loading import load_from_transformers

if TYPE_CHECKING:
    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["GreedyCaptioner", "open_captioner"]

#: Tokens of a caption, at most.
_LONGEST = 32


class GreedyCaptioner(Captioner):
    """A network of transformers, what makes its input of a picture, and what makes words of its output."""

    def __init__(self, name: str, network: Any, images: Any, words: Any) -> None:
        self.name, self.network, self.images, self.words = name, network, images, words

    @torch.inference_mode()
    def caption(self, pixels: FloatArray) -> str:
        """What the network says of pixels float32 [3, H, W] in [0, 1], in 32 tokens at most. Raises ModelDamaged."""
        octets = (pixels.transpose(1, 2, 0) * 255).round().clip(0, 255).astype("uint8")
        try:
            seen = self.images(octets, return_tensors="pt", input_data_format="channels_last")
            said = self.network.generate(
                pixel_values=seen["pixel_values"].to(self.network.device, self.network.dtype),
                max_new_tokens=_LONGEST,
                do_sample=False,
                num_beams=1,
            )
            text: str = self.words.decode(said[0], skip_special_tokens=True)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # Settings that contradict each other come to light only here.
            raise ModelDamaged(self.name, f"it cannot say anything: {_one_line(error)}") from error
        return text.strip()


def open_captioner(model: Model, run: Run) -> GreedyCaptioner:
    """The captioner in `model`. Raises ModelDamaged."""
    _torchvision_cpu.install()
    import transformers

    network = load_from_transformers(
        getattr(transformers, str(model.class_name)), model.folder, getattr(torch, run.dtype)
    )
    how = {"local_files_only": True, "trust_remote_code": False}
    try:
        images = transformers.AutoImageProcessor.from_pretrained(model.folder, **how)
        words = transformers.AutoTokenizer.from_pretrained(model.folder, **how)
    except (OSError, ValueError, ImportError) as error:
        raise ModelDamaged(model.name, _one_line(error)) from error
    return GreedyCaptioner(model.name, network.to(torch_device(run.device)), images, words)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
