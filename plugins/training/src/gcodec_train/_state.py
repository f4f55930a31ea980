"""All that changes as a training goes on: the network, its moving average, Adam's moments, the step."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch

from gcodec.errors import GcodecError
from gcodec_train._task import Plan, Task

__all__ = ["NotFinite", "State"]

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class NotFinite(GcodecError):
    """`what`, a loss or "gradient", is not a finite number; the weights are as they were before the step."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class State:
    """Network, moving average, optimizer and step of one training.

    step   updates made.
    since  step at which Adam's moments last began anew; the learning rate rises from there.
    """

    def __init__(self, task: Task, plan: Plan) -> None:
        self.plan = plan
        self.network = task.network
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            _groups(self.network, task, plan), betas=plan.betas, weight_decay=plan.weight_decay
        )
        self.step = self.since = 0

    def update(self, losses: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """One step down the gradient of "loss", then one of the moving average.

        Returns the losses and "gradient", the gradient's norm before clipping. Raises NotFinite.
        """
        # Of every parameter: what `Task.build` left on one that does not learn would count in the norm.
        self.network.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.plan.clip)
        named = {name: value.detach() for name, value in losses.items()} | {"gradient": norm}
        # One transfer from the device, where each float() would be another.
        values = torch.stack(
            [v.to(norm.device).float().reshape(()) for v in named.values()]
        ).tolist()
        figures = dict(zip(named, values, strict=True))
        for name, value in figures.items():
            if not math.isfinite(value):
                raise NotFinite(name)
        factor = self.plan.rate(self.step, self.since)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        self.optimizer.step()
        self._follow()
        self.step += 1
        return figures

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network."""
        # A young average forgets faster, or it would still hold the initial weights at the end of a short run.
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)
        for held, new in zip(self.average.buffers(), self.network.buffers(), strict=True):
            held.copy_(new)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything, by names that begin with "network.", "average." and "adam."."""
        result = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        result |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                result[f"adam.{key}.{name}"] = value
        return {name: value.detach() for name, value in result.items()}

    def restore(self, tensors: Mapping[str, torch.Tensor], step: int, since: int) -> None:
        """Take over what `tensors` gave; what lacks moments begins them anew.

        Raises RuntimeError, before anything is changed, where the names or shapes are not those of this network.
        """
        own = {k: v.shape for k, v in self.tensors().items() if not k.startswith("adam.")}
        found = {k: v.shape for k, v in tensors.items() if not k.startswith("adam.")}
        for name in sorted(own.keys() | found.keys()):
            if own.get(name) != found.get(name):
                here, there = (_shape(part.get(name)) for part in (own, found))
                raise RuntimeError(f"{name} is {there} there, {here} here")
        for part, module in (("network.", self.network), ("average.", self.average)):
            state = {k.removeprefix(part): v for k, v in tensors.items() if k.startswith(part)}
            module.load_state_dict(state, strict=True)
        self.optimizer.state.clear()
        for name, parameter in self.network.named_parameters():
            keys = {key: f"adam.{key}.{name}" for key in _MOMENTS}
            if all(key in tensors for key in keys.values()):
                self.optimizer.state[parameter] = {
                    # AdamW keeps its count on the CPU, its moments beside the weights and in their layout.
                    key: tensors[full].clone()
                    if key == "step"
                    else torch.empty_like(parameter).copy_(tensors[full])
                    for key, full in keys.items()
                }
        self.step, self.since = step, since


def _shape(shape: torch.Size | None) -> str:
    return "absent" if shape is None else "x".join(map(str, shape)) or "a scalar"


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
