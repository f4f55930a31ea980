#!/usr/bin/env bash
# torchmetrics 1.9.0: VIF of pictures in 0..1 hardly notices noise, and ranks codecs the other way.
#
# Expected: the same score whether samples run from 0 to 1 or from 0 to 255, as for PSNR and SSIM
# with their data_range; or a word on the range. There is none: no such parameter, and no range is
# named in the documentation, whose example has samples around 0 with a spread of 1.
# What happens: the noise of the eye is a fixed variance, 2, which is meant for 8-bit samples. In
# 0..1 that is more than any picture varies, so noise that was added drowns in it. A copy at 20 dB
# scores 1.01, more than the original, where 0.25 is right; a blurred one, far ahead at 0.77 by the
# right score, falls behind it. sewar, another implementation, has the scores of 0..255.
# Why it matters: neural codecs live in 0..1, and the score looks sound: the original has 1, and
# blur costs about what it should. Multiply by 255 first, or give sigma_n_sq=2 / 255**2.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'torch==2.13.0' 'torchmetrics==1.9.0' 'sewar==0.4.10' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import numpy as np
import torch
from sewar.full_ref import vifp
from torchmetrics.functional.image import visual_information_fidelity as vif

print(*(f"{name} {version(name)} " for name in ("torch", "torchmetrics", "sewar")))
rng = np.random.default_rng(0)
y, x = np.mgrid[0:128, 0:128]
original = 0.5 + 0.25 * np.sin(x / 5) * np.cos(y / 7) + 0.1 * np.sin(x * y / 200)
blurred = sum(np.roll(original, (i, j), (0, 1)) for i in range(-2, 3) for j in range(-2, 3)) / 25
copies = {"noise, 20 dB": original + rng.normal(0, 0.1, original.shape), "blurred": blurred}


def samples(picture):
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def score(copy, scale, **options):
    arrays = (samples(picture).astype(np.float32) / scale for picture in (copy, original))
    return vif(*(torch.from_numpy(array)[None, None] for array in arrays), **options).item()


seen = {}
for name, copy in copies.items():
    seen[name] = score(copy, 255), score(copy, 1), vifp(samples(original), samples(copy))
    told = score(copy, 255, sigma_n_sq=2 / 255**2)
    print(f"{name:12}  in 0..1 {seen[name][0]:.3f}  in 0..255 {seen[name][1]:.3f}"
          f"  sewar {seen[name][2]:.3f}  in 0..1 with sigma_n_sq=2/255**2 {told:.3f}")
noisy, blurred = seen.values()
ok = noisy[0] > 1 and noisy[1] < 0.3 and noisy[0] > blurred[0] and noisy[1] < blurred[1]
ok = ok and all(abs(pair[1] - pair[2]) < 0.02 for pair in seen.values())
raise SystemExit(0 if ok else f"changed: {seen}")
PYTHON
