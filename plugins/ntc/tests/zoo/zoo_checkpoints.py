"""Small random checkpoints in the shape of CompressAI's, made without it."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

N, M = 8, 12
FAMILIES = (
    "bmshj2018-factorized",
    "bmshj2018-factorized-relu",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
)

#: Reparametrisation of GDN (`compressai.ops.parametrizers`).
PEDESTAL = 2.0**-36


def state(family: str, seed: int = 0) -> dict[str, Tensor]:
    """A state dictionary as CompressAI 1.2 names it: latents of a few steps, hyper-latents of about one."""
    torch.manual_seed(seed)
    hyper, means = "factorized" not in family, family == "mbt2018-mean"
    made: dict[str, Tensor] = {}

    def conv(name: str, inputs: int, outputs: int, kernel: int, gain: float = 1.0) -> None:
        back = name.startswith("g_s") or (name.startswith("h_s") and kernel == 5)
        shape = (inputs, outputs) if back else (outputs, inputs)
        fan = inputs * kernel**2 / (4 if back else 1)
        made[f"{name}.weight"] = torch.randn(*shape, kernel, kernel) * gain / math.sqrt(fan)
        made[f"{name}.bias"] = torch.randn(outputs) * 0.1

    for i, (inputs, outputs) in enumerate(((3, N), (N, N), (N, N), (N, M))):
        conv(f"g_a.{2 * i}", inputs, outputs, 5, 1.5)
    for i, (inputs, outputs) in enumerate(((M, N), (N, N), (N, N), (N, 3))):
        conv(f"g_s.{2 * i}", inputs, outputs, 5, 0.3)
    if not family.endswith("relu"):
        for at in (f"{part}.{i}" for part in ("g_a", "g_s") for i in (1, 3, 5)):
            values = {"beta": torch.ones(N), "gamma": 0.1 * torch.eye(N) + 0.02 * torch.rand(N, N)}
            for own, value in values.items():
                least = 1e-6 if own == "beta" else 0.0
                made[f"{at}.{own}"] = torch.sqrt(value + PEDESTAL)
                made[f"{at}.{own}_reparam.pedestal"] = torch.tensor([PEDESTAL])
                bound = math.sqrt(least + PEDESTAL)
                made[f"{at}.{own}_reparam.lower_bound.bound"] = torch.tensor([bound])
    if hyper:
        for i, (inputs, kernel) in enumerate(((M, 3), (N, 5), (N, 5))):
            conv(f"h_a.{2 * i}", inputs, N, kernel)
        widths = (N, M, M * 3 // 2, 2 * M) if means else (N, N, N, M)
        for i, kernel in enumerate((5, 5, 3)):
            conv(f"h_s.{2 * i}", widths[i], widths[i + 1], kernel, 2)
        made["h_s.4.bias"][:M] += 2
        at = "gaussian_conditional."
        made |= _coding(at)
        made |= {
            f"{at}{name}": torch.tensor([0.11])
            for name in ("scale_bound", "lower_bound_scale.bound")
        }
        made[f"{at}scale_table"] = torch.empty(0)
    at, channels = "entropy_bottleneck.", N if hyper else M
    filters, scale = (1, 3, 3, 3, 3, 1), 10 ** (1 / 5)
    for i in range(5):
        start = math.log(math.expm1(1 / scale / filters[i + 1]))
        noise = 0.2 * torch.randn(channels, filters[i + 1], filters[i])
        made[f"{at}matrices.{i}"] = start + noise
        made[f"{at}biases.{i}"] = torch.rand(channels, filters[i + 1], 1) - 0.5
        if i < 4:
            made[f"{at}factors.{i}"] = 0.2 * torch.randn(channels, filters[i + 1], 1)
    made[f"{at}quantiles"] = torch.tensor([-10.0, 0, 10]) + torch.randn(channels, 1, 1)
    made[f"{at}target"] = torch.tensor([-1.0, 0, 1]) * math.log(2e9 - 1)
    return made | _coding(at)


def _coding(at: str) -> dict[str, Tensor]:
    empty = {
        f"{at}{name}": torch.empty(0, dtype=torch.int32)
        for name in ("_offset", "_quantized_cdf", "_cdf_length")
    }
    return empty | {f"{at}likelihood_lower_bound.bound": torch.tensor([1e-9])}


def save(folder: Path, family: str, seed: int = 0) -> Path:
    """Write a checkpoint file, named as its makers would, apart from the digest."""
    path = folder / f"{family}-1.pth.tar"
    torch.save(state(family, seed), path)
    return path
