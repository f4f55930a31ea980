"""How far a reconstruction is from its original.

    psnr      dB on 8-bit samples
    ms_ssim   multi-scale structural similarity (Wang, Simoncelli, Bovik 2003)
    lpips     learned perceptual distance (Zhang et al. 2018), where its weights can be had
    dists     deep image structure and texture similarity (Ding et al. 2020), likewise

These take two float32 arrays [3, H, W] in [0, 1] of the same shape and round them to 8 bits first, because that is what a
saved picture holds. Pictures with alpha are compared by their colour samples alone. Between sets of pictures:

    patches   the patches that both sets are cut into (Mentzer et al. 2020)
    features  what Inception-v3 makes of them
    fid, kid  Frechet distance (Heusel et al. 2017) and kernel distance (Binkowski et al. 2018) between such features

Weights are files in a folder or in an installed package, each pinned by its SHA-256 (`gcodec_eval.metrics.weights`); a
metric whose weights are not at hand is a MetricUnavailable, never another number.
"""

from __future__ import annotations

from gcodec.pictures import psnr
from gcodec_eval.metrics._dists import dists
from gcodec_eval.metrics._inception import features, fid, kid, patches
from gcodec_eval.metrics._lpips import lpips, lpips_network
from gcodec_eval.metrics._pixels import ms_ssim
from gcodec_eval.metrics.weights import LPIPS

__all__ = [
    "LPIPS_DIGEST",
    "LPIPS_FILE",
    "dists",
    "features",
    "fid",
    "kid",
    "lpips",
    "lpips_network",
    "ms_ssim",
    "patches",
    "psnr",
]

LPIPS_FILE, LPIPS_DIGEST = LPIPS.file, LPIPS.digest
