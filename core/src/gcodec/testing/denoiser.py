"""What every denoiser must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.interfaces import Size
from gcodec.models.networks import Condition, Denoiser, LatentSpace, open_denoiser, open_space
from gcodec.registry import registry
from gcodec.signals import Preview, Signal, Text
from gcodec.testing import pictures
from gcodec.testing._networks import check_array, opened

if TYPE_CHECKING:
    from torch import Tensor

    from gcodec.signals import FloatArray

__all__ = ["DenoiserConformance"]

#: alpha_t, sigma_t from next to no noise to nothing else: of a flow, of a variance-preserving process, of EDM.
_TIMES = (
    *((1 - t, t) for t in (0.001, 0.05, 0.5, 0.95, 1.0)),
    *(((1 - s * s) ** 0.5, s) for s in (0.1, 0.6, 0.999)),
    *((1.0, s) for s in (0.02, 1.0, 40.0)),
)


class DenoiserConformance:
    """Subclass it as ``class Test...`` and set `model`; needs torch.

    model      an installed model that opens as a denoiser.
    shapes     height and width of latents, odd ones among them.
    tolerance  largest difference between two answers to one question, in latents of about unit variance.
    """

    model: ClassVar[str]
    shapes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (1, 5), (3, 2), (9, 12))
    tolerance: ClassVar[float] = 1e-3

    @property
    def denoiser(self) -> Denoiser:
        """The network, opened once a process."""
        return opened(open_denoiser, self.model)

    @property
    def space(self) -> LatentSpace:
        """The space that it works in."""
        return opened(open_space, self.denoiser.space)

    def size(self, height: int, width: int) -> Size:
        """Return the size of the picture of a latent [C, height, width]."""
        return Size(height * self.space.factor, width * self.space.factor)

    def latent(self, height: int, width: int) -> FloatArray:
        """Return a photograph's latent [C, height, width]."""
        image = pictures.photograph(*self.size(height, width))
        return self.space.encode(pictures.as_picture(image).pixels)

    def preview(self, height: int, width: int) -> Preview:
        """Return a blurred photograph."""
        image = pictures.photograph(*self.size(height, width))
        coarse, fine = (pictures.as_picture(i).pixels for i in (pictures.blurred(image), image))
        return Preview(coarse, float(np.square(coarse - fine).mean(dtype=np.float64)))

    def x0(
        self, latent: FloatArray, alpha: float, sigma: float, condition: Condition
    ) -> FloatArray:
        """Return what the denoiser makes of a noisy latent, checked."""
        import torch

        x_t = self.noisy(latent, alpha, sigma)
        kept = x_t.clone()
        made = self.denoiser.x0(x_t, alpha, sigma, condition)
        assert made.dtype == torch.float32 and made.shape == x_t.shape, (
            f"x0 returned {made.dtype} {tuple(made.shape)}, not float32 {tuple(x_t.shape)}"
        )
        assert bool(made.isfinite().all()), f"x0 is not finite at alpha {alpha:g}, sigma {sigma:g}"
        assert torch.equal(x_t, kept), "x0 wrote into x_t"
        return made[0].detach().numpy()

    def noisy(self, latent: FloatArray, alpha: float, sigma: float) -> Tensor:
        """Return alpha x_0 + sigma epsilon, always with the same epsilon."""
        import torch

        from gcodec.randomness import Domain, Randomness

        epsilon = Randomness(7).normal(Domain.DECODER_NOISE, 0, 0, latent.shape)
        return torch.from_numpy((alpha * latent + sigma * epsilon).astype(np.float32)[None])

    def error(self, latent: FloatArray, alpha: float, sigma: float, condition: Condition) -> float:
        """Return the squared error of x0-hat."""
        made = self.x0(latent, alpha, sigma, condition)
        return float(np.square(made - latent).mean(dtype=np.float64))

    def test_names(self) -> None:
        """Its space is an installed model; what it sees are types of signals."""
        assert self.space.channels >= 1
        for name in self.denoiser.sees:
            known = any(f"{name}/".startswith(f"{kind}/") for kind in registry().signals)
            assert known, f"'{name}' is no signal type"
        assert all(isinstance(steps, int) and steps >= 1 for steps in self.denoiser.few)

    def test_any_noise(self) -> None:
        """Whatever the process and the time, x0-hat is float32 [1, C, h, w] and finite, at every shape."""
        for shape in self.shapes:
            latent, size = self.latent(*shape), self.size(*shape)
            condition = self.denoiser.condition({}, size)
            for alpha, sigma in _TIMES:
                self.x0(latent, alpha, sigma, condition)

    def test_scale_does_not_matter(self) -> None:
        """x_t, alpha_t and sigma_t times a number ask the same question."""
        latent, condition = self.latent(6, 5), self.denoiser.condition({}, self.size(6, 5))
        one, other = (self.x0(latent, k * 0.6, k * 0.4, condition) for k in (1.0, 1.7))
        apart = float(np.abs(one - other).max())
        assert apart <= self.tolerance, f"the answers are {apart:g} apart"

    def test_error_falls_with_the_noise(self) -> None:
        """The less noise, the less error; and always less than the noise itself, and than knowing nothing."""
        latent, condition = self.latent(16, 24), self.denoiser.condition({}, self.size(16, 24))
        power = float(np.square(latent).mean(dtype=np.float64))
        times = (0.8, 0.6, 0.4, 0.2, 0.05)
        errors = [self.error(latent, 1 - t, t, condition) for t in times]
        for low, high in zip(errors[1:], errors, strict=False):
            assert low <= 1.02 * high, f"squared errors {errors} at {times}"
        assert errors[0] < power, f"squared error {errors[0]:.3g}, of nothing {power:.3g}"
        for t, error in zip(times[1:4], errors[1:4], strict=True):
            noise = (t / (1 - t)) ** 2
            assert error < noise, f"squared error {error:.3g} at {t}, of the noise {noise:.3g}"

    def test_stated_error(self) -> None:
        """`error` is finite and falls with the noise."""
        latent = self.latent(16, 16)
        stated = [self.denoiser.error(1 - t, t, self.space, latent) for t in (0.9, 0.5, 0.1)]
        assert np.isfinite(stated).all() and min(stated) >= 0, f"stated are {stated}"
        assert stated[0] >= stated[1] >= stated[2], f"stated are {stated}"

    def test_unconditional(self) -> None:
        """Without signals there is a condition, and an estimate: the prior's."""
        shape = (3, 5)
        size = self.size(*shape)
        estimate, deviation = self.denoiser.estimate({}, size)
        check_array(estimate, (self.space.channels, *shape), "the estimate")
        check_array(deviation, (self.space.channels,), "the deviation of its error")
        assert (deviation > 0).all(), "without signals an estimate has an error"
        for condition in (self.denoiser.condition({}, size), self.denoiser.unguided({}, size)):
            self.x0(self.latent(*shape), 0.3, 0.7, condition)

    def test_unknown_signals_are_ignored(self) -> None:
        """A signal of a type that it does not see changes nothing."""
        size, latent = self.size(3, 5), self.latent(3, 5)
        others: dict[str, Signal] = {"text": Text("a red ball"), "preview": self.preview(3, 5)}
        unseen = {name: s for name, s in others.items() if name not in self.denoiser.sees}
        one, other = (
            self.x0(latent, 0.3, 0.7, self.denoiser.condition(signals, size))
            for signals in ({}, unseen)
        )
        assert np.abs(one - other).max() <= self.tolerance, f"it sees {', '.join(unseen)}"

    def test_a_preview_helps(self) -> None:
        """What it is told makes its answer better where there is much noise; one that sees no preview is told nothing."""
        if "preview" not in self.denoiser.sees:
            return
        shape = (16, 24)
        size, latent = self.size(*shape), self.latent(*shape)
        told, alone = (
            self.error(latent, 0.1, 0.9, self.denoiser.condition(signals, size))
            for signals in ({"preview": self.preview(*shape)}, {})
        )
        assert told < alone, f"squared error {told:.3g} with a preview, {alone:.3g} without"

    def test_windows(self) -> None:
        """The condition of a part of the picture serves that part."""
        size, latent = self.size(12, 16), self.latent(12, 16)
        seen = {"preview": self.preview(12, 16)} if "preview" in self.denoiser.sees else {}
        whole = self.denoiser.condition(seen, size)
        for name, values in whole.maps.items():
            assert tuple(values.shape[-2:]) == (12, 16), f"map {name} is {tuple(values.shape)}"
        part = whole.window(slice(2, 10), slice(4, 16))
        self.x0(np.ascontiguousarray(latent[:, 2:10, 4:16]), 0.5, 0.5, part)

    def test_gradient(self) -> None:
        """x0-hat is differentiable in x_t, where that is asked for."""
        condition = self.denoiser.condition({}, self.size(6, 5))
        x_t = self.noisy(self.latent(6, 5), 0.6, 0.4).requires_grad_()
        made = self.denoiser.x0(x_t, 0.6, 0.4, condition).square().sum()
        made.backward()  # type: ignore[no-untyped-call]
        assert x_t.grad is not None, "no gradient comes through x0"
        assert bool(x_t.grad.isfinite().all()) and bool((x_t.grad != 0).any((0, 1)).all())

    def test_is_a_function(self) -> None:
        """One question has one answer, whatever was asked in between."""
        latent, condition = self.latent(6, 5), self.denoiser.condition({}, self.size(6, 5))
        one = self.x0(latent, 0.6, 0.4, condition)
        self.x0(latent, 0.1, 0.9, condition)
        apart = float(np.abs(self.x0(latent, 0.6, 0.4, condition) - one).max())
        assert apart <= self.tolerance, f"one question has two answers, {apart:g} apart"
