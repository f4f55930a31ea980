"""Interfaces to the networks that many methods share: latent spaces, denoisers, codebooks and captioners.

A model folder says in config.json, under `_class_name`, what it holds; an installed plugin that has registered that name
(`gcodec.plugin.NetworkSpec`) opens it. So a sampler or a channel coder is written once, against these interfaces, and
serves whatever model the user names. A network that is in use is not opened again in the same run (`Run.opened`): adapters,
reconstructors and embeddings share it and leave it as it is. In which latent space a model's signals live, and which
networks lead in and out of it, is its `gcodec.plugin.Place`, known before any network is loaded.

Signals are NumPy arrays; what a sampler iterates on are torch tensors on the run's device. A denoiser takes any x_t =
alpha_t x_0 + sigma_t epsilon: parametrisations and schedules are its own affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

from gcodec.errors import ModelDamaged, UnknownNetwork, UnusablePlugin
from gcodec.models.building import unseen
from gcodec.models.needed import INDEX
from gcodec_formats import Size

if TYPE_CHECKING:
    import torch

    from gcodec.models import Model, ModelStore
    from gcodec.plugin import NetworkSpec, Place
    from gcodec.run import Run
    from gcodec.signals import FloatArray, IntArray, Signal

__all__ = [
    "Captioner",
    "Codebook",
    "Condition",
    "Denoiser",
    "LatentSpace",
    "open_captioner",
    "open_codebook",
    "open_denoiser",
    "open_space",
    "place_of",
]

#: Latent positions a side of the middle of a picture on which `LatentSpace.error` is measured.
_MIDDLE = 32


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

    def changed(self, pixels: FloatArray, latent: FloatArray) -> FloatArray:
        """Pixels [3, H, W] in [0, 1] that are to have another latent [C, h, w].

        What no latent holds of them stays where the space knows how to keep it; here `latent` is decoded.
        """
        return self.decode(latent, Size(*pixels.shape[1:]))

    def error(self, latent: FloatArray, deviation: FloatArray) -> float:
        """Squared error of the pixels, signal range [0, 1], that white noise of `deviation` [C] in a latent makes.

        Measured on the middle of the picture, with noise that is always the same.
        """
        middle, eps = _middle(latent, _MIDDLE)
        size = Size(*(self.factor * side for side in middle.shape[1:]))
        moved = self.decode(middle + deviation[:, None, None] * eps, size)
        return float(((moved - self.decode(middle, size)) ** 2).mean(dtype="float64"))

    def spread(self, pixels: FloatArray, mse: float) -> FloatArray:
        """Deviation [C] by which a latent moves where the pixels [3, H, W] err by white noise of that squared error.

        Measured in the same way.
        """
        middle, eps = _middle(pixels, self.factor * _MIDDLE)
        moved = self.encode(middle + eps.dtype.type(mse**0.5) * eps) - self.encode(middle)
        deviation: FloatArray = (moved**2).mean((1, 2)) ** 0.5
        return deviation


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


class Captioner(ABC):
    """What says in words what a picture shows. Only the sender has one: the words are in the file."""

    @abstractmethod
    def caption(self, pixels: FloatArray) -> str:
        """One line of text, "" for nothing to say, of pixels float32 [3, H, W] in [0, 1]; no chance is involved."""


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
    most   steps beyond which it gains nothing: it was distilled, guidance and all; None if it was not.
    one_call    where a single call is best begun: at the "state" that an estimate of x_0 makes, or at "noise" given the
                estimate, by a network that was trained to be given one.
    own_space   its latent space, where the folder of the denoiser is that of the space too.
    """

    space: str
    sees: tuple[str, ...]
    few: tuple[int, ...] = ()
    most: int | None = None
    one_call: Literal["state", "noise"] = "state"
    own_space: LatentSpace | None = None

    @abstractmethod
    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """Turn those of `signals`, by type, that the network can use into its condition; {} is unconditional."""

    def unguided(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """What classifier-free guidance leads away from, given these signals: the condition of none of them.

        A network that was trained to do without some of them only keeps the others.
        """
        return self.condition({}, size)

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

    def x0_all(
        self,
        x_t: torch.Tensor,
        alpha_t: float,
        sigma_t: float,
        conditions: Sequence[Condition],
        step: float = 0.0,
    ) -> torch.Tensor:
        """`x0` of several x_t [B, C, h, w], each under its own condition, of which all hold the same names.

        Worth implementing where the network takes them at once.
        """
        import torch

        return torch.cat(
            [
                self.x0(x_t[n : n + 1], alpha_t, sigma_t, condition, step)
                for n, condition in enumerate(conditions)
            ]
        )

    def error(
        self, alpha_t: float, sigma_t: float, space: LatentSpace, latent: FloatArray
    ) -> float:
        """Expected squared error of the pixels, signal range [0, 1], of `latent` = E[x_0 | x_t] in the denoiser's `space`.

        At most, that is: what it would be for Gaussian x_0 of the prior's deviation d, whose variance given x_t is
        1 / (1 / d^2 + snr_t).
        """
        _, d = self.estimate({}, Size(1, 1))
        total = (alpha_t * d) ** 2 + sigma_t**2
        return space.error(latent, (sigma_t * d / total**0.5).astype(d.dtype))


def place_of(model: Model, store: ModelStore) -> Place | None:
    """Return where the signals of a model live, None where its class is not known to live anywhere.

    What an installed model's spec says is so; of other folders configurations and digests are read. No network is loaded.
    Raises ModelMissing and ModelDamaged.
    """
    from gcodec.border import of_plugin
    from gcodec.registry import load_object

    said = next((spec.place for spec in store.specs if spec.name == model.name), None)
    if said is not None:
        return said
    spec = _spec_of(model)
    if spec is None or spec.place is None:
        return None
    with of_plugin(spec):
        return cast("Place | None", load_object(spec.name, spec.place)(model, store))


def open_space(model: Model, run: Run) -> LatentSpace:
    """Open a model folder as a latent space; that of a denoiser is the one that it works in.

    Raises UnknownNetwork and ModelDamaged.
    """
    spec = _spec_of(model)
    if spec is not None and spec.kind == "denoiser":
        place = place_of(model, run.models)
        own = (model.name, str(model.folder.absolute()))
        if place is not None and place.autoencoder not in own:
            return open_space(run.models.find(place.autoencoder), run)
        if (own_space := open_denoiser(model, run).own_space) is not None:
            return own_space
    return cast(LatentSpace, _open("space", model, run))


def open_denoiser(model: Model, run: Run) -> Denoiser:
    """Open a model folder as a denoiser. Raises UnknownNetwork and ModelDamaged."""
    return cast(Denoiser, _open("denoiser", model, run))


def open_codebook(model: Model, run: Run) -> Codebook:
    """Open a model folder as a codebook. Raises UnknownNetwork and ModelDamaged."""
    return cast(Codebook, _open("codebook", model, run))


def open_captioner(model: Model, run: Run) -> Captioner:
    """Open a model folder as a captioner. Raises UnknownNetwork, ModelDamaged and UnusablePlugin."""
    return cast(Captioner, _open("captioner", model, run))


def _open(kind: str, model: Model, run: Run) -> object:
    """Open a model folder by the class that it names, if an installed plugin knows it as of this kind."""
    from gcodec.border import of_plugin
    from gcodec.registry import load_object, registry

    if run.native:
        run = _precise(_spec_of(model), run)
    # What a network may depend on: not the seed.
    key = (kind, model.folder, model.digest, run.device, run.dtype, run.memory)
    if (held := run.opened.get(key)) is not None:
        return held
    name = model.class_name
    if name is None:
        raise ModelDamaged(
            model.name,
            "config.json names no class; it lacks the key _class_name, or architectures. A model is a folder that"
            " save_pretrained wrote: neither one file for other programs nor an adapter to lay on a model is one",
        )
    spec = _spec_of(model)
    if spec is None or spec.kind != kind:
        known = [s.name for s in registry().networks.values() if s.kind == kind]
        part = kind == "denoiser" and not (model.folder / INDEX).is_file()
        raise UnknownNetwork(model.name, name, kind, known, part)
    if reason := registry().missing(spec):
        raise UnusablePlugin(name, reason)
    with unseen(), of_plugin(spec):
        made: object = load_object(spec.name, spec.implementation)(model, run)
    run.opened[key] = made
    return made


def _precise(spec: NetworkSpec | None, run: Run) -> Run:
    """A run that is `native` with the precision of this network."""
    from gcodec.models.precision import chosen

    half = spec is not None and spec.half
    return replace(run, dtype=chosen(run.native, run.device) if half else "float32")


def _spec_of(model: Model) -> NetworkSpec | None:
    """The spec of the class that a model folder names, if it names one that is installed."""
    from gcodec.registry import registry

    name = model.class_name
    return None if name is None else registry().networks.get(name)


def _middle(planes: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """The middle of [C, H, W], `side` a side at most, and standard normals of its shape."""
    from gcodec.randomness import Domain, Randomness

    top, left = (max(0, (length - side) // 2) for length in planes.shape[1:])
    middle = planes[:, top : top + side, left : left + side].copy()
    return middle, Randomness(0).normal(Domain.DECODER_NOISE, 0, 0, middle.shape)
