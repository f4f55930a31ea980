"""Train the `ntc` model: `python -m gcodec_ntc.training RECIPE --data DIR --out DIR`.

RECIPE is a TOML file (see `gcodec_base/recipes`); DIR holds photographs, or their packed form
(`photos.bin`, see `gcodec_ntc.photos`; packed on first use into OUT otherwise). OUT receives
`checkpoint.pt` and `log.txt`. Run again, the command resumes; every step draws its crops,
qualities and noise from (seed, step) alone, so an interrupted run ends where an uninterrupted
one would.

The loss is bits per sample position + lambda(q) * MSE * 255^2, with lambda(q) = c / step(q)^2 as
high-rate theory has it (Sullivan and Wiegand 1998), weighted by lambda^-1/2 so that all qualities
weigh alike. Learning rates are constant but for a warm-up and a linear descent to zero over the
last `cooldown` steps.
"""

from __future__ import annotations

import argparse
import math
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gcodec_ntc.entropy_model import EntropyConfig, EntropyModel, Head
from gcodec_ntc.photos import Photos, pack
from gcodec_ntc.transform import Analysis, Synthesis, TransformConfig, initialise, lerp


@dataclass(frozen=True)
class Recipe:
    """All hyper-parameters of a training run."""

    seed: int = 1
    threads: int = 1
    steps: int = 8000
    entropy_steps: int = 1200  # first steps, with the transforms frozen
    cooldown: int = 2000
    warmup: int = 100
    batch: int = 8
    crop: int = 256
    held_out: int = 16
    lambda_scale: float = 20.0
    rate_entropy: float = 1e-3
    rate_network: float = 5e-4
    rate_linear: float = 1e-4
    rate_gain: float = 1e-3
    clip: float = 1.0
    evaluate_every: int = 500
    transform: TransformConfig = field(default_factory=TransformConfig)
    entropy: EntropyConfig = field(default_factory=EntropyConfig)

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a TOML recipe; unknown keys are a TypeError."""
        table: dict[str, Any] = tomllib.loads(path.read_text())
        transform = TransformConfig(**table.pop("transform", {}))
        sizes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in table.pop("entropy", {}).items()
        }
        return cls(**table, transform=transform, entropy=EntropyConfig(**sizes))

    def lagrangian(self, q: Tensor) -> Tensor:
        """lambda(q), bits per position per unit of squared error in 8-bit units."""
        log_step = (1 - q) * math.log2(self.transform.step_max) + q * math.log2(
            self.transform.step_min
        )
        return self.lambda_scale * torch.exp2(-2 * log_step)


class Model(nn.Module):
    """Everything that is trained."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.analysis = Analysis(recipe.transform)
        self.synthesis = Synthesis(recipe.transform)
        self.entropy = EntropyModel(recipe.entropy)
        self.gain = nn.Parameter(torch.zeros(recipe.transform.knots, recipe.transform.channels))

    def scaled(self, y: Tensor, q: Tensor) -> Tensor:
        """Latents in quantization steps at quality q."""
        return y * torch.exp2(lerp(self.gain, q))[:, :, None, None]

    def initialise(self, photos: Tensor, config: TransformConfig) -> None:
        """Start from the lapped transform and the latents' variances on `photos`."""
        gain = initialise(self.analysis, self.synthesis, config, photos)
        with torch.no_grad():
            self.gain.copy_(gain)
            spread = (self.analysis.spread.log2() + gain - 1.0).clamp(-4.5, 6)
            start = 0
            for head, size in zip(self.entropy.heads, (0, 0, 1, 1, 2, 3), strict=True):
                assert isinstance(head, Head)
                count = self.entropy.config.groups[size]
                start = sum(self.entropy.config.groups[:size])
                head.out_q[:, count:].copy_(spread[:, start : start + count])


def crops(photos: Photos, members: np.ndarray, recipe: Recipe, step: int) -> Tensor:
    """The batch of `step`: random crops, half of them mirrored, [B, 3, crop, crop] in [0, 1]."""
    rng = np.random.default_rng((recipe.seed, step + 1_000_000))
    size = recipe.crop
    weights = photos.height[members] * photos.width[members]
    fits = (photos.height[members] >= size) & (photos.width[members] >= size)
    weights = np.where(fits, weights, 0) / np.where(fits, weights, 0).sum()
    batch = np.empty((recipe.batch, size, size, 3), np.uint8)
    for slot, index in enumerate(rng.choice(members, recipe.batch, p=weights)):
        photo = photos[index]
        top = rng.integers(photo.shape[0] - size + 1)
        left = rng.integers(photo.shape[1] - size + 1)
        crop = photo[top : top + size, left : left + size]
        batch[slot] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255


def qualities(recipe: Recipe, step: int) -> Tensor:
    """Stratified qualities of one batch, [B] in [0, 1]."""
    rng = np.random.default_rng((recipe.seed, step, 1))
    return torch.from_numpy(
        ((np.arange(recipe.batch) + rng.random(recipe.batch)) / recipe.batch).astype(np.float32)
    )


def parameter_groups(model: Model, recipe: Recipe) -> list[dict[str, Any]]:
    """Adam groups with their learning rates."""
    linear = {"colour", "pre", "post", "dct"}
    groups: dict[str, list[nn.Parameter]] = {"entropy": [], "network": [], "linear": [], "gain": []}
    for name, parameter in model.named_parameters():
        last = name.rsplit(".", 1)[-1]
        if name.startswith("entropy."):
            groups["entropy"].append(parameter)
        elif last in {"gain", "ungain"}:
            groups["gain"].append(parameter)
        else:
            groups["linear" if last in linear else "network"].append(parameter)
    rates = {
        "entropy": recipe.rate_entropy,
        "network": recipe.rate_network,
        "linear": recipe.rate_linear,
        "gain": recipe.rate_gain,
    }
    return [
        {"params": parameters, "lr": rates[name], "peak": rates[name], "name": name}
        for name, parameters in groups.items()
    ]


