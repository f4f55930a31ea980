"""What an encoder does about what the synthesis makes of its first choice.

Latents rounded each by itself leave errors that the synthesis mixes: its functions overlap, and its networks take out what
rounding usually does, not what it did here. So an encoder chooses again, twice. With y the latents chosen before, v what
was rounded for them, at first what the analysis says, e the error of the picture that y gives, B the functions that latents
stand for and |b| their norms, what is to be rounded now lies on the way from v to

    t = y - B'e / |b|^2

a Newton's step from y for the squared error, if the synthesis were B alone with orthogonal functions: its networks are in
e, not in B. (With the gradient through the networks themselves one step gains less, and costs as much as a synthesis more.)
The step costs no more than an analysis without networks. The same norms say what an error of a latent weighs in the picture,
hence what it may cost in bits.

gcodec_ntc.search goes on from here, with gradients through the networks, for those who have the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integer_model import Visit
from gcodec.entropy.integers import LEVELS, MEAN_BITS, Ints
from gcodec_ntc.codec import Analysed, Codec, Wanted
from gcodec_ntc.linear.transform import across, adjoint
from gcodec_ntc.payload import BLOCK, FloatArray, Seen
from gcodec_ntc.rounding import bits, compact, weight_for
from gcodec_ntc.samples import error_of

__all__ = ["Feedback"]

#: How far latents go at each look at a picture, of the way to t: they move together, hence less when little is left.
_PARTS = 0.8, 0.5
#: What is made of the weight of error for the choices after the first, which take as many bytes then; the part of these
#: bytes that the last is to have, so that it fits at once; and within which bounds its weight is changed for that.
_MILDER, _AIM, _LEAST, _MOST = 0.95, 0.99, 0.8, 1.1


class Feedback:
    """Of one model. `config` and `tensors` are its own. Raises KeyError if they do not belong together."""

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
        self._post, self._dct, self._colour, self._order, self._ungain = (
            tensors[f"synthesis.{name}"] for name in ("post", "dct", "colour", "order", "ungain")
        )
        sizes = config["transform"]
        self._steps = np.log2([sizes["step_max"], sizes["step_min"]])
        middle = np.zeros((3, 3 * BLOCK, BLOCK), np.float32)
        middle[:, BLOCK : 2 * BLOCK] = self._dct.T
        norms = np.square(across(middle, self._post, False, False)[0]).sum(0)
        colours = np.square(self._colour).sum(1)
        self._norms = np.multiply.outer(colours, np.outer(norms, norms)).ravel()[self._order]

    def __call__(
        self, codec: Codec, analysed: Analysed, level: int, plain: Seen, wanted: Wanted
    ) -> Wanted:
        """What to round at last, for about the bytes of `plain`, of which the first choice was made of `wanted`.

        What the one shows is taken, and what latents the other has are changed.
        """
        wanted = wanted._replace(trade=wanted.trade * np.float32(_MILDER))
        y, preview = plain.take()
        for number, part in enumerate(_PARTS):
            if number:
                spent = 0.0

                def count(visit: Visit, symbols: Ints) -> None:
                    nonlocal spent
                    spent += bits(codec.rounding.cost, symbols, visit.index)

                del y, preview
                y = compact(codec.quantize(analysed, level, count, wanted))
                preview = codec.synthesise(y, level, *analysed.samples.shape[1:])
                factor = weight_for(_AIM * 8 * len(plain.stream) / max(spent, 1))
                trade = wanted.trade * np.float32(min(max(factor, _LEAST), _MOST))
                wanted = wanted._replace(trade=trade)
            self.move(wanted.y, y, error_of(preview, analysed.samples), level, part)
        return wanted

    def weights(self, level: int) -> NDArray[np.float32]:
        """Squared error in the picture for one of 1 in a latent, by channel, [C]; 1 in an orthonormal transform."""
        low, high = self._steps
        step = 2 ** (low + (high - low) * level / (LEVELS - 1))
        found: NDArray[np.float32] = self._norms * np.square(self._scale(level) / np.float32(step))
        return found

    def move(
        self,
        wanted: FloatArray,
        chosen: NDArray[Any],
        error: FloatArray,
        level: int,
        part: float,
    ) -> None:
        """Make of `wanted`, [positions, C] in steps, of which `chosen` came, in steps of 1/16, what to round instead.

        error  of the picture of those chosen, float32 [3, H, W] in samples of 0 to 1.
        part   of the way to t that is gone.
        """
        scale, chosen = self._norms * self._scale(level), chosen.reshape(wanted.shape)
        for some, made in adjoint(error, self._colour, self._post, self._dct):
            slope = made.reshape(3 * BLOCK * BLOCK, -1)[self._order].T
            slope /= scale
            target: FloatArray = chosen[some].astype(np.float32)
            target /= 1 << MEAN_BITS
            target -= slope
            target -= wanted[some]
            target *= np.float32(part)
            wanted[some] += target

    def _scale(self, level: int) -> NDArray[np.float32]:
        """Samples of 0 to 255 in a step of each channel."""
        position = level / (LEVELS - 1) * (len(self._ungain) - 1)
        low = min(int(position), len(self._ungain) - 2)
        part = np.float32(position - low)
        row = self._ungain[low] * (1 - part) + self._ungain[low + 1] * part
        scale: NDArray[np.float32] = np.exp2(row)
        return scale
