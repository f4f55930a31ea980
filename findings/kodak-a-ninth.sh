#!/usr/bin/env bash
# Kodak's 24 photographs: a ninth of all colours, and lossless codecs that pay for the other eight.
#
# Expected: the pictures that lossless codecs are compared on are red, green and
# blue of 8 bits, and what is hard about them is their content.
# What happens: they were luma and two chromas of 8 bits (Photo CD's PhotoYCC)
# before they were red, green and blue, and nothing was done to them since. All but
# a few pixels, whose colours were cut at 0 or 255, are exactly
#     red = floor(1.3584 Y + V),  blue = floor(1.3584 Y + U),
#     green = floor(1.3584 Y - 0.194 floor(U) - 0.509 floor(V)),
#     U = 2.2179 (C1 - 156),  V = 1.8215 (C2 - 137),
# so that one colour in nine occurs; here it is shown of kodim23. PNG, WebP and
# JPEG XL do not see it: given the three planes Y, C1 and C2 as gray pictures, JPEG XL takes a third less.
# Why it matters: bits a pixel on Kodak say little about other photographs, and a
# codec that finds the planes beats all others by a third without any modelling. The
# same holds of whatever was decoded from a JPEG (a fourth of all colours).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 'numpy==1.26.4'
"$dir/venv/bin/python" - "$here/../tests/images/kodim23.png" <<'PYTHON'
import io
import sys
from importlib.metadata import version
from itertools import product

import numpy as np
import PIL
import pillow_jxl  # noqa: F401  (registers itself)
from PIL import Image

print("Pillow", PIL.__version__, " pillow-jxl-plugin", version("pillow-jxl-plugin"))
with Image.open(sys.argv[1]) as photo:
    rgb = np.asarray(photo.convert("RGB")).astype(np.int64)


def colours(y, c1, c2):
    light, u, v = 13584 * y, 22179 * (c1 - 156), 18215 * (c2 - 137)
    green = (light - 1940 * (u // 10000) - 5090 * (v // 10000) - 1) // 10000
    return np.stack([(light + v) // 10000, green, (light + u) // 10000], -1).clip(0, 255)


red, green, blue = (rgb[..., c] + 0.5 for c in range(3))
light = 0.299 * red + 0.587 * green + 0.114 * blue
near = [light / 1.3584, (blue - light) / 2.2179 + 156, (red - light) / 1.8215 + 137]
near = [np.rint(plane).astype(np.int64) for plane in near]
planes, least = [plane.copy() for plane in near], np.full(rgb.shape[:2], 1 << 30)
for step in product(range(-2, 3), repeat=3):
    tried = [(plane + d).clip(0, 255) for plane, d in zip(near, step)]
    wrong = 100 * np.abs(colours(*tried) - rgb).sum(-1) + np.abs(step).sum()
    better = wrong < least
    least[better] = wrong[better]
    for plane, new in zip(planes, tried):
        plane[better] = new[better]
exact = (colours(*planes) == rgb).all(-1)
inside = ((rgb > 0) & (rgb < 255)).all(-1)


def bits(samples):
    file = io.BytesIO()
    Image.fromarray(samples.astype(np.uint8)).save(file, "JXL", lossless=True, effort=7)
    return 8 * len(file.getvalue()) / rgb[..., 0].size


whole, parts = bits(rgb), [bits(plane) for plane in planes]
print(f"of the pixels that were not cut {100 * exact[inside].mean():.3f} % are exactly of whole Y, C1, C2")
print(f"JPEG XL, lossless: RGB {whole:.2f} bits a pixel; Y, C1, C2 {' + '.join(f'{n:.2f}' for n in parts)} = {sum(parts):.2f}")
ok = exact[inside].mean() > 0.9999 and sum(parts) < 0.7 * whole
raise SystemExit(0 if ok else "changed")
PYTHON
