#!/usr/bin/env bash
# Pillow 13: white in a 12- or 16-bit colour JPEG 2000 is read as black.
#
# Expected: Pillow has no 16-bit colour mode, so such a file is read as 8 bits a
# sample, and the largest value becomes 255.
# What happens: half a step is added before the low bits are cut off, without a
# limit. The top values run over and become 0: the brightest highlights turn
# black, each channel by itself. No error, no warning. One-component pictures keep
# their 16 bits and are right. The file is lossless and sound: another reader
# returns exactly the array that went in.
# Why it matters: scanners, medicine and cinema use such files. A codec that takes
# its input through Pillow compresses holes where the picture was white, and every
# score computed from the same reading says that all is well.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'imagecodecs==2026.1.14' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
import io
import imagecodecs
import numpy as np
import PIL
from PIL import Image, features

print("Pillow", PIL.__version__, "with OpenJPEG", features.version("jpg_2000"))
print("imagecodecs", imagecodecs.__version__, "with", imagecodecs.jpeg2k_version())
bad = []
for bits, values in ((16, (0, 32768, 65407, 65408, 65535)), (12, (0, 2048, 4087, 4088, 4095))):
    for value in values:
        made = np.full((16, 16, 3), value, np.uint16)
        data = imagecodecs.jpeg2k_encode(made, level=0, reversible=True, bitspersample=bits)
        other = imagecodecs.jpeg2k_decode(data)
        pillow = int(np.asarray(Image.open(io.BytesIO(data)))[0, 0, 0])
        print(f"{bits} bits: made {value:5}  imagecodecs {other[0, 0, 0]:5}  Pillow {pillow:3}")
        if not np.array_equal(other, made):
            bad.append("imagecodecs no longer returns what was encoded")
        top = value >= values[3]
        if top != (pillow == 0 and value > 0):
            bad.append(f"{bits} bits, {value}: Pillow gave {pillow}")
gray = np.full((16, 16), 65535, np.uint16)
data = imagecodecs.jpeg2k_encode(gray, level=0, reversible=True)
seen = int(np.asarray(Image.open(io.BytesIO(data)))[0, 0])
print("one component, 16 bits: made 65535  Pillow", seen)
if seen != 65535:
    bad.append("gray changed")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
