#!/usr/bin/env bash
# JPEG XL: one EXIF tag, two meanings, and pillow-jxl-plugin 1.3.8 shows neither.
#
# Expected: a picture that says "turn me" (EXIF orientation 6) stays upright when it
# is stored as JPEG XL, whichever way it is stored.
# What happens: JPEG XL has an orientation of its own in the header, and a decoder
# goes by that one; the EXIF tag is only a note. The same JPEG, saved twice by the
# plugin with the same EXIF:
#   as a lossless transcode  header says 6: libjxl hands out the turned picture
#   as pixels                header says 1: libjxl hands out the picture lying down
# Read back through the plugin both have the same size, the same tag and lie down,
# for it asks libjxl not to turn and does not pass on the header's value. So
# ImageOps.exif_transpose is right in Pillow for both files, but a decoder that
# follows the format shows the second one lying on its side.
# Why it matters: a codec or a converter tested with Pillow alone looks right and
# writes pictures that are on their side elsewhere; one that compares with
# another decoder finds width and height exchanged.
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
y, x = np.mgrid[:24, :40]
exif = Image.Exif()
exif[0x0112] = 6  # turn by a quarter
Image.fromarray(np.stack([x * 6, y * 10, 0 * x], -1).astype(np.uint8)).save("turned.jpg", exif=exif)
seen = {}
for name, options in (("transcode", {"lossless": True, "lossless_jpeg": True}),
                      ("pixels", {"lossless": True, "lossless_jpeg": False})):
    file = io.BytesIO()
    Image.open("turned.jpg").save(file, "JXL", **options)
    picture = Image.open(io.BytesIO(file.getvalue()))
    height, width = imagecodecs.jpegxl_decode(file.getvalue()).shape[:2]
    seen[name] = picture.size, picture.getexif()[0x0112], (width, height)
    print(f"{name:10} plugin: size {picture.size}, EXIF {seen[name][1]}   libjxl: {(width, height)}")
expected = {"transcode": ((40, 24), 6, (24, 40)), "pixels": ((40, 24), 6, (40, 24))}
raise SystemExit(0 if seen == expected else f"changed: {seen}")
PYTHON
