"""The picture as gcodec handles it between files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import InvalidArgument
from gcodec.pictures._arrays import (
    AlphaArray,
    Layout,
    check_pixels,
    check_values,
    foreign,
    joined,
    split,
)
from gcodec_formats import Size

if TYPE_CHECKING:
    import PIL.Image
    import torch

__all__ = ["AlphaArray", "Picture", "check_picture"]

_ALPHA = (np.uint8, np.uint16)


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture and what belongs to it.

        picture = Picture.from_array(samples)          # uint8, uint16 or float; [H, W, C], [C, H, W] or gray [H, W]
        picture.to_pil().show()

    pixels    float32 [3, H, W] in [0, 1], in the colour space that `icc` describes.
    alpha     uint8 or uint16 [H, W], not premultiplied; None where everything is opaque.
    icc       ICC profile; None means sRGB.
    exif      EXIF as a TIFF structure, without an orientation (the pixels have been turned already).
    xmp       XMP packet, UTF-8.
    channels  1 for a grayscale picture, whose three planes are equal; else 3.
    depth     8 or 16: bits a sample of the source.

    Raises InvalidArgument for other types and shapes; values are looked at where a picture is encoded or saved.
    """

    pixels: NDArray[np.float32]
    alpha: AlphaArray | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    channels: Literal[1, 3] = 3
    depth: Literal[8, 16] = 8

    def __post_init__(self) -> None:
        check_pixels(self.pixels)
        alpha = self.alpha
        if alpha is not None and not isinstance(alpha, np.ndarray):
            raise InvalidArgument(f"alpha is a uint8 or uint16 array, not {type(alpha).__name__}")
        if alpha is not None and (alpha.dtype not in _ALPHA or alpha.shape != self.size):
            raise InvalidArgument(
                f"alpha is uint8 or uint16 {list(self.size)}, not {alpha.dtype} {list(alpha.shape)}"
            )
        if self.channels not in (1, 3) or self.depth not in (8, 16):
            raise InvalidArgument(
                f"a picture has 1 or 3 channels of 8 or 16 bits, not {self.channels} of {self.depth}"
            )

    @classmethod
    def from_array(
        cls,
        samples: NDArray[Any],
        *,
        layout: Layout | None = None,
        depth: Literal[8, 16] | None = None,
        icc: bytes | None = None,
    ) -> Picture:
        """Return the picture of an array: uint8, uint16, or floating-point in [0, 1].

        layout  "HW" (gray), "HWC" or "CHW"; None where the shape leaves no doubt. C is 1 (gray), 2 (gray, alpha), 3 (RGB)
                or 4 (RGB, alpha).
        depth   bits a sample of a floating-point array, 8 if nobody says; that of whole numbers is their own.
        icc     ICC profile of the samples; None means sRGB.

        Raises InvalidArgument for another type, shape or range, and for values that are not finite.
        """
        pixels, alpha, channels, bits = split(samples, layout, depth)
        return cls(pixels, alpha, icc, channels=channels, depth=bits)

    @classmethod
    def from_torch(
        cls,
        samples: torch.Tensor,
        *,
        layout: Layout | None = None,
        depth: Literal[8, 16] | None = None,
        icc: bytes | None = None,
    ) -> Picture:
        """Return the picture of a tensor on any device; everything else is as in `from_array`."""
        if not hasattr(samples, "detach"):
            raise foreign(samples, "samples are a torch tensor")
        tensor = samples.detach().cpu()
        array = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        return cls.from_array(array, layout=layout, depth=depth, icc=icc)

    @classmethod
    def from_pil(cls, image: PIL.Image.Image) -> Picture:
        """Return the picture of a PIL image of any mode, read as `gcodec.load_image` reads it from a file.

        Raises InvalidArgument for another type, and ImageError for what cannot be read.
        """
        from gcodec.pictures._planes import of_image

        return cls(*of_image(image))

    def to_array(self, dtype: str = "uint8", layout: Layout = "HWC") -> NDArray[Any]:
        """Return the samples, an array of its own: of gray pictures one channel, of those with alpha one more.

        dtype   "uint8" (0..255) or "uint16" (0..65535), rounded, or "float32" in [0, 1].
        layout  "HWC", "CHW", or "HW" of a gray picture without alpha.

        Raises InvalidArgument.
        """
        return joined(self, dtype, layout)

    def to_torch(self, layout: Layout = "CHW") -> torch.Tensor:
        """Return the samples as a float32 tensor in [0, 1]; see `to_array`."""
        import torch

        return torch.from_numpy(self.to_array("float32", layout))

    def to_pil(self) -> PIL.Image.Image:
        """Return a PIL image with the ICC profile: L, LA, RGB or RGBA of 8 bits, or I;16 of gray with 16 bits."""
        from PIL import Image

        deep = self.channels == 1 and self.depth == 16 and self.alpha is None
        samples = self.to_array("uint16" if deep else "uint8")
        image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
        if self.icc is not None:
            image.info["icc_profile"] = self.icc
        return image

    @property
    def size(self) -> Size:
        """Height and width."""
        return Size(*self.pixels.shape[1:])


def check_picture(picture: object) -> None:
    """Raise InvalidArgument, with what to call instead, unless this is a picture with its samples in [0, 1]."""
    if not isinstance(picture, Picture):
        raise foreign(picture, "a picture is a gcodec.Picture")
    check_values(picture.pixels)
