"""From PIL to bytes, to torch, to a picture: what a notebook does, cell by cell. Run it, or paste it.

python docs/python.py tests/images/kodim23.png
"""

from __future__ import annotations

import sys

import torch
from PIL import Image

import gcodec

# %% A PIL image, of any mode, is a source as it is.
image = Image.open(sys.argv[1]).convert("RGB").crop((0, 0, 256, 256))
made = gcodec.encode(image, "ntc", target=gcodec.Target(bpp=0.3))
print(f"{len(made.data)} bytes, {8 * len(made.data) / 256**2:.3f} bpp, quality {made.quality:.3f}")

# %% The bytes are the whole file: decode them here or anywhere.
picture = gcodec.decode(made.data, "preview").picture

# %% torch: float32 [C, H, W] in [0, 1], a tensor of its own.
tensor = picture.to_torch()
softer = torch.nn.functional.avg_pool2d(tensor[None], 2)[0]

# %% And back to a picture, to PIL, and into bytes again.
again = gcodec.Picture.from_torch(softer)
small = gcodec.encode(again, "webp", target=gcodec.Target(bytes=2000))
shown = gcodec.decode(small.data).picture.to_pil()
print(f"{shown.mode} {shown.size[0]}x{shown.size[1]}, {len(small.data)} bytes of at most 2000")
