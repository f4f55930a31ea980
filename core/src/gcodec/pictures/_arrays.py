"""Between pictures and arrays of samples, in the layouts that people have them in; what does not fit is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import InvalidArgument

if TYPE_CHECKING:
    from gcodec.pictures._picture import Picture

__all__ = ["AlphaArray", "Layout", "check_pixels", "check_values", "foreign", "joined", "split"]

AlphaArray: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Layout: TypeAlias = Literal["HW", "HWC", "CHW"]

_LARGEST = {"uint8": 255, "uint16": 65535}


def check_pixels(pixels: object) -> None:
    """Raise InvalidArgument, with what to call instead, unless this is a float32 array [3, H, W]."""
    if not isinstance(pixels, np.ndarray):
        raise foreign(pixels, "a picture is a float32 array")
    if pixels.dtype != np.float32:
        raise InvalidArgument(
            f"a picture is a float32 array, not {pixels.dtype}; make one with gcodec.Picture.from_array"
        )
    if pixels.ndim != 3 or pixels.shape[0] != 3 or pixels.size == 0:
        raise InvalidArgument(
            f"a picture has shape [3, H, W], not {list(pixels.shape)};"
            " gcodec.Picture.from_array takes [H, W, 3] and gray [H, W]"
        )


def check_values(pixels: NDArray[np.floating[Any]]) -> None:
    """Raise InvalidArgument unless all samples lie in [0, 1]."""
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1:
        return
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidArgument(
            "a picture lies in [0, 1]; this one holds samples that are not finite"
        )
    advice = "clip it"
    if low >= 0 and 2 <= high <= 65535:
        advice = f"divide it by {255 if high <= 255 else 65535}"
    raise InvalidArgument(
        f"a picture lies in [0, 1]; this one goes from {low:g} to {high:g}; {advice} first"
    )


def foreign(value: object, due: str) -> InvalidArgument:
    """Return the error for what is no NumPy array: it names the function that takes it."""
    root = type(value).__module__.partition(".")[0]
    if hasattr(value, "pixels"):
        advice = "it is a gcodec.Picture: give its .pixels"
    elif root == "PIL":
        advice = "make a picture of it with gcodec.Picture.from_pil"
    elif root == "torch":
        advice = "make a picture of it with gcodec.Picture.from_torch"
    elif isinstance(value, np.ndarray):
        advice = "make a picture of it with gcodec.Picture.from_array"
    else:
        advice = "see gcodec.Picture.from_array, from_pil and from_torch, or gcodec.load_image"
    return InvalidArgument(f"{due}, not {type(value).__name__}; {advice}")


def split(
    samples: object, layout: Layout | None, depth: Literal[8, 16] | None
) -> tuple[NDArray[np.float32], AlphaArray | None, Literal[1, 3], Literal[8, 16]]:
    """Return planes [3, H, W] in [0, 1], alpha, channels and depth of an array; see `Picture.from_array`."""
    if not isinstance(samples, np.ndarray):
        raise foreign(samples, "samples are a NumPy array")
    planes = _planes(samples, layout)
    if samples.dtype.name in _LARGEST:
        own: Literal[8, 16] = 8 if samples.dtype == np.uint8 else 16
        if depth not in (None, own):
            raise InvalidArgument(f"samples of {samples.dtype} have {own} bits, not {depth}")
        scaled = planes.astype(np.float32)
        scaled *= np.float32(1 / _LARGEST[samples.dtype.name])
        # The product may round to a hair more than 1.
        scaled = np.minimum(scaled, 1, out=scaled)
    elif samples.dtype.kind == "f":
        check_values(samples)
        own, scaled = depth or 8, planes.astype(np.float32)
    else:
        raise InvalidArgument(
            f"samples are uint8, uint16 or floating-point in [0, 1], not {samples.dtype}; convert them first"
        )
    gray, transparent = len(planes) < 3, len(planes) % 2 == 0
    alpha: AlphaArray | None = None
    if transparent:
        whole = samples.dtype.name in _LARGEST
        alpha = planes[-1].copy() if whole else rounded(scaled[-1], own)
        if alpha.min() == np.iinfo(alpha.dtype).max:
            alpha = None
    colours = scaled[: len(scaled) - transparent]
    pixels = np.repeat(colours, 3, axis=0) if gray else np.ascontiguousarray(colours)
    return pixels, alpha, 1 if gray else 3, own


def joined(picture: Picture, dtype: str, layout: Layout) -> NDArray[Any]:
    """Return the samples of a picture, alpha last; see `Picture.to_array`."""
    if dtype not in (*_LARGEST, "float32"):
        raise InvalidArgument(f"samples are uint8, uint16 or float32, not {dtype}")
    colours = picture.pixels[: picture.channels]
    planes: NDArray[Any] = (
        colours.copy() if dtype == "float32" else rounded(colours, 8 if dtype == "uint8" else 16)
    )
    if picture.alpha is not None:
        share = picture.alpha.astype(np.float32) / np.iinfo(picture.alpha.dtype).max
        same = picture.alpha.dtype == planes.dtype
        alpha = picture.alpha if same else share
        if not same and dtype != "float32":
            alpha = rounded(share, 8 if dtype == "uint8" else 16)
        planes = np.concatenate([planes, alpha[None]])
    if layout == "CHW":
        return planes
    if layout == "HWC":
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    if layout != "HW" or len(planes) > 1:
        what = "a gray picture without alpha has" if layout == "HW" else "there are HWC, CHW and"
        raise InvalidArgument(f"{what} the layout HW, not one of {len(planes)} planes as {layout}")
    return planes.reshape(planes.shape[1:])


def rounded(share: NDArray[np.float32], depth: Literal[8, 16]) -> AlphaArray:
    """Return samples in [0, 1] as whole numbers of so many bits."""
    if depth == 8:
        return (share * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return (share * np.float32(65535) + np.float32(0.5)).astype(np.uint16)


def _planes(samples: NDArray[Any], layout: Layout | None) -> NDArray[Any]:
    """Return samples as [C, H, W], C from 1 to 4. Raises InvalidArgument where they cannot be meant."""
    shape = list(samples.shape)
    if samples.size == 0:
        raise InvalidArgument(f"there are no samples in the shape {shape}")
    if samples.ndim == 4:
        raise InvalidArgument(f"the shape {shape} is that of a batch; take one picture of it: x[0]")
    if layout is None:
        layout = _layout(shape)
    axis = {"HW": None, "HWC": 2, "CHW": 0}.get(layout, -1)
    if axis == -1 or samples.ndim != len(layout):
        raise InvalidArgument(f"the shape {shape} is not of the layout {layout}")
    if axis is None:
        return samples[None]
    if not 1 <= shape[axis] <= 4:
        raise InvalidArgument(
            f"{shape[axis]} channels; there are 1 (gray), 2 (gray, alpha), 3 (RGB) and 4 (RGB, alpha)"
        )
    return samples if axis == 0 else samples.transpose(2, 0, 1)


def _layout(shape: list[int]) -> Layout:
    if len(shape) == 2:
        return "HW"
    first, last = (len(shape) == 3 and 1 <= shape[i] <= 4 for i in (0, -1))
    if first == last:
        how = (
            'may be either; say layout="HWC" or "CHW"'
            if first
            else "is neither [H, W, C] nor [C, H, W]"
        )
        raise InvalidArgument(f"the shape {shape} {how}")
    return "CHW" if first else "HWC"
