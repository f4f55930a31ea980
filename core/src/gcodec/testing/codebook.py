"""What every codebook must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from gcodec.models.networks import Codebook, LatentSpace, open_codebook, open_space
from gcodec.testing import pictures
from gcodec.testing._networks import check_array, check_name, opened

if TYPE_CHECKING:
    from gcodec.signals import FloatArray, IntArray

__all__ = ["CodebookConformance"]


class CodebookConformance:
    """Subclass it as ``class Test...`` and set `model`; needs torch.

    model   an installed model that opens as a codebook.
    shapes  height and width of latents, odd ones among them.
    """

    model: ClassVar[str]
    shapes: ClassVar[Sequence[tuple[int, int]]] = ((1, 1), (1, 5), (3, 2), (9, 12))

    @property
    def book(self) -> Codebook:
        """The codebook, opened once a process."""
        return opened(open_codebook, self.model)

    @property
    def space(self) -> LatentSpace:
        """The space whose latents it quantizes."""
        return opened(open_space, self.book.space)

    def latent(self, height: int, width: int) -> FloatArray:
        """Return a photograph's latent [C, height, width]."""
        f = self.space.factor
        image = pictures.photograph(height * f, width * f)
        return self.space.encode(pictures.as_picture(image).pixels)

    def quantize(self, latent: FloatArray) -> IntArray:
        """Return the indices of a latent, checked."""
        book, (_, height, width) = self.book, latent.shape
        indices = book.quantize(latent)
        shape = (-(-height // book.stride), -(-width // book.stride))
        assert indices.dtype == np.int32 and indices.shape == shape, (
            f"quantize returned {indices.dtype} {indices.shape}, not int32 {shape}"
        )
        assert indices.min() >= 0 and indices.max() < book.entries, (
            f"indices run from {indices.min()} to {indices.max()}, entries are {book.entries}"
        )
        return indices

    def dequantize(
        self, indices: IntArray, shape: tuple[int, int]
    ) -> tuple[FloatArray, FloatArray]:
        """Return what indices say of a latent, checked."""
        estimate, deviation = self.book.dequantize(indices, shape)
        channels = self.space.channels
        check_array(estimate, (channels, *shape), "the estimate")
        check_array(deviation, (channels,), "the deviation of the estimate's error")
        assert (deviation >= 0).all(), "the estimate's error has a negative deviation"
        return estimate, deviation

    def test_names(self) -> None:
        """What tokens are called is a name; its space is an installed model."""
        check_name(self.book.name)
        assert self.book.entries >= 2 and self.book.stride >= 1
        assert self.space.channels >= 1

    def test_shapes(self) -> None:
        """Latents of any shape become indices in range, and these an estimate of that shape."""
        for shape in self.shapes:
            self.dequantize(self.quantize(self.latent(*shape)), shape)

    def test_every_index_is_valid(self) -> None:
        """Whatever a file says below `entries` means something."""
        entries, stride = self.book.entries, self.book.stride
        for start in range(0, entries, 4096):
            indices = np.arange(start, min(entries, start + 4096), dtype=np.int32)[None]
            self.dequantize(indices, (stride, stride * indices.size))

    def test_is_a_function(self) -> None:
        """One latent has one set of indices, one set of indices one estimate; both are left as they were."""
        latent = self.latent(5, 6)
        before, indices = latent.copy(), self.quantize(latent)
        kept = indices.copy()
        (one, _), (other, _) = (self.dequantize(indices, (5, 6)) for _ in range(2))
        assert np.array_equal(self.quantize(latent), indices), "one latent has two sets of indices"
        assert np.array_equal(one, other), "one set of indices has two estimates"
        assert np.array_equal(latent, before), "it wrote into the latent"
        assert np.array_equal(indices, kept), "it wrote into the indices"

    def test_stated_error(self) -> None:
        """Nothing is worse than it says, to within a factor of 2 over all channels."""
        latent = self.latent(24, 32)
        estimate, deviation = self.dequantize(self.quantize(latent), (24, 32))
        found = float(np.square(estimate - latent).mean(dtype=np.float64)) ** 0.5
        stated = float(np.square(deviation).mean(dtype=np.float64)) ** 0.5
        assert found <= 2 * stated, f"it states a deviation of {stated:.3g}, found is {found:.3g}"
