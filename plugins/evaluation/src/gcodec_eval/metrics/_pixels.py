"""MS-SSIM, and what all metrics share."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gcodec.errors import MetricUnavailable
from gcodec.pictures import check_pictures, to_bytes

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["batch", "library", "ms_ssim", "require_side"]

#: Sides that are halved four times without a rest.
_GRID = 16
#: Four halvings must leave one 11x11 window.
_MS_SSIM_SIDE = 11 * _GRID


def ms_ssim(a: FloatArray, b: FloatArray) -> float:
    """Return MS-SSIM averaged over the three channels: 1 for equal pictures, five scales, 11x11 Gaussian window.

    Rows and columns beyond a multiple of 16 are left out. The paper halves a side by averaging pairs and says nothing of odd
    ones; pytorch-msssim pads those with zeros in both pictures, which makes them more alike than they are: 0.734 where the
    picture without its last row and column has 0.712.

    Raises MetricUnavailable below 176 pixels a side, where the coarsest of the scales has no room for one window, and
    where pytorch-msssim is not installed.
    """
    require_side("MS-SSIM", a, b, _MS_SSIM_SIDE)
    torch, msssim = library("MS-SSIM", "torch"), library("MS-SSIM", "pytorch_msssim")
    with torch.inference_mode():
        return float(msssim.ms_ssim(batch(_whole(a)), batch(_whole(b)), data_range=255))


def _whole(pixels: FloatArray) -> FloatArray:
    """The picture as far as four halvings come out even."""
    height, width = (side - side % _GRID for side in pixels.shape[1:])
    return pixels[:, :height, :width]


def batch(pixels: FloatArray) -> Any:
    """Return a picture as a float32 torch batch [1, 3, H, W] of whole numbers 0..255."""
    import torch

    return torch.from_numpy(to_bytes(pixels)[None]).to(torch.float32)


def require_side(metric: str, a: FloatArray, b: FloatArray, least: int) -> None:
    """Raise MetricUnavailable for pictures with a side shorter than `least`, InvalidArgument for what are no pictures."""
    check_pictures(a, b)
    height, width = a.shape[1:]
    if min(height, width) < least:
        raise MetricUnavailable(
            metric, f"{width}x{height} is too small; it needs {least} pixels each way"
        )


def library(metric: str, module: str) -> Any:
    """Import a module that `metric` needs. Raises MetricUnavailable naming the package to install."""
    from gcodec.models import _torchvision_cpu

    _torchvision_cpu.install()
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise MetricUnavailable(
            metric, f"{module} cannot be imported; pip install {package}"
        ) from error
