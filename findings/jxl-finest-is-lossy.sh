#!/usr/bin/env bash
# imagecodecs 2026.1.14: JPEG XL at level 100 is lossy: at 8 bits larger than lossless, at 16 bits right to 8.
#
# Expected: level 100, the top of the scale, is lossless, as it is in avif_encode of the same package and as
# quality 100 is in the program cjxl; or at least it is the best of the lossy ones.
# What happens: level 100 sets the distance 0 and leaves the lossless mode off. At 8 bits the file has half as
# many bytes again as a lossless one, in gray nearly twice as many, and is not exact. At 16 bits and in float it
# is at 50.6 dB, right to 8 bits, and 9 dB behind distance 0.01: the end of the scale is not its best point.
# Level 101, or none, is lossless. libjxl says of its distance that 0 alone is not lossless; imagecodecs says
# nothing of level or distance. No error, no warning.
# Why it matters: 16-bit and float originals are kept as JPEG XL through this package, since Pillow takes 8
# bits. "Quality 100" looks right and has lost half of the bits. Say lossless=True.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'imagecodecs==2026.1.14' 'numpy==2.4.6'
"$dir/venv/bin/python" - <<'PYTHON'
import imagecodecs
import numpy as np

print("imagecodecs", imagecodecs.__version__, "with", imagecodecs.jpegxl_version())
side = 128
f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
f[0, 0] = 1
noise = np.random.default_rng(0).standard_normal((3, side, side))
made = np.fft.ifft2(np.fft.fft2(noise) / f**1.2).real.transpose(1, 2, 0)  # like a photograph
made = (made - made.min()) / (made.max() - made.min())
pictures = {
    "8 bits": (np.round(made * 255).astype(np.uint8), 255),
    "16 bits": (np.round(made * 65535).astype(np.uint16), 65535),
    "float32": (made.astype(np.float32), 1),
    "8 bits, gray": (np.round(made[..., 0] * 255).astype(np.uint8), 255),
}


def psnr(one, other, peak):
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return 10 * np.log10(peak**2 / error) if error else np.inf


asked = {"level 90": {"level": 90}, "level 99": {"level": 99}, "level 100": {"level": 100}, "distance 0": {"distance": 0},
         "distance 0.01": {"distance": 0.01}, "level 101": {"level": 101}, "no level": {}, "lossless": {"lossless": True}}
seen = {}
for name, (picture, peak) in pictures.items():
    for option, options in asked.items():
        data = imagecodecs.jpegxl_encode(picture, **options)
        seen[name, option] = len(data), psnr(imagecodecs.jpegxl_decode(data), picture, peak)
    told = ";  ".join(f"{option}: {size} bytes, {score:.1f} dB" for (n, option), (size, score) in seen.items() if n == name)
    print(f"{name}:  {told}")
rgb = imagecodecs.avif_encode(pictures["8 bits"][0], level=100)
avif = np.array_equal(imagecodecs.avif_decode(rgb), pictures["8 bits"][0])
print("avif_encode at level 100 is lossless:", avif)
exact = [seen[name, option][1] for name in pictures for option in ("level 101", "no level", "lossless")]
ok = avif and all(score == np.inf for score in exact)
ok = ok and all(seen[name, "level 100"] == seen[name, "distance 0"] for name in pictures)
ok = ok and all(45 < seen[name, "level 100"][1] < 54 for name in ("16 bits", "float32"))
ok = ok and all(seen[name, "distance 0.01"][1] > seen[name, "level 100"][1] + 5 for name in ("16 bits", "float32"))
for name in ("8 bits", "8 bits, gray"):
    size, score = seen[name, "level 100"]
    ok = ok and size > 1.4 * seen[name, "lossless"][0] and score < 70
raise SystemExit(0 if ok else f"changed: {avif}, {seen}")
PYTHON
