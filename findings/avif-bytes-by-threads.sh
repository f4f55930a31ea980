#!/usr/bin/env bash
# AVIF in Pillow 13: the number of threads decides the bytes, and the picture.
#
# Expected: threads decide how long the encoder takes. The same picture, the same
# setting and the same version give the same file.
# What happens: with one thread the file differs from that with two or more: other
# size, other bytes, other pixels after decoding. Small pictures (under about 200
# pixels) are the same either way, so short tests do not see it. When nothing is
# said Pillow takes as many threads as there are processors, so a machine with one
# core and a machine with two write different files.
# Why it matters: a benchmark's sizes and scores, a test that compares a hash, a
# cache keyed by content, or a codec that repeats the encoder's work on the other
# side all depend on the machine until max_threads is given.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'pillow==13.0.0' 'imagecodecs==2026.1.14' 'numpy==1.26.4'
"$dir/venv/bin/python" - <<'PYTHON'
import hashlib
import io
import imagecodecs
import numpy as np
import PIL
from PIL import Image, features

print("Pillow", PIL.__version__, "with libavif", features.version("avif"),
      " decoded by imagecodecs", imagecodecs.__version__)

def encode(side, threads):
    noise = np.random.default_rng(3).standard_normal((side, side, 3))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))[..., None]
    f[0, 0] = 1
    z = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / f**1.2, axes=(0, 1)).real  # like a photograph
    picture = Image.fromarray(((z - z.min()) / (z.max() - z.min()) * 255).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "AVIF", quality=50, max_threads=threads)
    return file.getvalue()

bad = []
for side in (64, 512):
    files = {threads: encode(side, threads) for threads in (1, 2, 4)}
    pixels = {t: imagecodecs.avif_decode(data).astype(int) for t, data in files.items()}
    for threads, data in files.items():
        print(f"{side} x {side}, {threads} threads: {len(data)} bytes, sha256"
              f" {hashlib.sha256(data).hexdigest()[:12]}, pixels differ from those of one thread by up to"
              f" {abs(pixels[threads] - pixels[1]).max()}")
        if encode(side, threads) != data:
            bad.append(f"{threads} threads do not repeat")
    if files[2] != files[4] or (files[1] == files[2]) != (side == 64):
        bad.append(f"side {side}")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
