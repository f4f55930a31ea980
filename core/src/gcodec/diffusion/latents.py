"""Reconstructors that sample in the latent space of a denoiser: what they share.

Which signals a method looks at, where it begins and how it steps is what tells one from another; tiles, noise that
belongs to its place, conditions and guidance are the same for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gcodec.diffusion.sampling import Denoise, Noise, eta, sample, times
from gcodec.diffusion.tiles import Tile, noise, through_latents
from gcodec.errors import InvalidArgument
from gcodec.interfaces import Reconstructor, Setup, Size
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition, Denoiser, open_denoiser, open_space
from gcodec.signals import Latent, Noisy, Signal, type_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = [
    "FromLatent",
    "FromNoise",
    "LatentSampler",
    "Start",
    "from_noisy",
    "guided",
    "in_turn",
]


class Start(NamedTuple):
    """Where sampling begins: x_t [C, h, w] = (1 - t) x_0 + t eps; x_t None is noise, t = 1."""

    x_t: FloatArray | None
    t: float


def from_noisy(state: Noisy) -> Start:
    """A state of any path, on that of the rectified flow."""
    total = state.alpha_t + state.sigma_t
    return Start(state.x_t / np.float32(total), state.sigma_t / total)


class LatentSampler(Reconstructor):
    """A sample of P(X | Y) by `gcodec.diffusion.sampling.sample`, from noise, conditioned on all signals; a method says what
    differs.

    Options of its spec that are read where they are there: steps (otherwise 1), tile, guidance. Where the user says nothing
    of steps and guidance, a distilled denoiser is not asked for more than it was distilled for (`Denoiser.most`).

    name  of the reconstructor.
    eta   of `sample`.
    """

    name: ClassVar[str]
    eta: float = 0.0

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        if setup.model is None:
            raise InvalidArgument(f"{self.name} needs a model; `base/denoiser` is the default")
        run = setup.run
        self.denoiser = open_denoiser(setup.model, run)
        self.space = open_space(run.models.find(self.denoiser.space), run)
        self.steps: int = setup.options.get("steps", 1)
        self.tile: int = setup.options["tile"]
        self.guidance: float = setup.options.get("guidance", 1.0)
        if self.denoiser.most is not None:
            given = getattr(setup.options, "given", setup.options)
            if "steps" not in given:
                self.steps = min(self.steps, self.denoiser.most)
            if "guidance" not in given:
                self.guidance = 1.0
        self.device = torch_device(run.device)

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """Where to begin."""
        return Start(None, 1.0)

    def seen(self, signals: Mapping[str, Signal]) -> Mapping[str, Signal]:
        """Those of the signals that the denoiser is conditioned on."""
        return signals

    def grid(self, start: float) -> list[float]:
        """The times from `start` to 0."""
        return times(self.steps, start)

    def denoise(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> Callable[[Tile], Denoise]:
        """What the steps aim at, for each tile: of x_t [B, C, h, w], one of each of `several`."""
        given = [self.denoiser.condition(self.seen(signals), size) for signals in several]
        nothing = (
            [self.denoiser.unguided(signals, size) for signals in several]
            if self.guidance != 1
            else []
        )

        def inside(tile: Tile) -> Denoise:
            there, without = (
                [one.window(*tile.window) for one in conditions] for conditions in (given, nothing)
            )
            return guided(self.denoiser, there, without, self.guidance, self.leap)

        return inside

    def solve(self, denoise: Denoise, x: Tensor, grid: Sequence[float], noise: Noise) -> Tensor:
        """x_0 from x at grid[0], both [B, C, h, w]."""
        return sample(denoise, x, grid, self.eta, noise)

    def leap(self, step: float) -> float:
        """The length of step that the denoiser is told; 0 asks for E[x_0 | x_t]."""
        return 0.0

    @property
    def landing(self) -> float:
        """The time from which one step is to lead to the picture; 0 where the denoiser does not know such a step.

        Of a network that knows E[x_0 | x_t] and was distilled besides, it is 1/2. Short steps all the way draw a sample with
        the grain that the network leaves in it; the long one, trained on pictures, ends better than they do.
        """
        return 0.5 if 2 in self.denoiser.few and self.denoiser.most is None else 0.0

    def distilled(self, step: float) -> float:
        """The length of a step, where the denoiser was distilled for steps of that length, else 0."""
        return step if any(math.isclose(step, 1 / n) for n in self.denoiser.few) else 0.0

    def there(self, array: FloatArray) -> Tensor:
        """A latent [C, ...] as a batch of one on the run's device."""
        return torch.from_numpy(np.ascontiguousarray(array))[None].to(self.device)

    def show(
        self, signals: Mapping[str, Signal], size: Size
    ) -> Callable[[Tile, FloatArray], FloatArray] | None:
        """What tiles of latents look like (`through_latents`); None where they are decoded."""
        return None

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return float32 [3, H, W] in [0, 1]."""
        return self.reconstruct_all([signals], size)[0]

    def reconstruct_all(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> list[FloatArray]:
        """Return what `reconstruct` does of each; those that begin at the same time go through the network at once."""
        starts = [self.start(signals, size) for signals in several]
        groups: dict[float, list[int]] = {}
        for n, start in enumerate(starts):
            groups.setdefault(start.t, []).append(n)
        made: dict[int, FloatArray] = {}
        for t, group in groups.items():
            pictures = self._sampled(
                [several[n] for n in group], [starts[n].x_t for n in group], t, size
            )
            made |= zip(group, pictures, strict=True)
        return [made[n] for n in range(len(several))]

    def latents(
        self,
        several: Sequence[Mapping[str, Signal]],
        begin: Sequence[FloatArray | None],
        t: float,
        size: Size,
    ) -> Callable[[Tile], FloatArray]:
        """x_0 [B, C, h, w] of a tile, of signals, from the states at t where they begin; None is noise."""
        denoise, grid = self.denoise(several, size), self.grid(t)

        def solved(tile: Tile) -> FloatArray:
            def normals(step: int) -> Tensor:
                made = noise(self.setup.run.randomness, tile.window, self.space.channels, step)
                return self.there(made)

            x = torch.cat(
                [normals(0) if x_t is None else self.there(x_t[:, *tile.window]) for x_t in begin]
            )
            found: FloatArray = self.solve(denoise(tile), x, grid, normals).cpu().numpy()
            return found

        return solved

    def _sampled(
        self,
        several: Sequence[Mapping[str, Signal]],
        begin: Sequence[FloatArray | None],
        t: float,
        size: Size,
    ) -> FloatArray:
        """Pictures [B, 3, H, W] of `latents`."""
        return through_latents(
            self.space,
            size,
            self.tile,
            self.latents(several, begin, t, size),
            self.setup.run.progress,
            self.name,
            [self.show(signals, size) for signals in several],
        )


class FromNoise(LatentSampler):
    """One that takes even steps from noise. A network that was distilled for this number of steps is given their length; any
    other number is laid before the `landing`, if there is one."""

    def grid(self, start: float) -> list[float]:
        """Even times; those before the last step of a distilled denoiser, where it was not distilled for all of them."""
        last = self.landing
        if self.steps in (1, *self.denoiser.few) or last == 0:
            return super().grid(start)
        return [*(last + (start - last) * t for t in times(self.steps - 1)), 0.0]

    def leap(self, step: float) -> float:
        """The length of a step that the denoiser was distilled for."""
        return self.distilled(step)


class FromLatent(LatentSampler):
    """One that takes the dequantized latent for a state: its error is the noise of the time that `time` says."""

    def time(self, latent: Latent, size: Size) -> float:
        """At which diffusion's noise is as strong as the error that rounding left.

        That is `eta` of the bins where they are narrow. A channel that varies less than a bin is wide is rounded to zero and
        errs by what it was, so the mean is taken over what the denoiser knows of every channel's error. What was not rounded
        errs as its bins say, however wide they are.
        """
        if not latent.rounded:
            return eta(latent.step)
        _, deviation = self.denoiser.estimate({type_of(latent): latent}, size)
        sigma = float(np.sqrt(np.square(deviation, dtype=np.float64).mean()))
        return min(sigma / (1 + sigma), eta(latent.step))

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """(1 - t) times the latent."""
        latent = signals[f"{Latent.kind}/{self.space.name}"]
        assert isinstance(latent, Latent)
        t = self.time(latent, size)
        return Start(latent.values * np.float32(1 - t), t)

    def seen(self, signals: Mapping[str, Signal]) -> Mapping[str, Signal]:
        """Not the latent, which is the state itself: it would count twice."""
        return {}


def in_turn(each: Sequence[Denoise]) -> Denoise:
    """One function of several states [B, C, h, w] of as many of one."""

    def denoise(x_t: Tensor, t: float, s: float) -> Tensor:
        return torch.cat([one(x_t[n : n + 1], t, s) for n, one in enumerate(each)])

    return denoise


def guided(
    denoiser: Denoiser,
    given: Sequence[Condition],
    nothing: Sequence[Condition],
    guidance: float,
    leap: Callable[[float], float] = lambda step: 0.0,
) -> Denoise:
    """Classifier-free guidance (Ho and Salimans 2022, eq. 6): x0-hat(nothing) + w (x0-hat(given) - x0-hat(nothing)).

    guidance  w; at 1 `nothing` has no weight and need not be there.
    """

    def denoise(x_t: Tensor, t: float, s: float) -> Tensor:
        x_0 = denoiser.x0_all(x_t, 1 - t, t, given, leap(t - s))
        if guidance == 1 or not nothing:
            return x_0
        without = denoiser.x0_all(x_t, 1 - t, t, nothing, leap(t - s))
        return without + guidance * (x_0 - without)

    return denoise
