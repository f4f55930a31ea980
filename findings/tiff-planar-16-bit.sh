#!/usr/bin/env bash
# Pillow 13: a 16-bit RGB TIFF stored plane by plane gives wrong colours, silently.
#
# Expected: baseline TIFF allows each channel in a plane of its own
# (PlanarConfiguration 2). Pillow cuts 16-bit colour to 8 bits, so it should give
# the high byte of every sample, or refuse.
# What happens: an uncompressed file is read as if its samples had 8 bits. The
# first row of red begins with the two BYTES of the first sample, then those of
# the second; only half of each plane is looked at. The mode and size are right,
# nothing is raised. The same pixels with deflate compression are right, since
# they take another road through Pillow (libtiff), and so are 8-bit planes.
# Why it matters: planar 16-bit TIFF is what scientific and print software writes.
# The result looks like noise of the right size, so a training set or a benchmark
# that reads its originals through Pillow is spoilt without a sign.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'tifffile==2026.3.3' 'imagecodecs==2026.1.14' \
    'pyvips==3.2.0' 'pyvips-binary==8.18.7' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
import io
import numpy as np
import PIL
import pyvips
import tifffile
from PIL import Image

print("Pillow", PIL.__version__, " tifffile", tifffile.__version__, " libvips",
      ".".join(str(pyvips.version(i)) for i in range(3)))
made = np.random.default_rng(1).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
high = (made >> 8).astype(np.uint8)
raw = made[..., 0].astype("<u2").tobytes()[:8]      # the bytes of the first four red samples
bad = []
for order in "<>":
    for compression in (None, "zlib"):
        file = io.BytesIO()
        tifffile.imwrite(file, made.transpose(2, 0, 1), photometric="rgb", planarconfig="separate",
                         compression=compression, byteorder=order)
        data = file.getvalue()
        first = tifffile.imread(io.BytesIO(data)).transpose(1, 2, 0)
        second = pyvips.Image.new_from_buffer(data, "").numpy()
        pillow = np.asarray(Image.open(io.BytesIO(data)))
        right = np.array_equal(pillow, high)
        print(f"byte order {order} {compression or 'uncompressed':12}  red made", high[0, :4, 0],
              "(high bytes)  Pillow", pillow[0, :4, 0], "right" if right else "WRONG")
        if not (np.array_equal(first, made) and np.array_equal(second, made)):
            bad.append("tifffile or libvips no longer returns what was written")
        if right != (compression is not None):
            bad.append(f"{order} {compression}: Pillow is {'right' if right else 'wrong'}")
        if compression is None and order == "<" and bytes(pillow[0, :8, 0]) != raw:
            bad.append("the wrong samples are no longer the bytes of the plane")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
