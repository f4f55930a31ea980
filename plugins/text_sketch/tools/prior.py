"""Make the table of counts that sketches start from: `src/gcodec_text_sketch/_prior.py`.

    python prior.py PHOTOS ../src/gcodec_text_sketch/_prior.py

Counts levels by context (`gcodec_text_sketch.sketch`) over every tenth photograph of the folder, scaled to 768 pixels
on the long side, in cells of 6, 8, 12, 16, 24 and 48 pixels, and scales each context's counts to a sum of about 256. The
table is part of profile 1 and never made anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from gcodec.builtin.edges import edge_strength
from gcodec_text_sketch import sketch

CELLS = (6, 8, 12, 16, 24, 48)
SIDE = 768
#: Every context also counts so many levels of the whole table's distribution.
FEW = 5


def main() -> None:
    """Write the table, unless it exists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.photos.iterdir() if p.suffix in {".avif", ".png", ".jpg"})
    tables = [np.zeros((n, sketch.TOP + 1)) for n in sketch._CONTEXTS]
    for path in paths[::10]:
        with Image.open(path) as image:
            scale = SIDE / max(image.size)
            sides = [max(round(side * scale), 1) for side in image.size]
            image = image.convert("RGB").resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
        edges = edge_strength(np.asarray(image, np.float32).transpose(2, 0, 1) / 255)
        for cell in CELLS:
            count(sketch.analyse(edges, cell), tables)
    whole = tables[0].sum(0) / tables[0].sum()
    lines = []
    for table in tables:
        table += FEW * whole
        rows = np.maximum(np.rint(256 * table / table.sum(1, keepdims=True)), 1).astype(int)
        lines += [f"    ({', '.join(map(str, row))}),\n" for row in rows]
    with arguments.out.open("x", encoding="utf-8") as file:
        file.write('"""What tools/prior.py made: counts of 13 levels in 76 + 64 contexts."""\n\n')
        file.write("from __future__ import annotations\n\n")
        file.write(f"PRIOR: tuple[tuple[int, ...], ...] = (\n{''.join(lines)})\n")


def count(levels: sketch.IntArray, tables: list[np.ndarray]) -> None:
    """Add the levels of one sketch."""
    model = sketch._Model(levels.shape)
    for y, x in sketch._waves(levels.shape):
        model.frequencies(y, x)
        for table, context in zip(tables, model._contexts, strict=True):
            np.add.at(table, (context, levels[y, x]), 1)
        model.learn(levels[y, x])


if __name__ == "__main__":
    main()
