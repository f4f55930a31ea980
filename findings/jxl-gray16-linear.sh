#!/usr/bin/env bash
# pillow-jxl-plugin 1.3.8: 16-bit gray is labelled linear light, 8-bit gray sRGB.
#
# Expected: the same gray picture saved with 8 or with 16 bits a sample looks the
# same.
# What happens: the samples come back exactly, but the file with 16 bits says that
# they are linear light. A viewer or a converter that heeds the label shows middle
# gray (half of the range) as about 188 of 255: everything is far too light.
# Why it matters: a lossless round trip proves nothing here, since the samples are
# equal. Depth maps do not mind; photographs, and any metric that converts by the
# profile first, do. Whoever writes 16-bit gray must give an ICC profile.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
import io
from importlib.metadata import version
import numpy as np
import PIL
import pillow_jxl  # noqa: F401  (registers itself)
from PIL import Image, ImageCms

print("Pillow", PIL.__version__, " pillow-jxl-plugin", version("pillow-jxl-plugin"))
ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
shown = {}
for bits, samples in ((8, ramp), (16, ramp.astype(np.uint16) * 257)):
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "JXL", lossless=True)
    picture = Image.open(io.BytesIO(file.getvalue()))
    same = np.array_equal(np.asarray(picture), samples)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
    to_srgb = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "L", "RGB")
    half = ImageCms.applyTransform(Image.new("L", (1, 1), 128), to_srgb).getpixel((0, 0))[0]
    shown[bits] = half
    print(f"{bits:2} bits: samples equal {same}, profile {ImageCms.getProfileDescription(profile).strip()!r},"
          f" half of the range is shown as {half}")
    if not same:
        raise SystemExit("changed: the samples are not kept")
ok = abs(shown[8] - 128) <= 1 and abs(shown[16] - 188) <= 1
raise SystemExit(0 if ok else f"changed: {shown}")
PYTHON
