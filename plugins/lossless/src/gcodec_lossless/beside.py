"""What a companion's picture says of the numbers that are coded. spec/embeddings/lossless.md, section 10."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gcodec_lossless.features import ORDER, POINT
from gcodec_lossless.network import Network
from gcodec_lossless.origin import Kind
from gcodec_lossless.waves import Ints

__all__ = ["MODEL", "Beside", "numbers"]

#: SHA-256 of `base/lossless_beside`, which every model of `lossless` goes with.
MODEL = "7a83b8060396ff7b2f028ad0d6c4af06023ddd993df9ef7f0c069c1b341dcc2b"


@dataclass(frozen=True)
class Beside:
    """A law that sees a companion, and what it sees.

    picture  red, green, blue, int64 [3, H, W] from 0 to 255.
    numbers  of the same picture, as `numbers` makes them.
    """

    network: Network
    picture: Ints
    numbers: Ints


def numbers(
    picture: Ints, kind: Kind | None, channels: int = 3, top: int = 255, step: int = 1
) -> Ints:
    """What numbers of so many channels would be, int64 [channels, H, W] in 1/64, if the picture were the companion's.

    picture  of the companion: red, green, blue, int64 [3, H, W] from 0 to 255.
    kind     of the luma and chromas that are coded.
    top      the largest sample; one sample in `step` has a number.
    """
    if kind:
        return kind.parts(picture)
    samples = picture[list(ORDER[:channels])] * (top // 255)
    found: Ints = ((samples << POINT) + step // 2) // step
    return np.asarray(found)
