"""Small random checkpoints in the shape of CompressAI's, made without it."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from gcodec_ntc.zoo.architectures import ARCHITECTURES
from gcodec_ntc.zoo.networks import parts

N, M = 8, 12
FAMILIES = (
    "bmshj2018-factorized",
    "bmshj2018-factorized-relu",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
)


def sizes(family: str) -> dict[str, int]:
    """N and M."""
    return {"N": N, "M": N if family.startswith("cheng") else M}


#: Reparametrisation of GDN (`compressai.ops.parametrizers`).
PEDESTAL = 2.0**-36


def state(family: str, seed: int = 0) -> dict[str, Tensor]:
    """A state dictionary as CompressAI 1.2 names it: latents of a few steps, hyper-latents of about one."""
    if family in FAMILIES[:4]:
        return _plain(family, seed)
    torch.manual_seed(seed)
    m = sizes(family)["M"]
    made: dict[str, Tensor] = {}
    for part, network in parts(ARCHITECTURES[family], N, m).items():
        for key, value in network.state_dict().items():
            name = f"{part}.{key}"
            if key.endswith(("beta", "gamma")):
                least = 0.1 * torch.eye(N) if key.endswith("gamma") else torch.ones(N)
                made |= _reparametrised(name, least + 0.02 * torch.rand(value.shape))
            elif key.endswith("bias"):
                made[name] = torch.randn(value.shape) * 0.1
            else:
                back = part in ("g_s", "h_s") and family == "mbt2018" and value.shape[2] == 5
                inputs = value.shape[0] / 4 if back else value.shape[1]
                gain = {"g_a.6.weight": 5.0, "g_a.7.weight": 2.0}.get(name, 1.0 if back else 0.7)
                if part == "h_s" or (name.startswith("g_a") and family == "mbt2018"):
                    gain = 2.0 if part == "h_s" else 1.5
                fan = inputs * value.shape[2] * value.shape[3]
                made[name] = torch.randn(value.shape) * gain / math.sqrt(fan)
    last = "entropy_parameters.4.bias"
    made[last][:m] += 1.5
    mask = torch.ones_like(made["context_prediction.weight"])
    mask[:, :, 2, 2:] = 0
    mask[:, :, 3:] = 0
    made["context_prediction.mask"] = mask
    made["context_prediction.weight"] *= 0.3
    return made | _densities(N) | _gaussians()


def _plain(family: str, seed: int) -> dict[str, Tensor]:
    """The same of the families without a context model."""
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
            values = {
                "beta": torch.ones(N),
                "gamma": 0.1 * torch.eye(N) + 0.02 * torch.rand(N, N),
            }
            for own, value in values.items():
                made |= _reparametrised(f"{at}.{own}", value)
    if hyper:
        for i, (inputs, kernel) in enumerate(((M, 3), (N, 5), (N, 5))):
            conv(f"h_a.{2 * i}", inputs, N, kernel)
        widths = (N, M, M * 3 // 2, 2 * M) if means else (N, N, N, M)
        for i, kernel in enumerate((5, 5, 3)):
            conv(f"h_s.{2 * i}", widths[i], widths[i + 1], kernel, 2)
        made["h_s.4.bias"][:M] += 2
        made |= _gaussians()
    return made | _densities(N if hyper else M)


def _reparametrised(name: str, value: Tensor) -> dict[str, Tensor]:
    least = 1e-6 if name.endswith("beta") else 0.0
    return {
        name: torch.sqrt(value + PEDESTAL),
        f"{name}_reparam.pedestal": torch.tensor([PEDESTAL]),
        f"{name}_reparam.lower_bound.bound": torch.tensor([math.sqrt(least + PEDESTAL)]),
    }


def _gaussians() -> dict[str, Tensor]:
    at = "gaussian_conditional."
    bounds = {
        f"{at}{name}": torch.tensor([0.11]) for name in ("scale_bound", "lower_bound_scale.bound")
    }
    return {**_coding(at), **bounds, f"{at}scale_table": torch.empty(0)}


def _densities(channels: int) -> dict[str, Tensor]:
    at, made = "entropy_bottleneck.", {}
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
