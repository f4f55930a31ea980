"""Task "autoencoder": the latent space of `base`, on squared error and LPIPS, with a little noise in the latent."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.metrics import lpips_network
from gcodec.models import ModelStore
from gcodec.training import Inputs, Task, packed
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.folders import load_autoencoder, save

__all__ = ["AutoencoderTask", "autoencoder", "tensor", "weights_folder"]

#: Photographs and side of the crops that choose the initial linear transform.
_SAMPLES, _SAMPLE_SIDE = 256, 128
#: The logarithm of the squared error makes a flat crop weigh as much as a busy one, down to 50 dB.
_FLOOR = 1e-5


class AutoencoderTask(Task):
    """Recipe tables: [space] name; [linear] steps, lr; [network] of `LappedAutoencoder`; [data] batch, crop, held_out; [loss] lpips, noise."""

    def __init__(self, inputs: Inputs) -> None:
        data = inputs.recipe["data"]
        self.photos = packed(inputs.data, inputs.cache)
        self.members, self.aside = self.photos.split(data["held_out"], inputs.recipe["seed"])
        self.batch, self.crop = data["batch"], data["crop"]
        self.loss = inputs.recipe["loss"]
        self.metric = lpips_network(weights_folder()).to(inputs.device) if self.loss["lpips"] else None
        super().__init__(inputs)

    def build(self) -> nn.Module:
        network = LappedAutoencoder(**self.inputs.recipe["network"])
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        network.start_linear(tensor(self.photos.crops(self.members, _SAMPLES, _SAMPLE_SIDE, rng)))
        self.fit_linear(network, **self.inputs.recipe["linear"])
        network.project.requires_grad_(False)
        return network.to(memory_format=torch.channels_last)

    def fit_linear(self, network: LappedAutoencoder, steps: int, lr: float) -> None:
        """Fit the two linear maps together: the window opens and hides the block borders."""
        linear = [network.project.weight, network.unproject.weight]
        optimizer = torch.optim.Adam(linear, lr)
        for step in range(steps):
            rng = np.random.default_rng((self.inputs.recipe["seed"], step, 1))
            for group in optimizer.param_groups:
                group["lr"] = lr * min(1, (step + 1) / 50, (steps - step) / (0.7 * steps))
            x = tensor(self.photos.crops(self.members, 8, 192, rng))
            error = ((network.expand(network.encode(x)) + 1) / 2 - x).square().mean((1, 2, 3))
            optimizer.zero_grad()
            (error + _FLOOR).log().mean().backward()
            optimizer.step()

    def rates(self) -> dict[str, float]:
        return {"unproject": 0.1}

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, LappedAutoencoder)
        x = tensor(self.photos.crops(self.members, self.batch, self.crop, rng))
        x = x.to(self.inputs.device)
        with torch.no_grad():
            z = network.encode(x)
        # Denoisers and quantizers leave errors behind; the decoder learns to live with them.
        noise = rng.standard_normal(z.shape, np.float32)
        level = self.loss["noise"] * np.maximum(
            rng.random((len(z), 1, 1, 1), np.float32) * 2 - 1, 0
        )
        decoded = network.decode(z + torch.from_numpy(level * noise).to(z.device))
        mse = (decoded - x).square().mean()
        error = ((decoded - x).square().mean((1, 2, 3)) + _FLOOR).log().mean()
        result = {"loss": error, "mse": mse}
        if self.metric is not None:
            distance = self.metric(2 * decoded - 1, 2 * x - 1).mean()
            result |= {"loss": error + self.loss["lpips"] * distance, "lpips": distance}
        return result

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        psnr, square = [], []
        for index in self.aside:
            x = tensor(self.photos.centre(int(index), 256)[None]).to(self.inputs.device)
            assert isinstance(network, LappedAutoencoder)
            z = network.encode(x)
            error = (network.decode(z).clamp(0, 1) - x).square().mean()
            psnr.append(-10 * math.log10(max(float(error), 1e-9)))
            square.append(float(z.square().mean()))
        return {"psnr": float(np.mean(psnr)), "latent_square": float(np.mean(square))}

    def export(self, network: nn.Module, folder: Path) -> None:
        with torch.inference_mode():
            ceiling = 10 ** (-self.evaluate(network)["psnr"] / 10)
        about = {"space": self.inputs.recipe["space"]["name"], "ceiling": float(f"{ceiling:.3g}")}
        save(network, self.inputs.recipe["network"], about, folder)


def tensor(crops: np.ndarray) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in [0, 1], channels last."""
    return torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float() / 255


def autoencoder(inputs: Inputs) -> LappedAutoencoder:
    """The frozen autoencoder that the recipe names in [space]."""
    network, _ = load_autoencoder(ModelStore.installed().find(inputs.recipe["space"]["autoencoder"]))
    return network.to(inputs.device)


def weights_folder() -> Path | None:
    """Where the weights of LPIPS lie, if the environment says so."""
    import os

    folder = os.environ.get("GCODEC_METRICS")
    return Path(folder) if folder else None
