#!/usr/bin/env bash
# imagecodecs 2026.1.14: a gray AVIF is lossless at every level, and so is the alpha of a colour one.
#
# Expected: avif_encode(picture, level=30) spends few bytes, whether the picture is gray or in colour, as
# it does for colour and as jpegxl_encode does for both.
# What happens: for one or two channels the level is put aside in favour of the lossless quantizer: level 0
# and level 100 give the same bytes, in 8 and in 10 bits. Four channels: the level counts for colour, and
# alpha is lossless. No error, no warning; the documentation has no word on either. The same gray samples,
# three times over as RGB, obey the level, and so does Pillow, also without chroma to speak of.
# Why it matters: this is the AVIF that takes 10-bit and gray arrays in Python. A rate-distortion curve of
# gray pictures is one point, at an infinite PSNR and many times the bytes; depth maps and alpha that were
# to be cheap are most of the file. Repeat a gray picture as RGB and read one channel of it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'imagecodecs==2026.1.14' 'pillow==13.0.0' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
import io
import imagecodecs
import numpy as np
import PIL
from PIL import Image

print("imagecodecs", imagecodecs.__version__, "with", imagecodecs.avif_version(), " Pillow", PIL.__version__)
side = 128
f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
f[0, 0] = 1
noise = np.random.default_rng(0).standard_normal((4, side, side))
made = np.fft.ifft2(np.fft.fft2(noise) / f**1.2).real.transpose(1, 2, 0)  # like a photograph
made = (made - made.min()) / (made.max() - made.min())
colour = np.round(made * 255).astype(np.uint8)
gray, ten = colour[..., 0].copy(), np.round(made[..., 0] * 1023).astype(np.uint16)
levels = 0, 30, 60, 90, 100


def psnr(one, other, peak=255):
    error = np.mean((one.astype(float) - other) ** 2)
    return 10 * np.log10(peak**2 / error) if error else np.inf


def pillow(picture, level):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "AVIF", quality=level, max_threads=1)
    return file.getvalue(), np.asarray(Image.open(file).convert("L"))


def coded(picture, level, encode=imagecodecs.avif_encode, decode=imagecodecs.avif_decode, **options):
    data = encode(picture, level=level, **options)
    return data, decode(data)


rows = {
    "gray, 8 bits": (gray, lambda p, q: coded(p, q)),
    "gray, 10 bits": (ten, lambda p, q: coded(p, q, bitspersample=10)),
    "gray and alpha": (colour[..., :2].copy(), lambda p, q: coded(p, q)),
    "gray three times as RGB": (np.dstack([gray] * 3), lambda p, q: coded(p, q)),
    "RGB": (colour[..., :3].copy(), lambda p, q: coded(p, q)),
    "gray by Pillow": (gray, pillow),
    "gray as JPEG XL": (gray, lambda p, q: coded(p, q, imagecodecs.jpegxl_encode, imagecodecs.jpegxl_decode)),
}
sizes, scores = {}, {}
for name, (picture, code) in rows.items():
    files = [code(picture, level) for level in levels]
    sizes[name] = [len(data) for data, _ in files]
    peak = 1023 if picture.dtype == np.uint16 else 255
    scores[name] = [psnr(picture, seen, peak) for _, seen in files]
    same = len({data for data, _ in files}) == 1
    told = "  ".join(f"{q}: {n} bytes, {s:.1f} dB" for q, n, s in zip(levels, sizes[name], scores[name]))
    print(f"{name:23}  {told}" + ("  ALL THE SAME FILE" if same else ""))
    rows[name] = same
print("alpha of RGBA:", end="")
alpha = []
for level in levels:
    data, seen = coded(colour, level)
    alpha.append(np.array_equal(seen[..., 3], colour[..., 3]))
    plain = len(imagecodecs.avif_encode(colour[..., :3].copy(), level=level))
    print(f"  {level}: exact {alpha[-1]}, {1 - plain / len(data):.0%} of the bytes", end="")
print()
fixed = [name for name, same in rows.items() if same]
ok = fixed == ["gray, 8 bits", "gray, 10 bits", "gray and alpha"] and all(alpha)
ok = ok and all(score == np.inf for name in fixed for score in scores[name])
ok = ok and sizes["gray, 8 bits"][1] > 5 * sizes["gray three times as RGB"][1]
ok = ok and all(sizes[name][0] < sizes[name][3] / 2 for name in set(rows) - set(fixed))
raise SystemExit(0 if ok else f"changed: {fixed}, {alpha}, {sizes}")
PYTHON
