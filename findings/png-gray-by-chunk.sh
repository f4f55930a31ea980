#!/usr/bin/env bash
# OpenCV 5.0.0: what gray a colour PNG is read as hangs on a chunk that leaves its pixels alone.
#
# Expected: IMREAD_GRAYSCALE weighs the samples, 0.299 R + 0.587 G + 0.114 B, as cvtColor does. The
# documentation says that a codec may convert by itself and may differ; without a chunk it does so by
# one level, which is rounding.
# What happens: libpng is asked for gray, and libpng weighs LIGHT where the file states its curve.
# Two files with the same samples are read as different gray pictures: with an sRGB or a gAMA chunk
# pure red is 147, without one 76. An ICC profile of sRGB, which says the same as the sRGB chunk,
# does not count. In colour all four files are equal, as they are in Pillow.
# Why it matters: screenshots and many editors write the chunk, other tools do not, and most tools
# that rewrite a PNG drop it. A folder of test pictures is then read with two kinds of luma, and an
# original differs from its own lossless copy: here at 23 dB. Read colour, and convert afterwards.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'opencv-python-headless==5.0.0.93' 'pillow==13.0.0' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib
import cv2
import numpy as np
import PIL
from PIL import Image, ImageCms

print("OpenCV", cv2.__version__, " Pillow", PIL.__version__)
rng = np.random.default_rng(0)
made = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
made[0, :3] = np.eye(3) * 255
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def file(chunk=b"", **options):
    """A PNG with one chunk more, behind the header."""
    out = io.BytesIO()
    Image.fromarray(made).save(out, "PNG", **options)
    data = out.getvalue()
    if chunk:
        check = struct.pack(">I", zlib.crc32(chunk))
        data = data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + check + data[33:]
    return np.frombuffer(data, np.uint8)


files = {
    "no chunk": file(),
    "ICC profile of sRGB": file(icc_profile=profile),
    "sRGB chunk": file(b"sRGB\x00"),
    "gAMA chunk, 1/2.2": file(b"gAMA" + struct.pack(">I", 45455)),
}
luma = cv2.cvtColor(cv2.cvtColor(made, cv2.COLOR_RGB2BGR), cv2.COLOR_BGR2GRAY).astype(int)
curve = np.where(made <= 10, made / 255 / 12.92, ((made / 255 + 0.055) / 1.055) ** 2.4)
light = curve @ (0.299, 0.587, 0.114)
light = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
bad = []
for name, data in files.items():
    gray = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(int)
    colour = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    if not (np.array_equal(colour, made) and np.array_equal(Image.open(io.BytesIO(data)), made)):
        bad.append(f"{name}: the samples are not those written")
    from_luma, from_light = (np.abs(gray - other).mean() for other in (luma, light))
    psnr = 10 * np.log10(255**2 / np.mean((gray - luma) ** 2))
    print(f"{name:20} red, green, blue are {gray[0, :3]}, mean distance to weighed samples"
          f" {from_luma:5.2f} ({psnr:.1f} dB), to weighed light {from_light:5.2f}")
    if (from_light < 2 < from_luma) != ("chunk" in name and name != "no chunk"):
        bad.append(f"{name}: {from_luma:.2f} from samples, {from_light:.2f} from light")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
