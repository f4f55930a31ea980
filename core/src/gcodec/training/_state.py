"""All that a training needs to go on, in one safetensors file: weights, their average, Adam's moments, the step."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gcodec.training._task import Plan, Task

__all__ = ["State"]

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class State:
    """Network, moving average, optimizer and step of one training."""

    def __init__(self, task: Task, plan: Plan) -> None:
        self.plan = plan
        self.network = task.network
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            _groups(self.network, task, plan), betas=plan.betas, weight_decay=plan.weight_decay
        )
        self.step = 0

    def update(self, loss: torch.Tensor) -> float:
        """One step down the gradient of `loss`, then one of the moving average; returns the gradient's norm."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.clip)
        factor = self.plan.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.step()
        # A young average forgets faster, or it would still hold the initial weights at the end of a short run.
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
        self.step += 1
        return float(norm)

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Write everything, through a temporary file; `about` says what is being trained."""
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"adam.{key}.{name}"] = value
        partial = path.with_suffix(".part")
        metadata = {"step": str(self.step), "about": json.dumps(about, sort_keys=True)}
        # A clone of each: two names of one tensor are refused.
        save_file(
            {k: v.detach().contiguous().clone() for k, v in tensors.items()}, partial, metadata
        )
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state. Raises KeyError or RuntimeError where it is of another network."""
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        for part, module in (("network", self.network), ("average", self.average)):
            prefix = f"{part}."
            state = {k.removeprefix(prefix): v for k, v in stored.items() if k.startswith(prefix)}
            module.load_state_dict(state, strict=True)
        for name, parameter in self.network.named_parameters():
            keys = {key: f"adam.{key}.{name}" for key in _MOMENTS}
            if all(key in stored for key in keys.values()):
                moments = {key: stored[full] for key, full in keys.items()}
                self.optimizer.state[parameter] = {
                    key: value if key == "step" else value.to(parameter.device)
                    for key, value in moments.items()
                }


def _groups(network: torch.nn.Module, task: Task, plan: Plan) -> list[dict[str, Any]]:
    """Adam's groups, one per factor of the learning rate."""
    factors = task.rates()
    by_factor: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            factor = next((f for prefix, f in factors.items() if name.startswith(prefix)), 1.0)
            by_factor.setdefault(factor, []).append(parameter)
    return [
        {"params": parameters, "lr": 0.0, "peak": plan.lr * factor}
        for factor, parameters in sorted(by_factor.items())
    ]
