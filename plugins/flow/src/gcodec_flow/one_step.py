"""The reconstructor `one_step`: one call of a denoiser, from what stage 1 says to the picture.

What the signals say of x_0 is an estimate c with the deviation s of its error. `Denoiser.one_call` says where the call
begins:

    noise   x_t is noise, t = 1, and c a condition: the first step of a schedule of one, as of `base/one_step`
    state   c itself is taken for a state of the flow: the one at which diffusion's noise is as strong as the error,

                x_t = (1 - t) (c + g sigma eps),    t = e / (1 + e),    sigma^2 = mean s^2,    e = sigma sqrt(1 + g^2)

            with noise of g times the error's deviation on top. c is no condition as well, which would count it twice. So
            begin StableCodec (Zhang et al. 2025), OneDC (Xue et al. 2025), AEIC (Zhang et al. 2025) and OSCAR (Guo et al.
            2025), which finds the time from the rate; and so are networks asked that nobody trained to be given c, those of
            published pipelines. With g = 0 nothing is drawn, and the picture is a function of the file.

A noisy state is where it is. x0-hat is the latent of the picture; of a preview only its latent is changed
(`LatentSpace.changed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gcodec.diffusion.latents import LatentSampler, Start, from_noisy
from gcodec.diffusion.tiles import Tile, noise
from gcodec.errors import InvalidOption
from gcodec.interfaces import Setup, Size
from gcodec.signals import Noisy, Preview, Signal, Sketch, Text

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["OneStep"]

#: Signals that say nothing of x_0 by themselves.
_ASIDE = (Sketch.kind, Text.kind)


class OneStep(LatentSampler):
    """See the module. Raises InvalidOption for a time or noise of a state where the call does not begin at one."""

    name = "one_step"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        chosen: str = setup.options["start"]
        self.extra: float = setup.options["noise"]
        self.fixed: float = setup.options["time"]
        auto = "state" if self.extra or self.fixed else self.denoiser.one_call
        self.way: str = auto if chosen == "auto" else chosen
        for name, value in (("time", self.fixed), ("noise", self.extra)):
            if value and self.way == "noise":
                expected = "0 where the call begins at noise; leave --start noise out"
                raise InvalidOption(self.name, name, value, expected)

    def start(self, signals: Mapping[str, Signal], size: Size) -> Start:
        """The noisy state, if that is what there is; else what the module says, or noise where nothing is known."""
        for signal in signals.values():
            if isinstance(signal, Noisy):
                return from_noisy(signal)
        estimate, deviation = self.denoiser.estimate(signals, size)
        if self.way == "noise" or not estimate.any():
            return Start(None, 1.0)
        sigma = math.sqrt(float(np.square(deviation, dtype=np.float64).mean()))
        error = sigma * math.hypot(1, self.extra)
        t = self.fixed or error / (1 + error)
        if self.extra:
            everywhere = (slice(0, estimate.shape[1]), slice(0, estimate.shape[2]))
            eps = noise(self.setup.run.randomness, everywhere, len(estimate))
            estimate = estimate + np.float32(self.extra * sigma) * eps
        return Start(estimate * np.float32(1 - t), t)

    def seen(self, signals: Mapping[str, Signal]) -> Mapping[str, Signal]:
        """All signals, but those that the state holds already."""
        if self.way == "state":
            return {name: signal for name, signal in signals.items() if signal.kind in _ASIDE}
        return {name: signal for name, signal in signals.items() if signal.kind != Noisy.kind}

    def leap(self, step: float) -> float:
        """All of the way that is left, where the denoiser was distilled for that."""
        return step if 1 in self.denoiser.few else 0.0

    def reconstruct_all(
        self, several: Sequence[Mapping[str, Signal]], size: Size
    ) -> list[FloatArray]:
        """Return float32 [3, H, W] in [0, 1] of each; the preview itself if its mse is 0."""
        whole: dict[int, FloatArray] = {}
        for n, signals in enumerate(several):
            preview = signals.get(Preview.kind)
            if isinstance(preview, Preview) and preview.mse == 0:
                whole[n] = preview.pixels
        rest = [signals for n, signals in enumerate(several) if n not in whole]
        drawn = iter(super().reconstruct_all(rest, size))
        return [whole[n] if n in whole else next(drawn) for n in range(len(several))]

    def show(
        self, signals: Mapping[str, Signal], size: Size
    ) -> Callable[[Tile, FloatArray], FloatArray] | None:
        """The preview with another latent, where there is one."""
        preview, factor = signals.get(Preview.kind), self.space.factor
        if not isinstance(preview, Preview):
            return None
        pixels = preview.pixels

        def changed(tile: Tile, latent: FloatArray) -> FloatArray:
            rows, columns = (slice(factor * s.start, factor * s.stop) for s in tile.window)
            part = pixels[:, rows, columns]
            sides = (factor * len(tile.rows), factor * len(tile.columns))
            more = [(0, whole - there) for whole, there in zip(sides, part.shape[1:], strict=True)]
            return self.space.changed(np.pad(part, [(0, 0), *more], mode="edge"), latent)

        return changed
