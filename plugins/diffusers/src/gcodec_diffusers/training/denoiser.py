"""Task "denoiser": flow matching in a latent space, under random conditions, and its few-step shortcuts.

Each sample is given an estimate of x_0 of one kind (the latent of a real codec's preview, a quantized latent, tokens, or
none) and, now and then, a sketch; whatever was left out the network learns to do without. From the recipe's
[student] start on, a share of each batch learns to take long steps: a step of length d must lead where two steps of
length d/2 lead (Frans et al. 2025, eq. 4), and where a step ends at t = 0 its decoded picture counts too.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.builtin.edges import edge_strength
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.metrics import lpips_network
from gcodec.models import ModelStore
from gcodec.options import check_options
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec.stage1 import build
from gcodec.training import Inputs, Task, packed
from gcodec_diffusers.folders import load_codebook, save
from gcodec_diffusers.network import EstimateDenoiser, Given, linear_estimate, sketch_planes
from gcodec_diffusers.space import preview_error
from gcodec_diffusers.training.autoencoder import autoencoder, tensor, weights_folder

__all__ = ["DenoiserTask"]

_SAMPLES, _SAMPLE_SIDE = 256, 128


class DenoiserTask(Task):
    """Recipe tables: [space] autoencoder; [codebooks] tokens = model; [unet]; [data] batch, crop, held_out; [conditions]; [student]."""

    def __init__(self, inputs: Inputs) -> None:
        recipe = inputs.recipe
        self.data, self.conditions, self.student = (
            recipe[name] for name in ("data", "conditions", "student")
        )
        self.photos = packed(inputs.data, inputs.cache)
        self.members, self.aside = self.photos.split(self.data["held_out"], recipe["seed"])
        self.space = autoencoder(inputs)
        store = ModelStore.installed()
        self.codebooks = [
            load_codebook(store.find(name))[0].to(inputs.device)
            for name in recipe["codebooks"].values()
        ]
        self.previews = [_embedding(name) for name in self.conditions["previews"]]
        self.metric = lpips_network(weights_folder()).to(inputs.device)
        super().__init__(inputs)

    def build(self) -> nn.Module:
        rng = np.random.default_rng(self.inputs.recipe["seed"])
        sample = tensor(self.photos.crops(self.members, _SAMPLES, _SAMPLE_SIDE, rng))
        with torch.no_grad():
            z = self.space.encode(sample.to(self.inputs.device))
        deviation = z.square().mean((0, 2, 3)).sqrt().tolist()
        network = EstimateDenoiser(self.inputs.recipe["unet"], [round(s, 4) for s in deviation])
        return network.to(memory_format=torch.channels_last)

    def losses(self, network: nn.Module, step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        assert isinstance(network, EstimateDenoiser)
        x, x_0, given = self.batch(network, rng)
        count = len(x)
        t = torch.from_numpy(times(rng, count, self.data["noisiest"])).to(x.device)
        eps = torch.from_numpy(rng.standard_normal(x_0.shape, np.float32)).to(x.device)
        learners = self.student["share"] if step >= self.student["start"] else 0
        matching = slice(learners, count)
        x_t = mix(x_0, eps, t)
        mean, n, u = linear_estimate(x_t[matching], t[matching], part(given, matching))
        zero = torch.zeros_like(t[matching])
        guess = network.correction(u, t[matching], zero, part(given, matching))
        loss = (guess - (x_0[matching] - mean) / n).square().mean()
        result = {"loss": loss, "matching": loss}
        if learners:
            first = slice(0, learners)
            more = self.shortcut(network, x[first], x_0[first], eps[first], part(given, first), rng)
            result |= more
            result["loss"] = loss + self.student["consistency"] * more["consistency"]
            result["loss"] = result["loss"] + self.student["lpips"] * more["lpips"]
            result["loss"] = result["loss"] + self.student["squared"] * more["squared"]
        return result

    def shortcut(
        self,
        network: EstimateDenoiser,
        x: Tensor,
        x_0: Tensor,
        eps: Tensor,
        given: Given,
        rng: np.random.Generator,
    ) -> dict[str, Tensor]:
        """Losses of one long step that starts at a multiple of its length."""
        count = len(x)
        halvings = rng.integers(0, self.student["halvings"] + 1, count)
        d = 0.5**halvings
        # The last step of each grid ends at the picture; it is drawn half of the time.
        start = np.where(rng.random(count) < 0.5, 1, 1 + rng.integers(0, 2**halvings)) * d
        d_, t = (torch.from_numpy(a.astype(np.float32)).to(x.device) for a in (d, start))
        with torch.no_grad():
            x_t = self.on_path(network, x_0, eps, t, d_, given)
            shortest = d_ <= 0.5 ** self.student["halvings"]
            half = torch.where(shortest, torch.zeros_like(d_), d_ / 2)
            middle = leap(x_t, network(x_t, t, half, given), t, d_ / 2)
            target = leap(middle, network(middle, t - d_ / 2, half, given), t - d_ / 2, d_ / 2)
        mean, n, u = linear_estimate(x_t, t, given)
        guess = mean + n * network.correction(u, t, d_, given)
        landed = leap(x_t, guess, t, d_)
        # In units of the correction, so that no condition outweighs another.
        wide = (d_ / t)[:, None, None, None]
        consistency = ((landed - target) / (n * wide)).square().mean()
        last = t == d_
        if not bool(last.any()):
            nothing = guess.sum() * 0
            return {"consistency": consistency, "lpips": nothing, "squared": nothing}
        squared = ((guess - x_0) / n)[last].square().mean()
        decoded = self.space.decode(guess[last])
        distance = self.metric(2 * decoded.clamp(-0.1, 1.1) - 1, 2 * x[last] - 1).sum() / count
        return {"consistency": consistency, "lpips": distance, "squared": squared}

    @staticmethod
    def on_path(
        network: EstimateDenoiser, x_0: Tensor, eps: Tensor, t: Tensor, d: Tensor, given: Given
    ) -> Tensor:
        """x_t of the forward process, or for half of the samples what the first leap from noise leads to."""
        x_t = mix(x_0, eps, t)
        own = (t < 1) & (torch.arange(len(t), device=t.device) % 2 == 0)
        if not bool(own.any()):
            return x_t
        one = torch.ones_like(t)
        jump = leap(eps, network(eps, one, 1 - t, given), one, 1 - t)
        return torch.where(own[:, None, None, None], jump, x_t)

    def batch(
        self, network: EstimateDenoiser, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Given]:
        """(samples, latents, conditions) of one batch."""
        crops = self.photos.crops(self.members, self.data["batch"], self.data["crop"], rng, grid=8)
        return self.given(network, crops, rng)

    def given(
        self, network: EstimateDenoiser, crops: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Given]:
        """Samples, latents and randomly drawn conditions of uint8 crops [B, H, W, 3]."""
        # Codecs must not meet the autocast of the training around them.
        with torch.no_grad(), torch.autocast(self.inputs.device.type, enabled=False):
            return self._given(network, crops, rng)

    def _given(
        self, network: EstimateDenoiser, crops: np.ndarray, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Given]:
        device = self.inputs.device
        x = tensor(crops).to(device)
        x_0 = self.space.encode(x)
        nothing = network.unknown(x_0)
        estimate, error = nothing.estimate.clone(), nothing.error.clone()
        sketch, drawn = nothing.sketch.clone(), nothing.drawn.clone()
        shares = self.conditions["shares"]
        kinds = rng.choice(list(shares), len(x), p=np.array(list(shares.values())))
        for i, kind in enumerate(kinds):
            pixels = np.ascontiguousarray(crops[i].transpose(2, 0, 1), np.float32) / 255
            if kind == "preview":
                preview = self.preview(pixels, rng)
                estimate[i] = self.space.encode(torch.from_numpy(preview.pixels)[None].to(device))[0]
                scale, deviation = self.space.scale.cpu(), network.deviation.cpu()
                error[i] = preview_error(preview.mse, scale, deviation).to(device)
            elif kind == "latent":
                low, high = self.conditions["step"]
                step = low * (high / low) ** rng.random()
                estimate[i] = (x_0[i] / step).round() * step
                error[i] = 1 / (1 / network.deviation.square() + 12 / step**2).sqrt()
            elif kind == "tokens":
                book = self.codebooks[rng.integers(len(self.codebooks))]
                estimate[i] = book.dequantize(book.quantize(x_0[i : i + 1]))[0]
                error[i] = book.error
            if rng.random() < self.conditions["sketch"]:
                edges = torch.from_numpy(edge_strength(pixels)).to(device)
                sketch[i], drawn[i] = sketch_planes(edges[None])[0], 1.0
        return x, x_0, Given(estimate, error, sketch, drawn)

    def preview(self, pixels: np.ndarray, rng: np.random.Generator) -> Preview:
        """A real codec's preview of one crop; its error is known as that of a whole image is, not the crop's."""
        embedding = self.previews[rng.integers(len(self.previews))]
        low, high = self.conditions["quality"]
        layers = embedding.encode(embedding.analyse(pixels), low + (high - low) * rng.random() ** 1.5)
        (preview,) = embedding.decode(layers, Size(*pixels.shape[1:]))
        assert isinstance(preview, Preview)
        mse = float(np.mean(np.square(preview.pixels - pixels)))
        jitter = math.exp(self.conditions["jitter"] * rng.standard_normal())
        return Preview(preview.pixels, max(mse, 1e-6) * jitter)

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        assert isinstance(network, EstimateDenoiser)
        rng = np.random.default_rng(0)
        figures: dict[str, list[float]] = {}
        size = self.data["crop"]
        every = [self.photos.centre(int(i), size, size) for i in self.aside]
        for kind in self.conditions["shares"]:
            chosen = {**self.conditions, "shares": {kind: 1.0}, "sketch": 0.0}
            self.conditions, kept = chosen, self.conditions
            x, x_0, given = self.given(network, np.stack(every), rng)
            self.conditions = kept
            eps = torch.from_numpy(rng.standard_normal(x_0.shape, np.float32)).to(x.device)
            for level in (1.0, 0.5):
                t = torch.full((len(x),), level, device=x.device)
                x_t = mix(x_0, eps, t)
                with torch.autocast(x.device.type, torch.bfloat16):
                    guess = network(x_t, t, torch.zeros_like(t), given)
                figures[f"{kind}.mse_t{level}"] = [float((guess - x_0).square().mean())]
            for steps in (1, 4):
                with torch.autocast(x.device.type, torch.bfloat16):
                    decoded = self.space.decode(sample(network, eps, steps, given)).clamp(0, 1)
                    seen = self.metric(2 * decoded.float() - 1, 2 * x - 1)
                figures[f"{kind}.lpips_{steps}"] = [float(seen.mean())]
            if kind == "preview":
                decoded = self.space.decode(given.estimate).clamp(0, 1)
                figures["preview.lpips_0"] = [float(self.metric(2 * decoded - 1, 2 * x - 1).mean())]
        return {name: float(np.mean(values)) for name, values in figures.items()}

    def export(self, network: nn.Module, folder: Path) -> None:
        assert isinstance(network, EstimateDenoiser)
        recipe = self.inputs.recipe
        about = {
            "space": recipe["space"]["autoencoder"],
            "deviation": [round(s, 4) for s in network.deviation.tolist()],
            "few": [2**i for i in range(self.student["halvings"] + 1)],
            "codebooks": recipe["codebooks"],
        }
        save(network.unet, network.unet.config, about, folder)


def sample(network: EstimateDenoiser, eps: Tensor, steps: int, given: Given) -> Tensor:
    """x_0 from noise in equal leaps."""
    x, d = eps, torch.full((len(eps),), 1 / steps, device=eps.device)
    for i in range(steps):
        t = torch.full_like(d, 1 - i / steps)
        x = leap(x, network(x, t, d, given), t, d)
    return x


def times(rng: np.random.Generator, count: int, noisiest: float) -> np.ndarray:
    """t in (0, 1]: logistic-normal, and 1 for a share `noisiest` of the samples (steps begin there)."""
    t = 1 / (1 + np.exp(-(0.4 + 1.2 * rng.standard_normal(count))))
    return np.where(rng.random(count) < noisiest, 1.0, np.clip(t, 0.01, 1)).astype(np.float32)


def mix(x_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x_t = (1 - t) x_0 + t eps."""
    return torch.lerp(x_0, eps, t[:, None, None, None])


def leap(x_t: Tensor, x0_hat: Tensor, t: Tensor, d: Tensor) -> Tensor:
    """x_{t-d} on the straight line from x_t to x0-hat: the Euler step of v = (x_t - x0-hat) / t."""
    return torch.lerp(x_t, x0_hat, (d / t)[:, None, None, None])


def part(given: Given, which: slice) -> Given:
    return Given(*(value[which] for value in given))


def _embedding(name: str) -> Embedding:
    spec = registry().embedding(name)
    run = Run()
    weights = run.models.find(spec.model) if spec.model else None
    options: dict[str, Any] = check_options(spec.name, spec.options, {})
    return build(spec, Setup(run, options, weights))
