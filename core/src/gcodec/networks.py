"""Interfaces to the networks that many methods share: latent spaces, denoisers and codebooks.

A model folder says in config.json, under `_class_name`, what it holds; an installed plugin that has registered that name
(`gcodec.plugin.NetworkSpec`) opens it. So a sampler or a channel coder is written once, against these interfaces, and
serves whatever model the user names.

Signals are NumPy arrays; what a sampler iterates on are torch tensors on the run's device. A denoiser takes any x_t =
alpha_t x_0 + sigma_t epsilon: parametrisations and schedules are its own affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from gcodec.errors import ModelDamaged, UnknownNetwork
from gcodec_formats import Size

if TYPE_CHECKING:
    import torch

    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray, IntArray, Signal

__all__ = [
    "Codebook",
    "Condition",
    "Denoiser",
    "LatentSpace",
    "open_codebook",
    "open_denoiser",
    "open_space",
]


class LatentSpace(ABC):
    """An autoencoder. `name` is the space of its signals ("base" in "latent/base"), `channels` C, `factor` f."""

    name: str
    channels: int
    factor: int

    @abstractmethod
    def encode(self, pixels: FloatArray) -> FloatArray:
        """Latent float32 [C, ceil(H / f), ceil(W / f)], about unit variance, of pixels [3, H, W] in [0, 1]."""

    @abstractmethod
    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1] of a latent."""

    @abstractmethod
    def render(self, z: torch.Tensor) -> torch.Tensor:
        """Pixels [1, 3, f h, f w] of latents float32 [1, C, h, w], nominally in [0, 1]; differentiable."""


class Codebook(ABC):
    """Vector quantization of a latent space.

    name     of the tokens ("base-16" in "tokens/base-16").
    space    name of the model whose latents are quantized.
    entries  number of indices; every index below it is valid.
    stride   latent positions a side of one token.
    """

    name: str
    space: str
    entries: int
    stride: int

    @abstractmethod
    def quantize(self, latent: FloatArray) -> IntArray:
        """int32 indices [ceil(h / stride), ceil(w / stride)] of a latent [C, h, w]."""

    @abstractmethod
    def dequantize(
        self, indices: IntArray, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] for shape = (h, w), and the deviation [C] of its error."""


@dataclass(frozen=True, eq=False)
class Condition:
    """What a denoiser made of the signals: `maps` over latent positions, [..., h, w], and `globals` for all of them."""

    maps: Mapping[str, torch.Tensor] = field(default_factory=dict)
    globals: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def window(self, rows: slice, columns: slice) -> Condition:
        """The condition of a part of the picture, `rows` and `columns` in latent positions."""
        return Condition({k: v[..., rows, columns] for k, v in self.maps.items()}, self.globals)


class Denoiser(ABC):
    """A diffusion or flow network.

    space  name of the model of its latent space.
    sees   types of the signals that `condition` can use; all others it ignores.
    few    numbers of equal steps that it was distilled for; () if none.
    """

    space: str
    sees: tuple[str, ...]
    few: tuple[int, ...] = ()

    @abstractmethod
    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """Turn those of `signals`, by type, that the network can use into its condition; {} is unconditional."""

    @abstractmethod
    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        """What signals say of x_0 without the network: an estimate [C, h, w], and the deviation [C] of its error.

        That of the signal with the least error of those that `condition` would use; {} gives the prior's, 0 and the
        deviation of x_0 itself.
        """

    @abstractmethod
    def x0(
        self,
        x_t: torch.Tensor,
        alpha_t: float,
        sigma_t: float,
        condition: Condition,
        step: float = 0.0,
    ) -> torch.Tensor:
        """x0-hat, float32 [1, C, h, w], of x_t = alpha_t x_0 + sigma_t epsilon, float32 [1, C, h, w].

        Differentiable in x_t where that requires its gradient.

        step  the part of the way from noise to the picture that the next step will go, in (0, 1], for a network that
              was distilled for it: x0-hat is then what a straight line over that part should aim at. 0 asks for
              E[x_0 | x_t].
        """


def open_space(model: Model, run: Run) -> LatentSpace:
    """Open a model folder as a latent space. Raises UnknownNetwork and ModelDamaged."""
    return cast(LatentSpace, _open("space", model, run))


def open_denoiser(model: Model, run: Run) -> Denoiser:
    """Open a model folder as a denoiser. Raises UnknownNetwork and ModelDamaged."""
    return cast(Denoiser, _open("denoiser", model, run))


def open_codebook(model: Model, run: Run) -> Codebook:
    """Open a model folder as a codebook. Raises UnknownNetwork and ModelDamaged."""
    return cast(Codebook, _open("codebook", model, run))


def _open(kind: str, model: Model, run: Run) -> object:
    """Open a model folder by the class that its config.json names, if an installed plugin knows it as of this kind."""
    from gcodec.registry import load_object, registry

    name = model.config.get("_class_name")
    if not isinstance(name, str):
        raise ModelDamaged(model.name, "config.json names no class; it lacks the key _class_name")
    spec = registry().networks.get(name)
    if spec is None or spec.kind != kind:
        known = [s.name for s in registry().networks.values() if s.kind == kind]
        raise UnknownNetwork(model.name, name, kind, known)
    made: object = load_object(spec.name, spec.implementation)(model, run)
    return made
