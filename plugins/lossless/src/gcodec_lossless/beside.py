"""What a companion's picture says of the numbers that are coded. spec/embeddings/lossless.md, section 13."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec_lossless.features import ORDER, POINT
from gcodec_lossless.network import Network
from gcodec_lossless.origin import Kind
from gcodec_lossless.waves import Ints, in_strips

__all__ = ["MARK", "MODEL", "Beside", "numbers"]

#: SHA-256 of `base/lossless_beside`, which every model of `lossless` goes with.
MODEL = "7a83b8060396ff7b2f028ad0d6c4af06023ddd993df9ef7f0c069c1b341dcc2b"
#: Bytes of the digest of a companion's picture.
MARK = 4


@dataclass(frozen=True)
class Beside:
    """A law that sees a companion, and what it sees.

    picture    red, green, blue, uint8 [3, H, W].
    top, step  of the numbers that are coded, as `numbers` has them.
    """

    network: Network
    picture: NDArray[np.uint8]
    top: int
    step: int

    def numbers(self, kind: Kind | None, channels: int) -> NDArray[Any]:
        """What the law is shown."""
        return numbers(self.picture, kind, channels, self.top, self.step)

    @property
    def mark(self) -> bytes:
        """What a file says of the picture."""
        return hashlib.sha256(self.picture.tobytes()).digest()[:MARK]


def numbers(
    picture: NDArray[Any], kind: Kind | None, channels: int = 3, top: int = 255, step: int = 1
) -> NDArray[Any]:
    """What numbers of so many channels would be, int32 [channels, H, W] in 1/64, if the picture were the companion's.

    picture  of the companion: red, green, blue, [3, H, W] from 0 to 255.
    kind     of the luma and chromas that are coded.
    top      the largest sample; one sample in `step` has a number.
    """

    def scaled(some: Ints) -> Ints:
        samples = some[list(ORDER[:channels])] * (top // 255)
        return np.asarray(((samples << POINT) + step // 2) // step)

    return in_strips(kind.parts if kind else scaled, picture, channels)
