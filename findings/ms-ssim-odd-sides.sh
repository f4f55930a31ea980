#!/usr/bin/env bash
# pytorch-msssim 1.0.0: a picture with odd sides scores higher than with even ones.
#
# Expected: one row and one column more or less hardly change MS-SSIM.
# What happens: between its five scales the picture is halved by average pooling.
# Where a side is odd, a border of zeros is added on BOTH ends first, and the zeros
# count in the average. Original and copy get the same dark frame, so the score
# rises; the grid also moves by one pixel. 241 is odd at each scale on its way down
# (241, 121, 61, 31), 240 at none (240, 120, 60, 30). Another implementation
# (torchmetrics) drops the odd row instead, and has no jump.
# Why it matters: the step is as large as the differences that papers report
# between codecs, and it depends on nothing but the size of the test pictures.
# Scores of one set taken with the two implementations cannot be compared.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'torch==2.13.0' 'pytorch-msssim==1.0.0' 'torchmetrics==1.9.0' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import torch
from pytorch_msssim import ms_ssim
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as other

print(*(f"{name} {version(name)} " for name in ("torch", "pytorch-msssim", "torchmetrics")))
generator = torch.Generator().manual_seed(0)
original, noise = (torch.rand(1, 3, 257, 257, generator=generator) for _ in range(2))
copy = (original + noise) / 2
seen = {}
for side in (224, 225, 240, 241, 256, 257):
    a, b = original[..., :side, :side], copy[..., :side, :side]
    seen[side] = ms_ssim(a, b, data_range=1.0).item(), other(a, b, data_range=1.0).item()
    print(f"{side} x {side}: pytorch-msssim {seen[side][0]:.5f}  torchmetrics {seen[side][1]:.5f}")
bad = []
for even in (224, 240, 256):
    ours, theirs = (seen[even + 1][i] - seen[even][i] for i in range(2))
    print(f"one pixel more than {even}: pytorch-msssim {ours:+.5f}  torchmetrics {theirs:+.5f}")
    if not (ours > 0.001 and abs(theirs) < 0.0005):
        bad.append(even)
raise SystemExit(f"changed at {bad}" if bad else 0)
PYTHON
