#!/usr/bin/env bash
# pillow-jxl-plugin 1.3.8: changes made to an opened JPEG are not in the saved file.
#
# Expected: save() writes the picture as it is in memory.
# What happens: a picture that was opened from a JPEG file by name is not encoded.
# The plugin reads that file again and transcodes its bytes, unless told not to. What
# was drawn, pasted or shrunk in place (thumbnail) since then is lost. The warning
# that it prints says that it transcodes, not that; with lossless_jpeg=True there is
# no warning. The same JPEG opened from memory takes the other way: the change is
# kept, and now it is lossless_jpeg=True that has no effect, silently.
# Why it matters: "open, shrink, mark, save" is how test sets and previews are made.
# From file names the results are the untouched originals, from streams they are
# right. Give lossless_jpeg=False, or save a copy().
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 'imagecodecs==2026.1.14' \
    'numpy==1.26.4'
cd "$dir"
venv/bin/python - <<'PYTHON'
import io
import warnings
from importlib.metadata import version
import imagecodecs
import numpy as np
import PIL
import pillow_jxl  # noqa: F401  (registers itself)
from PIL import Image

warnings.simplefilter("ignore")  # see above
print("Pillow", PIL.__version__, " pillow-jxl-plugin", version("pillow-jxl-plugin"),
      " imagecodecs", imagecodecs.__version__)
noise = np.random.default_rng(1).integers(0, 256, (64, 96, 3), dtype=np.uint8)
Image.fromarray(noise).save("noise.jpg", quality=90)
stream = io.BytesIO(open("noise.jpg", "rb").read())

def save(source, **options):
    picture = Image.open(source)
    picture.thumbnail((48, 32))
    file = io.BytesIO()
    picture.save(file, "JXL", **options)
    height, width = imagecodecs.jpegxl_decode(file.getvalue()).shape[:2]
    print(f"opened {'by name' if isinstance(source, str) else 'from memory':11} {str(options):24}"
          f" in memory {picture.size}, saved {(width, height)}")
    return width, height

seen = [
    save("noise.jpg"),
    save("noise.jpg", lossless_jpeg=True),
    save("noise.jpg", lossless_jpeg=False),
    save(stream, lossless_jpeg=True),
]
expected = [(96, 64), (96, 64), (48, 32), (48, 32)]
raise SystemExit(0 if seen == expected else f"changed: {seen}")
PYTHON
