"""Make the picture of the README: one crop of one photograph, as several pairs decode it at one rate.

    python docs/picture.py tests/images/kodim23.png docs/mix.jpg

Each tile is cut from what `gcodec mix` wrote; its caption holds the bytes of the file and the PSNR of the whole picture.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BPP = 0.15
EMBEDDINGS = ("webp", "ntc")
RECONSTRUCTORS = ("preview", "flow")
CROP = (300, 90, 556, 346)
CAPTION = 22


def main(photograph: str, output: str) -> None:
    """Run the pairs and write their crops side by side."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gcodec", "mix", photograph, "-o", folder, "--json"]
        command += ["--embed", ",".join(EMBEDDINGS), "--recon", ",".join(RECONSTRUCTORS)]
        done = subprocess.run([*command, "--bpp", str(BPP)], stdout=subprocess.PIPE, check=True)
        tiles = [("original", Path(photograph))]
        for record in json.loads(done.stdout):
            text = (
                f"{record['embedding']} + {record['reconstructor']}, {record['bytes']} bytes,"
                f" {record['psnr']:.1f} dB"
            )
            tiles.append((text, Path(record["reconstruction"])))
        width, height = CROP[2] - CROP[0], CROP[3] - CROP[1]
        sheet = Image.new("RGB", (width * len(tiles), height + CAPTION), "white")
        draw = ImageDraw.Draw(sheet)
        for column, (text, path) in enumerate(tiles):
            with Image.open(path) as picture:
                sheet.paste(picture.convert("RGB").crop(CROP), (column * width, 0))
            draw.text((column * width + 4, height + 4), text, "black", ImageFont.load_default(12))
        sheet.save(output, quality=92, subsampling="4:4:4", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
