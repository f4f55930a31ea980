#!/usr/bin/env bash
# albumentations 2.0.8: ImageCompression codes red as blue and blue as red.
#
# Expected: RGB pictures, which the documentation asks for, look after ImageCompression as after a JPEG
# file of that quality.
# What happens: the array goes to OpenCV as it is, and OpenCV takes the last channel for red. After
# decoding the channels are where they were, so colours look right and nothing is said; but luma was
# computed with the weights of red and blue exchanged. The result is the JPEG of another picture: here
# red is 1 dB worse than in a true file and blue 1 dB better, and the two files are 32 to 36 dB apart.
# WebP is coded so too. Gray pictures are right.
# Why it matters: networks that remove or withstand the artefacts of compression are trained on this.
# What they learn of red holds for blue. Turn the channels round before and after ([..., ::-1]).
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'albumentations==2.0.8' 'opencv-python-headless==4.11.0.86' \
    'pillow==13.0.0' 'numpy==1.26.4'
NO_ALBUMENTATIONS_UPDATE=1 "$dir/venv/bin/python" - <<'PYTHON'
import io
import albumentations
import cv2
import numpy as np
import PIL
from PIL import Image

print("albumentations", albumentations.__version__, " OpenCV", cv2.__version__, " Pillow", PIL.__version__)
side = 256
f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))[..., None]
f[0, 0] = 1
noise = np.random.default_rng(0).standard_normal((side, side, 3)) @ [[1, 1, 1], [0.5, 0, -0.5], [0.1, -0.2, 0.1]]
made = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / f**1.2, axes=(0, 1)).real  # like a photograph
made = ((made - made.min()) / (made.max() - made.min()) * 255).astype(np.uint8)


def psnr(one, other):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((one.astype(float) - other) ** 2)))


def file(picture, kind, quality):
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(data, kind, quality=quality)
    return np.asarray(Image.open(io.BytesIO(data.getvalue())))


bad = []
for kind, quality in (("jpeg", 20), ("jpeg", 50), ("jpeg", 80), ("webp", 50)):
    compress = albumentations.ImageCompression(kind, quality_range=(quality, quality), p=1)
    seen, true = compress(image=made)["image"], file(made, kind, quality)
    turned = file(made[..., ::-1], kind, quality)[..., ::-1]
    mended = compress(image=np.ascontiguousarray(made[..., ::-1]))["image"][..., ::-1]
    gray = compress(image=made[..., :1])["image"][..., 0]
    for name, picture in (("a true file", true), ("ImageCompression", seen)):
        channels = ", ".join(f"{psnr(picture[..., c], made[..., c]):.2f}" for c in range(3))
        print(f"{kind} {quality}  {name:16}  PSNR of red, green, blue: {channels} dB")
    ok = np.array_equal(seen, turned), np.array_equal(mended, true)
    print(f"{kind} {quality}  one from the other {psnr(seen, true):.1f} dB; a file of the picture with red and blue"
          f" exchanged is equal: {ok[0]}; with channels turned round equal to a true file: {ok[1]}")
    right = kind == "webp" or np.array_equal(gray, file(made[..., 0], kind, quality))
    red, blue = (psnr(seen[..., c], made[..., c]) - psnr(true[..., c], made[..., c]) for c in (0, 2))
    if not (all(ok) and right and psnr(seen, true) < 40 and red < -0.4 and blue > 0.4):
        bad.append(f"{kind} {quality}: {red:.2f}, {blue:.2f}, {ok}, gray {right}")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
