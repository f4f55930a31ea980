"""What every latent space must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from gcodec.border import check_picture
from gcodec.interfaces import Size
from gcodec.models.networks import LatentSpace, open_space, place_of
from gcodec.testing import pictures
from gcodec.testing._networks import check_array, check_name, found, opened
from gcodec.testing.embedding import LARGE

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LatentSpaceConformance"]

_PICTURES = {
    "photograph": pictures.photograph(96, 128),
    "black": pictures.flat(33, 17, 0),
    "white": pictures.flat(33, 17, 255),
    "noise": pictures.noise(33, 17),
}


class LatentSpaceConformance:
    """Subclass it as ``class Test...`` and set `model`; needs torch.

    model      an installed model that opens as a latent space.
    max_error  largest squared error of a photograph that was encoded and decoded; 0.005 is 23 dB.
    tolerance  largest difference between two decodings of one latent, and between `decode` and `render`.
    sizes      height and width of the pictures, odd ones among them.
    large      those of pictures beyond 512 pixels.
    """

    model: ClassVar[str]
    max_error: ClassVar[float] = 0.005
    tolerance: ClassVar[float] = 1e-3
    sizes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (1, 7), (7, 1), (17, 33), (64, 64))
    large: ClassVar[Sequence[tuple[int, int]]] = LARGE

    @property
    def space(self) -> LatentSpace:
        """The network, opened once a process."""
        return opened(open_space, self.model)

    def encode(self, image: pictures.Image) -> FloatArray:
        """Return the latent of an image, checked."""
        pixels = pictures.as_picture(image).pixels
        latent = self.space.encode(pixels)
        f, (height, width) = self.space.factor, pixels.shape[1:]
        shape = (self.space.channels, -(-height // f), -(-width // f))
        check_array(latent, shape, "the latent")
        return latent

    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Return the pixels of a latent, checked."""
        pixels = self.space.decode(latent, size)
        check_picture(pixels, size)
        return pixels

    def test_names(self) -> None:
        """What signals and other models call it is a name, and that by which its model is known."""
        check_name(self.space.name)
        assert self.space.channels >= 1 and self.space.factor >= 1
        model, run = found(self.model)
        place = place_of(model, run.models)
        assert place is None or place.space == self.space.name, (
            f"its place says that its space is {place and place.space}, it itself {self.space.name}"
        )

    def test_sizes(self) -> None:
        """Latents and pictures of all sizes have the shapes that the interface says."""
        for size in (*self.sizes, *self.large):
            self.decode(self.encode(pictures.photograph(*size)), Size(*size))

    @pytest.mark.parametrize("picture", _PICTURES)
    def test_error(self, picture: str) -> None:
        """What was encoded comes back, a photograph with a squared error of at most `max_error`."""
        image = _PICTURES[picture]
        back = self.decode(self.encode(image), Size(*image.shape[:2]))
        error = float(np.square(back - pictures.as_picture(image).pixels).mean(dtype=np.float64))
        assert error <= self.max_error or picture != "photograph", f"squared error {error:.3g}"

    def test_variance(self) -> None:
        """Latents of a photograph are neither much smaller nor much larger than the noise of diffusion."""
        deviation = float(self.encode(_PICTURES["photograph"]).std())
        assert 0.2 < deviation < 5, f"the deviation of a photograph's latent is {deviation:.3g}"

    def test_is_a_function(self) -> None:
        """The same picture gives the same latent, the same latent the same picture; both are left as they were."""
        image = pictures.photograph(17, 33)
        pixels = pictures.as_picture(image).pixels
        before, latent = pixels.copy(), self.encode(image)
        assert np.abs(self.space.encode(pixels) - latent).max() <= self.tolerance
        kept = latent.copy()
        one, other = (self.decode(latent, Size(17, 33)) for _ in range(2))
        apart = float(np.abs(one - other).max())
        assert apart <= self.tolerance, f"one latent gives two pictures {apart:g} apart"
        assert np.array_equal(pixels, before), "it wrote into the pixels"
        assert np.array_equal(latent, kept), "it wrote into the latent"

    def test_render(self) -> None:
        """`render` shows what `decode` shows, and a gradient reaches every latent through it."""
        import torch

        f = self.space.factor
        size = Size(6 * f, 5 * f)
        latent = self.encode(pictures.photograph(*size))
        z = torch.from_numpy(latent[None].copy()).requires_grad_()
        pixels = self.space.render(z)
        assert tuple(pixels.shape) == (1, 3, *size), f"render returned {tuple(pixels.shape)}"
        shown = pixels.detach().float().cpu().numpy()[0].clip(0, 1)
        apart = float(np.abs(shown - self.decode(latent, size)).max())
        assert apart <= self.tolerance, f"render and decode differ by {apart:g}"
        pixels.square().sum().backward()  # type: ignore[no-untyped-call]
        assert z.grad is not None, "no gradient comes through render"
        assert bool(z.grad.isfinite().all()) and bool((z.grad != 0).any((0, 1)).all())
