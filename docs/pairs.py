"""Make docs/pairs from what `gcodec eval --keep` left: every embedding with every reconstructor, on one photograph.

    gcodec eval FOLDER --embed all --recon all --quality 0.3 --keep -o OUT     # FOLDER holds kodim23.png alone
    python docs/pairs.py docs/pairs OUT       # of several OUT the later ones count

Writes the table into README.md between its two markers, and the contact sheet sheet.jpg from pictures half as large.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from gcodec.pictures.contact_sheet import contact_sheet
from gcodec.pipeline.resolver import matrix
from gcodec.registry import registry

BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def main(folder: str, *results: str) -> None:
    docs = Path(folder)
    found = {}
    for out in map(Path, results):
        with (out / "results.csv").open(newline="") as stream:
            for row in csv.DictReader(stream):
                picture = out / "pictures" / f"{Path(row['file']).stem}.{row['reconstructor']}.png"
                found[row["embedding"], row["reconstructor"]] = row | {"picture": str(picture)}
    lines = [
        "| embedding | reconstructor | bytes | PSNR | LPIPS | encode s | decode s | path | ignored |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    shown = []
    for pair in matrix(registry()):
        row = found.get((pair.embedding, pair.reconstructor))
        start = f"| `{pair.embedding}` | `{pair.reconstructor}` |"
        if row is None or row["error"]:
            why = row["error"] if row else pair.reason or "not tried"
            lines.append(f"{start} | | | | | {why} | |")
            continue
        lines.append(
            f"{start} {int(row['bytes']):,} | {float(row['psnr']):.2f} | {float(row['lpips']):.3f} |"
            f" {float(row['encode_seconds']):.1f} | {float(row['decode_seconds']):.1f} |"
            f" {row['signal_path']} | {', '.join(pair.ignored)} |"
        )
        numbers = {key: float(row[key]) for key in ("bpp", "psnr", "lpips")}
        named = {"embedding": pair.embedding, "reconstructor": pair.reconstructor}
        shown.append(
            {**named, **numbers, "bytes": int(row["bytes"]), "reconstruction": row["picture"]}
        )
    readme = docs / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), "utf-8")
    original = Path(__file__).resolve().parents[1] / "tests" / "images" / "kodim23.png"
    (docs / "sheet.jpg").write_bytes(contact_sheet(original, shown, side=240, quality=80))
    print(f"{len(shown)} pairs of {len(lines) - 2}")


if __name__ == "__main__":
    main(*sys.argv[1:])
