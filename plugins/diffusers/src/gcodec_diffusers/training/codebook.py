"""Task "codebook": the vector quantizer of a latent space, on squared error of the latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.training import Inputs, Task, packed
from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.folders import save
from gcodec_diffusers.training.autoencoder import autoencoder, tensor

__all__ = ["CodebookTask"]


class CodebookTask(Task):
    """Recipe tables: [space] autoencoder, codebook; [network] of `LatentCodebook`; [data] batch, crop, held_out."""

    def __init__(self, inputs: Inputs) -> None:
        self.data = inputs.recipe["data"]
        self.photos = packed(inputs.data, inputs.cache)
        self.members, self.aside = self.photos.split(self.data["held_out"], inputs.recipe["seed"])
        self.space = autoencoder(inputs)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        z = self.latents(np.random.default_rng(self.inputs.recipe["seed"]), 64)
        self.deviation = [round(s, 4) for s in z.square().mean((0, 2, 3)).sqrt().tolist()]
        network = LatentCodebook(self.deviation, **self.inputs.recipe["network"])
        return network.to(memory_format=torch.channels_last)

    def latents(self, rng: np.random.Generator, count: int) -> Tensor:
        x = tensor(self.photos.crops(self.members, count, self.data["crop"], rng))
        with torch.no_grad():
            return self.space.encode(x.to(self.inputs.device))

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        z = self.latents(rng, self.data["batch"])
        return {"loss": (network(z) - z).square().mean()}

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, LatentCodebook)
        z, estimate, indices = self._held_out(network)
        used = torch.bincount(indices.flatten(), minlength=network.entries).double()
        p = used / used.sum()
        entropy = -(p * p.clamp(min=1e-12).log2()).sum()
        return {
            "mse": float((estimate - z).square().mean()),
            "of_variance": float((estimate - z).square().mean() / z.square().mean()),
            "bits": float(entropy),
            "used": float((used > 0).sum()),
        }

    def _held_out(self, network: LatentCodebook) -> tuple[Tensor, Tensor, Tensor]:
        crops = [self.photos.centre(int(i), 384, 384) for i in self.aside]
        with torch.no_grad():
            z = self.space.encode(tensor(np.stack(crops)).to(self.inputs.device))
            indices = network.quantize(z)
            return z, network.dequantize(indices), indices

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, LatentCodebook)
        z, estimate, _ = self._held_out(network)
        error = (estimate - z).square().mean((0, 2, 3)).sqrt().tolist()
        measured = {"deviation": self.deviation, "error": [round(s, 4) for s in error]}
        place = self.inputs.recipe["space"]
        about = {"space": place["autoencoder"], "codebook": place["codebook"]}
        save(network, {**self.inputs.recipe["network"], **measured}, about, folder)
