"""The transforms and the hyper encoder of a model in torch, as `gcodec_ntc.codec` runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.entropy.mean_scale import lerp
from gcodec.entropy.model import HyperEncoder, HyperEncoderConfig, loaded
from gcodec.models.graphs import Graph
from gcodec_ntc.codec import Transforms
from gcodec_ntc.transform import Analysis, Synthesis, TransformConfig

__all__ = ["Networks", "transforms"]


class Networks(nn.Module):
    """What `Transforms` has, on tensors. `config` and `tensors` are a model's config.json and weights.

    Raises KeyError, TypeError or RuntimeError if they do not belong together.
    """

    gain: Tensor

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        sizes, entropy = TransformConfig(**config["transform"]), config["entropy"]
        hyper = HyperEncoderConfig(
            sizes.channels, entropy["hyper"], entropy["hyper_width"], entropy["knots"]
        )
        self.analysis = loaded(Analysis(sizes), tensors, "analysis.")
        self.synthesis = loaded(Synthesis(sizes), tensors, "synthesis.")
        self.encoder = loaded(HyperEncoder(hyper), tensors, "encoder.")
        self.register_buffer("gain", torch.from_numpy(tensors["gain"].astype(np.float32)))

    def encode(self, y: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        """Latents in quantization steps, and hyper-latents."""
        v = y * torch.exp2(lerp(self.gain, q))[:, :, None, None]
        return v, self.encoder.hyper_latent(v, q)


def transforms(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Transforms:
    """Those of a model, on arrays. Raises like `Networks`."""
    found = Networks(config, tensors)
    return Transforms(
        _on_arrays(lambda x: (found.analysis(x),)),
        _on_arrays(found.encode),
        _on_arrays(lambda y, q: (found.synthesis(y, q),)),
    )


def _on_arrays(network: Callable[..., tuple[Tensor, ...]]) -> Graph:
    @torch.inference_mode()
    def run(*arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return [made.numpy() for made in network(*map(torch.from_numpy, arrays))]

    return run