def descent(recipe: Recipe, step: int) -> float:
    """Factor on the learning rates at `step`."""
    return min(1.0, (step + 1) / recipe.warmup, max(0.0, (recipe.steps - step) / recipe.cooldown))


def train_step(
    model: Model, optimiser: torch.optim.Optimizer, recipe: Recipe, x: Tensor, step: int
) -> tuple[float, float]:
    """One update; returns mean bits per position and mean squared error (8-bit units)."""
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    frozen = step < recipe.entropy_steps
    q = qualities(recipe, step)
    positions = x.shape[2] * x.shape[3]
    with torch.set_grad_enabled(not frozen):
        v = model.scaled(model.analysis(x), q)
    quantized, bits, soft = model.entropy(v, q, noise=True, trade=recipe.lambda_scale / 3)
    multiplier = recipe.lagrangian(q)
    rate = (bits + soft) / positions
    error = torch.zeros_like(rate)
    if not frozen:
        error = (model.synthesis(quantized, q) - x).square().mean((1, 2, 3)) * 255**2
    loss = ((rate + multiplier * error) * multiplier.rsqrt()).mean() * 0.05
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * descent(recipe, step)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimiser.step()
    return float(bits.detach().mean() / positions), float(error.detach().mean())


@torch.no_grad()
def evaluate(
    model: Model, images: list[Tensor], levels: tuple[float, ...], trade: float
) -> list[str]:
    """Likelihood bits per pixel and PSNR of 8-bit output, averaged over `images`, per quality."""
    lines = []
    for level in levels:
        bpp, psnr = [], []
        for x in images:
            q = torch.tensor([level])
            v = model.scaled(model.analysis(x), q)
            quantized, bits, _ = model.entropy(v, q, noise=False, trade=trade)
            output = (model.synthesis(quantized, q).clamp(0, 1) * 255).round()
            mse = (output - x * 255).square().mean().item()
            bpp.append(bits.item() / (x.shape[2] * x.shape[3]))
            psnr.append(10 * math.log10(255**2 / max(mse, 1e-9)))
        lines.append(f"  q {level:.3f}  {np.mean(bpp):.4f} bpp  {np.mean(psnr):.2f} dB")
    return lines


def held_out(photos: Photos, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """(training, validation) indices; the split depends on the seed only."""
    order = np.random.default_rng(recipe.seed).permutation(len(photos))
    return np.sort(order[recipe.held_out :]), np.sort(order[: recipe.held_out])


def centre(photo: np.ndarray, size: int = 512) -> Tensor:
    """Central crop with sides a multiple of 16, at most `size`: [1, 3, h, w] in [0, 1]."""
    h, w = (min(side, size) // 16 * 16 for side in photo.shape[:2])
    top, left = (photo.shape[0] - h) // 2, (photo.shape[1] - w) // 2
    crop = np.array(photo[top : top + h, left : left + w])
    return torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255


def train(recipe: Recipe, data: Path, out: Path) -> Model:
    """Run or resume a training to its last step; returns the trained model."""
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    if not (data / "photos.bin").exists():
        if not (out / "photos.bin").exists():
            pack(data, out)
        data = out
    photos = Photos(data)
    members, aside = held_out(photos, recipe)
    torch.manual_seed(recipe.seed)
    model = Model(recipe)
    optimiser = torch.optim.Adam(parameter_groups(model, recipe), betas=(0.9, 0.98))
    checkpoint = out / "checkpoint.pt"
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        for group, now in zip(optimiser.param_groups, parameter_groups(model, recipe), strict=True):
            group["peak"] = now["peak"]  # the recipe's word, not the checkpoint's
        step = state["step"]
    else:
        sample = torch.cat([crops(photos, members, recipe, -1 - i) for i in range(16)])
        model.initialise(sample, recipe.transform)
    validation = [centre(photos[i]) for i in aside[:6]]

    def report(text: str) -> None:
        with (out / "log.txt").open("a") as log:
            log.write(text + "\n")
        print(text, flush=True)

    levels = (0.0, 0.25, 0.5, 0.75, 1.0)
    started, average = time.monotonic(), np.zeros(2)
    first = reported = step
    while True:
        if step % recipe.evaluate_every == 0 or step == recipe.steps:
            model.eval()
            elapsed = time.monotonic() - started
            pace = elapsed / max(1, step - first)
            count = max(1, step - reported)
            report(
                f"step {step}  {elapsed:.0f} s, {pace:.3f} s/step  training "
                f"{average[0] / count:.4f} bpp, mse {average[1] / count:.2f}"
            )
            for line in evaluate(model, validation, levels, recipe.lambda_scale / 3):
                report(line)
            model.train()
            average[:], reported = 0, step
            partial = checkpoint.with_suffix(".part")
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step,
                },
                partial,
            )
            partial.replace(checkpoint)
        if step >= recipe.steps:
            return model
        average += train_step(model, optimiser, recipe, crops(photos, members, recipe, step), step)
        step += 1


def main() -> None:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    train(Recipe.load(arguments.recipe), arguments.data, arguments.out)


if __name__ == "__main__":
    main()
