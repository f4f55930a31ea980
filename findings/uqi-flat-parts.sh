#!/usr/bin/env bash
# torchmetrics 1.9.0: UQI and SCC of a picture with itself fall by the share of it that is flat, down to 0.
#
# Expected: the best score, 1, for a copy without any error, as of SSIM and VIF of the same package.
# What happens: in a window without variance both indices are 0 divided by 0. A small number added to the divisor
# against NaN makes that 0, the score of no likeness at all, and the mean over the windows takes it in. A picture
# that is half flat has a UQI of 0.56 with itself, a flat one of 0; the flat parts are worth nothing however well
# they are coded. (In 0..1 rounding errors decide: 0.65 and 0.2 here.) sewar, another implementation, compares the
# means there and has a UQI of 1; its SCC has the fault too. The documentation has no word on flat parts.
# Why it matters: screens, documents, skies, burnt-out whites, depth maps. A lossless codec is scored under a lossy one
# of another picture, and a mean over a test set hides it. Take sewar's UQI, or SSIM, which has constants for it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'torch==2.13.0' 'torchmetrics==1.9.0' 'sewar==0.4.10' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
import torch
from sewar import full_ref
from torchmetrics.functional.image import (
    spatial_correlation_coefficient,
    structural_similarity_index_measure,
    universal_image_quality_index,
)

print(*(f"{name} {version(name)} " for name in ("torch", "torchmetrics", "sewar")))
rng = np.random.default_rng(0)
side = 96
texture = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)


def scores(original, copy):
    one, other = (torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in (copy, original))
    return {
        "UQI": universal_image_quality_index(one, other).item(),
        "UQI in 0..1": universal_image_quality_index(one / 255, other / 255).item(),
        "UQI by sewar": float(full_ref.uqi(original, copy)),
        "SCC": spatial_correlation_coefficient(one, other).item(),
        "SCC by sewar": float(full_ref.scc(original, copy)),
        "SSIM": structural_similarity_index_measure(one, other, data_range=255.0).item(),
    }


seen = {}
for quarters in range(5):
    picture = texture.copy()
    picture[:, : side * quarters // 4] = 128
    noisy = np.clip(picture + rng.normal(0, 20, picture.shape).round(), 0, 255).astype(np.uint8)
    for copy, of in (("itself", picture), ("a noisy copy", noisy)):
        seen[quarters, copy] = found = scores(picture, of)
        told = "  ".join(f"{name} {score:.3f}" for name, score in found.items())
        print(f"{quarters / 4:4.0%} flat, with {copy:12}  {told}")
own = {name: [seen[quarters, "itself"][name] for quarters in range(5)] for name in seen[0, "itself"]}
ok = all(abs(found[0] - 1) < 1e-3 for found in own.values())
ok = ok and all(min(own[name]) > 0.999 for name in ("SSIM", "UQI by sewar"))
ok = ok and own["UQI in 0..1"][2] < 0.9
for name in ("UQI", "SCC", "SCC by sewar"):
    ok = ok and own[name] == sorted(own[name], reverse=True) and 0.4 < own[name][2] < 0.75 and abs(own[name][4]) < 1e-3
ok = ok and all(seen[2, "itself"][name] < seen[0, "a noisy copy"][name] for name in ("UQI", "SCC"))
raise SystemExit(0 if ok else f"changed: {own}")
PYTHON
