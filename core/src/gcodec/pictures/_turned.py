"""Pictures the right way up."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

__all__ = ["as_stored", "turned"]


def turned(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of samples [H, W, ...] as EXIF's orientation 1 to 8 says they are shown."""
    if orientation >= 5:  # stored by columns
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def as_stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of an upright array [H, W, ...] in the order in which its file has it: the inverse of `turned`."""
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    return upright.swapaxes(0, 1) if orientation >= 5 else upright
