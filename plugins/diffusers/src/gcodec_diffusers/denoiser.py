"""The denoiser of a model folder whose U-Net was trained around a linear estimate (`network`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gcodec.errors import ModelDamaged
from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition, Denoiser, LatentSpace, open_codebook, open_space
from gcodec.run import Run
from gcodec.signals import Latent, Preview, Signal, Sketch, Tokens
from gcodec_diffusers.estimates import Estimate, best, latent_error, preview_error
from gcodec_diffusers.folders import load_denoiser, shared
from gcodec_diffusers.lapped import FACTOR, padded
from gcodec_diffusers.network import EstimateDenoiser, Given, sketch_planes
from gcodec_diffusers.space import LappedSpace

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LatentDenoiser", "open_denoiser"]

#: Log-SNR 2 ln(alpha_t / sigma_t) and squared error of the decoded x0-hat: means over the middle 256x256 of 12 photographs
#: of the training data, x_t = (1 - t) x_0 + t eps with true noise, unconditional `base/denoiser`.
_ERROR = np.array(
    [
        (-27.63, 0.079393),
        (-5.89, 0.068271),
        (-4.39, 0.052834),
        (-2.77, 0.029109),
        (-1.69, 0.017326),
        (-0.81, 0.011863),
        (0.00, 0.007582),
        (0.81, 0.004632),
        (1.69, 0.00262),
        (2.77, 0.001402),
        (3.63, 0.000968),
        (4.39, 0.00078),
        (5.17, 0.000683),
        (5.89, 0.00064),
        (6.95, 0.000612),
        (7.78, 0.000604),
        (9.19, 0.000599),
        (11.61, 0.000598),
    ]
)


class LatentDenoiser(Denoiser):
    """`EstimateDenoiser` behind core's interface; previews, latents, tokens and sketches condition it, text does not."""

    one_call = "noise"

    def __init__(self, network: EstimateDenoiser, run: Run, about: dict[str, Any]) -> None:
        self.run, self.about = run, about
        self.space: str = about["space"]
        self.few = tuple(about["few"])
        self.codebooks: Mapping[str, str] = about["codebooks"]
        self.device = torch_device(run.device)
        self.dtype = getattr(torch, run.dtype)
        self.network = network
        self.deviation = network.deviation.cpu()
        encoder = open_space(run.models.find(self.space), run)
        if not isinstance(encoder, LappedSpace):
            raise ModelDamaged(self.space, "is no latent space that a U-Net was trained around")
        self.encoder, name = encoder, encoder.name
        tokens = tuple(f"tokens/{book}" for book in self.codebooks)
        self.sees = ("preview", f"latent/{name}", *tokens, "sketch")

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """The estimate with the least error of those that the signals give, and the sketch if there is one."""
        estimate, error = self.estimate(signals, size)
        planes = torch.zeros(4, *estimate.shape[1:])
        sketch = signals.get("sketch")
        if isinstance(sketch, Sketch):
            planes = sketch_planes(torch.from_numpy(padded(sketch.edges, FACTOR))[None])[0]
        return Condition(
            {"estimate": self._there(torch.from_numpy(estimate)), "sketch": self._there(planes)},
            {
                "error": self._there(torch.from_numpy(error)),
                "drawn": self._there(torch.tensor(float(sketch is not None))),
            },
        )

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] with the least error of those that the signals give, and its deviation [C]."""
        h, w = -(-size.height // FACTOR), -(-size.width // FACTOR)
        estimates = (
            _ESTIMATES[signal.kind](self, signal, (h, w))
            for name, signal in signals.items()
            if name in self.sees and signal.kind in _ESTIMATES
        )
        return best(estimates, self.deviation, (h, w))

    def error(
        self, alpha_t: float, sigma_t: float, space: LatentSpace, latent: FloatArray
    ) -> float:
        """That of photographs (`_ERROR`): where the denoiser is the MMSE estimator it is the slope of the bits that x_t
        takes, dI / dSNR = mmse / 2 (Guo, Shamai and Verdu 2005; review, eq. 24)."""
        tiny = np.finfo(np.float64).tiny
        log_snr = 2 * (math.log(alpha_t + tiny) - math.log(sigma_t + tiny))
        return float(np.exp(np.interp(log_snr, _ERROR[:, 0], np.log(_ERROR[:, 1]))))

    def of_preview(self, preview: Preview, shape: tuple[int, int]) -> Estimate:
        error = preview_error(preview.mse, self.encoder.scale, self.deviation)
        return self.encoder.encode(preview.pixels), error

    def of_latent(self, latent: Latent, shape: tuple[int, int]) -> Estimate:
        return latent.values, latent_error(latent.step, self.deviation)

    def of_tokens(self, tokens: Tokens, shape: tuple[int, int]) -> Estimate:
        model = self.run.models.find(self.codebooks[tokens.space])
        estimate, error = open_codebook(model, self.run).dequantize(tokens.indices, shape)
        return estimate, torch.from_numpy(error)

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        """x0-hat [1, C, h, w]; any path is scaled to the rectified flow's (1 - t, t) at the same SNR."""
        return self.x0_all(x_t, alpha_t, sigma_t, [condition], step)

    def x0_all(
        self,
        x_t: Tensor,
        alpha_t: float,
        sigma_t: float,
        conditions: Sequence[Condition],
        step: float = 0.0,
    ) -> Tensor:
        """x0-hat [B, C, h, w], all at once."""
        with torch.inference_mode(not x_t.requires_grad):
            return self._x0(x_t, alpha_t, sigma_t, conditions, step)

    def _x0(
        self,
        x_t: Tensor,
        alpha_t: float,
        sigma_t: float,
        conditions: Sequence[Condition],
        step: float,
    ) -> Tensor:
        total = alpha_t + sigma_t
        t, d = (
            torch.full((len(conditions),), value, device=self.device, dtype=torch.float32)
            for value in (sigma_t / total, step)
        )
        given = Given(
            torch.stack([one.maps["estimate"] for one in conditions]),
            torch.stack([one.globals["error"] for one in conditions]),
            torch.stack([one.maps["sketch"] for one in conditions]),
            torch.stack([one.globals["drawn"] for one in conditions]),
        )
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            result: Tensor = self.network(x_t / total, t, d, given)
        return result

    def _there(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, torch.float32)


_ESTIMATES: Mapping[str, Callable[[LatentDenoiser, Any, tuple[int, int]], Estimate]] = {
    Preview.kind: LatentDenoiser.of_preview,
    Latent.kind: LatentDenoiser.of_latent,
    Tokens.kind: LatentDenoiser.of_tokens,
}


def open_denoiser(model: Model, run: Run) -> LatentDenoiser:
    """The denoiser in `model`. Raises ModelDamaged, also for a U-Net that was not trained this way."""
    network, about = shared(model, run, load_denoiser)
    return LatentDenoiser(network, run, about)
