#!/usr/bin/env bash
# datasets 5.2.0: to look at a picture in `map` compresses it once more, with losses.
#
# Expected: `map` with a function that looks at the picture and returns {"width": ...} adds a column
# and leaves the others as they were, as `filter` with the same look does.
# What happens: a row decodes its picture at the first look and then holds the decoded one, and all
# that was decoded is written anew: in the format it came from, at Pillow's defaults. A JPEG of
# quality 95 becomes one of 75, a lossless WebP a lossy one, and both lose their colour profile.
# Only PNG keeps its pixels. Nothing is said. It concerns pictures whose bytes are in the table, as
# in sets from the Hub; a path stays a path.
# Why it matters: to note sizes or to ask a network for a caption is how a set is prepared, and its
# originals are now copies with blocks in them: what is trained on them and measured against them is
# wrong. Cast the column to Image(decode=False) first, and open the bytes in the function.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'datasets==5.2.0' 'pyarrow==26.0.1' 'pillow==13.0.0' 'numpy==2.4.6'
HF_HOME="$dir/home" HF_HUB_OFFLINE=1 "$dir/venv/bin/python" - <<'PYTHON'
import io
import datasets
import numpy as np
import PIL
from PIL import Image, ImageCms

print("datasets", datasets.__version__, " Pillow", PIL.__version__)
datasets.disable_progress_bars()
rng = np.random.default_rng(0)
y, x = np.mgrid[0:128, 0:128][..., None]
made = 128 + 70 * np.sin(x / 9 + np.arange(3)) * np.cos(y / 7) + rng.normal(0, 8, (128, 128, 3))
made = Image.fromarray(np.clip(made, 0, 255).astype(np.uint8))
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def look(row):
    return {"width": row["image"].width}


def look_at_many(rows):
    return {"width": [picture.width for picture in rows["image"]]}


def open_bytes(row):
    return {"width": Image.open(io.BytesIO(row["image"]["bytes"])).width}


def no_look(row):
    return {"number": 1}


def stored(rows):
    return rows.cast_column("image", datasets.Image(decode=False))[0]["image"]["bytes"]


bad = []
for name, options in (("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("PNG", {})):
    file = io.BytesIO()
    made.save(file, name, icc_profile=profile, **options)
    before = file.getvalue()
    features = datasets.Features({"image": datasets.Image()})
    rows = datasets.Dataset.from_dict({"image": [before]}, features=features)
    raw = rows.cast_column("image", datasets.Image(decode=False))
    looked = rows.filter(lambda row: row["image"].width > 0)
    if any(stored(kept) != before for kept in (rows.map(no_look), raw.map(open_bytes), looked)):
        bad.append(f"{name}: changed without a look, with decode=False or by filter")
    after = stored(rows.map(look))
    if stored(rows.map(look_at_many, batched=True)) != after:
        bad.append(f"{name}: batches are another case")
    error = np.mean((pixels(after) - pixels(before)) ** 2)
    kept = Image.open(io.BytesIO(after)).info.get("icc_profile") == profile
    psnr = f"PSNR {10 * np.log10(255**2 / error):.1f} dB" if error else "pixels equal"
    print(f"{name:5} {options}: {len(before)} bytes, after a look {len(after)}, {psnr},"
          f" profile kept: {kept}")
    again = io.BytesIO()
    Image.open(io.BytesIO(before)).save(again, name)
    if after != again.getvalue():
        bad.append(f"{name}: not what Pillow writes when told the format alone")
    if bool(error) != (name != "PNG") or kept != (name == "PNG"):
        bad.append(f"{name}: error {error}, profile kept {kept}")
raise SystemExit("changed: " + "; ".join(bad) if bad else 0)
PYTHON
