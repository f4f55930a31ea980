"""What a signal says of x_0 without any network: an estimate c [C, h, w], and the deviation s [C] of its error.

Where several say something, the one that errs least counts (`best`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from gcodec.signals import FloatArray

__all__ = ["Estimate", "best", "codec_error", "latent_error", "preview_error"]

#: c and s.
Estimate: TypeAlias = "tuple[FloatArray, Tensor]"
X = TypeVar("X", "Tensor", "FloatArray")

#: Variance of a codec's error in a component, per squared error of the samples and per unit of `scale`: measured on
#: JPEG, WebP, AVIF and `ntc` at 0.05 to 0.75 of their quality, where it holds within a factor of 1.5 in every channel.
_COLOUR = 30.0


def best(
    found: Iterable[Estimate], deviation: Tensor, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """The estimate [C, h, w] that errs least, for shape = (h, w), and its deviation [C].

    That of nothing at all is among them: the prior's 0, which errs by the latent's own `deviation` [C].
    """
    nothing: Estimate = np.zeros((len(deviation), *shape), np.float32), deviation
    estimate, error = min((nothing, *found), key=lambda pair: float(pair[1].log().sum()))
    return estimate, error.numpy().copy()


def codec_error(mse: float, scale: X) -> X:
    """Deviation [C] of a preview's latent from the image's, for a squared error of the samples in [0, 1].

    A codec errs most where the image varies most: before scaling, the variance of its error grows as the component's
    deviation, so after it as `scale`.
    """
    deviation: X = (_COLOUR * mse * scale) ** 0.5
    return deviation


def preview_error(mse: float, scale: Tensor, deviation: Tensor) -> Tensor:
    """`codec_error` where the latent's own `deviation` [C] is known.

    A preview never errs by more than the channel holds, so both combine as in the reverse water-filling of a Gaussian
    source: 1 / s^2 = 1 / deviation^2 + 1 / (30 mse scale).
    """
    return (deviation.pow(-2) + codec_error(max(mse, 1e-7), scale).pow(-2)).rsqrt()


def latent_error(step: float, deviation: Tensor) -> Tensor:
    """Deviation [C] of a quantized latent's error: uniform noise one bin wide, never more than the channel holds."""
    return (deviation.pow(-2) + 12 / max(step, 1e-3) ** 2).rsqrt()
