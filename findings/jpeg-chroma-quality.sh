#!/usr/bin/env bash
# OpenCV 5.0.0: a JPEG quality of its own for chroma is ignored, or brings four times the chroma samples along.
#
# Expected: the documentation has "separate" levels for luma and chroma and a sampling factor, each an option
# with a default. So quality 80 with chroma at 40 keeps luma as it was and makes a smaller file.
# What happens: the chroma level alone does nothing, beside a quality or without. The luma level alone sets
# chroma too, and beats the quality. Both, where they differ, do set the tables; but then chroma is no longer
# halved in size: the file is 4:4:4, even where the sampling factor asks for 4:2:0 or 4:2:2. Chroma at 79
# beside luma at 80 costs half as many bytes again as at 80 here, and chroma at 40 still more than at 80.
# No error, no warning, and the documentation says none of it.
# Why it matters: chroma tables and sampling are what a JPEG baseline or an augmentation varies. Such a sweep
# has a step where the levels meet, and it is not the step of a quality. Pillow's qtables do what is said.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'opencv-python-headless==5.0.0.93' 'pillow==13.0.0' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
import io
import cv2
import numpy as np
import PIL
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

print("OpenCV", cv2.__version__, " Pillow", PIL.__version__)
side = 256
f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
f[0, 0] = 1
noise = np.random.default_rng(0).standard_normal((3, side, side))
made = np.fft.ifft2(np.fft.fft2(noise) / f**1.2).real.transpose(1, 2, 0)  # like a photograph
made = np.round((made - made.min()) / (made.max() - made.min()) * 255).astype(np.uint8)
names = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
half, wide = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422


def written(quality=None, luma=None, chroma=None, sampling=None):
    options = {cv2.IMWRITE_JPEG_QUALITY: quality, cv2.IMWRITE_JPEG_LUMA_QUALITY: luma,
               cv2.IMWRITE_JPEG_CHROMA_QUALITY: chroma, cv2.IMWRITE_JPEG_SAMPLING_FACTOR: sampling}
    flat = [number for pair in options.items() if pair[1] is not None for number in pair]
    return cv2.imencode(".jpg", made, flat)[1].tobytes()


def told(data):
    picture = Image.open(io.BytesIO(data))
    tables = [picture.quantization[i][:2] for i in range(2)]
    return len(data), names[get_sampling(picture)], *tables


cases = {
    "quality 80": {"quality": 80},
    "quality 80, chroma 40": {"quality": 80, "chroma": 40},
    "quality 80, luma 40": {"quality": 80, "luma": 40},
    "quality 40": {"quality": 40},
    "chroma 40": {"chroma": 40},
    "no option": {},
    "luma 80, chroma 80": {"luma": 80, "chroma": 80},
    "luma 80, chroma 79": {"luma": 80, "chroma": 79},
    "luma 80, chroma 40": {"luma": 80, "chroma": 40},
    "the same with 4:2:0": {"luma": 80, "chroma": 40, "sampling": half},
    "the same with 4:2:2": {"luma": 80, "chroma": 40, "sampling": wide},
    "quality 80 with 4:2:2": {"quality": 80, "sampling": wide},
}
files = {name: written(**options) for name, options in cases.items()}
seen = {name: told(data) for name, data in files.items()}
file = io.BytesIO()
tables = [Image.open(io.BytesIO(files[name])).quantization for name in ("quality 80", "quality 40")]
Image.fromarray(made[..., ::-1]).save(file, "JPEG", qtables=[tables[0][0], tables[1][1]], subsampling="4:2:0")
seen["Pillow, those tables, 4:2:0"] = told(file.getvalue())
for name, (size, sampling, luma, chroma) in seen.items():
    print(f"{name:27}  {size:6} bytes  {sampling}  luma table {luma}...  chroma table {chroma}...")
apart = files["luma 80, chroma 40"]
checks = (
    files["quality 80, chroma 40"] == files["quality 80"],
    files["chroma 40"] == files["no option"],
    files["quality 80, luma 40"] == files["quality 40"],
    files["luma 80, chroma 80"] == files["quality 80"],
    apart == files["the same with 4:2:0"] == files["the same with 4:2:2"],
    seen["luma 80, chroma 40"][1] == seen["luma 80, chroma 79"][1] == "4:4:4",
    seen["luma 80, chroma 40"][2:] == seen["Pillow, those tables, 4:2:0"][2:],
    seen["quality 80"][1] == "4:2:0" and seen["quality 80 with 4:2:2"][1] == "4:2:2",
    len(files["luma 80, chroma 79"]) > 1.25 * len(files["quality 80"]),
    len(apart) > len(files["quality 80"]) > seen["Pillow, those tables, 4:2:0"][0],
)
raise SystemExit(0 if all(checks) else f"changed: {checks}, {seen}")
PYTHON
