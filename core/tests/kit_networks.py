"""Networks that are arithmetic, sound and with one flaw each; the model folder's configuration says which (`FLAWS`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.networks import Codebook, Condition, Denoiser, LatentSpace, open_space
from gcodec.run import Run
from gcodec.signals import Preview, Signal

#: Class of a network -> its flaws; "" is none.
FLAWS = {
    "KitSpace": ("", "double", "whole", "lossy", "detached", "another"),
    "KitDenoiser": ("", "unscaled", "restless", "dividing", "detached", "misled", "whole"),
    "KitCodebook": ("", "beyond", "short", "boastful"),
}


def write_models(folder: Path) -> None:
    """Write a model folder for each flaw, called after class and flaw: "KitSpace-lossy"."""
    for cls, flaws in FLAWS.items():
        for flaw in flaws:
            made = folder / f"{cls}-{flaw or 'sound'}"
            made.mkdir(parents=True)
            (made / "config.json").write_text(json.dumps({"_class_name": cls, "flaw": flaw}))
            weights = {"none": np.zeros(1, np.float32)}
            save_file(weights, made / "diffusion_pytorch_model.safetensors")


class Space(LatentSpace):
    """Four pixels are twelve channels, times 4; nothing is lost."""

    name, channels, factor = "kit", 12, 2

    def __init__(self, model: Model, run: Run) -> None:
        self.flaw = model.config["flaw"]

    def encode(self, pixels: Any) -> Any:
        _, height, width = pixels.shape
        padded = np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)), "edge")
        z = torch.nn.functional.pixel_unshuffle(torch.from_numpy(padded - np.float32(0.5)), 2)
        return (4 * z).numpy()

    def decode(self, latent: Any, size: Size) -> Any:
        z = torch.from_numpy(np.ascontiguousarray(latent))
        pixels = (torch.pixel_shuffle(z, 2) / 4 + 0.5).clamp(0, 1).numpy()
        if self.flaw == "whole":
            return pixels
        if self.flaw == "lossy":
            pixels = np.round(pixels)
        made = np.ascontiguousarray(pixels[:, : size.height, : size.width])
        return made.astype(np.float64) if self.flaw == "double" else made

    def render(self, z: torch.Tensor) -> torch.Tensor:
        pixels = torch.pixel_shuffle(z, 2) / 4 + 0.5
        if self.flaw == "detached":
            return pixels.detach().requires_grad_()
        return pixels * 0.9 if self.flaw == "another" else pixels


class Posterior(Denoiser):
    """The mean of a Gaussian latent of unit variance, given x_t and the latent of a preview."""

    space, sees = "KitSpace-sound", ("preview",)

    def __init__(self, model: Model, run: Run) -> None:
        self.flaw = model.config["flaw"]
        self.encoder = open_space(run.models.find(self.space), run)
        self.calls = 0

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        estimate, deviation = self.estimate(signals, size)
        if self.flaw == "misled":
            estimate = -estimate
        if self.flaw == "whole":
            estimate = np.pad(estimate, ((0, 0), (0, 1), (0, 1)))
        return Condition(
            {"estimate": torch.from_numpy(estimate)}, {"error": torch.from_numpy(deviation)}
        )

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> Any:
        preview = signals.get("preview")
        if isinstance(preview, Preview):
            deviation = np.full(12, max(4 * preview.mse**0.5, 1e-3), np.float32)
            return self.encoder.encode(preview.pixels), deviation
        shape = (12, -(-size.height // 2), -(-size.width // 2))
        return np.zeros(shape, np.float32), np.ones(12, np.float32)

    def x0(
        self, x_t: Any, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Any:
        self.calls += self.flaw == "restless"
        if self.flaw == "dividing":
            return x_t / alpha_t if alpha_t else x_t / torch.zeros(())
        variance = condition.globals["error"][:, None, None] ** 2
        gain = alpha_t * variance / (alpha_t**2 * variance + sigma_t**2)
        c = condition.maps["estimate"]
        made = c + gain * (x_t - alpha_t * c) * (1 + 0.1 * self.calls)
        if self.flaw == "unscaled":
            made = made / (alpha_t + sigma_t)
        return made.detach().requires_grad_() if self.flaw == "detached" else made


class Levels(Codebook):
    """The mean of 2x2 positions over all channels, in sixteen levels."""

    name, space, entries, stride = "kit-levels", "KitSpace-sound", 16, 2

    def __init__(self, model: Model, run: Run) -> None:
        self.flaw = model.config["flaw"]

    def quantize(self, latent: Any) -> Any:
        _, height, width = latent.shape
        padded = np.pad(latent, ((0, 0), (0, height % 2), (0, width % 2)), "edge").mean(0)
        means = padded.reshape(-(-height // 2), 2, -(-width // 2), 2).mean((1, 3))
        indices = np.rint((means + 2) / 4 * 15).clip(0, 15).astype(np.int32)
        return indices + 8 if self.flaw == "beyond" else indices

    def dequantize(self, indices: Any, shape: tuple[int, int]) -> Any:
        if self.flaw == "short" and indices.max() > 14:
            raise IndexError("the table has fifteen rows")
        grid = (indices.astype(np.float32) / 15 * 4 - 2).repeat(2, 0).repeat(2, 1)
        estimate = np.broadcast_to(grid[: shape[0], : shape[1]], (12, *shape)).copy()
        deviation = 0.01 if self.flaw == "boastful" else 0.5
        return estimate, np.full(12, deviation, np.float32)
