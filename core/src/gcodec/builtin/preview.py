"""The reconstructor that adds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gcodec.interfaces import Reconstructor, Size
from gcodec.signals import Preview, Signal

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PreviewReconstructor"]


class PreviewReconstructor(Reconstructor):
    """Return X* = E[X | Y] unchanged: the end gamma = D(R)^(1/2) of the distortion-realism curve (review, eq. 17)."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        """Return the preview's pixels, float32 [3, H, W] in [0, 1]."""
        preview = signals["preview"]
        assert isinstance(preview, Preview)
        return preview.pixels
