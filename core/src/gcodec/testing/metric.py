"""What every metric must do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pytest

from gcodec.errors import GcodecError, MetricUnavailable
from gcodec.plugin import MetricSpec
from gcodec.registry import load_object, registry
from gcodec.testing import pictures
from gcodec.testing.embedding import assert_light

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["MetricConformance"]

#: Height and width at which a metric that looks at several scales has something to look at.
_SIZE = (192, 208)

_SMALL = ((1, 1), (1, 7), (7, 1), (17, 33))


class MetricConformance:
    """Subclass it as ``class Test...`` and set `name`. A metric that lacks its weights here is skipped with its reason.

    name       of the installed metric.
    identity   its value for equal pictures, if there is one: 1, 0, or math.inf.
    symmetric  True where original and decoded may change places.
    tolerance  largest relative difference between two values that should be one.
    """

    name: ClassVar[str]
    identity: ClassVar[float | None] = None
    symmetric: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-5

    @property
    def spec(self) -> MetricSpec:
        """The installed spec."""
        return registry().named(MetricSpec, self.name)

    def call(self, original: object, decoded: object) -> float:
        """Return what the metric makes of two values, pictures or not."""
        function: Callable[..., float] = load_object(self.name, self.spec.implementation)
        return function(original, decoded)

    def measure(self, original: FloatArray, decoded: FloatArray) -> float:
        """Return the value for two pictures, checked; skip the test where the metric cannot be had."""
        try:
            value = self.call(original, decoded)
        except MetricUnavailable as error:
            pytest.skip(str(error))
        assert isinstance(value, float), f"it returned {type(value).__name__}, not float"
        assert not math.isnan(value), "it returned NaN"
        return value

    def same(self, one: float, other: float) -> bool:
        """Whether two values agree."""
        return one == other or math.isclose(one, other, rel_tol=self.tolerance, abs_tol=1e-6)

    def test_spec(self) -> None:
        """The spec is well formed and the module that offers it is light."""
        spec = self.spec
        assert spec.title.strip(), "it has no title for tables"
        assert spec.summary.strip() and "\n" not in spec.summary, "the summary is one line"
        assert 0 <= spec.decimals <= 12, f"{spec.decimals} decimals"
        assert_light(spec)

    def test_equal_pictures(self) -> None:
        """Equal pictures have the best value of all, which is `identity`."""
        one = _pixels()
        value = self.measure(one, one.copy())
        assert self.identity is None or self.same(value, self.identity), (
            f"{value} for equal pictures"
        )
        other = self.measure(one, _pixels(radius=1))
        assert math.isfinite(other), f"{other} for two pictures"
        better = value > other if self.spec.rises else value < other
        assert better, f"{value:g} for equal pictures, {other:g} for others"

    def test_direction(self) -> None:
        """It rises, or falls, as the spec says, when the blur or the noise gets worse."""
        one = _pixels()
        rng = np.random.default_rng(5)
        noise = rng.standard_normal(one.shape).astype(np.float32)
        for what, decoded in (
            ("blur", [_pixels(radius=r) for r in (1, 3, 8)]),
            ("noise", [(one + s * noise).clip(0, 1) for s in (np.float32(0.01), np.float32(0.2))]),
        ):
            values = [self.measure(one, other) for other in decoded]
            falling = sorted(values, reverse=self.spec.rises)
            assert values == falling and values[0] != values[-1], (
                f"{self.name} of more and more {what}: {values}; the spec says rises={self.spec.rises}"
            )

    def test_symmetry(self) -> None:
        """Where `symmetric` is set, it does not matter which of the two is the original."""
        if not self.symmetric:
            return
        one, other = _pixels(), _pixels(radius=3) * np.float32(0.8)
        there, back = self.measure(one, other), self.measure(other, one)
        assert self.same(there, back), f"{there} one way, {back} the other"

    def test_is_a_function(self) -> None:
        """The same pictures have the same value, whatever was measured in between; they are left as they were."""
        one, other = _pixels(), _pixels(radius=3)
        before = one.copy(), other.copy()
        value = self.measure(one, other)
        self.measure(other, _pixels(radius=8))
        assert self.same(self.measure(one, other), value), "two values for one pair of pictures"
        assert np.array_equal(one, before[0]) and np.array_equal(other, before[1]), (
            "it wrote into them"
        )

    @pytest.mark.parametrize("size", _SMALL, ids=str)
    def test_small_pictures(self, size: tuple[int, int]) -> None:
        """A picture that is too small is MetricUnavailable, not another number and not another error."""
        try:
            value = self.call(_pixels(size), _pixels(size, radius=1))
        except MetricUnavailable:
            return
        assert isinstance(value, float) and not math.isnan(value), f"it returned {value!r}"

    @pytest.mark.parametrize(
        "what", ["bytes", "0..255", "H x W x 3", "gray", "NaN", "another size"]
    )
    def test_what_is_no_picture_is_refused(self, what: str) -> None:
        """Values that are no float32 [3, H, W] in [0, 1], or of two sizes, get an error, never a plausible number."""
        one = _pixels()
        self.measure(one, one)  # skips where nothing can be measured
        no_picture = {
            "bytes": (one * 255).astype(np.uint8),
            "0..255": one * 255,
            "H x W x 3": np.ascontiguousarray(one.transpose(1, 2, 0)),
            "gray": one[0],
            "NaN": np.where(one > one.mean(), np.float32(np.nan), one),
            "another size": one[:, 1:],
        }[what]
        for pair in ((one, no_picture), (no_picture, one)):
            with pytest.raises((GcodecError, ValueError, TypeError)):
                self.call(*pair)


def _pixels(size: tuple[int, int] = _SIZE, radius: int = 0) -> FloatArray:
    """Return a photograph, blurred by so many pixels."""
    image = pictures.photograph(*size)
    return pictures.as_picture(pictures.blurred(image, radius) if radius else image).pixels
