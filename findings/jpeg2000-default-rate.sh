#!/usr/bin/env bash
# OpenCV 5.0.0: JPEG 2000 is written at a quarter of the samples' bytes where the documentation says lossless.
#
# Expected: IMWRITE_JPEG2000_COMPRESSION_X1000 is documented as the target rate times 1000, "Default is
# 1000", so cv2.imwrite("x.jp2", picture) is cv2.imwrite("x.jp2", picture, [..., 1000]), which is lossless.
# What happens: without the option the file is, byte by byte, that of 250. No error, no warning. It holds
# for 8 and 16 bits, gray and colour, and for OpenCV 4 (4.11), where it was reported in 2021. Pillow and
# imagecodecs are lossless without options.
# Why it matters: JPEG 2000 is what 16-bit and medical pictures are archived as, and a quarter of 16 bits
# looks perfect. As a baseline, "OpenCV's JPEG 2000" without options has one rate: 6 bits a pixel in colour,
# whatever the picture. Give the option each time.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for opencv in 4.11.0.86 5.0.0.93; do
    python3 -m venv "$dir/$opencv"
    "$dir/$opencv/bin/pip" install -q "opencv-python-headless==$opencv" 'pillow==13.0.0' \
        'imagecodecs==2026.1.14' 'numpy==2.4.6'
    "$dir/$opencv/bin/python" - <<'PYTHON'
import io
import cv2
import imagecodecs
import numpy as np
import PIL
from PIL import Image

print("OpenCV", cv2.__version__, " Pillow", PIL.__version__, " imagecodecs", imagecodecs.__version__)
rate = cv2.IMWRITE_JPEG2000_COMPRESSION_X1000
y, x = np.mgrid[0:256, 0:256]
made = 0.5 + 0.3 * np.stack([np.sin(x / 9), np.cos(y / 7), np.sin(x * y / 900)], -1)
made = np.clip(made + np.random.default_rng(0).normal(0, 0.03, made.shape), 0, 1)


def opencv(picture, *options):
    done, file = cv2.imencode(".jp2", picture, list(options))
    assert done
    return file.tobytes(), np.array_equal(cv2.imdecode(file, cv2.IMREAD_UNCHANGED), picture)


def pillow(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG2000")
    return file.getvalue(), np.array_equal(Image.open(file), picture)


def codecs(picture):
    data = imagecodecs.jpeg2k_encode(picture)
    return data, np.array_equal(imagecodecs.jpeg2k_decode(data), picture)


bad = []
for bits, kind in ((8, np.uint8), (16, np.uint16)):
    for name, channels in (("gray", 0), ("colour", slice(3))):
        picture = np.ascontiguousarray(np.round(made[..., channels] * (2**bits - 1)).astype(kind))
        files = {"no option": opencv(picture), "250": opencv(picture, rate, 250), "1000": opencv(picture, rate, 1000)}
        files["imagecodecs"] = codecs(picture)
        if bits == 8:
            files["Pillow"] = pillow(picture)
        told = ", ".join(f"{key}: {len(data) / picture.nbytes:.3f} of the samples' bytes, lossless {exact}"
                         for key, (data, exact) in files.items())
        print(f"{bits:2} bits, {name:6}  {told}")
        exact = [exact for _, exact in files.values()]
        if files["no option"][0] != files["250"][0] or exact[:2] != [False] * 2 or not all(exact[2:]):
            bad.append(f"{bits} bits, {name}: {told}")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
done
