"""How far a reconstruction is from its original.

    psnr      dB on 8-bit samples
    ms_ssim   multi-scale structural similarity (Wang, Simoncelli, Bovik 2003)
    lpips     learned perceptual distance (Zhang et al. 2018), where its weights can be had

All take two float32 arrays [3, H, W] in [0, 1] of the same shape and round them to 8 bits first, because that is what a
saved picture holds. Pictures with alpha are compared by their colour samples alone.
"""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import MetricUnavailable

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["LPIPS_DIGEST", "LPIPS_FILE", "lpips", "lpips_network", "ms_ssim", "psnr"]

#: Folder that holds `LPIPS_FILE`.
WEIGHTS_VARIABLE = "GCODEC_METRICS"

#: LPIPS v0.1 with AlexNet: torchvision's five convolutions and the five linear heads, and its SHA-256.
LPIPS_FILE = "alexnet_features_lpips.safetensors"
LPIPS_DIGEST = "137fae61e223a0ffeb6b56e2ef8c925a36a106ef8b15d24a234071617b3ed744"

#: Four halvings must leave one 11x11 window.
_MS_SSIM_SIDE = 161

#: AlexNet's convolutions and poolings leave nothing of less.
_LPIPS_SIDE = 31


def psnr(a: FloatArray, b: FloatArray) -> float:
    """Return the peak signal-to-noise ratio in dB; infinity for pictures that are equal."""
    difference = _round(a).astype(np.int32) - _round(b)
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ms_ssim(a: FloatArray, b: FloatArray) -> float:
    """Return MS-SSIM averaged over the three channels: 1 for equal pictures, five scales, 11x11 Gaussian window.

    Raises MetricUnavailable below 161 pixels a side, where the coarsest of the scales has no room for one window, and
    where pytorch-msssim is not installed.
    """
    _require_side("MS-SSIM", a, _MS_SSIM_SIDE)
    torch, library = _import("MS-SSIM", "torch"), _import("MS-SSIM", "pytorch_msssim")
    with torch.inference_mode():
        x, y = (torch.from_numpy(_round(p)[None]).to(torch.float32) for p in (a, b))
        return float(library.ms_ssim(x, y, data_range=255))


def lpips(
    a: FloatArray, b: FloatArray, *, weights: Path | None = None, download: bool = False
) -> float:
    """Return LPIPS v0.1 with AlexNet: 0 for equal pictures, rarely above 1.

    weights   folder that holds `LPIPS_FILE`; without it the one that the environment variable GCODEC_METRICS names.
    download  let torchvision fetch AlexNet from its server where there is no such folder.

    Raises MetricUnavailable where no weights are at hand, where the file is not the one pinned by `LPIPS_DIGEST`, below
    31 pixels a side, and where the package lpips is not installed.
    """
    _require_side("LPIPS", a, _LPIPS_SIDE)
    folder = weights or (Path(os.environ[WEIGHTS_VARIABLE]) if _variable_set() else None)
    if folder is None and not download:
        raise MetricUnavailable(
            "LPIPS",
            f"its weights are not at hand; set {WEIGHTS_VARIABLE} to a folder with {LPIPS_FILE},"
            " or let torchvision download AlexNet",
        )
    torch = _import("LPIPS", "torch")
    network = lpips_network(folder)
    with torch.inference_mode():
        # From 0..255 to the network's -1..1.
        x, y = (torch.from_numpy(_round(p)[None]).to(torch.float32) / 127.5 - 1 for p in (a, b))
        return float(network(x, y))


def _variable_set() -> bool:
    return bool(os.environ.get(WEIGHTS_VARIABLE))


def _round(pixels: FloatArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)


def _require_side(metric: str, pixels: FloatArray, least: int) -> None:
    height, width = pixels.shape[1:]
    if min(height, width) < least:
        raise MetricUnavailable(
            metric, f"{width}x{height} is too small; it needs {least} pixels each way"
        )


def _import(metric: str, module: str) -> Any:
    from gcodec import _torchvision_cpu

    _torchvision_cpu.install()
    try:
        return import_module(module)
    except ImportError as error:
        package = module.replace("_", "-")
        raise MetricUnavailable(
            metric, f"{module} cannot be imported; pip install {package}"
        ) from error


@cache
def lpips_network(folder: Path | None) -> Any:
    """Return the network of the package lpips, its weights from `folder`, or from torchvision's server.

    It takes two batches [B, 3, H, W] in [-1, 1] and gives [B, 1, 1, 1]; gradients flow to the pictures only, so that it
    serves as a training loss. Raises MetricUnavailable as `lpips` does.
    """
    state = None if folder is None else _lpips_state(folder)
    library = _import("LPIPS", "lpips")
    with warnings.catch_warnings():
        # lpips 0.1.4 passes torchvision arguments that are deprecated there.
        warnings.simplefilter("ignore")
        if state is None:
            return library.LPIPS(net="alex", verbose=False).eval().requires_grad_(False)
        network = library.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
    network.load_state_dict(state | _constants(network), strict=True)
    return network.eval().requires_grad_(False)


def _lpips_state(folder: Path) -> dict[str, Any]:
    """Read the pinned file, under the names that the package lpips gives the same tensors."""
    path = folder / LPIPS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MetricUnavailable("LPIPS", f"{path}: {error.strerror or error}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != LPIPS_DIGEST:
        raise MetricUnavailable(
            "LPIPS", f"{path} is another file than the one pinned: SHA-256 {found}"
        )
    state: dict[str, Any] = {}
    for name, tensor in _import("LPIPS", "safetensors.torch").load(data).items():
        part, number, *rest = name.replace("lin", "lin.").split(".")
        if part == "features":
            # lpips cuts AlexNet's layer list into slices; convolutions are its layers 0, 3, 6, 8, 10.
            slice_number = 1 + (0, 3, 6, 8, 10).index(int(number))
            state[f"net.slice{slice_number}.{number}.{rest[0]}"] = tensor
        else:
            state[f"lin{number}.model.1.weight"] = tensor
            state[f"lins.{number}.model.1.weight"] = tensor
    return state


def _constants(network: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in network.state_dict().items()
        if name.startswith("scaling_layer")
    }
