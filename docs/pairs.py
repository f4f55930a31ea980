"""Make docs/pairs from what `gcodec eval --keep` left: every embedding with every reconstructor, on one photograph.

    gcodec eval FOLDER --embed all --recon all --quality 0.3 --keep -o OUT     # FOLDER holds kodim23.png alone
    python docs/pairs.py docs/pairs OUT       # of several OUT the later ones count

Writes the table into README.md between its two markers, and the contact sheet sheet.jpg from pictures a third as large.
A pair that no OUT has stays as it was: its line of the table, and its picture, which is cut out of the sheet. So what is
new since is all that need be measured.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from gcodec.pictures.contact_sheet import contact_sheet
from gcodec.pipeline.resolver import matrix
from gcodec.registry import registry

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
ORIGINAL = Path(__file__).resolve().parents[1] / "tests" / "images" / "kodim23.png"
PIXELS, SIDE = 768 * 512, 240
Found = dict[tuple[str, str], dict[str, Any]]


def kept(docs: Path, folder: Path) -> Found:
    """What `docs` shows already, as rows of results.csv; pictures are put into `folder`."""
    found: Found = {}
    table = (docs / "README.md").read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    for line in table.splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if line.startswith("| `") and cells[2]:
            names = ("bytes", "psnr", "lpips", "encode_seconds", "decode_seconds", "signal_path")
            row = dict(zip(names, cells[2:8], strict=True))
            row["bytes"] = row["bytes"].replace(",", "")
            found[cells[0], cells[1]] = row | {"error": ""}
    if not found:
        return {}
    rows = list(dict.fromkeys(embedding for embedding, _ in found))
    columns = list(dict.fromkeys(reconstructor for _, reconstructor in found))
    with Image.open(ORIGINAL) as whole, Image.open(docs / "sheet.jpg") as sheet:
        whole.thumbnail((SIDE, SIDE))
        width, height = sheet.width // (len(columns) + 1), sheet.height // len(rows)
        for (embedding, reconstructor), row in found.items():
            left = width * (1 + columns.index(reconstructor))
            top = height * rows.index(embedding)
            row["picture"] = str(folder / f"{embedding}.{reconstructor}.png")
            sheet.crop((left, top, left + whole.width, top + whole.height)).save(row["picture"])
    return found


def main(folder: str, *results: str) -> None:
    with tempfile.TemporaryDirectory() as cut:
        docs = Path(folder)
        found = kept(docs, Path(cut))
        for out in map(Path, results):
            with (out / "results.csv").open(newline="") as stream:
                for row in csv.DictReader(stream):
                    name = f"{Path(row['file']).stem}.{row['reconstructor']}.png"
                    pair = row["embedding"], row["reconstructor"]
                    found[pair] = row | {"picture": str(out / "pictures" / name)}
        write(docs, found)


def write(docs: Path, found: Found) -> None:
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
        numbers = {key: float(row[key]) for key in ("psnr", "lpips")}
        numbers["bpp"] = 8 * int(row["bytes"]) / PIXELS
        named = {"embedding": pair.embedding, "reconstructor": pair.reconstructor}
        shown.append(
            {**named, **numbers, "bytes": int(row["bytes"]), "reconstruction": row["picture"]}
        )
    readme = docs / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text("\n".join([before + BEGIN, "", *lines, "", END + after]), "utf-8")
    (docs / "sheet.jpg").write_bytes(contact_sheet(ORIGINAL, shown, side=SIDE, quality=75))
    print(f"{len(shown)} pairs of {len(lines) - 2}")


if __name__ == "__main__":
    main(*sys.argv[1:])
