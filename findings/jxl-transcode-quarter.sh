#!/usr/bin/env bash
# pillow-jxl-plugin 1.3.8: a JPEG transcoded "losslessly" at a low quality is cropped.
#
# Expected: the transcode of a JPEG to JPEG XL keeps the JPEG's own coefficients; a
# quality given beside it has no effect.
# What happens: below about quality 19 the encoder wants to code a picture of half the
# width and height. A JPEG's coefficients cannot be shrunk, so the file holds those of
# the UPPER LEFT QUARTER only, marked "to be doubled". One decoder shows that quarter
# blown up to the full size, another returns it small, and the JPEG got back from the
# file is the quarter as well. Nothing is raised, neither at writing nor at reading.
# Why it matters: transcoding is what happens by default to a picture opened from a
# JPEG file. A sweep of qualities over a folder of JPEGs gives sound files at the top
# of the dial, and files that have lost three quarters of the picture at the bottom.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 'imagecodecs==2026.1.14' \
    'numpy==1.26.4'
cd "$dir"
venv/bin/python - <<'PYTHON'
import io
from importlib.metadata import version
import imagecodecs
import numpy as np
import PIL
import pillow_jxl  # noqa: F401  (registers itself)
from PIL import Image

print("Pillow", PIL.__version__, " pillow-jxl-plugin", version("pillow-jxl-plugin"),
      " imagecodecs", imagecodecs.__version__, "with", imagecodecs.jpegxl_version())
y, x = np.mgrid[:256, :256]
picture = np.stack([x, y, 128 + 100 * np.sin((x + 2 * y) / 9)], -1).astype(np.uint8)
Image.fromarray(picture).save("picture.jpg", quality=90)
original = open("picture.jpg", "rb").read()
pixels = np.asarray(Image.open("picture.jpg")).astype(float)
seen = {}
for quality in (10, 30):
    file = io.BytesIO()
    Image.open("picture.jpg").save(file, "JXL", quality=quality, lossless_jpeg=True)
    data = file.getvalue()
    one = np.asarray(Image.open(io.BytesIO(data))).astype(float)
    two = imagecodecs.jpegxl_decode(data).astype(float)
    back = imagecodecs.jpegxl_decode_jpeg(data)
    quarter = pixels[:one.shape[0], :one.shape[1]]
    seen[quality] = one.shape[:2], Image.open(io.BytesIO(back)).size, back == original
    print(f"quality {quality}: {len(original)} bytes of JPEG -> {len(data)}; plugin reads {one.shape[:2]},"
          f" off its upper left part by {abs(one - quarter).mean():.2f}; libjxl 0.11 reads {two.shape[:2]},"
          f" off the JPEG by {abs(two - pixels).mean():.2f}; JPEG back {seen[quality][1]},"
          f" same bytes {back == original}")
    if abs(one - quarter).mean() > 1 or (abs(two - pixels).mean() > 10) != (quality == 10):
        raise SystemExit("changed: other pixels")
expected = {10: ((128, 128), (128, 128), False), 30: ((256, 256), (256, 256), True)}
raise SystemExit(0 if seen == expected else f"changed: {seen}")
PYTHON
