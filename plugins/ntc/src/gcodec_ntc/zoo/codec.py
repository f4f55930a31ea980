"""A model of the zoo as a codec: from samples to a payload and back.

Normative: spec/embeddings/ntc_zoo.md. Level and squared error are those of `gcodec_ntc.codec`; the stream has a batch of
hyper-latents where the model has them, then a batch of latents, or with a context model a batch for each wavefront, column +
3 * row = 0, 1, ...

The image is padded to multiples of 64, of 16 without hyper-latents, by repeating its last row and column; no size is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gcodec.entropy import Decoder, Encoder, rounded
from gcodec.entropy.integers import Ints
from gcodec.entropy.model import loaded
from gcodec_ntc.payload import NAME, FloatArray, Original, PayloadCodec
from gcodec_ntc.zoo import networks
from gcodec_ntc.zoo.architectures import ARCHITECTURES
from gcodec_ntc.zoo.hyper import VALUE_BITS
from gcodec_ntc.zoo.prior import Prior

__all__ = ["ZooCodec"]

_LARGEST = 1 << 20  # symbol that an encoder chooses


@dataclass(frozen=True, eq=False)
class Analysed(Original):
    """What an image's symbols are chosen from at any quality.

    y     latents, float64 [h, w, M], in units of 2**-12.
    z     symbols of the hyper-latents [h/4, w/4, N], or None.
    told  means and deviations that they tell, or None.
    """

    y: NDArray[np.float64]
    z: Ints | None
    told: NDArray[Any] | None


class ZooCodec(PayloadCodec):
    """Encoder and decoder. `config` and `tensors` are a model folder's config.json and weights.

    device  of the transforms; it decides nothing about bits.

    Raises KeyError, TypeError, ValueError or RuntimeError if they do not belong together.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
        device: torch.device,
    ) -> None:
        self.which = which = ARCHITECTURES[config["architecture"]]
        n, m = int(config["N"]), int(config["M"])
        self.prior = Prior(which, n, m, tensors)
        self._device = device
        made = networks.parts(which, n, m)
        self._g_a = loaded(made["g_a"], tensors, "g_a.").to(device)
        self._g_s = loaded(made["g_s"], tensors, "g_s.").to(device)
        self._h_a = loaded(made.get("h_a", torch.nn.Sequential()), tensors, "h_a.").to(device)

    @torch.inference_mode()
    def analyse(self, samples: FloatArray) -> Analysed:
        """What is to be coded of float32 [3, H, W] in [0, 1]."""
        height, width = samples.shape[1:]
        factor = self.which.factor
        x = torch.from_numpy(np.array(samples, np.float32))[None].to(self._device)
        x = F.pad(x, (0, -width % factor, 0, -height % factor), mode="replicate")
        latents = networks.analysed(self._g_a, x, self.which.reach)
        z = told = None
        if self.which.hyper:
            hyper = self._h_a(latents if self.which.means else latents.abs())
            z = _chosen(_positions(hyper) - self.prior.median())
            told = self.prior.told(z)
        return Analysed(samples, _positions(latents) * (1 << VALUE_BITS), z, told)

    def stream(self, analysed: Analysed, level: int) -> bytes:
        """The entropy-coded symbols."""
        encoder = Encoder(self.prior.tables(level))
        if analysed.z is not None:
            encoder.put(analysed.z, self.prior.hyper_index(*analysed.z.shape[:2]))
        h, w, channels = analysed.y.shape
        wanted, step = analysed.y.reshape(h * w, channels), self.prior.step(level)

        def choose(where: NDArray[np.int64], mean: NDArray[Any], index: NDArray[Any]) -> Ints:
            symbols = _chosen((wanted[where] - mean) / step)
            encoder.put(symbols, index)
            return symbols

        self.prior.latents(level, analysed.told, h, w, choose)
        return encoder.finish()

    def read(self, payload: bytes, height: int, width: int) -> tuple[int, float, Ints, Ints]:
        """Level, squared error, symbols of hyper-latents (none: empty) and latents (units of 2**-12) of a payload.

        Integer arithmetic only. Raises PayloadError for what `encode` cannot have written.
        """
        level, error, stream = self.parts(payload)
        prior, factor = self.prior, self.which.factor
        h, w = (-(-side // factor) * (factor // networks.STRIDE) for side in (height, width))
        decoder = Decoder(prior.tables(level), stream, NAME)
        z, told = np.zeros(0, np.int32), None
        if self.which.hyper:
            z = decoder.get(prior.hyper_index(h // 4, w // 4))
            told = prior.told(z)
        y = prior.latents(level, told, h, w, lambda where, mean, index: decoder.get(index))
        decoder.finish()
        return level, error, z, y

    @torch.inference_mode()
    def synthesise(self, y: Ints, level: int, height: int, width: int) -> FloatArray:
        """Preview, float32 [3, height, width] in [0, 1], of latents in units of 2**-12, whatever the level."""
        values = torch.from_numpy(y.astype(np.float32) / (1 << VALUE_BITS)).permute(2, 0, 1)[None]
        x = networks.synthesised(self._g_s, values.to(self._device), self.which.reach)
        x = x[0, :, :height, :width]
        return np.ascontiguousarray(x.clamp(0, 1).cpu().numpy())


def _positions(x: torch.Tensor) -> NDArray[np.float64]:
    """[1, C, h, w] -> [h, w, C]."""
    return np.ascontiguousarray(x[0].permute(1, 2, 0).cpu().double().numpy())


def _chosen(wanted: NDArray[np.float64]) -> Ints:
    return rounded(wanted.clip(-_LARGEST, _LARGEST))
