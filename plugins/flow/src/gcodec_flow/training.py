"""Train the flow: `python -m gcodec_flow.training RECIPE --data DIR --out DIR`.

RECIPE is a TOML file (plugins/base/recipes/flow.toml), DIR holds folders made by
`gcodec_flow.pairs`. Every step draws its own generators from (seed, step), so a run that is
interrupted and started again with the same command continues exactly where its last checkpoint
was. Written to --out:

    checkpoint.safetensors   weights, their moving average, Adam's moments; the step
    model/                   config.json + diffusion_pytorch_model.safetensors (float16 average)
    log.jsonl                one line each hundred steps

With a table [perceptual] in the recipe, and --lpips naming the folder of its weights, LPIPS of the
denoised reconstruction is added to the flow-matching loss from its `start` on.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from gcodec.metrics import lpips_network
from gcodec_flow.losses import Metric, objective
from gcodec_flow.network import FlowUNet

LOG_EVERY = 100
SAVE_EVERY = 100
#: Pairs closer than this (60 dB) teach nothing and would be divided by almost zero.
SMALLEST_MSE = 1e-6


class Pairs:
    """Memory-mapped training pairs of one folder (see `gcodec_flow.pairs`)."""

    def __init__(self, folder: Path) -> None:
        self.x = np.load(folder / "x.npy", mmap_mode="r")
        self.y = np.load(folder / "y.npy", mmap_mode="r")
        self.mse = np.load(folder / "mse.npy")
        self.usable = np.flatnonzero(self.mse > SMALLEST_MSE)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
        """One pair (x, y) uint8 [h, w, 3], possibly mirrored, and its image's mse."""
        i = int(rng.choice(self.usable))
        step = -1 if rng.random() < 0.5 else 1
        return self.x[i][:, ::step], self.y[i][:, ::step], float(self.mse[i])


def draw_batch(
    sets: list[tuple[Pairs, float]], size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """(x [B,3,h,w], y [B,3,h,w], s [B]), pixels in [0, 1], s = sqrt(mse) up to 5 % of jitter."""
    shares = np.array([share for _, share in sets])
    which = rng.choice(len(sets), size=size, p=shares / shares.sum())
    drawn = [sets[k][0].draw(rng) for k in which]
    x, y = (
        torch.from_numpy(np.stack([pair[j] for pair in drawn])).permute(0, 3, 1, 2).float() / 255
        for j in (0, 1)
    )
    s = np.sqrt([pair[2] for pair in drawn]) * np.exp(0.05 * rng.standard_normal(size))
    return x, y, torch.from_numpy(s.astype(np.float32))


def learning_rate(step: int, plan: Mapping[str, Any]) -> float:
    """Linear warm-up, constant, linear decay to zero over the last `decay` steps."""
    rise = min(1.0, (step + 1) / plan["warmup"])
    fall = min(1.0, (plan["steps"] - step) / plan["decay"])
    return float(plan["lr"] * min(rise, fall))


class State:
    """All that a run needs to go on: network, moving average, optimizer, step."""

    def __init__(self, recipe: Mapping[str, Any]) -> None:
        torch.manual_seed(recipe["seed"])
        self.network = FlowUNet(**recipe["network"])
        self.average = {k: v.detach().clone() for k, v in self.network.named_parameters()}
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=0.0,
            betas=(0.9, 0.99),
            weight_decay=recipe["training"]["weight_decay"],
        )
        self.step = 0

    def update(self, loss: Tensor, plan: Mapping[str, Any]) -> None:
        """One optimizer step down the gradient of `loss`, then one of the moving average."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), plan["clip"])
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, plan)
        self.optimizer.step()
        decay = min(plan["ema"], (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                self.average[name].lerp_(parameter, 1 - decay)
        self.step += 1

    def tensors(self) -> dict[str, Tensor]:
        names = [name for name, _ in self.network.named_parameters()]
        result = {f"model.{k}": v.detach() for k, v in self.network.named_parameters()}
        result |= {f"average.{k}": v for k, v in self.average.items()}
        for name, parameter in zip(names, self.network.parameters(), strict=True):
            for key, value in self.optimizer.state.get(parameter, {}).items():
                result[f"adam.{key}.{name}"] = value
        return {k: v.contiguous() for k, v in result.items()}

    def save(self, path: Path) -> None:
        temporary = path.with_suffix(".part")
        save_file(self.tensors(), temporary, metadata={"step": str(self.step)})
        temporary.replace(path)

    def load(self, path: Path) -> None:
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                parameter.copy_(stored[f"model.{name}"])
                self.average[name].copy_(stored[f"average.{name}"])
                self.optimizer.state[parameter] = {
                    key: stored[f"adam.{key}.{name}"] for key in ("step", "exp_avg", "exp_avg_sq")
                }


def export(average: Mapping[str, Tensor], recipe: Mapping[str, Any], folder: Path) -> None:
    """Write the model folder: config.json and float16 weights."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.to(torch.float16).contiguous() for k, v in average.items()}
    save_file(weights, folder / "diffusion_pytorch_model.safetensors")
    config = {"_class_name": "FlowUNet", "_time_shift": recipe["sampling"]["time_shift"]}
    config |= recipe["network"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def train(
    recipe: Mapping[str, Any],
    data: Path,
    out: Path,
    metric: Metric | None = None,
    stop: int | None = None,
) -> None:
    """Run, or go on with, the recipe until its last step, or until step `stop`.

    Raises ValueError if the recipe has a perceptual term and there is no `metric`.
    """
    if recipe.get("perceptual") and metric is None:
        raise ValueError("the recipe has a perceptual loss; name its weights with --lpips")
    plan = recipe["training"]
    last = plan["steps"] if stop is None else stop
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.safetensors"
    state = State(recipe)
    if checkpoint.exists():
        state.load(checkpoint)
    sets = [(Pairs(data / name), share) for name, share in recipe["data"]["sets"].items()]
    parts: list[tuple[float, float]] = []
    started = time.monotonic()
    while state.step < last:
        rng = np.random.default_rng((recipe["seed"], state.step))
        batch = draw_batch(sets, plan["batch"], rng)
        loss, *shares = objective(state.network, batch, recipe, state.step, rng, metric)
        state.update(loss, plan)
        parts.append((shares[0], shares[1]))
        if state.step % LOG_EVERY == 0:
            matching, distance = (round(float(mean), 5) for mean in np.mean(parts, axis=0))
            seconds = round((time.monotonic() - started) / len(parts), 3)
            line = {"step": state.step, "loss": matching, "lpips": distance, "seconds": seconds}
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            parts, started = [], time.monotonic()
        if state.step % SAVE_EVERY == 0 or state.step == last:
            state.save(checkpoint)
            export(state.average, recipe, out / "model")


def main() -> None:
    parser = argparse.ArgumentParser(prog="gcodec_flow.training", description="train the flow")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of pair folders")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--lpips", type=Path, help="folder with LPIPS' weights, for a [perceptual] recipe"
    )
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    recipe = tomllib.loads(arguments.recipe.read_text("utf-8"))
    metric = lpips_network(arguments.lpips) if arguments.lpips else None
    train(recipe, arguments.data, arguments.out, metric)


if __name__ == "__main__":
    main()
