"""Make what lies behind the tables of docs/kodak, from what `gcodec eval --keep` left: `make reconstructions KODAK=FOLDER`.

    gcodec eval kodak/ ... --keep -o OUT
    python docs/reconstructions.py docs/kodak OUT [SERIES,... [TARGET,...]]       # webp+preview,ntc+flow and "0.1 bpp", say

Writes, and refuses to leave more than 20 MB:

    points.csv            a row for every picture, series and target, with its metrics and the SHA-256 of file and samples
    files/*.gcx           the coded pictures of the targets: `gcodec decode` makes of them exactly what was measured
    pictures/*.webp       the same decoded, for looking at: WebP of quality 90, so not to be measured
    summary.md, *.png     the table and the plots of `gcodec eval`
"""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

from PIL import Image

LIMIT = 20_000_000
SERIES = "webp+preview,avif+preview,avif+flow,avif+bridge,ntc+preview,ntc+flow,ntc+bridge"
TARGETS = "0.1 bpp"
COLUMNS = (
    *("image", "embedding", "reconstructor", "target", "bytes", "bpp", "psnr", "ms_ssim", "lpips"),
    *("dists", "signal_path", "error", "image_sha256", "file_sha256", "pixels_sha256"),
)


def main(folder: str, out: str, series: str = SERIES, targets: str = TARGETS) -> None:
    docs, made = Path(folder), Path(out)
    with (made / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = [name for name in COLUMNS if name in rows[0]]
    kept = [
        row
        for row in rows
        if f"{row['embedding']}+{row['reconstructor']}" in series.split(",")
        and row["target"] in targets.split(",")
        and not row["error"]
    ]
    for name in ("files", "pictures"):
        shutil.rmtree(docs / name, ignore_errors=True)
        (docs / name).mkdir(parents=True)
    with (docs / "points.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in kept:
        file = made / row["file"]
        shutil.copy(file, docs / "files" / file.name)
        name = f"{file.stem}.{row['reconstructor']}"
        with Image.open(made / "pictures" / f"{name}.png") as picture:
            picture.save(docs / "pictures" / f"{name}.webp", quality=90, method=6)
    for path in [made / "summary.md", *(made / "plots").glob("*.png")]:
        shutil.copy(path, docs / path.name)
    size = sum(path.stat().st_size for path in docs.rglob("*") if path.is_file())
    print(f"{docs}: {len(rows)} rows, {len(kept)} pictures, {size:,} bytes")
    if size > LIMIT:
        sys.exit(f"that is more than {LIMIT:,} bytes: name fewer series or targets")


if __name__ == "__main__":
    main(*sys.argv[1:])
